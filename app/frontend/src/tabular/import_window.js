/** Rows from a file: choose, try, see what is wrong in which row and column, then keep in one go. */

import { ask } from '../core/request.js';
import { fillNode, h } from '../core/dom.js';
import { countText } from '../core/format.js';
import { t } from '../core/i18n.js';
import { forgetOptions } from '../inputs/options.js';
import { download } from './exporting.js';
import { csvText, readCsv, writeCsv } from './import/read_csv.js';
import { readXlsx } from './import/read_xlsx.js';

const MOST_BYTES = 8_000_000;
const SHOWN_PROBLEMS = 200;

/** @param {import('./tabular.js').Tabular} table */
export async function openImport(table) {
  const window = new ImportWindow(table);
  await window.open();
}

/** A corrected file of failed rows still has the column that says what was wrong. */
function withoutProblems(all) {
  const at = all[0]?.findIndex((heading) => heading === t('Problem'));
  return at > 0 ? all.map((row) => row.filter((_, i) => i !== at)) : all;
}

/** @returns {Promise<string[][]>} none when the file cannot be read; the reason is in the console */
async function rowsOf(file) {
  try {
    const bytes = await file.arrayBuffer();
    return /\.xlsx$/i.test(file.name) ? await readXlsx(bytes) : readCsv(csvText(bytes));
  } catch (error) {
    console.error(error);
    return [];
  }
}

class ImportWindow {
  constructor(table) {
    this.table = table;
    this.file = h('input', {
      type: 'file', accept: '.csv,.xlsx,.txt', 'aria-label': t('File (CSV or Excel)'), on: { change: () => this.chosen() },
    });
    this.status = h('p', { role: 'status' });
    this.problems = h('div', { class: 'import-problems' });
    this.keep = h('button', { type: 'button', class: 'primary', disabled: true, on: { click: () => this.commit() } }, t('Import'));
    this.failedRows = h('button', { type: 'button', hidden: true, on: { click: () => this.downloadFailed() } }, t('Download the failed rows'));
  }

  async open() {
    this.box = await this.table.app.buildOverlay({ widgettype: 'PopupWindow', options: { title: 'Import a file', cwidth: 46 } });
    this.box.contentElement.append(h('div', { class: 'bulk-report' },
      h('p', { class: 'muted' }, t('The first row names the columns, by the headings of this list or by their names. Nothing is kept before you say so.')),
      h('div', { class: 'import-choice' }, this.file,
        h('button', { type: 'button', on: { click: () => this.template() } }, t('Download an empty file'))),
      this.status, this.problems, h('div', { class: 'box-buttons' }, this.failedRows, this.keep)));
    this.file.focus();
  }

  /** A file with the headings that a form for a new record has. */
  template() {
    const { table } = this;
    const excluded = new Set(table.rowOptions.editexclouded ?? []);
    const names = table.allFields
      .filter(({ name, uitype, set_by: setBy }) => !excluded.has(name) && setBy !== 'server' && uitype !== 'hide' && name !== 'id')
      .filter(({ name }) => !Object.hasOwn(table.parentKeys, name));
    download(`${t(table.opts.title ?? 'List')}.csv`, new Blob([writeCsv([names.map(({ label }) => t(label))])], { type: 'text/csv' }));
  }

  async chosen() {
    const [file] = this.file.files;
    this.rows = null;
    this.show('', null);
    if (!file) return;
    if (file.size > MOST_BYTES) {
      this.show(t('The file is larger than ${size} MB.', { size: MOST_BYTES / 1_000_000 }), null);
      return;
    }
    const all = await rowsOf(file);
    if (file !== this.file.files[0]) return; // another one was chosen meanwhile
    [this.columns, ...this.rows] = withoutProblems(all);
    if (!this.rows.length) this.show(t('The file has no rows that can be read.'), null);
    else await this.attempt({ dry_run: 1 });
  }

  /** @returns {Promise<object|null>} null when nothing was kept, or when it is about a file that counts no more */
  async attempt(how) {
    const { table, rows } = this;
    this.keep.disabled = true;
    fillNode(this.status, t('${count} rows are being checked …', { count: countText(this.rows.length) }));
    const answer = await ask(table.app, table.opts.import_url, {
      method: 'POST', contentType: 'json', baseUri: table.baseUri,
      params: {
        table: table.opts.import_table, columns: this.columns, rows: this.rows, fixed: table.parentKeys,
        zone: Intl.DateTimeFormat().resolvedOptions().timeZone, ...how,
      },
    });
    if (rows !== this.rows) return null;
    if (!answer.ok) {
      this.show(t(answer.error?.options?.message ?? 'That did not work.'), null);
      return null;
    }
    const outcome = answer.value.data;
    this.outcome = outcome;
    return outcome.kept ? outcome : this.show(this.summary(outcome), outcome);
  }

  summary({ total, done, failed, ignored }) {
    const words = [t('${done} of ${total} rows can be imported.', { done: countText(done), total: countText(total) })];
    if (failed.length) words.push(t('${count} have problems.', { count: countText(failed.length) }));
    if (ignored.length) words.push(t('Kept by the server and left out: ${names}.', { names: ignored.join(', ') }));
    return words.join(' ');
  }

  show(words, outcome) {
    fillNode(this.status, words);
    fillNode(this.problems, outcome?.failed.length ? this.problemTable(outcome.failed) : null);
    this.failedRows.hidden = !outcome?.failed.length;
    this.keep.disabled = !outcome?.done;
    this.keep.textContent = outcome?.failed.length
      ? t('Import the ${count} that are right', { count: countText(outcome.done) }) : t('Import');
    return null;
  }

  problemTable(failed) {
    const lines = failed.flatMap(({ row, problems }) => problems.map((problem) => ({ row, ...problem })));
    const body = lines.slice(0, SHOWN_PROBLEMS).map(({ row, column, message }) => h('tr', {},
      h('td', {}, String(row + 1)), h('td', {}, this.heading(column)), h('td', {}, this.cell(row, column)), h('td', {}, message)));
    return [h('table', { class: 'difference' },
      h('thead', {}, h('tr', {}, ['Row of the file', 'Column', 'Value', 'Problem'].map((word) => h('th', { scope: 'col' }, t(word))))),
      h('tbody', {}, body)),
    lines.length > SHOWN_PROBLEMS ? h('p', { class: 'muted' }, t('The first ${count} are shown.', { count: SHOWN_PROBLEMS })) : null];
  }

  heading(name) {
    const field = this.table.allFields.find((one) => one.name === name);
    return field ? t(field.label) : name;
  }

  /** What stands in the file where the problem is. */
  cell(row, name) {
    const field = this.table.allFields.find((one) => one.name === name);
    const names = [name, field && t(field.label), field?.label].filter(Boolean).map((one) => one.toLowerCase());
    const at = this.columns.findIndex((heading) => names.includes(String(heading).trim().toLowerCase()));
    return at < 0 ? '' : this.rows[row - 1][at] ?? '';
  }

  downloadFailed() {
    const rows = this.outcome.failed.map(({ row, problems }) => [
      ...this.columns.map((_, i) => this.rows[row - 1][i] ?? ''),
      problems.map(({ column, message }) => [this.heading(column), message].filter(Boolean).join(': ')).join(' · '),
    ]);
    const head = [...this.columns, t('Problem')];
    download(`${t('Failed rows')}.csv`, new Blob([writeCsv([head, ...rows])], { type: 'text/csv' }));
  }

  async commit() {
    const { table } = this;
    // Records are being made: no other file before it is known which.
    this.file.disabled = true;
    const outcome = await this.attempt({ skip_failed: this.outcome.failed.length ? 1 : 0 });
    this.file.disabled = false;
    if (!outcome) return;
    this.box.dismiss();
    forgetOptions();
    await table.app.show_message({ title: 'Imported', message: t('${count} records were made.', { count: countText(outcome.done) }) });
    await table.load(1);
    table.tellOpener();
  }
}
