/** Amounts below each other: as many decimals as the longest needs, so that they line up. */

import { h } from '../../core/dom.js';
import { decimalText } from '../../core/format.js';

const LEAST = 2;

/** How many decimals an amount has, zeros at its end left out. @param {Decimal} value */
function decimalsOf(value) {
  return (/\.(\d*?)0*$/.exec(String(value))?.[1] ?? '').length;
}

/** `1,234.50`, with so many decimals. @param {Decimal} value @param {number} decimals */
export function amountText(value, decimals = LEAST) {
  const [whole, fraction = ''] = decimalText(value, 0).split('.');
  return `${whole}.${fraction.padEnd(decimals, '0')}`;
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
