/** The table of a list: head, pages of rows, selection, marks. Keys are in grid_keys.js. */

import { ColumnDecimals } from '../core/amounts.js';
import { h } from '../core/dom.js';
import { icon } from '../core/icons.js';
import { inputClass } from '../inputs/registry.js';
import { isTrue } from '../inputs/check_inputs.js';
import { t } from '../core/i18n.js';
import { cellWords, showWords } from './cells.js';
import { grip, widthKey } from './column_chooser.js';
import { dragHeading, orderKey } from './column_order.js';
import { focus, gridKey } from './grid_keys.js';

const PX_PER_EM = 14;
const NARROW_EM = 2.5;
const SLICE_ROWS = 10;

/** @param {Column} column */
function alignOf(column) {
  return column.words ? 'start' : inputClass(column.uitype).align;
}

export class Grid {
  /**
   * @param {Column[]} columns
   * @param {GridOptions} options
   * @param {GridEvents} events
   */
  constructor(columns, options, events) {
    this.columns = columns;
    this.options = options;
    this.events = events;
    this.decimals = /** @type {Map<string, ColumnDecimals>} */ (new Map());
    this.sort = /** @type {{name: string, isDescending: boolean}|null} */ (null);
    this.head = h('thead', { role: 'rowgroup' });
    this.group = h('colgroup');
    this.element = h('table', {
      role: 'grid', 'aria-label': options.label, 'aria-multiselectable': String(this.canMark), class: 'grid',
      on: {
        click: (event) => this.clicked(event),
        dblclick: (event) => this.doubleClicked(event),
        keydown: (event) => gridKey(this, event),
      },
    }, this.group, this.head);
    this.selectedRow = /** @type {RecordRow|null} */ (null);
    this.showHead(null);
  }

  get canMark() {
    return this.options.marks.isUseful;
  }

  /** How many narrow columns stand before those of the table. */
  get narrowCount() {
    return [this.canMark, this.options.isExpandable, this.options.checkField].filter(Boolean).length;
  }

  fillGroup() {
    let total = this.narrowCount * NARROW_EM;
    const cols = Array.from({ length: this.narrowCount }, () => h('col', { class: 'col-narrow' }));
    for (const column of this.columns) {
      const px = this.options.widths[column.name];
      const col = h('col');
      col.style.width = px ? `${px}px` : `${column.widthEm}em`;
      total += px ? px / PX_PER_EM : column.widthEm;
      cols.push(col);
    }
    if (this.options.hasMenu) {
      cols.push(h('col', { class: 'col-narrow' }));
      total += NARROW_EM;
    }
    this.group.replaceChildren(...cols);
    this.element.style.minWidth = `${total}em`;
  }

  /** Other columns, with the rows that are there. @param {Column[]} columns @param {Record<string, number>} widths */
  setColumns(columns, widths) {
    this.columns = columns;
    this.options.widths = widths;
    this.showHead(this.sort);
    this.alignFor(this.rows().map(({ record }) => record));
    for (const row of this.rows()) this.refreshRow(row);
  }

  /** @param {Column} column */
  headCellOf(column) {
    return this.head.firstElementChild?.children[this.narrowCount + this.columns.indexOf(column)];
  }

  /** @param {Column} column */
  widthOf(column) {
    return Math.round(this.headCellOf(column)?.getBoundingClientRect().width ?? 0);
  }

  /** @param {Column} column @param {number} px */
  setWidth(column, px) {
    this.options.widths = { ...this.options.widths, [column.name]: Math.round(px) };
    this.fillGroup();
  }

  /** @param {{name: string, isDescending: boolean}|null} sort */
  showHead(sort) {
    this.sort = sort;
    this.fillGroup();
    const narrow = [
      this.canMark && this.markAllCell(),
      ...[this.options.isExpandable, this.options.checkField].map((isThere) => isThere
        && h('th', { role: 'columnheader', scope: 'col' }, h('span', { class: 'visually-hidden' }, t('Choice')))),
    ].filter(Boolean);
    this.head.replaceChildren(h('tr', { role: 'row' }, narrow,
      this.columns.map((column) => this.headCell(column, sort)),
      this.options.hasMenu && h('th', { role: 'columnheader', scope: 'col', class: 'cell-narrow cell-menu' }, h('span', { class: 'visually-hidden' }, t('What to do with the row')))));
    this.holdFirst(this.head.querySelector('tr'));
  }

  /** What says which record a row is stays in view: the narrow cells and the first column. @param {HTMLTableRowElement | null} row */
  holdFirst(row) {
    const cells = [...row?.cells ?? []];
    for (const cell of cells.slice(0, this.narrowCount + 1)) cell.classList.add('cell-held');
    cells[this.narrowCount]?.classList.add('cell-first');
  }

  /** @param {Column} column @param {{name: string, isDescending: boolean} | null} sort */
  headCell(column, sort) {
    const align = alignOf(column);
    const label = t(column.heading ?? column.label);
    const isSorted = sort?.name === column.name;
    const direction = isSorted ? (sort.isDescending ? 'descending' : 'ascending') : 'none';
    const edge = grip(this, column, this.events.resize);
    if (!this.options.isSortable) {
      return h('th', { role: 'columnheader', scope: 'col', class: `align-${align}`, title: label }, label, edge);
    }
    const canSort = this.options.canSort(column);
    const cell = h('th', { role: 'columnheader', scope: 'col', 'aria-sort': direction, class: `align-${align}` },
      h('button', {
        type: 'button', class: 'sort-button', 'aria-disabled': canSort ? null : 'true',
        title: canSort ? label : `${label}: ${t('not to be sorted by, there are too many records')}`,
        on: {
          click: () => canSort && this.events.sort(column),
          keydown: (event) => widthKey(event, this, column, this.events.resize) || orderKey(event, this, column, this.events.move),
        },
      }, h('span', {}, label), isSorted ? icon(sort.isDescending ? 'down' : 'up') : null), edge);
    dragHeading(cell, this, column, this.events.move);
    return cell;
  }

  markAllCell() {
    /** @type {HTMLInputElement} */
    this.markAll = h('input', {
      type: 'checkbox', 'aria-label': t('Mark all rows that are loaded'),
      on: { change: () => this.options.marks.setAll(this.rows().map(({ record }) => record), this.markAll?.checked === true) },
    });
    return h('th', { role: 'columnheader', scope: 'col', class: 'cell-narrow' }, this.markAll);
  }

  /** A table body with the rows of one page. @param {number} pageNumber @param {Row[]} records */
  pageBody(pageNumber, records) {
    const body = h('tbody', { role: 'rowgroup', 'data-page': pageNumber });
    this.alignFor(records);
    body.append(...records.map((record) => this.row(record)));
    return body;
  }

  /**
   * The same, with a breath between some rows: somebody is scrolling meanwhile.
   * @param {number} pageNumber
   * @param {Row[]} records
   */
  async pageBodyInSlices(pageNumber, records) {
    const body = this.pageBody(pageNumber, []);
    this.alignFor(records);
    for (let at = 0; at < records.length; at += SLICE_ROWS) {
      if (at) await new Promise((resolve) => { setTimeout(resolve); });
      body.append(...records.slice(at, at + SLICE_ROWS).map((record) => this.row(record)));
    }
    return body;
  }

  /** @param {Row} record */
  row(record) {
    const row = /** @type {RecordRow} */ (Object.assign(document.createElement('tr'), { record }));
    row.setAttribute('role', 'row');
    row.setAttribute('aria-selected', 'false');
    row.tabIndex = -1;
    if (this.canMark) row.append(this.markCell(record));
    if (this.options.isExpandable) row.append(this.expander());
    if (this.options.checkField) row.append(this.checkCell(record));
    for (const column of this.columns) row.append(this.cell(record, column));
    if (this.options.hasMenu) row.append(this.menuCell());
    this.holdFirst(row);
    return row;
  }

  /** The row made anew from its record. @param {RecordRow} row */
  refreshRow(row) {
    const fresh = this.row(row.record);
    fresh.tabIndex = row.tabIndex;
    fresh.setAttribute('aria-selected', String(row.getAttribute('aria-selected')));
    if (this.selectedRow === row) this.selectedRow = fresh;
    row.replaceWith(fresh);
    return fresh;
  }

  /** @param {Row} record @param {Column} column */
  cell(record, column) {
    const cell = document.createElement('td');
    cell.setAttribute('role', 'gridcell');
    cell.className = `align-${alignOf(column)}`;
    cell.dataset.label = t(column.heading ?? column.label);
    cell.dataset.name = column.name;
    this.fillCell(cell, record, column);
    return cell;
  }

  /** @param {HTMLTableCellElement} cell @param {Row} record @param {Column} column */
  fillCell(cell, record, column) {
    const words = cellWords(record, column, this.decimalsOf(column));
    showWords(cell, words, words.text ? this.options.hrefOf(record, column) : null);
  }

  /** Where the points of a column's numbers stand; undefined for other columns. @param {Column} column */
  decimalsOf({ name, uitype }) {
    if (uitype !== 'decimal' && uitype !== 'money') return undefined;
    const decimals = this.decimals.get(name) ?? new ColumnDecimals();
    this.decimals.set(name, decimals);
    return decimals;
  }

  /** Before records are shown: rows that stand already get as many decimals as these need. @param {Row[]} records */
  alignFor(records) {
    for (const column of this.columns) {
      if (!this.decimalsOf(column)?.take(records.map((record) => record[column.name]))) continue;
      for (const row of this.rows()) this.showRecord(row, column);
    }
  }

  /**
   * The row's cells as its record is now, or those of one column; those in which somebody writes stay as they are.
   * @param {RecordRow} row
   * @param {Column} [only]
   */
  showRecord(row, only) {
    for (const cell of row.cells) {
      const column = this.columns.find(({ name }) => name === cell.dataset.name);
      if (column && (!only || column === only) && !cell.classList.contains('editing')) this.fillCell(cell, row.record, column);
    }
  }

  expander() {
    return h('td', { role: 'gridcell', class: 'cell-narrow' }, h('button', {
      type: 'button', class: 'icon-button expander', 'aria-expanded': 'false', 'aria-label': t('Details'),
    }, icon('right')));
  }

  menuCell() {
    return h('td', { role: 'gridcell', class: 'cell-narrow cell-menu' }, h('button', {
      type: 'button', class: 'icon-button row-menu-button', tabindex: '-1', 'aria-haspopup': 'true', 'aria-expanded': 'false',
      'aria-label': t('What to do with the row'), title: t('What to do with the row'),
    }, '⋯'));
  }

  /** @param {Row} record */
  markCell(record) {
    /** @type {HTMLInputElement} */
    const box = h('input', {
      type: 'checkbox', checked: this.options.marks.has(record), class: 'row-mark', tabindex: '-1', 'aria-label': t('Mark'),
      on: { change: () => this.options.marks.set(record, box.checked) },
    });
    return h('td', { role: 'gridcell', class: 'cell-narrow cell-mark' }, box);
  }

  /** Times that are told by how long ago they are. */
  showTimes() {
    for (const time of this.element.querySelectorAll('td time')) {
      const cell = time.closest('td');
      const row = time.closest('tr');
      const column = this.columns.find(({ name }) => name === cell?.dataset.name);
      if (cell && row?.record && column) this.fillCell(cell, row.record, column);
    }
  }

  /** Boxes as the marks are now. */
  showMarks() {
    const rows = this.rows();
    for (const row of rows) {
      const box = /** @type {HTMLInputElement|null} */ (row.querySelector('.row-mark'));
      if (box) box.checked = this.options.marks.has(row.record);
    }
    if (this.markAll) this.markAll.checked = rows.length > 0 && rows.every(({ record }) => this.options.marks.has(record));
  }

  /** @param {Row} record */
  checkCell(record) {
    /** @type {HTMLInputElement} */
    const box = h('input', {
      type: 'checkbox', checked: isTrue(record[this.options.checkField ?? '']), class: 'row-check', 'aria-label': t('Choice'),
      on: { change: () => this.events.check(record, box.checked, box) },
    });
    return h('td', { role: 'gridcell', class: 'cell-narrow' }, box);
  }

  /** @param {At<MouseEvent>} event */
  clicked(event) {
    const row = this.rowOf(event.target);
    if (!row || event.target.closest('.cell-mark, .editing')) return;
    this.select(row);
    const menuButton = event.target.closest('.row-menu-button');
    if (menuButton) this.events.menu(row.record, menuButton);
    else if (event.target.closest('.expander')) this.events.expand(row.record, row);
    // The keys go on from the cell that was clicked.
    else if (!event.target.closest('a, button, input, select')) focus(event.target.closest('td[data-name]') ?? row, true);
  }

  /** @param {At<MouseEvent>} event */
  doubleClicked(event) {
    const row = this.rowOf(event.target);
    if (row && !event.target.closest('a, button, input, .editing')) this.events.open(row.record);
  }

  /** @param {HTMLElement} node */
  rowOf(node) {
    const row = /** @type {RecordRow|null} */ (node.closest('tr'));
    return row?.record && this.element.contains(row) ? row : null;
  }

  rows() {
    return [...this.element.querySelectorAll('tbody > tr')].filter((row) => row.record);
  }

  /** @param {RecordRow} row */
  select(row) {
    if (this.selectedRow === row) return;
    if (this.selectedRow) {
      this.selectedRow.setAttribute('aria-selected', 'false');
      this.selectedRow.tabIndex = -1;
    }
    this.selectedRow = row;
    row.setAttribute('aria-selected', 'true');
    row.tabIndex = 0;
    this.events.select(row.record, row);
  }

  /** @param {string} id */
  rowOfId(id) {
    return this.rows().find(({ record }) => record[this.options.idField] === id);
  }

  /** Whether that record is shown. @param {Row} record */
  hasRow(record) {
    const id = record[this.options.idField];
    return id !== undefined && this.rowOfId(id) !== undefined;
  }

  /** Select the row with that key, if it is loaded. @param {string} id */
  selectById(id) {
    const row = this.rowOfId(id);
    if (row) this.select(row);
    return Boolean(row);
  }

  unselect() {
    this.selectedRow = null;
    const [first] = this.rows();
    if (first) first.tabIndex = 0;
  }
}
