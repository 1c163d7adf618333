/** A figure beside what it was before. */

import { h } from '../../core/dom.js';
import { countText } from '../../core/format.js';
import { t } from '../../core/i18n.js';

/**
 * `▲ 12 %`, in whole percent; nothing where there is nothing to compare.
 * @param {Decimal} value
 * @param {Decimal|undefined} before
 * @param {string} [words] what it was before
 * @returns {Child}
 */
export function change(value, before, words = String(before ?? '')) {
  const was = Number(before ?? 0);
  if (!was) return Number(value) ? h('span', { class: 'change muted' }, t('no data before')) : null;
  const percent = Math.round(((Number(value) - was) / Math.abs(was)) * 100);
  const size = countText(Math.abs(percent));
  const sign = percent > 0 ? '▲' : percent < 0 ? '▼' : '±';
  const title = t('before: ${value}', { value: words });
  return h('span', { class: 'change', title }, h('span', { 'aria-hidden': 'true' }, `${sign} ${size} %`),
    h('span', { class: 'visually-hidden' }, t(percent < 0 ? '${size} % less than before' : '${size} % more than before', { size }), ', ', title));
}
