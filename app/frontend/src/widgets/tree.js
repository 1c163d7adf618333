/** Tree: nodes loaded level by level, chosen, edited. Section 10 of the page contract. */

import { ask } from '../core/request.js';
import { h } from '../core/dom.js';
import { icon, iconOf } from '../core/icons.js';
import { isTrue } from '../inputs/check_inputs.js';
import { register } from '../core/registry.js';
import { resolveUrl } from '../core/urls.js';
import { t } from '../core/i18n.js';
import { Widget } from '../core/widget.js';
import { TreeEditing } from './tree_editing.js';

export class Tree extends Widget {
  /** @param {Data} opts @param {WidgetContext} context */
  constructor(opts, context) {
    super(opts, context);
    this.dom_element.classList.add('tree-widget');
    this.dom_element.dataset.uid = this.uid;
    this.idField = opts.idField ?? 'id';
    this.textField = opts.textField ?? 'text';
    this.selectedItem = /** @type {TreeItem|null} */ (null);
    this.editing = new TreeEditing(this);
    const label = t(opts.title ?? 'Tree');
    this.list = h('ul', {
      role: 'tree', class: 'tree', 'aria-label': label,
      on: { click: (event) => this.clicked(event), keydown: (event) => this.key(event) },
    });
    this.dom_element.append(this.heading(), this.list);
  }

  heading() {
    const { title, description } = this.opts;
    return h('header', { class: 'table-head' },
      h('div', { class: 'table-title' }, title ? h('h2', {}, t(title)) : null,
        description ? h('p', { class: 'muted' }, t(description)) : null),
      this.toolbar());
  }

  toolbar() {
    /** @param {string} name @param {string} label @param {string | null} iconName @param {() => unknown} click */
    const button = (name, label, iconName, click) => h('button', {
      type: 'button', class: 'tool', 'data-tool': name, on: { click },
    }, iconName ? icon(iconName) : null, h('span', { class: 'tool-label' }, t(label)));
    const tools = /** @type {Tool[]} */ (this.opts.toolbar?.tools ?? [])
      .map((tool) => button(tool.name, tool.label ?? tool.name, null, () => this.tool(tool)));
    return h('div', { class: 'toolbar', role: 'toolbar', 'aria-label': t('Tools') },
      this.editing.canAdd && button('add', 'Add', 'add', () => this.editing.add()),
      this.editing.canUpdate && button('update', 'Edit', 'update', () => this.editing.update()),
      this.editing.canDelete && button('delete', 'Delete', 'delete', () => this.editing.remove()), tools,
      this.opts.dataurl ? button('refresh', 'Reload', 'refresh', () => this.render()) : null);
  }

  built() {
    return this.render();
  }

  async render() {
    this.selectedItem = null;
    const records = await this.load(null);
    if (!records) return;
    this.list.replaceChildren(...records.map((record) => this.node(record, 1)));
    this.makeTabbable(this.list.querySelector('[role=treeitem]'));
    this.dispatch('loaded', {});
  }

  /** The children of a node, or the root level. @param {Row | null} record @returns {Promise<Row[]|null>} */
  async load(record) {
    if (!this.opts.dataurl) return record ? record.children ?? [] : this.opts.data ?? [];
    const key = {};
    if (record) {
      const id = record[this.idField];
      Object.assign(key, { [this.idField]: id, id });
      if (this.opts.typeField) key.type = record[this.opts.typeField];
    }
    const answer = await ask(this.app, this.opts.dataurl, {
      method: this.opts.method, params: { ...(this.opts.params ?? {}), ...key }, baseUri: this.baseUri,
    });
    if (!answer.ok || answer.value?.widgettype) {
      await this.app.showAnswer(answer);
      return null;
    }
    return Array.isArray(answer.value) ? answer.value : answer.value?.rows ?? [];
  }

  /** @param {Row} record @param {number} level */
  node(record, level) {
    const isLeaf = isTrue(record.is_leaf) || (!this.opts.dataurl && !record.children?.length);
    const element = h('li', {
      role: 'treeitem', 'aria-level': level, 'aria-selected': 'false', tabindex: '-1',
      'aria-expanded': isLeaf ? undefined : 'false',
    });
    const item = /** @type {TreeItem} */ (Object.assign(element, { record, level }));
    item.append(h('div', { class: 'tree-row' }, h('span', { class: 'tree-toggle' }, icon('right')), this.checkBox(record),
      this.nodeIcon(record), h('span', { class: 'tree-text' }, this.textOf(record))));
    return item;
  }

  /** @param {Row} record */
  textOf(record) {
    return String(record[this.textField] ?? record[this.idField] ?? '');
  }

  /** @param {Row} record */
  nodeIcon(record) {
    const icons = this.opts.node_typeicons ?? this.opts.type_icons ?? {};
    const name = icons[record[this.opts.typeField]] ?? this.opts.default_icon;
    return iconOf(name, (url) => resolveUrl(url, this.baseUri)) ?? icon('folder');
  }

  /** @param {Row} record */
  checkBox(record) {
    const { checkField } = this.opts;
    if (!checkField) return null;
    /** @type {HTMLInputElement} */
    const box = h('input', {
      type: 'checkbox', checked: isTrue(record[checkField]), 'aria-label': this.textOf(record), tabindex: '-1',
      on: { change: () => this.checked(record, box) },
    });
    return box;
  }

  /** @param {Row} record @param {HTMLInputElement} box */
  async checked(record, box) {
    const params = { ...record, [this.opts.checkField]: box.checked };
    const events = await Promise.all(['node_check_changed', 'check_changed'].map((name) => this.dispatch(name, params)));
    if (events.some(({ failed }) => failed)) box.checked = !box.checked;
  }

  /** @param {At<MouseEvent>} event */
  clicked(event) {
    const item = event.target.closest('[role=treeitem]');
    if (!item || event.target.matches('input')) return;
    this.select(item);
    if (event.target.closest('.tree-toggle')) this.toggle(item);
  }

  /** @param {TreeItem} item */
  select(item) {
    this.list.querySelector('[aria-selected=true]')?.setAttribute('aria-selected', 'false');
    item.setAttribute('aria-selected', 'true');
    this.makeTabbable(item);
    item.focus({ preventScroll: true });
    this.selectedItem = item;
    this.select_node = { user_data: item.record };
    this.dispatch('node_selected', { ...item.record });
    this.dispatch('node_click', { ...item.record });
  }

  /** The one node that the Tab key leads to. @param {HTMLElement | null} item */
  makeTabbable(item) {
    for (const one of this.list.querySelectorAll('[tabindex="0"]')) one.tabIndex = -1;
    if (item) item.tabIndex = 0;
  }

  get selectedRecord() {
    return this.selectedItem?.record ?? null;
  }

  getValue() {
    return { ...(this.selectedRecord ?? {}) };
  }

  /** @param {TreeItem} item */
  toggle(item) {
    if (item.getAttribute('aria-expanded') === 'true') this.fold(item);
    else return this.unfold(item);
    return undefined;
  }

  /** @param {TreeItem} item */
  fold(item) {
    if (item.hasAttribute('aria-expanded')) item.setAttribute('aria-expanded', 'false');
    const group = item.querySelector(':scope > ul');
    if (group) group.hidden = true;
  }

  /**
   * Open a node; who wants it opened while its children are on their way waits for the same.
   * @param {TreeItem} item
   */
  async unfold(item) {
    if (!item.hasAttribute('aria-expanded')) return;
    item.opening ??= this.groupOf(item).finally(() => { item.opening = null; });
    const group = await item.opening;
    if (!group) return;
    group.hidden = false;
    item.setAttribute('aria-expanded', 'true');
  }

  /**
   * The list of a node's children, fetched the first time. A node without any is a leaf, and has none.
   * @param {TreeItem} item
   */
  async groupOf(item) {
    const there = item.querySelector(':scope > ul');
    const records = there ? null : await this.load(item.record);
    if (!records) return there;
    if (!records.length) {
      item.removeAttribute('aria-expanded');
      return null;
    }
    const group = h('ul', { role: 'group' }, records.map((record) => this.node(record, item.level + 1)));
    item.append(group);
    return group;
  }

  /**
   * Take a node away; the Tab key then leads to its neighbour. A node that has lost its last child is a leaf.
   * @param {TreeItem} item
   */
  removeNode(item) {
    const group = item.parentElement;
    const parent = group?.closest('[role=treeitem]') ?? null;
    const next = item.nextElementSibling ?? item.previousElementSibling ?? parent;
    item.remove();
    this.selectedItem = null;
    this.makeTabbable(/** @type {HTMLElement|null} */ (next));
    if (!group || !parent || group.children.length) return;
    group.remove();
    parent.removeAttribute('aria-expanded');
  }

  /** Add a new record below a node, or at the root. @param {Row} record @param {TreeItem | null} parentItem */
  async addNode(record, parentItem) {
    if (!parentItem) {
      const item = this.node(record, 1);
      this.list.append(item);
      if (!item.previousElementSibling) this.makeTabbable(item);
      return;
    }
    parentItem.setAttribute('aria-expanded', 'false');
    const group = parentItem.querySelector(':scope > ul');
    if (group) group.append(this.node(record, parentItem.level + 1));
    await this.unfold(parentItem);
  }

  /** @param {TreeItem} item */
  selectParent(item) {
    const parent = item.parentElement?.closest('[role=treeitem]');
    if (parent) this.select(parent);
  }

  visibleItems() {
    return [...this.list.querySelectorAll('[role=treeitem]')].filter((item) => !item.closest('ul[hidden]'));
  }

  /** @param {At<KeyboardEvent>} event */
  key(event) {
    const item = event.target.closest('[role=treeitem]');
    if (!item || event.target !== item) return;
    const items = this.visibleItems();
    const at = items.indexOf(item);
    const goal = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (goal !== undefined) {
      event.preventDefault();
      this.select(items[Math.min(items.length - 1, Math.max(0, goal))]);
    } else if (event.key === 'ArrowRight') {
      event.preventDefault();
      this.unfold(item);
    } else if (event.key === 'ArrowLeft') {
      event.preventDefault();
      if (item.getAttribute('aria-expanded') === 'true') this.fold(item);
      else this.selectParent(item);
    } else if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      this.select(item);
    }
  }

  /** @param {Tool} tool */
  tool(tool) {
    const needsNode = [tool.selected_row, tool.selected_node, tool.selected_data].some(isTrue);
    if (needsNode && !this.selectedRecord) {
      this.app.show_message({ title: 'Please select a row first.' });
      return;
    }
    this.dispatch(tool.name, { ...(needsNode ? this.selectedRecord : {}), referer_widget: this.uid });
  }
}

register('Tree', Tree);
