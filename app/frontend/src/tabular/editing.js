/** Adding, changing and deleting the records of a table. */

import { ask } from '../core/request.js';
import { attachBinds, listen } from '../core/binds.js';
import { buildOverlay } from '../core/build.js';
import { t } from '../core/i18n.js';
import { inputClass } from '../inputs/registry.js';
import { forgetOptions } from '../inputs/options.js';
import { formFields } from './columns.js';
import { showConflict } from './conflict.js';
import { showQuestion } from './question.js';
import { Removal } from './removal.js';
import { canBePutBack, offerUndo } from './undo.js';

export class Editing {
  /** @param {Tabular} table */
  constructor(table) {
    this.table = table;
    const urls = table.opts.editable ?? {};
    // Relation pages carry these addresses too, but nothing answers there.
    const isEditable = !table.checkField;
    this.urls = isEditable ? urls : {};
    this.removal = new Removal(table);
  }

  get canAdd() {
    return Boolean(this.urls.new_data_url);
  }

  get canUpdate() {
    return Boolean(this.urls.update_data_url);
  }

  get canDelete() {
    return Boolean(this.urls.delete_data_url);
  }

  add() {
    return this.openForm('add', null, this.urls.new_data_url);
  }

  /** @param {Row} record */
  update(record) {
    return this.openForm('update', record, this.urls.update_data_url);
  }

  /** @param {'add' | 'update'} mode @param {Row | null} record @param {string|undefined} url */
  async openForm(mode, record, url) {
    const { table } = this;
    await table.inline.settled();
    const fields = formFields(table.allFields, table.rowOptions.editexclouded, mode, table.parentKeys);
    const state = /** @type {SaveRecord} */ ({ lockVersion: record?.lock_version });
    const box = /** @type {ModalForm} */ (await buildOverlay({
      widgettype: 'ModalForm',
      options: {
        title: this.formTitle(mode), fields, record, mode,
        save: (/** @type {Values} */ values) => this.save(mode, record, url, values, state),
        refused: (/** @type {Answer} */ answer) => showConflict(answer, box.form, table, state) || showQuestion(answer, box.form, state, record),
      },
    }, table));
    this.attachEditorBinds(box.form);
    box.form.bind('submitted', (event) => this.saved(event.params, record));
    return box;
  }

  /**
   * Somebody was faster than an edit in a cell: the form, with that edit in it, asks what counts.
   * @param {Row} record
   * @param {Values} values
   * @param {Answer} answer
   */
  async resolve(record, values, answer) {
    const box = await this.openForm('update', record, this.urls.update_data_url);
    for (const [name, value] of Object.entries(values)) box.form.name_inputs[name]?.setValue(value);
    box.form.opts.refused?.(answer);
  }

  /** @param {'add' | 'update'} mode */
  formTitle(mode) {
    const title = t(this.table.opts.title ?? '');
    return `${t(mode === 'add' ? 'Add' : 'Edit')}${title ? ` · ${title}` : ''}`;
  }

  /** `editor.binds`: binds of the form whose `wid` is the name of a field. @param {Form} form */
  attachEditorBinds(form) {
    const binds = this.table.opts.editor?.binds;
    for (const bind of Array.isArray(binds) ? binds : []) {
      const input = form.name_inputs[String(bind.wid)];
      if (input) listen(input, form, bind);
      else attachBinds(form, [bind]);
    }
  }

  /**
   * @param {'add' | 'update'} mode
   * @param {Row | null} record
   * @param {string|undefined} url
   * @param {Values} values
   * @param {SaveRecord} state
   */
  async save(mode, record, url, values, state) {
    const params = /** @type {Data} */ (record ? { ...values, ...this.key(record) } : { ...this.hiddenKeys(values), ...values });
    Object.assign(params, state.words?.());
    if (mode === 'add') delete params[this.table.idField];
    if (mode === 'update' && state.lockVersion !== undefined) params.lock_version = state.lockVersion;
    const answer = await ask(this.table.app, url, { method: 'POST', params, baseUri: this.table.baseUri });
    if (answer.ok) this.message = answer;
    return answer;
  }

  /** The parent's keys that the form does not show; the window's own id is no column. @param {Values} values */
  hiddenKeys(values) {
    return Object.fromEntries(Object.entries(this.table.params)
      .filter(([name]) => name !== 'referer_widget' && !(name in values)));
  }

  /** What names a record to the server. @param {Row} record @returns {Data} */
  key(record) {
    const { idField } = this.table;
    return { id: record.id ?? record[idField], ...(idField === 'id' ? {} : { [idField]: record[idField] }) };
  }

  /** @param {Row} values @param {Row | null} record */
  async saved(values, record) {
    const { table } = this;
    forgetOptions();
    if (this.message) await table.app.showAnswer(this.message);
    const selectId = values?.[table.idField] ?? record?.[table.idField];
    await table.load(record ? table.pages.currentPage : 1, selectId);
    table.tellOpener();
  }

  /** @param {Row} record */
  async remove(record) {
    const { table, removal } = this;
    await table.inline.settled();
    if (removal.isOwn) {
      if (await removal.run([record])) await this.reload();
      return;
    }
    if (!await removal.askForOne(nameOf(record, table))) return;
    const params = this.key(record);
    if (record.lock_version !== undefined) params.lock_version = record.lock_version;
    const answer = await ask(table.app, this.urls.delete_data_url, { method: 'POST', params, baseUri: table.baseUri });
    if (answer.error?.options?.code === 'edit_conflict') await table.load(table.pages.currentPage);
    if (canBePutBack(answer)) await offerUndo(table, this.urls.delete_data_url ?? '', params.id, nameOf(record, table), () => this.reload());
    else await table.app.showAnswer(answer);
    if (answer.ok) await this.reload();
  }

  /** Records are gone, or are not what they were. */
  async reload() {
    const { table } = this;
    forgetOptions();
    await table.load(table.pages.currentPage, null);
    table.tellOpener();
  }
}

/** Columns that say what a record is called. */
export const NAMES = ['name', 'title', 'code'];

/**
 * What a person calls the record: its own name; else what the list is of, what its model names it by
 * (`record_label`), and whose it is: `Version 1 (Story)`.
 * @param {Row} record
 * @param {Tabular} table
 * @returns {string}
 */
export function nameOf(record, table) {
  const nameField = table.allFields.find((field) => NAMES.includes(field.name) && record[field.name]);
  if (nameField) return String(record[nameField.name]);
  const label = /** @type {string[]} */ (table.opts.record_label ?? []);
  const own = label.map((column) => textOf(record, table, column)).filter(Boolean);
  const owners = table.allFields.filter((field) => field.dataurl && !field.set_by && !label.includes(field.name))
    .map((field) => record[`${field.name}_text`]).filter(Boolean);
  if (!own.length && !owners.length) return textOf(record, table, table.columns[0]?.name) || (record[table.idField] ?? '');
  const kind = t(table.opts.title ?? '');
  const words = own.length ? own.join(' · ') : owners.splice(0).join(' · ');
  const name = kind ? t('${kind} ${name}', { kind, name: words }) : words;
  return owners.length ? t('${name} (${owners})', { name, owners: owners.join(' · ') }) : name;
}

/** @param {Row} record @param {Tabular} table @param {string|undefined} column */
function textOf(record, table, column) {
  const field = table.allFields.find((one) => one.name === column);
  return column && field ? inputClass(field.uitype).cellText(record[column], field, record) : '';
}
