/** The page itself: content in one element, overlays in a layer of their own beside it. */

import { h } from './dom.js';
import { Widget } from './widget.js';

export class Body extends Widget {
  createElement() {
    this.content = h('div', { class: 'page-root' });
    document.body.prepend(this.content);
    return document.body;
  }

  get contentElement() {
    return this.content;
  }

  /** @param {Widget} overlay */
  addOverlay(overlay) {
    document.body.append(overlay.dom_element);
  }
}
