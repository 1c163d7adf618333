/** Numbers of one column, with as many decimals as the longest of them needs. */

import { decimalText } from '../../core/format.js';

/**
 * Texts whose points stand below each other.
 * @param {unknown[]} values
 * @param {number} [least] decimals of each
 */
export function alignedDecimals(values, least = 2) {
  const texts = values.map((value) => decimalText(value, 0));
  const digits = Math.max(least, ...texts.map((text) => (text.split('.')[1] ?? '').length));
  return texts.map((text) => {
    const [whole, fraction = ''] = text.split('.');
    return digits && text ? `${whole}.${fraction.padEnd(digits, '0')}` : text;
  });
}
