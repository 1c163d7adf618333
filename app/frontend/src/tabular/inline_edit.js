/** Editing one cell in its place: F2 or Enter begins, Enter saves, Escape gives up. */

import { ask } from '../core/request.js';
import { h } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { inputClass } from '../inputs/registry.js';
import { formFields } from './columns.js';

const SIMPLE = new Set(['str', 'int', 'float', 'decimal', 'percent', 'date', 'time', 'datetime', 'code', 'check', 'email', 'tel']);

export class InlineEdit {
  /** @param {import('./tabular.js').Tabular} table */
  constructor(table) {
    this.table = table;
    this.current = null;
  }

  /** The field as the form would have it, or null where a form is needed or nothing may change. */
  fieldOf(name) {
    const { table } = this;
    if (!table.editing.canUpdate) return null;
    const fields = formFields(table.allFields, table.rowOptions.editexclouded, 'update', table.parentKeys);
    const field = fields.find((one) => one.name === name);
    return field && !field.readonly && !field.not_sent && SIMPLE.has(field.uitype) ? field : null;
  }

  /** Begins in that cell, or in the row's first that can be edited. @returns {boolean} */
  begin(row, cell) {
    const cells = cell ? [cell] : [...row.cells];
    const target = cells.find(({ dataset }) => dataset.name && this.fieldOf(dataset.name));
    if (!target) return false;
    this.cancel();
    this.edit(row, target, this.fieldOf(target.dataset.name));
    return true;
  }

  edit(row, cell, field) {
    const { table } = this;
    const Class = inputClass(field.uitype);
    const input = new Class(field, { app: table.app, baseUri: table.baseUri, parent: table });
    if (typeof input.setRecord === 'function') input.setRecord(row.record);
    else input.setValue(row.record[field.name]);
    input.setAriaLabel(t(field.label));
    const error = h('p', { class: 'cell-error', role: 'alert', hidden: true });
    const state = { row, cell, field, input, error, before: [...cell.childNodes], start: JSON.stringify(input.resultValue()) };
    this.current = state;
    cell.classList.add('editing');
    cell.replaceChildren(input.dom_element, error);
    cell.addEventListener('keydown', this.keyHandler = (event) => this.key(event, state));
    cell.addEventListener('focusout', this.leaveHandler = (event) => this.left(event, state));
    input.focus();
    input.focusElement.select?.();
  }

  key(event, state) {
    if (event.defaultPrevented) return; // the list of a drop-down took it
    if (event.key === 'Escape') {
      this.stop(event);
      this.cancel();
      focusCell(state.cell);
    } else if (event.key === 'Enter') {
      this.stop(event);
      this.save(state);
    } else {
      event.stopPropagation();
    }
  }

  stop(event) {
    event.preventDefault();
    event.stopPropagation();
  }

  /** What was not saved by Enter is not kept; an untouched cell closes without a word. */
  left(event, state) {
    if (state.cell.contains(event.relatedTarget) || state.isSaving || this.current !== state) return;
    if (JSON.stringify(state.input.resultValue()) === state.start) this.cancel();
    else this.save(state);
  }

  cancel() {
    const state = this.current;
    if (!state) return;
    this.current = null;
    this.close(state);
    state.cell.replaceChildren(...state.before);
  }

  close({ cell }) {
    cell.classList.remove('editing');
    cell.removeEventListener('keydown', this.keyHandler);
    cell.removeEventListener('focusout', this.leaveHandler);
    cell.tabIndex = -1;
  }

  async save(state) {
    const { input, field } = state;
    if (state.isSaving) return;
    const problem = input.problem();
    if (problem) {
      this.tell(state, problem);
      return;
    }
    const value = input.resultValue();
    if (JSON.stringify(value) === state.start) {
      this.cancel();
      focusCell(state.cell);
      return;
    }
    state.isSaving = true;
    const answer = await this.post(state.row.record, field.name, value);
    state.isSaving = false;
    if (this.current === state) await this.answered(state, answer, value);
  }

  post(record, name, value) {
    const { table } = this;
    const params = { ...table.editing.key(record), [name]: value };
    if (record.lock_version !== undefined) params.lock_version = record.lock_version;
    return ask(table.app, table.editing.urls.update_data_url, { method: 'POST', params, baseUri: table.baseUri });
  }

  async answered(state, answer, value) {
    const { table } = this;
    const { row, cell, field } = state;
    if (answer.ok) {
      this.current = null;
      this.close(state);
      const saved = answer.value?.options?.user_data ?? {};
      const text = state.input.chosenText?.();
      Object.assign(row.record, { [field.name]: value }, saved, text === undefined ? {} : { [`${field.name}_text`]: text });
      const fresh = table.grid.refreshRow(row);
      focusCell([...fresh.cells].find(({ dataset }) => dataset.name === cell.dataset.name));
      table.tellOpener();
    } else if (answer.error?.options?.code === 'edit_conflict') {
      this.cancel();
      await table.editing.resolve(row.record, { [field.name]: value }, answer);
    } else {
      const options = answer.error?.options ?? {};
      this.tell(state, t(options.fields?.[field.name] ?? options.message ?? 'That did not work.'));
    }
  }

  tell({ input, error }, words) {
    error.textContent = words;
    error.hidden = false;
    input.setInvalid(true);
    input.focus();
  }
}

function focusCell(cell) {
  if (!cell) return;
  cell.tabIndex = -1;
  cell.focus({ preventScroll: true });
}
