/** Accordion: sections that fold; content is built when first opened. */

import { build } from '../core/build.js';
import { h } from '../core/dom.js';
import { iconOf } from '../core/icons.js';
import { register } from '../core/registry.js';
import { resolveUrl } from '../core/urls.js';
import { t } from '../core/i18n.js';
import { Widget } from '../core/widget.js';

class Accordion extends Widget {
  /** @param {{items?: TabItem[]} & Data} opts @param {WidgetContext} context */
  constructor(opts, context) {
    super(opts, context);
    this.dom_element.classList.add('accordion');
    this.dom_element.append(...(opts.items ?? []).map((item) => this.section(item)));
  }

  /** @param {TabItem} item */
  section(item) {
    const content = h('div', { class: 'accordion-content' });
    /** @type {HTMLDetailsElement} */
    const section = h('details', {
      name: this.uid, on: { toggle: () => section.open && this.fill(item, content) },
    }, h('summary', {}, iconOf(item.icon, (url) => resolveUrl(url, this.baseUri)), t(item.text ?? item.label ?? item.name)),
    content);
    return section;
  }

  /** @param {TabItem} item @param {HTMLElement} content */
  async fill(item, content) {
    if (content.dataset.filled) return;
    content.dataset.filled = 'true';
    for (const widget of await build(item.content ?? [], this)) this.add_widget_at(content, widget);
  }
}

/** Folded: what few need, behind a word that opens it. */
class Folded extends Widget {
  static tag = 'details';

  /** @param {{label?: string, open?: boolean} & Data} opts @param {WidgetContext} context */
  constructor(opts, context) {
    super(opts, context);
    this.dom_element.classList.add('folded', 'accordion-content');
    /** @type {HTMLDetailsElement} */ (/** @type {unknown} */ (this.dom_element)).open = opts.open === true;
    this.dom_element.append(h('summary', {}, t(opts.label ?? 'Details')));
  }
}

register('Folded', Folded);
register('Accordion', Accordion);
