/** What windows and boxes share: a <dialog> in the page's top layer, size, place, opened, dismissed. */

import { h } from '../core/dom.js';
import { icon, iconOf } from '../core/icons.js';
import { addClasses } from '../core/styling.js';
import { holdsWork } from './unsaved.js';
import { resolveUrl } from '../core/urls.js';
import { t } from '../core/i18n.js';
import { Widget } from '../core/widget.js';

/** Spellings of one option that are all in use. */
const ANCHOR_NAMES = ['archor', 'anchor', 'anthor', 'author'];

export class Overlay extends Widget {
  static isOverlay = true;
  static commonOptions = false;
  /** Extra class names of the kind. */
  static css = '';

  /** @returns {HTMLElement} */
  createElement() {
    const dialog = h('dialog', { class: ['overlay', this.constructor.css] });
    dialog.addEventListener('cancel', (event) => {
      event.preventDefault();
      event.stopImmediatePropagation();
      if (event.target === dialog) this.requestDismiss();
    });
    dialog.addEventListener('click', (event) => this.clickedOutside(event));
    return dialog;
  }

  beforeChildren() {
    this.dom_element.setAttribute('aria-label', this.titleText() || t(this.opts.message ?? '') || t('Window'));
    this.placeAndSize();
    this.makeFrame();
  }

  titleText() {
    return t(this.opts.title ?? '');
  }

  get contentElement() {
    return this.contentBox ?? this.dom_element;
  }

  /** The title bar and the content box; kinds override it for other looks. */
  makeFrame() {
    this.contentBox = h('div', { class: 'overlay-content' });
    this.dom_element.append(this.titleBar(), this.contentBox);
  }

  titleBar() {
    /** @param {string} url */
    const resolve = (url) => resolveUrl(url, this.baseUri);
    const close = h('button', {
      type: 'button', class: 'icon-button', 'aria-label': t('Close'), title: t('Close'),
      on: { click: () => this.requestDismiss() },
    }, icon('close'));
    return h('header', { class: 'overlay-title' },
      iconOf(this.opts.icon, resolve), h('h2', {}, this.titleText()), close);
  }

  placeAndSize() {
    const { style } = this.dom_element;
    const unit = this.app.charSizePx;
    const width = size(this.opts.width, 'vw') ?? (this.opts.cwidth ? `${this.opts.cwidth * unit}px` : null);
    const height = size(this.opts.height, 'vh') ?? (this.opts.cheight ? `${this.opts.cheight * unit}px` : null);
    if (width) style.setProperty('--overlay-width', width);
    if (height) style.setProperty('--overlay-height', height);
    const anchor = ANCHOR_NAMES.map((name) => this.opts[name]).find((one) => typeof one === 'string');
    if (/^[tcb][lcr]$/.test(anchor ?? '')) this.dom_element.dataset.anchor = anchor;
    this.dom_element.classList.toggle('resizable', isOn(this.opts.resizable));
    addClasses(this.dom_element, this.opts.css);
    if (typeof this.opts.bgcolor === 'string') this.set_style('bgcolor', this.opts.bgcolor);
  }

  open() {
    if (this.isOpen) return;
    this.isOpen = true;
    if (!this.dom_element.isConnected) this.app.body.addOverlay(this);
    this.show();
    this.startTimer();
    this.dispatch('opened', {});
  }

  show() {
    this.dom_element.hidden = false;
    if (this.opts.modal === false) this.dom_element.show();
    else this.dom_element.showModal();
  }

  startTimer() {
    const seconds = Number(this.opts.timeout);
    if (seconds > 0) this.timer = setTimeout(() => this.dismiss(), seconds * 1000);
  }

  /** @param {MouseEvent} event */
  clickedOutside(event) {
    const dismissable = isOn(this.opts.auto_dismiss) || isOn(this.opts.auto_close);
    if (dismissable && event.target === this.dom_element) this.requestDismiss();
  }

  /** Closing by the person; windows with unsaved work ask first. @returns {Promise<boolean>} */
  async requestDismiss() {
    if (holdsWork(this.dom_element) && !await this.mayLoseWork()) return false;
    this.dismiss();
    return true;
  }

  mayLoseWork() {
    return this.app.confirm({
      title: 'Unsaved changes', message: 'Close and lose what you typed?', yes_label: 'Close', danger: true,
    });
  }

  dismiss() {
    if (!this.isOpen) return;
    this.isOpen = false;
    clearTimeout(this.timer);
    if (this.dom_element.open) this.dom_element.close();
    this.app.dispatch('overlay_closed', { element: this.dom_element });
    const handlers = this.dispatch('dismissed', this.opts.user_data ?? {});
    // Afterwards: what is in the window may wait for its end.
    this.released();
    handlers.finally(() => this.dom_element.remove());
  }

  destroy() {
    this.dismiss();
    this.dom_element.remove();
  }
}

/** True for what descriptions write for yes. @param {unknown} value */
export function isOn(value) {
  return value === true || value === 1 || value === 'true' || value === '1';
}

/** @param {unknown} value @param {string} viewportUnit */
function size(value, viewportUnit) {
  if (typeof value === 'number') return `${value}px`;
  if (typeof value !== 'string') return null;
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(value.trim());
  if (percent) return `${percent[1]}${viewportUnit}`;
  return /^\d+(\.\d+)?(px|em|rem|vw|vh|dvh)$/.test(value.trim()) ? value.trim() : null;
}
