/**
 * Taking records of a table away: deleting them, or what a list does instead, such as voiding a call
 * with a reason (`toolbar.delete`: its label, what it does, and the field that is asked for).
 */

import { buildOverlay } from '../core/build.js';
import { t } from '../core/i18n.js';

/** @type {Answer} */
const AGREED = { ok: true, status: 200, url: '' };

export class Removal {
  /** @param {Tabular} table */
  constructor(table) {
    this.table = table;
    const words = table.opts.toolbar?.delete ?? {};
    this.label = words.label ?? 'Delete';
    this.description = words.description ?? '';
    this.fields = words.fields ?? [];
  }

  /** What is asked of one record. @param {unknown} name */
  questionOfOne(name) {
    return t('${action} "${name}"?', { action: t(this.label), name });
  }

  /** What is asked of several records. @param {number} count */
  questionOfMany(count) {
    return t('${action} ${count} records?', { action: t(this.label), count });
  }

  /**
   * Ask, and take away what was asked about. A window with fields stays open where it is refused.
   * @param {string} question
   * @param {(values: Values) => Promise<Answer>} send
   * @returns {Promise<Answer|null>} null where nothing was to be done
   */
  async run(question, send) {
    if (this.fields.length) return this.runWithFields(question, send);
    const isSure = await this.table.app.confirm({ title: this.label, message: question, yes_label: this.label, danger: true });
    return isSure ? send({}) : null;
  }

  /** @param {string} question @param {(values: Values) => Promise<Answer>} send @returns {Promise<Answer|null>} */
  async runWithFields(question, send) {
    let final = /** @type {Answer|null} */ (null);
    const box = /** @type {ModalForm} */ (await buildOverlay({
      widgettype: 'ModalForm',
      options: {
        title: this.label, description: [question, t(this.description)].join(' '), fields: this.fields, width: '30rem',
        toolbar: { tools: [{ name: 'cancel', label: 'Cancel' }, { name: 'submit', label: this.label, css: 'danger' }] },
        save: async (/** @type {Values} */ values) => {
          const answer = await send(values);
          if (answer.ok) final = answer;
          return answer;
        },
      },
    }, this.table));
    return new Promise((resolve) => { box.bind('dismissed', () => resolve(final)); });
  }

  /**
   * Ask what goes with all records of a selection; null where nothing is to be done.
   * @param {number} count
   * @returns {Promise<Values|null>}
   */
  async askOnce(count) {
    let agreed = /** @type {Values} */ ({});
    const answer = await this.run(this.questionOfMany(count), async (values) => {
      agreed = values;
      return AGREED;
    });
    return answer && agreed;
  }
}
