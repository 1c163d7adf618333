/** Links to exactly the calls behind a figure; every one is made here. */

import { h } from '../../core/dom.js';

export const CALLS_PAGE = '/pipeline_ops/calls.ui';

/**
 * The address of exactly these calls.
 * @param {Record<string, unknown>} params names of the list's filter, and `call`
 */
export function callsLink(params) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== null && value !== undefined && value !== '') query.set(name, String(value));
  }
  return `#${CALLS_PAGE}?${query}`;
}

/**
 * What of a line of a statement tells it from others.
 * @param {{step_key: string, model: string, unit: string, pricing_type: string} & Record<string, any>} line
 */
export function itemParams(line) {
  const isPackage = line.pricing_type === 'package';
  return {
    step_key: line.step_key, model: line.model, unit: line.unit, pricing_type: line.pricing_type,
    price: isPackage ? line.package_price : line.unit_price, size: isPackage ? line.package_size : line.unit_size,
  };
}

/** A figure that is a link to its calls; none of nothing. @param {Child} text @param {unknown} count @param {Record<string, unknown>} params */
export function callsFigure(text, count, params) {
  return Number(count) ? h('a', { href: callsLink(params) }, text) : text;
}
