/** Choosing a month. */

import { fillNode, h } from '../../core/dom.js';
import { t } from '../../core/i18n.js';

const MONTHS = 24;

/**
 * The last months in a drop-down.
 * @param {string} current `2026-11`
 * @param {(month: string) => void} change
 */
export function monthField(current, change) {
  const months = [];
  const now = new Date();
  for (let back = -1; back < MONTHS; back += 1) {
    months.push(new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back, 1)).toISOString().slice(0, 7));
  }
  if (months[1] >= current) months.shift(); // the quota zone may already be in the next month
  const { element, fill } = monthChoice(change);
  fill(months.map((month) => ({ month, text: month })), current);
  return element;
}

/**
 * A drop-down of months to be filled, also anew: who goes through them by keyboard stays in it.
 * @param {(month: string) => void} change
 */
export function monthChoice(change) {
  /** @type {HTMLSelectElement} */
  const select = h('select', { 'data-name': 'month', on: { change: () => change(select.value) } });
  /** @param {{month: string, text: string}[]} months @param {string} current */
  const fill = (months, current) => fillNode(select, months.map(({ month, text }) => h('option', { value: month, selected: month === current }, text)));
  return { element: h('label', { class: 'inline-label' }, t('Month'), select), fill };
}

/** The month before. @param {string} month `2026-01` */
export function monthBefore(month) {
  const [year, number] = month.split('-').map(Number);
  return new Date(Date.UTC(year, number - 2, 1)).toISOString().slice(0, 7);
}
