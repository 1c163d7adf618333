/** Whom other prices reach, and what a month would have cost with them. */

import { dataOf } from '../core/answer_data.js';
import { lineAmount, sum } from '../core/decimals.js';
import { fillNode, h } from '../core/dom.js';
import { countText, decimalText } from '../core/format.js';
import { ask } from '../core/request.js';
import { t } from '../core/i18n.js';

const DAY_MS = 86_400_000;
/** What says from when, which a whole month is tried without. */
const ALWAYS = { effective_from: null, effective_to: null, change_from: undefined };
const SHOWN = 8;

/** @typedef {{distributor: string|null, currency: string, calls: number, lines: number, missing: number, booked: string, amount: string, difference: string}} AffectedRow */

/**
 * @param {Widget} owner
 * @param {string|undefined} nextMonth when the next quota month begins
 * @param {Data[]} changes of prices: `id`, and what shall differ
 * @param {Data[]} [prices] new ones
 */
export function priceImpact(owner, nextMonth, changes, prices = []) {
  const months = [45, 15].map((days) => new Date(new Date(nextMonth ?? Date.now()).getTime() - days * DAY_MS).toISOString().slice(0, 7));
  const result = h('div', { 'aria-live': 'polite' }, t('Loading …'));
  const names = ['Last month', 'This month'];
  const choice = h('select', { 'aria-label': t('Month'), on: { change: () => show() } },
    months.map((month, i) => h('option', { value: month }, `${t(names[i])} (${month})`)));
  async function show() {
    fillNode(result, t('Loading …'));
    const always = (/** @type {Data} */ item) => ({ ...item, ...ALWAYS });
    const answer = await ask(owner.app, '/pipeline_ops/api/price_preview.dspy', {
      method: 'POST', params: { month: choice.value, changes: JSON.stringify(changes.map(always)), prices: JSON.stringify(prices.map(always)) },
    });
    fillNode(result, ...(answer.ok ? words(dataOf(answer).affected) : [h('p', { class: 'muted' }, t(answer.error?.options?.message ?? 'That did not work.'))]));
  }
  show();
  return h('section', { class: 'price-impact', 'aria-label': t('What it comes to') },
    h('p', { class: 'price-impact-head' }, h('strong', {}, t('With the new price, this month would have cost:')), ' ', choice), result);
}

/** @param {AffectedRow[]} affected */
function words(affected) {
  const missing = affected.reduce((total, row) => total + Number(row.missing), 0);
  const rows = affected.filter((row) => Number(row.lines) > 0);
  const refusals = missing ? [h('p', { class: 'bad' }, t('${count} items of calls would have no price: such calls would be refused.', { count: countText(missing) }))] : [];
  return rows.length || !missing ? [...refusals, ...amounts(rows)] : refusals;
}

/** @param {AffectedRow[]} rows */
function amounts(rows) {
  if (!rows.length) return [h('p', { class: 'muted' }, t('No call of that month was at this price: nobody would have paid anything else.'))];
  const currencies = [...new Set(rows.map(({ currency }) => currency))];
  const calls = rows.reduce((total, row) => total + Number(row.calls), 0);
  const people = new Set(rows.map(({ distributor }) => distributor)).size;
  const totals = currencies.map((currency) => {
    const own = rows.filter((row) => row.currency === currency);
    return { distributor: t('Total'), calls: own.reduce((total, row) => total + Number(row.calls), 0), currency, ...Object.fromEntries(['booked', 'amount', 'difference'].map((name) => [name, sum(own.map((row) => /** @type {Data} */ (row)[name]))])) };
  });
  const largest = [...rows].sort((a, b) => Math.abs(Number(b.difference)) - Math.abs(Number(a.difference)));
  const head = ['Distributor', 'Calls', 'Till now', 'New', 'Difference'];
  return [h('p', {}, t('${calls} calls of ${people} are affected.', { calls: countText(calls), people: t('${count} customers', { count: people }) })),
    h('div', { class: 'impact-table' }, h('table', { class: 'plain-table' }, h('thead', {}, h('tr', {}, head.map((label, i) => h('th', { scope: 'col', class: i ? 'align-end' : '' }, t(label))))),
      h('tbody', {}, largest.slice(0, SHOWN).map((row) => line(row, row.distributor ?? t('own calls')))),
      h('tfoot', {}, totals.map((row) => line(/** @type {AffectedRow} */ (row), row.distributor))))),
    largest.length > SHOWN ? h('p', { class: 'muted' }, t('and ${count} more', { count: largest.length - SHOWN })) : null];
}

/** @param {AffectedRow} row @param {string} name */
function line(row, name) {
  const sign = row.difference.startsWith('-') || Number(row.difference) === 0 ? '' : '+';
  return h('tr', {}, h('th', { scope: 'row' }, name), h('td', { class: 'align-end' }, countText(row.calls)),
    h('td', { class: 'align-end' }, money(row.booked)), h('td', { class: 'align-end' }, money(row.amount)),
    h('td', { class: 'align-end' }, h('strong', {}, `${sign}${money(row.difference)} ${row.currency}`)));
}

/** To four digits: what a month comes to, not a bill. @param {string} amount */
function money(amount) {
  const sign = amount.startsWith('-') ? '-' : '';
  const size = lineAmount(amount.replace('-', ''), 1, 10_000).split('.')[0];
  return `${sign}${decimalText(lineAmount(size, 10_000, 1))}`;
}
