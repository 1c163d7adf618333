/** Numbers below each other: as many decimals as the longest needs, so that their points line up. */

import { h } from './dom.js';
import { decimalText } from './format.js';

const LEAST = 2;

/** How many decimals a number has, zeros at its end left out. @param {Decimal} value */
export function decimalsOf(value) {
  return (/\.(\d*?)0*$/.exec(String(value))?.[1] ?? '').length;
}

/** `1,234.50`, with so many decimals. @param {Decimal} value @param {number} decimals */
export function amountText(value, decimals = LEAST) {
  const [whole, fraction = ''] = decimalText(value, 0).split('.');
  return `${whole}.${fraction.padEnd(decimals, '0')}`;
}

/**
 * Texts whose points stand below each other.
 * @param {unknown[]} values
 * @param {number} [least] decimals of each
 */
export function alignedDecimals(values, least = LEAST) {
  const texts = values.map((value) => decimalText(value, 0));
  const digits = Math.max(least, ...texts.map(decimalsOf));
  return texts.map((text) => (digits && text ? amountText(text.replaceAll(',', ''), digits) : text));
}

/** The decimals of a column of a list, which grow with its rows: whole numbers have none, others two at least. */
export class ColumnDecimals {
  constructor() {
    this.decimals = 0;
  }

  /** @param {unknown[]} values @returns {boolean} whether more decimals are needed than before */
  take(values) {
    const longest = Math.max(0, ...values.map((value) => decimalsOf(/** @type {Decimal} */ (value ?? ''))));
    const isLonger = longest > this.decimals;
    if (isLonger) this.decimals = Math.max(LEAST, longest);
    return isLonger;
  }

  /** @param {unknown} value */
  text(value) {
    return value === null || value === undefined || value === '' ? '' : alignedDecimals([value], this.decimals)[0];
  }
}

export class AmountColumn {
  constructor() {
    this.decimals = LEAST;
    this.cells = /** @type {{node: HTMLElement, value: Decimal, currency: string}[]} */ ([]);
  }

  /** Begin anew, for other rows. */
  clear() {
    this.decimals = LEAST;
    this.cells = [];
  }

  /** The node of an amount. @param {Decimal} value @param {string} currency */
  cell(value, currency) {
    const node = h('span', { class: 'amount' });
    this.cells.push({ node, value, currency });
    const decimals = Math.max(this.decimals, decimalsOf(value));
    if (decimals > this.decimals) {
      this.decimals = decimals;
      for (const cell of this.cells) this.write(cell);
    } else this.write(this.cells[this.cells.length - 1]);
    return node;
  }

  /** @param {{node: HTMLElement, value: Decimal, currency: string}} cell */
  write({ node, value, currency }) {
    node.replaceChildren(amountText(value, this.decimals), h('span', { class: 'currency' }, ` ${currency}`));
  }
}
