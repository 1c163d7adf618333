/** Image, Icon, BlankIcon, Svg. */

import { h } from '../core/dom.js';
import { iconOf } from '../core/icons.js';
import { register } from '../core/registry.js';
import { resolveUrl } from '../core/urls.js';
import { safeSvg } from '../core/svg.js';
import { t } from '../core/i18n.js';
import { Widget } from '../core/widget.js';

export class Image extends Widget {
  static tag = 'img';

  /** @param {Data} opts @param {WidgetContext} context */
  constructor(opts, context) {
    super(opts, context);
    this.dom_element.alt = t(opts.alt ?? opts.tooltip ?? '');
    this.dom_element.addEventListener('error', () => this.hide());
    this.set_url(opts.url ?? opts.source);
  }

  /** @param {string} url */
  set_url(url) {
    if (url) this.dom_element.src = resolveUrl(url, this.baseUri);
  }
}

class Icon extends Widget {
  static tag = 'span';

  /** @param {Data} opts @param {WidgetContext} context */
  constructor(opts, context) {
    super(opts, context);
    this.dom_element.classList.add('icon-box');
    const picture = iconOf(opts.url ?? opts.name ?? opts.icon, (url) => resolveUrl(url, this.baseUri));
    if (picture) this.dom_element.append(picture);
    if (Number(opts.rate) > 0) this.dom_element.style.fontSize = `${opts.rate}em`;
  }
}

class Svg extends Widget {
  /** @param {Data} opts @param {WidgetContext} context */
  constructor(opts, context) {
    super(opts, context);
    this.dom_element.classList.add('svg-box');
    if (Number(opts.rate) > 0) this.dom_element.style.fontSize = `${opts.rate}em`;
    const drawing = opts.svg ? safeSvg(opts.svg) : null;
    if (drawing) this.dom_element.append(drawing);
    else if (opts.url) this.dom_element.append(h('img', { src: resolveUrl(opts.url, this.baseUri), alt: '' }));
  }
}

register('Image', Image);
register('Icon', Icon);
register('BlankIcon', class extends Icon {});
register('Svg', Svg);
