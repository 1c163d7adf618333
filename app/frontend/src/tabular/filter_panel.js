/** The filter panel above a table: rows of column, operator, value. */

import { h, uniqueId } from '../core/dom.js';
import { icon } from '../core/icons.js';
import { t } from '../core/i18n.js';
import { inputClass } from '../inputs/registry.js';
import { isFilterable, kindOf, needsValue, OP_LABELS, operatorsFor } from './filters.js';

/** Dates are picked by the day, codes from their list; everything else is typed, shares as per cent. */
const VALUE_UITYPE = { number: 'decimal', percent: 'percent', date: 'date', datetime: 'date', code: 'code', check: 'yesno', text: 'str' };

export class FilterPanel {
  /**
   * @param {Tabular} table for the inputs: app and base address
   * @param {Column[]} fields
   * @param {(conditions: Condition[]) => unknown} apply
   */
  constructor(table, fields, apply) {
    this.table = table;
    this.fields = fields.filter(isFilterable);
    this.apply = apply;
    this.rows = /** @type {FilterRow[]} */ ([]);
    this.list = h('div', { class: 'filter-rows' });
    this.adder = h('button', { type: 'button', on: { click: () => this.addRow() } }, icon('add'), t('Add condition'));
    this.element = h('form', {
      class: 'filter-panel', hidden: true, id: uniqueId('filter'), 'aria-label': t('Filter'),
      on: {
        submit: (event) => { event.preventDefault(); event.stopPropagation(); this.submit(); },
        keydown: (event) => this.key(event),
      },
    }, this.list, h('div', { class: 'filter-buttons' }, this.adder,
      h('span', { class: 'spring' }),
      h('button', { type: 'button', on: { click: () => this.clear() } }, t('Clear')),
      h('button', { type: 'submit', class: 'primary' }, t('Apply'))));
  }

  toggle(isShown = this.element.hidden) {
    this.element.hidden = !isShown;
    this.table.toolbar.update();
    if (!isShown) return;
    if (!this.rows.length) this.addRow();
    this.rows[0].column.focus();
  }

  /** Escape closes the panel, not the window that it may stand in. @param {At<KeyboardEvent>} event */
  key(event) {
    if (event.key !== 'Escape' || event.defaultPrevented) return;
    event.preventDefault();
    event.stopPropagation();
    this.toggle(false);
    this.table.toolbar.filterButton.focus();
  }

  /** How the panel names a value that was chosen in it. @param {string} name @param {unknown} value */
  textOf(name, value) {
    const row = this.rows.find((one) => one.column.value === name && String(one.input?.resultValue()) === String(value));
    return row?.input?.chosenText?.() || undefined;
  }

  addRow() {
    this.putRow(new FilterRow(this)).column.focus();
  }

  /** @param {FilterRow} row */
  putRow(row) {
    this.rows.push(row);
    this.list.append(row.element);
    return row;
  }

  /** Show conditions that came from elsewhere, without applying them. @param {Condition[]} conditions */
  setConditions(conditions) {
    for (const row of [...this.rows]) this.removeRow(row);
    for (const condition of conditions) this.putRow(new FilterRow(this)).show(condition);
  }

  /** @param {FilterRow} row */
  removeRow(row) {
    this.rows = this.rows.filter((one) => one !== row);
    row.element.remove();
  }

  /**
   * By its button, which had the focus: that goes to the next row, at last to what adds one.
   * @param {FilterRow} row
   */
  drop(row) {
    const next = this.rows[this.rows.indexOf(row) + 1] ?? this.rows.at(-2);
    this.removeRow(row);
    (next?.remover ?? this.adder).focus();
  }

  clear() {
    for (const row of [...this.rows]) this.removeRow(row);
    this.addRow();
    this.table.misfits = [];
    this.apply([]);
  }

  submit() {
    if (this.rows.some((row) => row.hasProblem())) return;
    this.apply(this.rows.map((row) => row.condition()).filter((condition) => condition !== null));
  }
}

export class FilterRow {
  /** @param {FilterPanel} panel */
  constructor(panel) {
    this.panel = panel;
    this.column = h('select', { 'aria-label': t('Column'), on: { change: () => this.columnChanged() } },
      panel.fields.map((field) => h('option', { value: field.name }, t(field.label))));
    this.operator = h('select', { 'aria-label': t('Condition'), on: { change: () => this.showValue() } });
    this.valueBox = h('div', { class: 'filter-value' });
    this.remover = h('button', {
      type: 'button', class: 'icon-button', 'aria-label': t('Remove condition'),
      on: { click: () => panel.drop(this) },
    }, icon('close'));
    this.element = h('div', { class: 'filter-row' }, this.column, this.operator, this.valueBox, this.remover);
    this.columnChanged();
  }

  get field() {
    const field = this.panel.fields.find(({ name }) => name === this.column.value);
    if (!field) throw new Error('a filter without a column');
    return field;
  }

  columnChanged() {
    const operators = operatorsFor(this.field);
    this.operator.replaceChildren(...operators.map((op) => h('option', { value: op }, t(OP_LABELS[op]))));
    this.showValue();
  }

  showValue() {
    if (!needsValue(this.operator.value)) {
      this.input = null;
      this.valueBox.replaceChildren();
      return;
    }
    const input = this.makeInput();
    this.input = input;
    this.valueBox.replaceChildren(input.dom_element);
  }

  makeInput() {
    const { field } = this;
    /** @type {Partial<Field> & {name: string}} */
    let options = {
      ...field, uitype: VALUE_UITYPE[kindOf(field)], type: undefined, datatype: undefined, boolean: undefined,
      json: undefined, pattern: undefined, required: false, readonly: false, tip: '', placeholder: '',
      minimum: undefined, min: undefined, maximum: undefined, max: undefined, decimals: undefined,
      defaultvalue: undefined, defaultValue: undefined, default: undefined, value: undefined,
    };
    if (options.uitype === 'yesno') {
      options = {
        name: field.name, uitype: 'code', value: '1', required: true,
        data: [{ value: '1', text: 'Yes' }, { value: '0', text: 'No' }],
      };
    }
    const Class = inputClass(options.uitype ?? '');
    const { app, baseUri } = this.panel.table;
    const input = new Class(options, { app, baseUri, parent: this.panel.table });
    input.setAriaLabel(t('Value'));
    return input;
  }

  /** @param {Condition} condition */
  show({ field, op, value }) {
    this.column.value = field.name;
    this.columnChanged();
    this.operator.value = op;
    this.showValue();
    if (this.input && value !== undefined) this.input.setValue(value);
  }

  hasProblem() {
    const problem = this.input?.problem() ?? '';
    this.input?.setInvalid(Boolean(problem));
    if (problem) this.input?.focus();
    return Boolean(problem);
  }

  /** A condition without a value does not count: an empty filter would find nothing. @returns {Condition|null} */
  condition() {
    const op = /** @type {Operator} */ (this.operator.value);
    if (!needsValue(op)) return { field: this.field, op };
    if (!this.input || this.input.isEmpty()) return null;
    return { field: this.field, op, value: this.input.resultValue() };
  }
}
