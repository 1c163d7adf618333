/** How much of a limit is used, as a bar with figures; a meter for screen readers. */

import { h } from '../../core/dom.js';
import { countText, decimalText, localDateTime } from '../../core/format.js';
import { t } from '../../core/i18n.js';

/** From this share on a limit is nearly used up. */
const NEAR = 0.8;

/**
 * @param {{label: string, used: number|string, limit: number|string|null, resets_at?: string|null,
 *   unit?: string, isMoney?: boolean, help?: string}} figures texts already said
 */
export function gauge({ label, used, limit, resets_at: resetsAt, unit = '', isMoney = false, help = '' }) {
  /** @param {Decimal} value */
  const bare = (value) => (isMoney ? decimalText(shortAmount(value)) : countText(value));
  /** @param {Decimal} value */
  const write = (value) => `${bare(value)}${unit ? ` ${unit}` : ''}`;
  const isLimited = limit !== null && limit !== undefined;
  const share = isLimited ? shareOf(used, limit) : 0;
  const words = isLimited ? t('${used} of ${limit}', { used: bare(used), limit: write(limit) }) : write(used);
  const fill = h('span', { class: 'gauge-fill' });
  fill.style.width = `${Math.min(100, share * 100)}%`;
  return h('div', { class: ['gauge', tone(share)] },
    h('div', { class: 'gauge-head' }, h('span', { class: 'gauge-label' }, label), h('span', { class: 'gauge-share' }, isLimited ? percent(share) : t('no limit'))),
    h('div', {
      class: 'gauge-bar', role: 'meter', 'aria-label': label, 'aria-valuemin': '0', 'aria-valuemax': '100',
      'aria-valuenow': Math.round(Math.min(1, share) * 100), 'aria-valuetext': words,
    }, fill),
    h('p', { class: 'gauge-words' }, words, help ? h('span', { class: 'muted' }, ` · ${help}`) : null,
      resetsAt ? h('span', { class: 'muted' }, ` · ${t('starts anew ${when}', { when: localDateTime(resetsAt, { seconds: false }) })}`) : null));
}

/** @param {Decimal} used @param {Decimal} limit */
function shareOf(used, limit) {
  return Number(limit) > 0 ? Number(used) / Number(limit) : 1;
}

/** @param {number} share */
function tone(share) {
  if (share >= 1) return 'gauge-full';
  return share >= NEAR ? 'gauge-near' : '';
}

/** A share in whole percent, never rounded up to 100 or down to 0. @param {number} share */
export function percent(share) {
  const whole = Math.round(share * 100);
  if (whole === 100 && share < 1) return '99%';
  return whole === 0 && share > 0 ? '<1%' : `${whole}%`;
}

/** Ten decimals are for the books; a gauge shows four, cut and not rounded. @param {unknown} amount */
export function shortAmount(amount) {
  return String(amount ?? 0).replace(/(\.\d{4})\d+$/, '$1');
}

/** Amounts of different currencies are never added: one text each. @param {Amounts | null} [amounts] */
export function amountTexts(amounts) {
  return Object.entries(amounts ?? {}).map(([currency, value]) => `${decimalText(shortAmount(value))} ${currency}`);
}
