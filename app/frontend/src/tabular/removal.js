/**
 * Taking records of a table away: deleting them, or what a list does instead (`toolbar.delete`: its
 * label, and the registered function that asks and does it, such as voiding calls).
 */

import { namedFunction } from '../core/scripts.js';
import { t } from '../core/i18n.js';

export class Removal {
  /** @param {Tabular} table */
  constructor(table) {
    this.table = table;
    const { label = 'Delete', rfname = '' } = table.opts.toolbar?.delete ?? {};
    this.label = label;
    this.rfname = rfname;
  }

  /** Whether the list does it in a way of its own; then `run` does. */
  get isOwn() {
    return Boolean(this.rfname);
  }

  /** @param {Row[]} records @returns {Promise<boolean>} whether anything changed */
  async run(records) {
    return Boolean(await namedFunction(this.rfname)?.call(this.table, { records }));
  }

  /** @param {unknown} name */
  askForOne(name) {
    return this.ask(t('${action} "${name}"?', { action: t(this.label), name }));
  }

  /** @param {number} count */
  askForMany(count) {
    return this.ask(t('${action} ${count} records?', { action: t(this.label), count }));
  }

  /** @param {string} message @returns {Promise<boolean>} */
  ask(message) {
    return this.table.app.confirm({ title: this.label, message, yes_label: this.label, danger: true });
  }
}
