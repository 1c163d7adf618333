/** Marked rows, and what is done with all of them at once: one result for each row. */

import { ask } from '../core/request.js';
import { fillNode, h } from '../core/dom.js';
import { countText } from '../core/format.js';
import { icon } from '../core/icons.js';
import { t } from '../core/i18n.js';
import { namedFunction } from '../core/scripts.js';
import { forgetOptions } from '../inputs/options.js';
import { nameOf } from './editing.js';
import { canBePutBack, putBack } from './undo.js';

export class Marks {
  /** @param {Tabular} table */
  constructor(table) {
    this.table = table;
    this.records = /** @type {Map<unknown, Row>} */ (new Map());
    const { editing } = table;
    const canSwitch = editing.canUpdate && table.allFields.some(({ name, uitype }) => name === 'enabled' && uitype === 'check');
    const own = editing.canUpdate ? table.opts.toolbar?.bulk ?? [] : [];
    /** @type {{label: string, css?: string, run: () => unknown}[]} */
    this.actions = [
      ...own.map(({ label, rfname }) => ({ label, run: () => this.runOwn(rfname) })),
      editing.canDelete && { label: editing.removal.label, css: 'danger', run: () => this.deleteAll() },
      canSwitch && { label: 'Enable', run: () => this.switchAll(1) },
      canSwitch && { label: 'Disable', run: () => this.switchAll(0) },
    ].filter((action) => action !== false);
    this.count = h('span', { 'aria-live': 'polite' });
    this.element = h('div', { class: 'bulk-bar', role: 'toolbar', 'aria-label': t('Marked rows'), hidden: true }, this.count,
      this.actions.map(({ label, css, run }) => h('button', { type: 'button', class: css, on: { click: run } }, t(label))),
      h('button', { type: 'button', class: 'plain', on: { click: () => this.clear() } }, t('Unmark')));
  }

  /** Without anything to do there is nothing to mark for. */
  get isUseful() {
    return this.actions.length > 0;
  }

  /** @param {Row} record */
  has(record) {
    return this.records.has(record[this.table.idField]);
  }

  /** @param {Row} record @param {boolean} isMarked */
  set(record, isMarked) {
    this.setAll([record], isMarked);
  }

  /** @param {Row[]} records @param {boolean} isMarked */
  setAll(records, isMarked) {
    for (const record of records) {
      if (isMarked) this.records.set(record[this.table.idField], record);
      else this.records.delete(record[this.table.idField]);
    }
    this.show();
  }

  /** Rows that were loaded anew: what is done with them names the version that is shown. @param {Row[]} records */
  renew(records) {
    for (const record of records) if (this.has(record)) this.records.set(record[this.table.idField], record);
  }

  clear() {
    this.records.clear();
    this.show();
  }

  show() {
    const { size } = this.records;
    this.element.hidden = size === 0;
    const inView = new Set(this.table.grid.rows().map(({ record }) => record[this.table.idField]));
    const hidden = [...this.records.keys()].filter((id) => !inView.has(id)).length;
    const words = hidden ? '${count} marked, ${others} of them not in view' : '${count} marked';
    if (size) this.count.textContent = t(words, { count: countText(size), others: countText(hidden) });
    this.table.grid.showMarks();
  }

  async deleteAll() {
    const records = [...this.records.values()];
    const { editing } = this.table;
    const { removal, urls } = editing;
    if (removal.isOwn) {
      if (!await removal.run(records)) return;
      this.clear();
      await editing.reload();
    } else if (await removal.askForMany(records.length)) {
      const url = urls.delete_data_url ?? '';
      const undo = (/** @type {Row[]} */ gone) => this.run(gone, (record) => putBack(this.table, url, this.table.editing.key(record).id));
      await this.run(records, (record) => this.post(url, record, {}), undo);
    }
  }

  /** What the description offers: a registered function that says whether it changed the rows. @param {string} name */
  async runOwn(name) {
    const { table } = this;
    if (!await namedFunction(name)?.call(table, { records: [...this.records.values()] })) return;
    this.clear();
    await table.load(table.pages.currentPage, null);
    table.tellOpener();
  }

  /** @param {number} enabled */
  switchAll(enabled) {
    return this.run([...this.records.values()], (record) => this.post(this.table.editing.urls.update_data_url, record, { enabled }));
  }

  /** @param {string | undefined} url @param {Row} record @param {Values} values */
  post(url, record, values) {
    const { table } = this;
    const params = { ...table.editing.key(record), ...values };
    if (record.lock_version !== undefined) params.lock_version = record.lock_version;
    return ask(table.app, url, { method: 'POST', params, baseUri: table.baseUri });
  }

  /**
   * @param {Row[]} records
   * @param {(record: Row) => Promise<Answer>} one
   * @param {(records: Row[]) => Promise<unknown>} [undo] puts those back that can be
   */
  async run(records, one, undo) {
    const { table } = this;
    const report = new Report(table, records.length);
    const gone = /** @type {Row[]} */ ([]);
    await report.open();
    await table.inline.settled();
    for (const record of records) {
      if (report.isStopped) break;
      const answer = await one(record);
      report.add(nameOf(record, table), answer);
      if (canBePutBack(answer)) gone.push(record);
      if (answer.ok) this.records.delete(record[table.idField]);
      // It is said that somebody has changed it; who tries again wants it all the same.
      else if (answer.error?.options?.current) this.renew([{ ...record, ...answer.error.options.current }]);
    }
    report.finish();
    // The last one first: what depends on another one was deleted before it.
    if (undo && gone.length) report.offer(t('Undo'), () => undo(gone.reverse()));
    forgetOptions();
    await table.load(table.pages.currentPage, null);
    this.show();
    table.tellOpener();
  }
}

/** The window with a line for each row. */
export class Report {
  /** @param {Widget} owner @param {number} total */
  constructor(owner, total) {
    this.owner = owner;
    this.total = total;
    this.count = 0;
    this.failures = 0;
    this.isStopped = false;
    this.bar = h('progress', { max: total, value: 0, 'aria-label': t('Progress') });
    this.summary = h('p', { role: 'status' });
    this.list = h('ul', { class: 'bulk-results' });
    this.stop = h('button', { type: 'button', on: { click: () => { this.isStopped = true; } } }, t('Stop'));
    this.close = h('button', { type: 'button', class: 'primary', hidden: true, on: { click: () => this.box.dismiss() } }, t('Close'));
  }

  async open() {
    this.box = await this.owner.app.buildOverlay({ widgettype: 'PopupWindow', options: { title: 'Results', cwidth: 32 } });
    this.box.bind('dismissed', () => { this.isStopped = true; });
    this.box.contentElement.append(h('div', { class: 'bulk-report' }, this.bar, this.summary, this.list,
      h('div', { class: 'box-buttons' }, this.stop, this.close)));
  }

  /** @param {string} name @param {Answer} answer */
  add(name, answer) {
    this.count += 1;
    if (!answer.ok) this.failures += 1;
    this.bar.value = this.count;
    const options = answer.error?.options ?? {};
    const words = answer.ok ? t('Done') : [t(options.message ?? 'Error'), ...Object.values(options.fields ?? {})].join(' ');
    this.list.append(h('li', { class: answer.ok ? 'good' : 'bad' }, icon(answer.ok ? 'check' : 'alert'), h('strong', {}, String(name)), h('span', {}, words)));
    fillNode(this.summary, t('${done} of ${total}', { done: this.count, total: this.total }));
  }

  /** Add a button, for when all is done. @param {string} label @param {() => unknown} work */
  offer(label, work) {
    this.close.before(h('button', { type: 'button', on: { click: () => { this.box.dismiss(); work(); } } }, label));
  }

  finish() {
    const counts = { done: this.count - this.failures, failed: this.failures, left: this.total - this.count };
    fillNode(this.summary, t('${done} done, ${failed} failed, ${left} not tried', counts));
    this.stop.hidden = true;
    this.close.hidden = false;
    if (this.box.dom_element.isConnected) this.close.focus();
  }
}
