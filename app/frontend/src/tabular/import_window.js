/** Rows from a file: choose, try, see what was understood and what is wrong where, then keep in one go. */

import { fillNode, h } from '../core/dom.js';
import { countText } from '../core/format.js';
import { t } from '../core/i18n.js';
import { upload } from '../core/upload.js';
import { fileSource } from '../inputs/file_source.js';
import { forgetOptions } from '../inputs/options.js';
import { download } from '../core/download.js';
import { previewTable, problemTable } from './import_report.js';

const MAX_BYTES = 8_000_000;
const STEPS = {
  sending: 'The file is being sent …',
  reading: 'The file is being read …',
  checking: '${done} of ${total} rows are checked',
  keeping: '${done} of ${total} rows are written',
};

/** @param {Tabular} table */
export async function openImport(table) {
  const window = new ImportWindow(table);
  await window.open();
}

export class ImportWindow {
  /** @param {Tabular} table */
  constructor(table) {
    this.table = table;
    this.source = fileSource({ accept: '.csv,.xlsx,.txt', 'aria-label': t('File (CSV or Excel)') }, ([file]) => this.take(file), MAX_BYTES);
    // Before it is read: the last one counts no more.
    this.source.element.addEventListener('change', () => this.forget());
    this.status = h('p', { role: 'status' });
    this.bar = h('progress', { 'aria-label': t('Progress'), hidden: true });
    this.report = h('div', { class: 'import-report' });
    this.keep = h('button', { type: 'button', class: 'primary', disabled: true, on: { click: () => this.commit() } }, t('Import'));
    this.sure = h('button', { type: 'button', hidden: true, on: { click: () => this.confirm() } }, t('Import these all the same'));
    this.words = /** @type {Data} */ ({});
    this.failedRows = h('button', { type: 'button', hidden: true, on: { click: () => this.downloadFailed() } }, t('Download the failed rows'));
  }

  async open() {
    this.box = await this.table.app.buildOverlay({ widgettype: 'PopupWindow', options: { title: 'Import a file', cwidth: 56 } });
    this.box.contentElement.append(h('div', { class: 'bulk-report' },
      h('p', { class: 'muted' }, t('The first row names the columns, by the headings of this list or by their names. Nothing is kept before you say so.')),
      h('div', { class: 'import-choice' }, this.source.element,
        h('button', { type: 'button', on: { click: () => this.template() } }, t('Download an empty file'))),
      this.bar, this.status, this.report, h('div', { class: 'box-buttons' }, this.failedRows, this.sure, this.keep)));
    this.box.bind('dismissed', () => this.control?.abort());
    this.source.chooser.focus();
  }

  /** A file with the headings that a form for a new record has. */
  template() {
    const { table } = this;
    const exclusions = new Set(table.rowOptions.editexclouded ?? []);
    const names = table.allFields
      .filter(({ name, uitype, set_by: setBy }) => !exclusions.has(name) && setBy !== 'server' && uitype !== 'hide' && name !== 'id')
      .filter(({ name }) => !Object.hasOwn(table.parentKeys, name));
    const head = names.map(({ label }) => `"${t(label).replaceAll('"', '""')}"`).join(',');
    this.downloadText(`${t(table.opts.title ?? 'List')}.csv`, `\ufeff${head}\r\n`);
  }

  /** @param {string} name @param {string} text */
  downloadText(name, text) {
    download(name, new Blob([text], { type: 'text/csv' }));
  }

  forget() {
    this.control?.abort();
    this.content = null;
    this.words = {};
    this.show('', null);
  }

  /** What is tried is what is kept, whatever becomes of the file: it is a copy. @param {File} file */
  async take(file) {
    this.forget();
    this.content = file;
    await this.attempt({ dry_run: 1 });
  }

  /**
   * @param {Data} how
   * @returns {Promise<ImportOutcome|null>} null when nothing was kept, or when it is about a file that counts no more
   */
  async attempt(how) {
    const { table, content } = this;
    if (!content) return null;
    this.keep.disabled = true;
    this.control = new AbortController();
    const answer = await upload(table.app, table.opts.import_url, content, {
      baseUri: table.baseUri,
      signal: this.control.signal,
      params: {
        table: table.opts.import_table, fixed: JSON.stringify({ ...table.parentKeys, ...this.words }),
        zone: Intl.DateTimeFormat().resolvedOptions().timeZone, ...how,
      },
      onProgress: (progress) => { if (content === this.content) this.showProgress(progress); },
    });
    if (answer.aborted || content !== this.content) return null;
    this.bar.hidden = true;
    if (!answer.ok) return this.show(answer.message ?? '', null);
    this.outcome = answer.data;
    return answer.data.kept ? answer.data : this.show(this.summary(answer.data), answer.data);
  }

  /** @param {Progress} progress */
  showProgress({ step, done, total }) {
    this.bar.hidden = false;
    if (total) Object.assign(this.bar, { max: total, value: done });
    else this.bar.removeAttribute('value');
    fillNode(this.status, t(STEPS[step] ?? '', { done: countText(done), total: countText(total) }));
  }

  /** @param {ImportOutcome} outcome */
  summary({ total, done, failed, ignored }) {
    const words = [`${this.content?.name ?? ''}:`, t('${done} of ${total} rows can be imported.', { done: countText(done), total: countText(total) })];
    if (failed.length) words.push(t('${count} have problems.', { count: countText(failed.length) }));
    if (ignored.length) words.push(t('Kept by the server and left out: ${names}.', { names: ignored.join(', ') }));
    return words.join(' ');
  }

  /** @param {string} words @param {ImportOutcome | null} outcome */
  show(words, outcome) {
    const { allFields } = this.table;
    this.bar.hidden = true;
    fillNode(this.status, words);
    fillNode(this.report, outcome ? [previewTable(allFields, outcome.preview), problemTable(allFields, outcome.failed)] : null);
    this.failedRows.hidden = !outcome?.failed_file;
    this.sure.hidden = !outcome || !questions(outcome).length;
    this.keep.disabled = !outcome?.done;
    this.keep.textContent = outcome?.done && outcome.failed.length
      ? t('Import the ${count} that are right', { count: countText(outcome.done) }) : t('Import');
    return null;
  }

  /** Yes to what rows ask, and they are tried again. */
  async confirm() {
    this.words = { ...this.words, ...Object.fromEntries(questions(this.outcome).map((name) => [name, 1])) };
    await this.attempt({ dry_run: 1 });
  }

  downloadFailed() {
    this.downloadText(`${t('Failed rows')}.csv`, this.outcome.failed_file ?? '');
  }

  async commit() {
    const { table } = this;
    // Records are being made: no other file before it is known which.
    this.source.chooser.disabled = true;
    const outcome = await this.attempt({ skip_failed: this.outcome.failed.length ? 1 : 0 });
    this.source.chooser.disabled = false;
    // Given up, or the answer lost: the list shows what has become of it.
    if (!outcome) {
      await table.load(1);
      return;
    }
    this.box.dismiss();
    forgetOptions();
    await table.app.show_message({ title: 'Imported', message: t('${count} records were made.', { count: countText(outcome.done) }) });
    await table.load(1);
    table.tellOpener();
  }
}

/** What the rows that failed would be taken with. @param {ImportOutcome} outcome */
function questions({ failed }) {
  return failed.flatMap(({ problems }) => problems.flatMap(({ ask }) => ask ?? []));
}
