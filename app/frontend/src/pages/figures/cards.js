/** What all calls of a period come to: a card each, a link to its calls. */

import { h } from '../../core/dom.js';
import { countText } from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { amountText } from '../../core/amounts.js';
import { callsLink } from '../common/calls_link.js';
import { rateText } from '../common/rates.js';
import { change } from './change.js';

const FAILED = { status: 'failed,expired' };

/** @param {UsageFigures} figures @param {Record<string, string>} calls */
export function figureCards({ total, total_before: before }, calls) {
  return h('section', { class: 'figure-cards', 'aria-label': t('Usage') },
    figure('Calls', countText(total.calls), total.calls ? calls : null, change(total.calls, before.calls, countText(before.calls))),
    figure('Success rate', rateText(total.success_rate), total.succeeded ? { ...calls, status: 'succeeded' } : null,
      total.success_rate === null ? t('no call has ended yet') : t('${count} succeeded', { count: countText(total.succeeded) }),
      before.success_rate === null ? null : t('before: ${value}', { value: rateText(before.success_rate) })),
    figure('Failed', h('span', { class: total.failed > 0 && 'bad' }, countText(total.failed)), total.failed ? { ...calls, ...FAILED } : null,
      change(total.failed, before.failed, countText(before.failed))),
    amounts(total, before, calls),
    total.running ? figure('Still running', countText(total.running), { ...calls, status: 'reserved' }) : null);
}

/** A card for each currency, exact: what is in another one is never added. @param {Period} total @param {Period} before @param {Record<string, string>} calls */
function amounts(total, before, calls) {
  const currencies = [...new Set([...Object.keys(total.amounts), ...Object.keys(before.amounts)])].sort();
  if (!currencies.length) return figure('Amount', '–', null, t('No amount yet'));
  return currencies.map((currency) => {
    const { [currency]: amount = '0' } = total.amounts;
    const { [currency]: amountBefore } = before.amounts;
    return figure('Amount', [amountText(amount), ' ', h('span', { class: 'currency' }, currency)], total.calls ? calls : null,
      change(amount, amountBefore, amountBefore === undefined ? '' : `${amountText(amountBefore)} ${currency}`),
      total.failed > 0 ? t('Failed calls are billed like others.') : null);
  });
}

/** @param {string} label @param {Child} value @param {Record<string, string>|null} calls what it leads to @param {...Child} more */
function figure(label, value, calls, ...more) {
  return h('div', { class: ['card figure-card', calls && 'is-link'], 'data-name': label }, h('h2', {}, t(label)),
    h('strong', {}, calls ? h('a', { href: callsLink(calls), 'data-focus': `card ${label}` }, h('span', { class: 'visually-hidden' }, `${t(label)}: `), value) : value),
    more.map((part) => (part ? h('p', { class: 'muted' }, part) : null)));
}
