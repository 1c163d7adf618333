/** The table of a list: head, pages of rows, selection, keys. */

import { h } from '../core/dom.js';
import { icon } from '../core/icons.js';
import { inputClass } from '../inputs/registry.js';
import { isTrue } from '../inputs/check_inputs.js';
import { t } from '../core/i18n.js';

/**
 * @typedef {object} GridEvents
 * @property {(column: object) => void} sort
 * @property {(record: object, row: HTMLElement) => void} select
 * @property {(record: object) => void} open double click or Enter
 * @property {(record: object, isChecked: boolean, box: HTMLInputElement) => void} check
 * @property {(record: object, row: HTMLElement) => void} expand
 */

export class Grid {
  /**
   * @param {object[]} columns
   * @param {{idField: string, checkField?: string, isSortable: boolean, isExpandable: boolean,
   *   label: string}} options
   * @param {GridEvents} events
   */
  constructor(columns, options, events) {
    this.columns = columns;
    this.options = options;
    this.events = events;
    this.head = h('thead', { role: 'rowgroup' });
    this.element = h('table', {
      role: 'grid', 'aria-label': options.label, 'aria-multiselectable': 'false', class: 'grid',
      on: {
        click: (event) => this.clicked(event),
        dblclick: (event) => this.doubleClicked(event),
        keydown: (event) => this.key(event),
      },
    }, this.columnGroup(), this.head);
    this.selected = null;
    this.showHead(null);
  }

  columnGroup() {
    const group = h('colgroup');
    const extra = [this.options.isExpandable, this.options.checkField].filter(Boolean).length;
    for (let i = 0; i < extra; i += 1) group.append(h('col', { class: 'col-narrow' }));
    let total = extra * 2.5;
    for (const column of this.columns) {
      const col = h('col');
      col.style.width = `${column.widthEm}em`;
      total += column.widthEm;
      group.append(col);
    }
    this.minWidthEm = total;
    return group;
  }

  /** @param {{name: string, isDescending: boolean}|null} sort */
  showHead(sort) {
    this.element.style.minWidth = `${this.minWidthEm}em`;
    const cells = this.columns.map((column) => this.headCell(column, sort));
    const narrow = [this.options.isExpandable, this.options.checkField].filter(Boolean)
      .map(() => h('th', { role: 'columnheader', scope: 'col' }, h('span', { class: 'visually-hidden' }, t('Choice'))));
    this.head.replaceChildren(h('tr', { role: 'row' }, narrow, cells));
  }

  headCell(column, sort) {
    const { align } = inputClass(column.uitype);
    const label = t(column.label);
    const isSorted = sort?.name === column.name;
    const direction = isSorted ? (sort.isDescending ? 'descending' : 'ascending') : 'none';
    if (!this.options.isSortable) {
      return h('th', { role: 'columnheader', scope: 'col', class: `align-${align}`, title: label }, label);
    }
    return h('th', { role: 'columnheader', scope: 'col', 'aria-sort': direction, class: `align-${align}` },
      h('button', { type: 'button', class: 'sort-button', title: label, on: { click: () => this.events.sort(column) } },
        h('span', {}, label), isSorted ? icon(sort.isDescending ? 'down' : 'up') : null));
  }

  /** A table body with the rows of one page. */
  pageBody(pageNumber, records) {
    const body = h('tbody', { role: 'rowgroup', 'data-page': pageNumber });
    body.append(...records.map((record) => this.row(record)));
    return body;
  }

  row(record) {
    const row = document.createElement('tr');
    row.setAttribute('role', 'row');
    row.setAttribute('aria-selected', 'false');
    row.tabIndex = -1;
    row.record = record;
    if (this.options.isExpandable) row.append(this.expander());
    if (this.options.checkField) row.append(this.checkCell(record));
    for (const column of this.columns) row.append(this.cell(record, column));
    return row;
  }

  cell(record, column) {
    const Class = inputClass(column.uitype);
    const cell = document.createElement('td');
    const text = Class.cellText(record[column.name], column, record);
    cell.setAttribute('role', 'gridcell');
    cell.className = `align-${Class.align}`;
    cell.dataset.label = t(column.label);
    cell.dataset.name = column.name;
    if (Array.isArray(column.data)) cell.dataset.value = String(record[column.name] ?? '');
    const span = document.createElement('span');
    span.textContent = text;
    if (text.length > 12) cell.title = text;
    cell.append(span);
    return cell;
  }

  expander() {
    return h('td', { role: 'gridcell', class: 'cell-narrow' }, h('button', {
      type: 'button', class: 'icon-button expander', 'aria-expanded': 'false', 'aria-label': t('Details'),
    }, icon('right')));
  }

  checkCell(record) {
    const box = h('input', {
      type: 'checkbox', checked: isTrue(record[this.options.checkField]), class: 'row-check', 'aria-label': t('Choice'),
      on: { change: () => this.events.check(record, box.checked, box) },
    });
    return h('td', { role: 'gridcell', class: 'cell-narrow' }, box);
  }

  clicked(event) {
    const row = this.rowOf(event.target);
    if (!row) return;
    this.select(row);
    if (event.target.closest('.expander')) this.events.expand(row.record, row);
  }

  doubleClicked(event) {
    const row = this.rowOf(event.target);
    if (row && !event.target.closest('button, input')) this.events.open(row.record);
  }

  rowOf(node) {
    const row = node.closest('tr');
    return row?.record && this.element.contains(row) ? row : null;
  }

  rows() {
    return [...this.element.querySelectorAll('tbody > tr')].filter((row) => row.record);
  }

  select(row) {
    if (this.selected === row) return;
    if (this.selected) {
      this.selected.setAttribute('aria-selected', 'false');
      this.selected.tabIndex = -1;
    }
    this.selected = row;
    row.setAttribute('aria-selected', 'true');
    row.tabIndex = 0;
    this.events.select(row.record, row);
  }

  /** Selects the row of that key if it is shown. */
  selectById(id) {
    const row = this.rows().find(({ record }) => record[this.options.idField] === id);
    if (row) this.select(row);
    return Boolean(row);
  }

  unselect() {
    this.selected = null;
    const [first] = this.rows();
    if (first) first.tabIndex = 0;
  }

  key(event) {
    const row = this.rowOf(event.target);
    if (!row || event.target !== row) return;
    const rows = this.rows();
    const at = rows.indexOf(row);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (next !== undefined) {
      event.preventDefault();
      const target = rows[Math.min(rows.length - 1, Math.max(0, next))];
      this.select(target);
      target.focus();
    } else if (event.key === 'Enter') {
      event.preventDefault();
      this.select(row);
      this.events.open(row.record);
    } else if (event.key === ' ') {
      event.preventDefault();
      this.select(row);
    }
  }
}
