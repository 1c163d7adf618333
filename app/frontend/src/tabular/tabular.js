/** Tabular: the list page that xls2ui generates. Section 9 of the page contract. */

import { debounce, h } from '../core/dom.js';
import { ownDataParams } from '../core/params.js';
import { register } from '../core/registry.js';
import { many, t } from '../core/i18n.js';
import { Widget } from '../core/widget.js';
import { Chips } from './chips.js';
import { readRowOptions, withWidth } from './columns.js';
import { Details } from './details.js';
import { Editing } from './editing.js';
import { FilterPanel } from './filter_panel.js';
import { Grid } from './grid.js';
import { focusAgain, placeOfFocus } from './focus_place.js';
import { InlineEdit } from './inline_edit.js';
import { NamedViews } from './named_views.js';
import { LargeList } from './large.js';
import { cellHref } from './links.js';
import { ListMemory } from './list_memory.js';
import { listenForKeys } from './shortcuts.js';
import { Marks } from './marks.js';
import { Note } from './note.js';
import { Pager } from './pager.js';
import { Pages } from './pages.js';
import { refreshOnReturn } from './refresh.js';
import { RowMenu } from './row_menu.js';
import { fetchPage } from './rows.js';
import { TableToolbar } from './table_toolbar.js';
import { readView, showInAddress, VIEW_PARAMETER } from './views.js';

const DEFAULT_PAGE_ROWS = 160;
const DEFAULT_CACHE_PAGES = 5;
/** How often times that are told by how long ago they are grow older. */
const CLOCK_MS = 60_000;
const ADDRESS_MS = 300;

export class Tabular extends Widget {
  static tag = 'section';

  /** @param {ListOptions & Data} opts @param {WidgetContext} context */
  constructor(opts, context) {
    super(opts, context);
    this.dom_element.classList.add('tabular');
    this.dom_element.dataset.uid = this.uid;
    const rowOptions = opts.row_options ?? {};
    this.rowOptions = rowOptions;
    this.idField = rowOptions.idField ?? 'id';
    this.checkField = rowOptions.checkField;
    const { columns, allFields } = readRowOptions(rowOptions);
    this.allFields = allFields;
    this.params = ownDataParams(opts.data_params);
    this.query = /** @type {Data} */ ({});
    // What is the same in every row is said by the window's opener.
    const fixed = this.parentKeys;
    this.defaultColumns = columns.filter(({ name }) => name !== this.checkField && !Object.hasOwn(fixed, name));
    this.defaultPageRows = Number(opts.page_rows) || DEFAULT_PAGE_ROWS;
    this.select_row = null;
    this.memory = new ListMemory(opts.data_url);
    this.editing = new Editing(this);
    this.inline = new InlineEdit(this);
    this.marks = new Marks(this);
    this.chips = new Chips(this);
    this.rowMenu = new RowMenu(this);
    this.large = new LargeList(this);
    this.details = new Details(this);
    this.namedViews = new NamedViews(this);
    this.take(readView(opts.data_params?.[VIEW_PARAMETER] ?? this.namedViews.first?.content, this.filterFields()));
    // Scrolling passes many pages; the address need not name them all.
    this.noteAddress = debounce(() => { if (this.dom_element.isConnected && !this.pages.isLoading) showInAddress(this); }, ADDRESS_MS);
    this.layOut();
    this.filterPanel.setConditions(this.conditions);
    this.endKeys = listenForKeys(this);
    this.endRefresh = refreshOnReturn(this);
    this.clock = setInterval(() => this.grid.showTimes(), CLOCK_MS);
  }

  /** What a view says: search, conditions, sort, columns, page size. @param {View} view */
  take({ searchText = '', conditions = [], misfits = [], sort = null, columns = null, pageRows = null, quick = null, page = null }) {
    Object.assign(this, { searchText, conditions, misfits, sort });
    this.startPage = page ?? 1;
    this.quick = this.chips.has(quick) ? quick : null;
    this.pageRows = pageRows ?? this.defaultPageRows;
    this.columns = this.columnsNamed(columns ?? this.memory.columns);
  }

  /**
   * Columns of these names, in their order; all that the page wants when there are none.
   * @param {string[] | null} names
   */
  columnsNamed(names) {
    const byName = new Map(this.filterFields().map((field) => [field.name, field]));
    const columns = [...new Set(names ?? [])].map((name) => byName.get(name)).filter((column) => column !== undefined);
    this.hasOwnColumns = columns.length > 0;
    return columns.length ? columns : this.defaultColumns;
  }

  /** Show a view: as if each of its parts had been chosen by hand. @param {View} view */
  showView(view) {
    this.take(view);
    if (this.toolbar.search) this.toolbar.search.value = this.searchText;
    this.filterPanel.setConditions(this.conditions);
    this.grid.setColumns(this.columns, this.memory.widths);
    this.pager.size.value = String(this.pageRows);
    this.pages.pageRows = this.pageRows;
    this.showSort();
    this.changed();
  }

  /** Another selection of rows: from page 1, and into the address. */
  async changed() {
    this.toolbar.update();
    this.chips.show();
    this.marks.clear();
    const loading = this.load(1);
    showInAddress(this, 1);
    await loading;
  }

  layOut() {
    const { title, description } = this.opts;
    this.grid = this.makeGrid(many(title ?? '') || t('List'));
    this.toolbar = new TableToolbar(this);
    this.filterPanel = new FilterPanel(this, this.filterFields(), (conditions) => this.filterBy(conditions));
    this.note = new Note(this);
    this.scroller = h('div', { class: 'table-scroll', tabindex: '0', role: 'region', 'aria-label': many(title ?? 'List') },
      this.grid.element, this.note.element);
    this.pager = new Pager({
      go: (page) => this.pages.go(page), goLast: () => this.pages.goLast(), resize: (rows) => this.resize(rows),
      pageRows: this.pageRows,
    });
    /** @type {{id: any, column?: string} | null} */
    this.focusPlace = null;
    this.pages = new Pages({
      scroller: this.scroller, grid: this.grid, cacheLimit: Number(this.opts.cache_limit) || DEFAULT_CACHE_PAGES,
      fetchPage: (place, how) => fetchPage(this, place, how), onChange: () => this.showPosition(),
      setBusy: (isBusy) => this.dom_element.setAttribute('aria-busy', String(isBusy)),
      isHeldBack: () => this.inline.wasWrittenIn(), beforeReset: () => { this.focusPlace = placeOfFocus(this); },
    });
    this.pages.pageRows = this.pageRows;
    this.dom_element.append(
      h('header', { class: 'table-head' },
        h('div', { class: 'table-title' }, title ? h(this.headingTag, {}, many(title)) : null,
          description ? h('p', { class: 'muted' }, t(description)) : null),
        this.toolbar.element),
      this.large.element, this.filterPanel.element, this.chips.element, this.marks.element, this.scroller, this.pager.element, this.rowMenu.element);
    if (this.sort) this.showSort();
    this.toolbar.update();
    this.chips.show();
  }

  /** Columns in view first, then those left out of view; never the bookkeeping. */
  filterFields() {
    if (this.allColumns) return this.allColumns;
    const inView = new Set([...this.defaultColumns.map(({ name }) => name), ...Object.keys(this.parentKeys), this.idField]);
    const others = this.allFields.filter(({ name, uitype }) => uitype !== 'hide' && !inView.has(name));
    this.allColumns = [...this.defaultColumns, ...others.map(withWidth)];
    return this.allColumns;
  }

  /** The one list of a page is what the page is about. */
  get headingTag() {
    return this.parent?.constructor.isPage ? 'h1' : 'h2';
  }

  /** @param {string} label */
  makeGrid(label) {
    return new Grid(this.columns, {
      idField: this.idField, checkField: this.checkField, label,
      // Relation pages are sorted by the server, whatever a request says.
      isSortable: !this.checkField, canSort: (column) => this.large.canSort(column), isExpandable: Boolean(this.opts.content_view), marks: this.marks,
      hasMenu: this.rowMenu.isUseful, hrefOf: (record, column) => cellHref(this, record, column),
      widths: this.memory.widths,
    }, {
      sort: (column) => this.sortBy(column),
      select: (record) => this.selected(record),
      open: (record) => this.openRecord(record),
      check: (record, isChecked, box) => this.checked(record, isChecked, box),
      expand: (record, row) => this.details.toggle(record, row),
      menu: (record, button) => this.rowMenu.open(record, button),
      edit: (row, cell) => this.inline.begin(row, cell),
      key: (key) => this.editKey(key),
      move: (column, at) => this.moveColumn(column.name, at),
      resize: (column, px) => this.memory.keep({ widths: { ...this.memory.widths, [column.name]: px } }),
    });
  }

  /**
   * Double click and Enter: the record's own page where a tool `open` leads to one, else its form.
   * @param {Row} record
   */
  openRecord(record) {
    if (this.boundActions.has('open')) this.dispatch('open', { ...record, referer_widget: this.uid });
    else if (this.editing.canUpdate) this.editing.update(record);
  }

  /** Rows are fetched when binds are attached, so that `loaded` reaches them. */
  built() {
    this.load(this.startPage ?? 1);
    this.namedViews.takeOver().then(() => this.toolbar.update());
  }

  /** Read the rows in view anew, and leave the reader where he is. */
  async refresh() {
    const id = this.selectedRecord?.[this.idField];
    if (!await this.pages.refresh()) return;
    this.marks.show();
    const row = id === undefined ? undefined : this.grid.rowOfId(id);
    this.select_row = row ? { user_data: row.record } : null;
    if (!row) this.grid.unselect();
    if (this.focusPlace && document.activeElement === document.body) focusAgain(this, this.focusPlace);
  }

  /** Columns that the opening page has fixed, as far as the table has them. */
  get parentKeys() {
    return this.columnsIn(this.params);
  }

  /** @param {Data} params */
  columnsIn(params) {
    const names = new Set(this.allFields.map(({ name }) => name));
    return Object.fromEntries(Object.entries(params).filter(([name]) => names.has(name)));
  }

  /**
   * Load from page 1 with these parameters in place of those of the last time: an emptied field of
   * a search lets go of what it asked for. `render({})` reloads what is in view.
   * @param {Data} params
   */
  async render(params) {
    const hasQuery = Object.keys(params ?? {}).length > 0;
    if (hasQuery) this.query = ownDataParams(params);
    await this.load(hasQuery ? 1 : this.pages.currentPage);
  }

  /** Load a page and find the selected record again. @param {number} page @param {any} [selectId] another to select; null for none */
  async load(page, selectId) {
    const top = this.pages.bodies.length ? this.scroller.scrollTop : 0;
    if (!this.pages.bodies.length) this.note.showLoading();
    const isDone = await this.pages.reset(page);
    this.details.close();
    if (!isDone) return;
    if (page === this.pages.firstPage && this.pages.bodies.length === 1) this.scroller.scrollTop = top;
    const id = selectId === undefined ? this.select_row?.user_data[this.idField] : selectId;
    this.select_row = null;
    this.grid.unselect();
    if (id !== undefined) this.grid.selectById(id);
    // It went with the row.
    if (this.focusPlace && document.activeElement === document.body) focusAgain(this, this.focusPlace);
    this.toolbar.update();
    this.dispatch('loaded', { total: this.pages.total });
  }

  /** @param {string} key */
  editKey(key) {
    if (key === 'Insert' && this.editing.canAdd) this.editing.add();
    if (key === 'Delete' && this.editing.canDelete && this.selectedRecord) this.editing.remove(this.selectedRecord);
    if (key === 'F2' && this.editing.canUpdate) this.app.show_message({ title: 'This cell is not edited in its place. Enter opens the row.' });
  }

  showPosition() {
    this.pager.show(this.pages.position);
    this.note.showEmpty();
    this.noteAddress();
  }

  clearFilter() {
    this.searchText = '';
    this.quick = null;
    if (this.toolbar.search) this.toolbar.search.value = '';
    this.filterPanel.clear();
  }

  /** @param {Column} column */
  sortBy(column) {
    const { sort } = this;
    if (sort?.column.name !== column.name) this.sort = { column, isDescending: false };
    else this.sort = sort.isDescending ? null : { column, isDescending: true };
    this.showSort();
    this.grid.headCellOf(column)?.querySelector('button')?.focus();
    this.changed();
  }

  showSort() {
    const { sort } = this;
    this.grid.showHead(sort ? { name: sort.column.name, isDescending: sort.isDescending } : this.large.sort);
  }

  /** @param {Condition[]} conditions */
  filterBy(conditions) {
    this.conditions = conditions;
    this.changed();
  }

  /** @param {string} text */
  searchFor(text) {
    if (text === this.searchText) return;
    this.searchText = text;
    this.changed();
  }

  /** @param {number} rows */
  resize(rows) {
    this.pageRows = rows;
    this.pages.pageRows = rows;
    this.changed();
  }

  /**
   * Take a column into view or out of it; the last one stays.
   * @param {string} name
   * @param {boolean} isShown
   * @returns {boolean}
   */
  chooseColumn(name, isShown) {
    const names = this.columns.map((column) => column.name).filter((one) => one !== name);
    if (isShown) {
      // Before the first that the table has after it.
      const order = this.filterFields().map((field) => field.name);
      const at = names.findIndex((one) => order.indexOf(one) > order.indexOf(name));
      names.splice(at < 0 ? names.length : at, 0, name);
    }
    if (!names.length) return false;
    this.showColumns(names);
    return true;
  }

  /** Put a column in view at another place among those in view. @param {string} name @param {number} at */
  moveColumn(name, at) {
    const names = this.columns.map((column) => column.name);
    const from = names.indexOf(name);
    if (from < 0 || at < 0 || at >= names.length || at === from) return;
    names.splice(at, 0, ...names.splice(from, 1));
    this.showColumns(names);
  }

  /** @param {string[] | null} names */
  showColumns(names) {
    this.memory.keep({ columns: names });
    this.columns = this.columnsNamed(names);
    this.grid.setColumns(this.columns, this.memory.widths);
    showInAddress(this);
  }

  /** @param {Row} record */
  selected(record) {
    this.select_row = { user_data: record };
    this.toolbar.update();
    this.dispatch('row_selected', { ...record });
    this.dispatch('row_click', { ...record });
  }

  /** The selected record, or null. */
  get selectedRecord() {
    return this.select_row?.user_data ?? null;
  }

  /** For binds that name this table as their `datawidget`. */
  getValue() {
    return { ...(this.selectedRecord ?? {}) };
  }

  /** @param {Row} record @param {boolean} isChecked @param {HTMLInputElement} box */
  async checked(record, isChecked, box) {
    // Not `disabled`, which would take the focus away.
    if (box.ariaDisabled) {
      box.checked = !isChecked;
      return;
    }
    box.ariaDisabled = 'true';
    const event = await this.dispatch('row_check_changed', { ...record, [this.checkField ?? '']: isChecked });
    box.ariaDisabled = null;
    if (event.failed) box.checked = !isChecked;
    else record[this.checkField ?? ''] = isChecked ? 1 : 0;
  }

  /** A tool of the description: an event of its name with the record it is used on. @param {Tool} tool @param {Row} record */
  async tool(tool, record) {
    const event = await this.dispatch(tool.name, { ...record, referer_widget: this.uid });
    if (event.changed) await this.render({});
  }

  released() {
    this.endKeys();
    this.endRefresh();
    clearInterval(this.clock);
    super.released();
  }

  /** Tell the table whose tool opened this page that something changed here. */
  tellOpener() {
    if (this.params.referer_widget) this.app.refreshWidget(this.params.referer_widget);
  }
}

register('Tabular', Tabular);
