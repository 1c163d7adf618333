/** What a statement says: what is to be paid, its lines, corrections, adjustments, sums. */

import { h } from '../../core/dom.js';
import { countText, decimalText, localDateTime } from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { alignedDecimals } from '../../core/amounts.js';
import { callsFigure, callsLink, itemParams } from '../common/calls_link.js';
import { badge, emptyNote, facts, plainTable } from '../common/nodes.js';
import { priceText } from '../../core/price_words.js';

/** @type {Record<string, [string, string]>} */
export const STATES = { open: ['the month runs', ''], ended: ['not closed yet', 'warn'], closed: ['closed', 'good'] };

/** @param {Statement} statement @param {string} distributorId @param {Child} change what it was before */
export function statementView(statement, distributorId, change) {
  return [head(statement, distributorId, change),
    statement.lines.length ? lines(statement, distributorId) : emptyNote('usage', 'Nothing was called in this month.'),
    ...corrections(statement), ...adjustments(statement), sums(statement)];
}

/** @param {Statement} statement @param {string} distributorId @param {Child} change */
function head(statement, distributorId, change) {
  const { status, running } = statement;
  const calls = callsFigure(countText(statement.calls), statement.calls, { distributor_id: distributorId, month: statement.month });
  return [
    h('p', { class: 'quote-total' }, t('To be paid'), ' ', h('strong', {}, dueText(statement)), ' ',
      badge(t(STATES[status][0]), STATES[status][1]), ' ', change),
    facts([
      ['Statement number', statement.number ?? h('span', { class: 'muted' }, t('comes with the close'))], ['Statement period', period(statement)],
      ['Calls', h('span', {}, calls, running ? h('span', { class: 'muted' }, ` · ${t('${count} still running', { count: countText(running) })}`) : null)],
      ['Closed at', localDateTime(statement.closed_at, { seconds: false })],
    ]),
  ];
}

/** What is paid, in the currency's minor units, as the server has rounded it. @param {Pick<Statement, 'total' | 'currency'>} statement */
export function dueText({ total, currency }) {
  const [, decimals = ''] = String(total).split('.');
  return `${alignedDecimals([total], decimals.length)[0]} ${currency}`;
}

/** @param {string} currency */
function amountLabel(currency) {
  return `${t('Amount')} (${currency})`;
}

/** From its first to its last day, in the zone of the month. @param {Statement} statement */
function period({ month, time_zone: zone }) {
  const [year, number] = month.split('-').map(Number);
  const last = new Date(Date.UTC(year, number, 0)).getUTCDate();
  return `${month}-01 – ${month}-${String(last).padStart(2, '0')}${zone ? ` (${zone})` : ''}`;
}

/** @param {Statement} statement @param {string} distributorId */
function lines({ lines: rows, month, lines_amount: total, currency }, distributorId) {
  const ofMonth = { distributor_id: distributorId, month };
  const amounts = alignedDecimals([...rows.map(({ amount }) => amount), total]);
  const quantities = alignedDecimals(rows.map(({ quantity }) => quantity), 0);
  const columns = [{ label: 'Line' }, { label: 'Step' }, { label: 'Model' }, { label: 'Unit' }, { label: 'Price' },
    { label: 'Calls', isNumber: true }, { label: 'Quantity', isNumber: true }, { label: amountLabel(currency), isNumber: true }];
  const cells = rows.map((row, at) => {
    const params = { ...ofMonth, pipeline: row.pipeline, ...itemParams(row) };
    const link = Number(row.calls) ? h('a', { href: callsLink(params) }, row.pipeline_name) : row.pipeline_name;
    return [link, row.step_key || '–', row.model || '–', row.unit, priceText(row), callsFigure(countText(row.calls), row.calls, params), quantities[at], amounts[at]];
  });
  return plainTable('Statement', columns, cells, [t('Total of the lines'), '', '', '', '', '', '', amounts.at(-1)]);
}

/** What belongs to closed months, under a heading if there is any. @param {Statement} statement */
function corrections({ corrections: rows, corrections_amount: total, currency }) {
  if (!rows.length) return [];
  const amounts = alignedDecimals([...rows.map(({ amount }) => amount), total]);
  const headings = [{ label: 'Month' }, { label: 'Call' }, { label: 'Line' }, { label: 'Step' }, { label: 'Model' }, { label: 'Unit' }, { label: 'Reason' },
    { label: 'Quantity', isNumber: true }, { label: amountLabel(currency), isNumber: true }];
  const cells = rows.map((row, at) => [row.month, callsFigure(row.call_no, 1, { call: row.call_no, q: row.call_no }),
    row.pipeline_name, row.step_key || '–', row.model || '–', row.unit || '–', row.reason || '–', decimalText(row.quantity, 0), amounts[at]]);
  return [heading('Corrections of closed months'),
    plainTable('Corrections of closed months', headings, cells, [t('Total of the corrections'), '', '', '', '', '', '', '', amounts.at(-1)])];
}

/** What was adjusted by hand, under a heading if there is any. @param {Statement} statement */
function adjustments({ adjustments: rows, adjustments_amount: total, currency }) {
  if (!rows.length) return [];
  const amounts = alignedDecimals([...rows.map(({ amount }) => amount), total]);
  const headings = [{ label: 'Booked' }, { label: 'Reason' }, { label: 'Reference' }, { label: amountLabel(currency), isNumber: true }];
  const cells = rows.map((row, at) => [localDateTime(row.booked_at, { seconds: false }), row.reason, row.reference ?? '–', amounts[at]]);
  return [heading('Adjustments'), plainTable('Adjustments', headings, cells, [t('Total of the adjustments'), '', '', amounts.at(-1)])];
}

/** @param {string} text */
function heading(text) {
  return h('h3', { class: 'statement-part' }, t(text));
}

/** The sums of the parts where there is more than one, the exact sum, and what is paid of it. @param {Statement} statement */
function sums(statement) {
  const { currency } = statement;
  const parts = /** @type {[string, Decimal][]} */ ([['Total of the lines', statement.lines_amount], ['Total of the corrections', statement.corrections_amount],
    ['Total of the adjustments', statement.adjustments_amount]].filter(([, amount]) => Number(amount)));
  const rows = /** @type {[string, Decimal][]} */ ([...parts.length > 1 ? parts : [], ['Exact sum', statement.amount]]);
  const amounts = alignedDecimals(rows.map(([, amount]) => amount));
  return h('dl', { class: 'statement-sums' }, rows.map(([label], at) => [h('dt', {}, t(label)), h('dd', {}, `${amounts[at]} ${currency}`)]),
    h('dt', { class: 'statement-due' }, t('To be paid')), h('dd', { class: 'statement-due' }, dueText(statement)));
}
