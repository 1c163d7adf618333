/** Choosing a month. */

import { h } from '../../core/dom.js';
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
  /** @type {HTMLSelectElement} */
  const select = h('select', { 'data-name': 'month', on: { change: () => change(select.value) } },
    months.map((month) => h('option', { value: month, selected: month === current }, month)));
  return h('label', { class: 'inline-label' }, t('Month'), select);
}
