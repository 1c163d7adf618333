/** Text and titles. Always text nodes, never HTML. */

import { register } from '../core/registry.js';
import { t } from '../core/i18n.js';
import { Widget } from '../core/widget.js';

const TITLE_RATES = [1.96, 1.8, 1.64, 1.48, 1.32, 1.16];

export class Text extends Widget {
  /** @param {Data} opts @param {WidgetContext} context */
  constructor(opts, context) {
    super(opts, context);
    this.dom_element.classList.add('text');
    if (opts.wrap === false) this.dom_element.classList.add('nowrap');
    if (typeof opts.halign === 'string') this.set_style('textAlign', opts.halign);
    if (Number(opts.rate) > 0) this.dom_element.style.fontSize = `${opts.rate}em`;
    this.showText();
    const speak = () => this.showText();
    this.app.bind('change_language', speak);
    this.whenReleased(() => this.app.unbind('change_language', speak));
  }

  showText() {
    const { otext, text, i18n } = this.opts;
    const content = otext !== undefined ? (i18n === false ? otext : t(otext)) : i18n ? t(text) : text;
    this.dom_element.textContent = content === null || content === undefined ? '' : String(content);
  }

  /** Set the original text; the translation is shown. @param {string} text */
  set_otext(text) {
    this.opts = { ...this.opts, otext: text };
    this.showText();
  }

  /** Set a text that is not translated. @param {unknown} text */
  set_text(text) {
    this.opts = { ...this.opts, otext: undefined, text };
    this.showText();
  }

  /** @param {unknown} value */
  setValue(value) {
    this.set_text(typeof value === 'object' ? JSON.stringify(value) : value);
  }
}

/** @param {number} level */
function titleClass(level) {
  return class extends Text {
    static tag = `h${level}`;

    /** @param {Data} opts @param {WidgetContext} context */
    constructor(opts, context) {
      super(opts, context);
      this.dom_element.classList.add('title');
      if (!opts.rate) this.dom_element.style.fontSize = `${TITLE_RATES[level - 1]}em`;
    }
  };
}

class Title extends Text {
  createElement() {
    const level = Math.min(6, Math.max(1, Number(this.opts.level) || 1));
    const element = document.createElement(`h${level}`);
    element.classList.add('title');
    element.style.fontSize = `${TITLE_RATES[level - 1]}em`;
    return element;
  }
}

register('Text', Text);
register('Title', Title);
for (let level = 1; level <= 6; level += 1) register(`Title${level}`, titleClass(level));
