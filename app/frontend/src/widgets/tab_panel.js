/** TabPanel: one content at a time, built when first shown; the ARIA tabs pattern. */

import { build } from '../core/build.js';
import { h, uniqueId } from '../core/dom.js';
import { icon, iconOf } from '../core/icons.js';
import { register } from '../core/registry.js';
import { resolveUrl } from '../core/urls.js';
import { t } from '../core/i18n.js';
import { Widget } from '../core/widget.js';
import { holdsWork } from './unsaved.js';

export class TabPanel extends Widget {
  /** @param {{items?: TabItem[]} & Data} opts @param {WidgetContext} context */
  constructor(opts, context) {
    super(opts, context);
    this.dom_element.classList.add('tab-panel', `tabs-${opts.tab_pos ?? 'top'}`);
    this.bar = h('div', { role: 'tablist', class: 'tab-bar', on: { keydown: (event) => this.key(event) } });
    this.panel = h('div', { role: 'tabpanel', class: 'tab-content', tabindex: '0', id: uniqueId('panel') });
    this.dom_element.append(this.bar, this.panel);
    this.tabs = (opts.items ?? []).map((item) => this.addTab(item));
  }

  get contentElement() {
    return this.panel;
  }

  async built() {
    if (this.tabs.length) await this.show_tab(this.tabs[0]);
  }

  /** @param {TabItem} item */
  addTab(item) {
    const picture = iconOf(item.icon, (url) => resolveUrl(url, this.baseUri));
    const button = h('button', {
      type: 'button', role: 'tab', 'aria-selected': 'false', tabindex: '-1', id: uniqueId('tab'),
      'aria-controls': this.panel.id, 'data-name': item.name, on: { click: () => { this.show_tab(tab); } },
    }, picture, h('span', {}, t(item.label ?? item.text ?? item.name)));
    /** @type {Tab} */
    const tab = { item, button, widgets: [], building: null };
    this.bar.append(button);
    if (item.removable) this.bar.append(this.removeButton(tab));
    return tab;
  }

  /** @param {Tab} tab */
  removeButton(tab) {
    /** @type {HTMLButtonElement} */
    const button = h('button', {
      type: 'button', class: 'icon-button', 'aria-label': t('Remove'), on: { click: () => this.removeTab(tab, button) },
    }, icon('close'));
    return button;
  }

  /** @param {Tab} tab @param {HTMLButtonElement} button */
  removeTab(tab, button) {
    this.tabs = this.tabs.filter((one) => one !== tab);
    tab.button.remove();
    button.remove();
    for (const widget of tab.widgets) widget.released();
    if (this.current !== tab) return;
    this.fill([]);
    if (this.tabs.length) this.show_tab(this.tabs[0]);
  }

  /** Show a tab, given as the tab or by its name. @param {Tab | string} choice */
  async show_tab(choice) {
    const tab = typeof choice === 'string' ? this.tabs.find(({ item }) => item.name === choice) : choice;
    if (!tab) return;
    this.current = tab;
    for (const { button } of this.tabs) {
      button.setAttribute('aria-selected', String(button === tab.button));
      button.tabIndex = button === tab.button ? 0 : -1;
    }
    this.panel.setAttribute('aria-labelledby', tab.button.id);
    await this.contentOf(tab);
    if (this.current !== tab) return;
    this.fill(tab.widgets);
    this.dispatch('switch', { name: tab.item.name });
  }

  /**
   * Built when first shown, with `refresh` each time; a second click meanwhile waits for the same.
   * @param {Tab} tab
   */
  contentOf(tab) {
    if (tab.widgets.length && !tab.item.refresh) return null;
    tab.building ??= build(tab.item.content ?? [], this).then((widgets) => {
      const isGone = this.isGone || !this.tabs.includes(tab);
      for (const widget of isGone ? widgets : tab.widgets) widget.released();
      tab.widgets = isGone ? [] : widgets;
    }).finally(() => { tab.building = null; });
    return tab.building;
  }

  /** What was in view before is kept for when its tab is shown again. @param {Widget[]} widgets */
  fill(widgets) {
    this.panel.replaceChildren();
    this.children = [];
    for (const widget of widgets) this.add_widget(widget);
  }

  /** Also on tabs that are not in view. */
  holdsWork() {
    return this.tabs.some(({ widgets }) => widgets.some((widget) => holdsWork(widget.dom_element)));
  }

  released() {
    this.isGone = true;
    for (const { widgets } of this.tabs) {
      for (const widget of widgets) if (!this.children.includes(widget)) widget.released();
    }
    super.released();
  }

  /** @param {At<KeyboardEvent>} event */
  key(event) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = this.tabs.findIndex((tab) => tab === this.current);
    const next = this.tabs[(at + step + this.tabs.length) % this.tabs.length];
    this.show_tab(next);
    next.button.focus();
  }
}

register('TabPanel', TabPanel);
