/** Menu: entries that open a page in a target, or fire `command`; nested entries fold. */

import { h } from '../core/dom.js';
import { icon, iconOf } from '../core/icons.js';
import { register } from '../core/registry.js';
import { resolveUrl } from '../core/urls.js';
import { runAction } from '../core/actions.js';
import { t } from '../core/i18n.js';
import { Widget } from '../core/widget.js';

export class Menu extends Widget {
  static tag = 'nav';

  /** @param {{items?: MenuItem[]} & Data} opts @param {WidgetContext} context */
  constructor(opts, context) {
    super(opts, context);
    this.dom_element.classList.add('menu');
    this.dom_element.setAttribute('aria-label', t(opts.title ?? 'Menu'));
    this.dom_element.append(this.list(opts.items ?? []));
  }

  /** @param {MenuItem[]} items @returns {HTMLUListElement} */
  list(items) {
    return h('ul', {}, items.map((item) => h('li', {}, this.entry(item))));
  }

  /** @param {MenuItem} item @returns {Child} */
  entry(item) {
    const children = item.items ?? item.submenu;
    if (Array.isArray(children)) return this.folder(item, children);
    return h('button', { type: 'button', 'data-name': item.name, on: { click: () => this.choose(item) } },
      this.picture(item), h('span', {}, t(item.label ?? item.name)));
  }

  /** @param {MenuItem} item @param {MenuItem[]} children */
  folder(item, children) {
    const list = this.list(children);
    list.hidden = true;
    const button = h('button', {
      type: 'button', 'aria-expanded': 'false',
      on: {
        click: () => {
          list.hidden = !list.hidden;
          button.setAttribute('aria-expanded', String(!list.hidden));
        },
      },
    }, this.picture(item), h('span', {}, t(item.label ?? item.name)), icon('down'));
    return [button, list];
  }

  /** @param {MenuItem} item */
  picture(item) {
    return iconOf(item.icon, (url) => resolveUrl(url, this.baseUri));
  }

  /** @param {MenuItem} item */
  async choose(item) {
    this.dispatch('command', { ...item });
    if (!item.url) return;
    await runAction({
      actiontype: 'urlwidget', target: item.target ?? this.opts.target ?? 'self',
      popup_options: { title: item.label, ...(this.opts.popup_options ?? {}), ...(item.popup_options ?? {}) },
      options: { url: item.url, params: item.params ?? {}, method: item.method },
    }, this, { params: {} });
  }
}

register('Menu', Menu);
