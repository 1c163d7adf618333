/** PopupWindow: a framed window; Modal and the old names are the same with other defaults. */

import { build } from '../core/build.js';
import { h } from '../core/dom.js';
import { register } from '../core/registry.js';
import { Overlay } from './overlay.js';

export class PopupWindow extends Overlay {
  static css = 'window';

  async beforeChildren() {
    super.beforeChildren();
    if (this.opts.movable !== false) this.makeMovable();
    if (!this.opts.content) return;
    for (const widget of await build(this.opts.content, this)) this.add_widget(widget);
  }

  makeMovable() {
    const bar = this.dom_element.querySelector('.overlay-title');
    bar?.addEventListener('pointerdown', (event) => {
      if (event.target.closest('button') || event.button !== 0) return;
      this.startMove(bar, event);
    });
  }

  /** @param {HTMLElement} bar @param {PointerEvent} start */
  startMove(bar, start) {
    const box = this.dom_element;
    const { left, top } = box.getBoundingClientRect();
    bar.setPointerCapture(start.pointerId);
    /** @param {PointerEvent} event */
    const move = (event) => {
      const x = Math.min(window.innerWidth - 60, Math.max(60 - box.offsetWidth, left + event.clientX - start.clientX));
      const y = Math.min(window.innerHeight - 40, Math.max(0, top + event.clientY - start.clientY));
      Object.assign(box.style, { margin: '0', left: `${x}px`, top: `${y}px`, right: 'auto', bottom: 'auto' });
    };
    bar.addEventListener('pointermove', move);
    bar.addEventListener('pointerup', () => bar.removeEventListener('pointermove', move), { once: true });
  }
}

/** Popup: no frame; a click outside closes it when `auto_dismiss` is set. */
export class Popup extends Overlay {
  static css = 'popup';

  makeFrame() {
    this.contentBox = h('div', { class: 'overlay-content' });
    this.dom_element.append(this.contentBox);
  }
}

register(['PopupWindow', 'Modal'], PopupWindow);
register('Popup', Popup);
