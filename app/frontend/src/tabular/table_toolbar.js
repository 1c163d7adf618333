/** The buttons above a table: what needs no row, and what shapes the view. Those of a row are in row_menu.js. */

import { icon, iconOf } from '../core/icons.js';
import { resolveUrl } from '../core/urls.js';
import { debounce, fillNode, h } from '../core/dom.js';
import { popoverBelow } from '../core/popover.js';
import { many, t } from '../core/i18n.js';
import { columnsButton } from './column_chooser.js';
import { isTrue } from '../inputs/check_inputs.js';
import { exportList } from './exporting.js';
import { needsRow } from './row_menu.js';
import { showHelp } from './shortcuts.js';
import { viewOf, viewsButton } from './views.js';

const SEARCH_DELAY_MS = 250;
/** So many tools have room beside a list's title; more have a line of their own. */
const MOST_BESIDE = 4;

export class TableToolbar {
  /** @param {Tabular} table */
  constructor(table) {
    this.table = table;
    const { editing } = table;
    const add = editing.canAdd && this.button('add', 'Add', 'add', () => editing.add(), { css: 'primary' });
    const descriptions = (table.opts.toolbar?.tools ?? []).filter((tool) => !needsRow(tool));
    const seldom = descriptions.filter((tool) => isTrue(tool.more));
    // A menu of one would only hide it.
    const isInMenu = (/** @type {Tool} */ tool) => seldom.length > 1 && seldom.includes(tool);
    const tools = descriptions.filter((tool) => !isInMenu(tool)).map((tool) => this.descriptionTool(tool));
    const others = descriptions.filter(isInMenu).map((tool) => this.descriptionTool(tool));
    const more = others.length ? this.button('more', 'More', 'more', () => {}) : null;
    if (more) tools.push(more);
    const isMany = Boolean(table.opts.description) || (add ? 1 : 0) + tools.length > MOST_BESIDE;
    this.viewName = h('span', { class: 'view-name' });
    this.filterButton = this.button('filter', 'Filter', 'filter', () => table.filterPanel.toggle());
    this.filterButton.hidden = table.opts.nofilter === true;
    this.viewTools = h('div', { class: 'toolbar view-tools' }, this.searchBox(), this.filterButton, this.menus(),
      this.button('help', 'Keys', 'help', () => showHelp(table), { isSmall: true }),
      this.button('refresh', 'Reload', 'refresh', () => table.render({}), { isSmall: true }));
    this.element = h('div', { class: ['table-tools', isMany && 'many-tools'], role: 'toolbar', 'aria-label': t('Tools') },
      h('div', { class: 'toolbar' }, add, tools), this.viewTools);
    columnsButton(table, this.columns);
    viewsButton(table, this.views);
    if (more) this.fillMore(more, others);
    if (this.files) this.fillFiles(this.files);
  }

  menus() {
    const { opts, editing } = this.table;
    this.columns = this.button('columns', 'Columns', 'columns', () => {}, { isSmall: true });
    this.views = this.button('views', 'Views', 'views', () => {}, { isSmall: true });
    this.canImport = Boolean(opts.import_url && editing.canAdd);
    this.files = opts.exportable || this.canImport
      ? this.button('files', opts.exportable ? 'Export' : 'Import', 'download', () => {}, { isSmall: true }) : null;
    this.views.append(this.viewName);
    return [this.columns, this.views, this.files];
  }

  /** @param {HTMLButtonElement} button @param {HTMLElement[]} tools */
  fillMore(button, tools) {
    const menu = popoverBelow(button, () => tools, t('More tools'));
    menu.box.classList.add('more-tools');
    menu.box.addEventListener('click', () => menu.close());
  }

  /** @param {HTMLButtonElement} button */
  fillFiles(button) {
    const { table } = this;
    const label = this.canImport ? 'Export and import' : 'Export';
    button.title = t(label);
    setLabel(button, t(label));
    /** @param {string} words @param {() => unknown} run */
    const entry = (words, run) => h('button', { type: 'button', class: 'plain', on: { click: () => { menu.close(); run(); } } }, t(words));
    const menu = popoverBelow(button, () => [
      table.opts.exportable && entry('Export as CSV', () => exportList(table, 'csv')),
      table.opts.exportable && entry('Export for Excel', () => exportList(table, 'xlsx')),
      this.canImport && entry('Import a file …', () => this.import()),
    ].filter((node) => node instanceof HTMLElement), t(label));
  }

  /** What reads files is loaded when somebody has one. */
  async import() {
    const { openImport } = await import('./import_window.js');
    await openImport(this.table);
  }

  /** Only our own lists know the parameter `q`. */
  searchBox() {
    const { table } = this;
    if (table.opts.searchable !== true) return null;
    const search = debounce(() => table.searchFor(box.value.trim()), SEARCH_DELAY_MS);
    /** @type {HTMLInputElement} */
    const box = h('input', {
      type: 'search', class: 'quick-search', placeholder: t('Search'), 'aria-label': t('Search this list'), maxlength: 200,
      'aria-keyshortcuts': '/', value: table.searchText,
      on: {
        input: search,
        search: (event) => event.stopPropagation(),
        keydown: (event) => this.searchKey(event, box),
      },
    });
    this.search = box;
    return box;
  }

  /** @param {At<KeyboardEvent>} event @param {HTMLInputElement} box */
  searchKey(event, box) {
    if (event.key === 'ArrowDown') {
      event.preventDefault();
      (this.table.grid.selectedRow ?? this.table.grid.rows()[0])?.focus();
    } else if (event.key === 'Escape' && box.value) {
      event.preventDefault();
      event.stopPropagation();
      box.value = '';
      this.table.searchFor('');
    }
  }

  /** To the search box; a list without one has its filter. */
  focusSearch() {
    if (this.search) this.search.select();
    else if (!this.filterButton.hidden) this.table.filterPanel.toggle(true);
  }

  /**
   * @param {string} name
   * @param {string} label
   * @param {string | null} iconName
   * @param {() => unknown} click
   * @param {ToolLook} [look]
   */
  button(name, label, iconName, click, { css = '', isSmall = false, iconNode = null, say = t } = {}) {
    const text = say(label);
    return h('button', {
      type: 'button', class: ['tool', css, isSmall && 'tool-small'], 'data-tool': name, title: text, on: { click },
    }, iconNode ?? (iconName ? icon(iconName) : null), h('span', { class: isSmall ? 'visually-hidden' : 'tool-label' }, text));
  }

  /** @param {Tool} tool */
  descriptionTool(tool) {
    const iconNode = iconOf(tool.icon, (url) => resolveUrl(url, this.table.baseUri));
    return this.button(tool.name, tool.label ?? tool.name, null, () => this.table.tool(tool, {}), {
      css: tool.css, iconNode, say: many,
    });
  }

  /** How many conditions there are, and the name of the view. */
  update() {
    const view = this.table.namedViews.find(viewOf(this.table));
    this.views?.classList.toggle('active', view !== null);
    this.viewName.textContent = view?.name ?? '';
    const count = this.table.conditions.length + this.table.misfits.length;
    this.filterButton.classList.toggle('active', count > 0);
    setLabel(this.filterButton, count ? `${t('Filter')} (${count})` : t('Filter'));
    this.filterButton.setAttribute('aria-expanded', String(!this.table.filterPanel.element.hidden));
  }
}

/** @param {HTMLButtonElement} button of this toolbar @param {string} text */
function setLabel(button, text) {
  fillNode(button.querySelector('span') ?? button, text);
}
