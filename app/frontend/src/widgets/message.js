/** Message: a short note in a corner that goes by itself and never takes the focus. */

import { h } from '../core/dom.js';
import { icon } from '../core/icons.js';
import { register } from '../core/registry.js';
import { t } from '../core/i18n.js';
import { Overlay } from './overlay.js';

const DEFAULT_SECONDS = 6;
/** Above the line with the page numbers of a table. */
const LOWEST_PX = 72;

export class Message extends Overlay {
  static css = 'toast';

  /** @returns {HTMLElement} */
  createElement() {
    return h('div', { class: 'toast', role: 'status', 'aria-live': 'polite', popover: 'manual' });
  }

  makeFrame() {
    const { title, message, action } = this.opts;
    this.dom_element.append(
      icon('check'),
      h('div', { class: 'toast-text' },
        title ? h('strong', {}, t(title)) : null,
        message && message !== 'ok' ? h('span', {}, t(message)) : null),
      ...(action ? [h('button', {
        type: 'button', class: 'toast-action', on: { click: () => { this.dismiss(); action.run(); } },
      }, action.label)] : []),
      h('button', {
        type: 'button', class: 'icon-button', 'aria-label': t('Close'), on: { click: () => this.dismiss() },
      }, icon('close')),
    );
  }

  /** In the topmost window: outside of it everything is inert. */
  show() {
    toastHost().append(this.dom_element);
    this.dom_element.hidden = false;
    this.dom_element.showPopover();
    stackToasts();
    this.followWindows();
  }

  /** A window that closes takes what is in it along: move on to what is below it. */
  followWindows() {
    if (this.moveOn) return;
    this.moveOn = (/** @type {WidgetEvent} */ { params }) => {
      if (this.isOpen && params.element.contains(this.dom_element)) this.show();
    };
    this.app.bind('overlay_closed', this.moveOn);
  }

  /** Who points at it, or has the focus in it, is not hurried. */
  startTimer() {
    const seconds = Number(this.opts.timeout) || DEFAULT_SECONDS;
    const start = () => {
      clearTimeout(this.timer);
      if (this.dom_element.matches(':hover, :focus-within')) return;
      this.timer = setTimeout(() => this.dismiss(), seconds * 1000);
    };
    for (const event of ['pointerenter', 'focusin']) this.dom_element.addEventListener(event, () => clearTimeout(this.timer));
    for (const event of ['pointerleave', 'focusout']) this.dom_element.addEventListener(event, () => setTimeout(start));
    start();
  }

  dismiss() {
    if (this.moveOn) this.app.unbind('overlay_closed', this.moveOn);
    super.dismiss();
    this.dom_element.remove();
    stackToasts();
  }
}

function toastHost() {
  return [...document.querySelectorAll('dialog:modal')].pop() ?? document.body;
}

function stackToasts() {
  let bottomPx = LOWEST_PX;
  for (const toast of document.querySelectorAll('.toast:popover-open')) {
    toast.style.bottom = `${bottomPx}px`;
    bottomPx += toast.offsetHeight + 8;
  }
}


register(['Message', 'BMessage'], Message);
