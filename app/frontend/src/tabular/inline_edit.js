/** Editing one cell in its place: F2 or Enter begins, Enter saves, Escape gives up. */

import { ask } from '../core/request.js';
import { h } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { inputClass } from '../inputs/registry.js';
import { formFields } from './columns.js';
import { askInWindow } from './question.js';

const SIMPLE = new Set(['str', 'int', 'float', 'decimal', 'percent', 'date', 'time', 'datetime', 'code', 'check', 'email', 'tel']);

/**
 * A cell is left as soon as one goes on; its editor stays until the answer is there. So there may be
 * several: one that is written in, others whose save is on its way or was refused.
 */
export class InlineEdit {
  /** @param {Tabular} table */
  constructor(table) {
    this.table = table;
    this.editors = /** @type {Map<HTMLTableCellElement, CellEditor>} */ (new Map());
    this.queue = /** @type {Promise<unknown>} */ (Promise.resolve());
    this.waiting = 0;
  }

  /**
   * The field as the form would have it, or null where a form is needed or nothing may change.
   * @param {string|undefined} name
   */
  fieldOf(name) {
    const { table } = this;
    if (!name || !table.editing.canUpdate) return null;
    const fields = formFields(table.allFields, table.rowOptions.editexclouded, 'update', table.parentKeys);
    const field = fields.find((one) => one.name === name);
    return field && !field.readonly && !field.not_sent && SIMPLE.has(field.uitype) ? field : null;
  }

  /**
   * Begin in that cell, or in the row's first that can be edited.
   * @param {RecordRow} row
   * @param {HTMLTableCellElement|null|undefined} cell
   * @returns {boolean}
   */
  begin(row, cell) {
    const cells = cell ? [cell] : [...row.cells];
    const target = cells.find(({ dataset }) => this.fieldOf(dataset.name));
    const field = this.fieldOf(target?.dataset.name);
    if (!target || !field) return false;
    for (const one of this.editors.keys()) if (!one.isConnected) this.editors.delete(one);
    const editor = this.editors.get(target) ?? this.edit(row, target, field);
    editor.input.focus();
    editor.input.focusElement.select?.();
    return true;
  }

  /** @param {RecordRow} row @param {HTMLTableCellElement} cell @param {Field} field */
  edit(row, cell, field) {
    const { table } = this;
    const Class = inputClass(field.uitype);
    const input = new Class(field, { app: table.app, baseUri: table.baseUri, parent: table });
    if (typeof input.setRecord === 'function') input.setRecord(row.record);
    else input.setValue(row.record[field.name]);
    input.setAriaLabel(t(field.label));
    const error = h('p', { class: 'cell-error', role: 'alert', hidden: true });
    const end = new AbortController();
    const editor = { row, cell, field, input, error, end, start: JSON.stringify(input.resultValue()) };
    this.editors.set(cell, editor);
    cell.classList.add('editing');
    cell.replaceChildren(input.dom_element, error);
    cell.addEventListener('keydown', (event) => this.key(event, editor), { signal: end.signal });
    cell.addEventListener('focusout', (event) => this.left(event, editor), { signal: end.signal });
    return editor;
  }

  /** @param {At<KeyboardEvent>} event @param {CellEditor} editor */
  key(event, editor) {
    if (event.defaultPrevented) return; // the list of a drop-down took it
    if (event.key === 'Escape') {
      stop(event);
      // What is on its way cannot be taken back.
      if (!editor.isSaving) this.close(editor);
    } else if (event.key === 'Enter') {
      stop(event);
      this.save(editor);
    } else {
      event.stopPropagation();
    }
  }

  /**
   * Who goes on has said what he wants; an untouched cell closes without a word. Another window
   * that comes to the front is not going on: what is half typed waits for its return.
   * @param {FocusEvent} event
   * @param {CellEditor} editor
   */
  left(event, editor) {
    const goal = event.relatedTarget ?? document.activeElement;
    if (editor.cell.contains(/** @type {Node|null} */ (goal)) || editor.isSaving) return;
    if (JSON.stringify(editor.input.resultValue()) === editor.start) this.close(editor);
    else this.save(editor);
  }

  /** The cell as its record is; the focus stays where it is unless it was in here. @param {CellEditor} editor */
  close(editor) {
    const { row, cell, end } = editor;
    const wasInside = cell.contains(document.activeElement);
    end.abort();
    this.editors.delete(cell);
    cell.classList.remove('editing');
    cell.tabIndex = -1;
    this.table.grid.showRecord(row);
    if (wasInside) cell.focus({ preventScroll: true });
  }

  /** @param {CellEditor} editor */
  async save(editor) {
    const { input, field } = editor;
    if (editor.isSaving) return;
    const problem = input.problem();
    if (problem) {
      this.tell(editor, problem);
      return;
    }
    const value = input.resultValue();
    if (JSON.stringify(value) === editor.start) {
      this.close(editor);
      return;
    }
    lock(editor, true);
    const text = input.chosenText?.();
    const news = { [field.name]: value, ...(text === undefined ? {} : { [`${field.name}_text`]: text }) };
    await this.inTurn(async () => this.answered(editor, await this.post(editor, value), news));
  }

  /**
   * One save after the other: each names the version of the record that the one before has left.
   * @param {() => Promise<unknown>} work
   */
  inTurn(work) {
    const outcome = this.queue.then(work);
    this.queue = outcome.catch(() => {});
    return outcome;
  }

  /**
   * Wait while somebody writes in a cell: what he types would be gone with the rows.
   * @returns {Promise<boolean>} whether somebody did, so that the rows may be others by now
   */
  async wasWrittenIn() {
    let wasOpen = false;
    for (let editor = this.focused(); editor; editor = this.focused()) {
      wasOpen = true;
      await untilLeft(editor);
    }
    return wasOpen;
  }

  /** The editor that has the focus. */
  focused() {
    return [...this.editors.values()].find(({ cell }) => cell.contains(document.activeElement));
  }

  /** For who wants to read or change records: what is being saved first. */
  async settled() {
    this.waiting += 1;
    await this.queue;
    this.waiting -= 1;
  }

  /** @param {CellEditor} editor @param {unknown} value */
  post({ row: { record }, field }, value) {
    return this.postValues(record, { [field.name]: value });
  }

  /** @param {Row} record @param {Values} values */
  postValues(record, values) {
    const { table } = this;
    const params = { ...table.editing.key(record), ...values };
    if (record.lock_version !== undefined) params.lock_version = record.lock_version;
    return ask(table.app, table.editing.urls.update_data_url, { method: 'POST', params, baseUri: table.baseUri });
  }

  /** @param {CellEditor} editor @param {Answer} answer @param {Row} news */
  answered(editor, answer, news) {
    const { table } = this;
    const { row, field } = editor;
    lock(editor, false);
    if (answer.ok) {
      this.keep(editor, { ...news, ...answer.value?.options?.user_data });
      table.tellOpener();
    } else if (answer.error?.options?.ask) {
      this.close(editor);
      this.askFor(row.record, { [field.name]: news[field.name] }, answer);
    } else if (answer.error?.options?.code === 'edit_conflict') {
      this.close(editor);
      table.editing.resolve(row.record, { [field.name]: news[field.name] }, answer);
    } else {
      const options = answer.error?.options ?? {};
      this.refused(editor, t(options.fields?.[field.name] ?? options.message ?? 'That did not work.'));
    }
  }

  /**
   * It takes one more word, such as from when a price is to hold. What was succeeded stands in the
   * list beside its successor, so the rows are read again.
   * @param {Row} record
   * @param {Values} values
   * @param {Answer} refusal
   */
  async askFor(record, values, refusal) {
    const { table } = this;
    const answer = await askInWindow(table, refusal, { record, values }, (words) => this.postValues(record, words));
    if (!answer) return;
    if (answer.ok) {
      await table.load(table.pages.currentPage, answer.value?.options?.user_data?.[table.idField]);
      table.tellOpener();
    } else if (answer.error?.options?.code === 'edit_conflict') {
      table.editing.resolve(record, values, answer);
    } else {
      await table.app.showAnswer(answer);
    }
  }

  /**
   * Into the record, and into its row if that was made anew meanwhile.
   * @param {CellEditor} editor
   * @param {Row} news
   */
  keep(editor, news) {
    const { row } = editor;
    const { grid, idField } = this.table;
    const rowInView = grid.rowOfId(row.record[idField]);
    for (const one of new Set([row, rowInView ?? row])) Object.assign(one.record, news);
    this.close(editor);
    if (rowInView && rowInView !== row) grid.showRecord(rowInView);
  }

  /**
   * At the cell; where that is gone, or about to be, in a window with what was typed.
   * @param {CellEditor} editor
   * @param {string} words
   */
  refused(editor, words) {
    const { cell, field, input } = editor;
    if (cell.isConnected && !this.waiting) {
      this.tell(editor, words);
      return;
    }
    const text = input.chosenText?.() ?? inputClass(field.uitype).cellText(input.resultValue(), field, {});
    this.table.app.show_error({ title: field.label, message: t('"${typed}" was not saved. ${reason}', { 'typed': text, reason: words }) });
  }

  /** @param {CellEditor} editor @param {string} words */
  tell({ cell, input, error }, words) {
    error.textContent = words;
    error.hidden = false;
    input.setInvalid(true);
    const active = document.activeElement;
    if (active === document.body || cell.contains(active)) input.focus();
  }
}

/** The focus is in the next place only after the event. @param {CellEditor} editor @returns {Promise<unknown>} */
function untilLeft({ cell, end }) {
  return new Promise((resolve) => {
    end.signal.addEventListener('abort', resolve, { once: true });
    cell.addEventListener('focusout', () => setTimeout(resolve), { once: true });
  });
}

/** While a value is on its way nothing is added to it. @param {CellEditor} editor @param {boolean} isSaving */
function lock(editor, isSaving) {
  editor.isSaving = isSaving;
  editor.input.focusElement.readOnly = isSaving;
}

/** @param {Event} event */
function stop(event) {
  event.preventDefault();
  event.stopPropagation();
}
