/** Button: a click carries no data; an `action` is a bind without wid and event. */

import { h } from '../core/dom.js';
import { iconOf } from '../core/icons.js';
import { register } from '../core/registry.js';
import { resolveUrl } from '../core/urls.js';
import { runAction } from '../core/actions.js';
import { t } from '../core/i18n.js';
import { Widget } from '../core/widget.js';

export class Button extends Widget {
  static tag = 'button';

  /** @param {Data} opts @param {WidgetContext} context */
  constructor(opts, context) {
    super(opts, context);
    this.dom_element.type = 'button';
    if (opts.name) this.set_id(String(opts.name));
    this.label = h('span', {}, t(opts.label ?? opts.text ?? ''));
    const picture = iconOf(opts.icon, (url) => resolveUrl(url, this.baseUri));
    this.dom_element.append(...[picture, this.label].filter((node) => node !== null));
    if (opts.nonepack) this.dom_element.classList.add('plain');
    if (opts.action) this.bind('click', () => runAction(opts.action, this, { params: {} }));
    this.text_w = { set_otext: (/** @type {string} */ text) => this.setLabel(text), set_text: (/** @type {string} */ text) => this.setLabel(text) };
  }

  /** @param {string} text */
  setLabel(text) {
    this.label.textContent = t(text);
  }

  get disabled() {
    return this.dom_element.disabled;
  }

  /** @param {boolean} isDisabled */
  set disabled(isDisabled) {
    this.dom_element.disabled = Boolean(isDisabled);
  }
}

register('Button', Button);
