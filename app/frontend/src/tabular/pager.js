/** The line below a table: which rows of how many, and steps between pages. */

import { h } from '../core/dom.js';
import { icon } from '../core/icons.js';
import { countText } from '../core/format.js';
import { t } from '../core/i18n.js';

const SIZES = [20, 50, 100, 160, 500];

export class Pager {
  /** @param {{go: (page: number) => void, resize: (rows: number) => void, pageRows: number}} parts */
  constructor({ go, resize, pageRows }) {
    this.page = 1;
    this.pageCount = 1;
    this.position = h('span', { class: 'pager-position', 'aria-live': 'polite' });
    this.buttons = {
      first: this.button('first', 'First page', () => go(1)),
      left: this.button('left', 'Previous page', () => go(this.page - 1)),
      right: this.button('right', 'Next page', () => go(this.page + 1)),
      last: this.button('last', 'Last page', () => go(this.pageCount)),
    };
    this.input = h('input', {
      type: 'text', inputmode: 'numeric', 'aria-label': t('Page'), class: 'pager-input',
      on: {
        input: () => { this.isTyping = true; },
        change: () => go(this.typedPage()),
        blur: () => { this.isTyping = false; },
      },
    });
    this.count = h('span');
    const sizes = [...new Set([...SIZES, pageRows])].sort((a, b) => a - b);
    /** @type {HTMLSelectElement} */
    this.size = h('select', { 'aria-label': t('Rows per page'), on: { change: () => resize(Number(this.size.value)) } },
      sizes.map((rows) => h('option', { value: rows }, t('${rows} rows', { rows }))));
    this.size.value = String(pageRows);
    this.element = h('footer', { class: 'pager' }, this.position, h('span', { class: 'spring' }), this.size,
      h('nav', { 'aria-label': t('Pages'), class: 'pager-steps' }, this.buttons.first, this.buttons.left, this.input,
        this.count, this.buttons.right, this.buttons.last));
    // Until there are rows there is nowhere to go.
    for (const control of [...Object.values(this.buttons), this.input]) control.disabled = true;
  }

  /** The page that was typed, as far as there is one. */
  typedPage() {
    this.isTyping = false;
    const page = Math.min(this.pageCount, Math.max(1, Number.parseInt(this.input.value, 10) || this.page));
    this.input.value = String(page);
    return page;
  }

  /** @param {string} name @param {string} label @param {() => unknown} click */
  button(name, label, click) {
    return h('button', {
      type: 'button', class: 'icon-button', 'aria-label': t(label), title: t(label), on: { click },
    }, icon(name));
  }

  /** @param {{page: number, pageCount: number, total: number, from: number, to: number}} state */
  show({ page, pageCount, total, from, to }) {
    this.page = page;
    this.pageCount = pageCount;
    const text = total ? t('${from}–${to} of ${total}', {
      from: countText(from), to: countText(to), total: countText(total),
    }) : '';
    if (this.position.textContent !== text) this.position.textContent = text;
    this.input.disabled = false;
    if (!this.isTyping) this.input.value = String(page);
    this.count.textContent = `/ ${countText(pageCount)}`;
    const { first, left, right, last } = this.buttons;
    for (const button of [first, left]) button.disabled = page <= 1;
    for (const button of [right, last]) button.disabled = page >= pageCount;
    // Who has come to the last page by a button goes on from the one that leads back.
    const isStuck = Object.values(this.buttons).some((one) => one.disabled && one === document.activeElement);
    if (isStuck) [left, right].find((one) => !one.disabled)?.focus();
  }
}
