/** The line below a table: which rows of how many, and steps between pages. */

import { h } from '../core/dom.js';
import { icon } from '../core/icons.js';
import { countText } from '../core/format.js';
import { t } from '../core/i18n.js';

const SIZES = [20, 50, 100, 160, 500];

export class Pager {
  /** @param {PagerParts} parts */
  constructor({ go, goLast, resize, pageRows }) {
    this.page = 1;
    this.pageCount = 1;
    this.position = h('span', { class: 'pager-position', 'aria-live': 'polite' });
    this.buttons = {
      first: this.button('first', 'First page', () => go(1)),
      left: this.button('left', 'Previous page', () => go(this.page - 1)),
      right: this.button('right', 'Next page', () => go(this.page + 1)),
      last: this.button('last', 'Last page', () => goLast()),
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
    const number = Number.parseInt(this.input.value, 10);
    const page = number ? Math.min(this.pageCount, Math.max(1, number)) : this.page;
    this.showPage(page);
    return page;
  }

  /** Pages from the end of a long list have no number. @param {number} page */
  showPage(page) {
    this.input.value = page > 0 ? String(page) : '';
  }

  /** @param {string} name @param {string} label @param {() => unknown} click */
  button(name, label, click) {
    return h('button', {
      type: 'button', class: 'icon-button', 'aria-label': t(label), title: t(label), on: { click },
    }, icon(name));
  }

  /** @param {PagerState} state */
  show(state) {
    const { page, pageCount } = state;
    this.page = page;
    this.pageCount = pageCount;
    const text = positionText(state);
    if (this.position.textContent !== text) this.position.textContent = text;
    this.input.disabled = false;
    if (!this.isTyping) this.showPage(page);
    this.count.textContent = `/ ${countText(pageCount)}${state.isCapped ? '+' : ''}`;
    const { first, left, right, last } = this.buttons;
    for (const button of [first, left]) button.disabled = !state.hasPrevious;
    for (const button of [right, last]) button.disabled = !state.hasNext;
    // Who has come to the last page by a button goes on from the one that leads back.
    const isStuck = Object.values(this.buttons).some((one) => one.disabled && one === document.activeElement);
    if (isStuck) [left, right].find((one) => !one.disabled)?.focus();
  }
}

/** Which rows are seen, of how many. @param {PagerState} state */
function positionText({ page, pageRows, count, total, isCapped }) {
  if (!total) return '';
  // From the end, in the order of the list: the third row from the end comes before the second.
  const from = page > 0 ? (page - 1) * pageRows + 1 : (-page - 1) * pageRows + count;
  const to = page > 0 ? from + count - 1 : (-page - 1) * pageRows + 1;
  const numbers = { from: countText(from), to: countText(to), total: countText(isCapped ? total - 1 : total) };
  if (page < 0) return t('${from}–${to} from the end, of more than ${total}', numbers);
  return isCapped ? t('${from}–${to} of more than ${total}', numbers) : t('${from}–${to} of ${total}', numbers);
}
