/** A statement beside the one of the month before. */

import { h } from '../../core/dom.js';
import { sum } from '../../core/decimals.js';
import { t } from '../../core/i18n.js';
import { alignedDecimals } from '../../core/amounts.js';
import { callsLink } from '../common/calls_link.js';
import { card, plainTable } from '../common/nodes.js';
import { dueText } from './statement_view.js';

/** How far what is to be paid is from the month before, which a click shows. @param {Statement} statement @param {Statement} earlier @param {() => unknown} show */
export function comparisonLine(statement, earlier, show) {
  const change = changeText(statement.total, earlier.total);
  const month = h('button', { type: 'button', class: 'link-button', on: { click: show } }, earlier.month);
  return [h('strong', {}, change), ' ', t('compared with'), ' ', month, ` (${dueText(earlier)})`];
}

/** Each pipeline's amount of both months, the greatest change first. @param {Statement} statement @param {Statement} earlier @param {string} distributorId */
export function comparison(statement, earlier, distributorId) {
  const rows = pipelineRows(statement, earlier);
  if (!rows.length) return null;
  const months = [earlier, statement];
  const totals = months.map(({ lines_amount: amount }) => amount);
  const columns = [0, 1].map((at) => alignedDecimals([...rows.map(({ amounts }) => amounts[at]), totals[at]]));
  const differences = alignedDecimals([...rows.map(({ amounts }) => difference(amounts)), difference(totals)]);
  const headings = [{ label: 'Line' }, ...months.map(({ month }) => ({ label: `${month} (${statement.currency})`, isNumber: true })), { label: 'Difference', isNumber: true }];
  const cells = rows.map(({ code, name, amounts }, at) => {
    return [name, ...months.map(({ month }, which) => amountLink(columns[which][at], amounts[which], { distributor_id: distributorId, month, pipeline: code })),
      differenceCell(differences[at], amounts)];
  });
  const foot = [t('Total of the lines'), ...columns.map((texts) => texts.at(-1) ?? ''), differenceCell(differences[rows.length], totals)];
  return card('Compared with the month before', plainTable('Compared with the month before', headings, cells, foot));
}

/** @param {Decimal[]} amounts before and now */
function difference([before, now]) {
  return sum([now, String(before).startsWith('-') ? String(before).slice(1) : `-${before}`]);
}

/** How much more or less, and which share that is. @param {string} text @param {Decimal[]} amounts before and now */
function differenceCell(text, [before, now]) {
  const change = changeText(now, before);
  if (change === '=') return change;
  return [`${text.startsWith('-') ? '' : '+'}${text} `, h('span', { class: 'muted' }, change)];
}

/** @param {string} text @param {Decimal} amount @param {Record<string, string>} params */
function amountLink(text, amount, params) {
  return Number(amount) ? h('a', { href: callsLink(params) }, text) : text;
}

/** @param {Statement} statement @param {Statement} earlier */
function pipelineRows(statement, earlier) {
  const names = new Map([...earlier.lines, ...statement.lines].map(({ pipeline, pipeline_name: name }) => [pipeline, name]));
  /** @param {Statement} of @param {string} code */
  const amountOf = (of, code) => sum(of.lines.filter(({ pipeline }) => pipeline === code).map(({ amount }) => amount));
  const rows = [...names].map(([code, name]) => ({ code, name, amounts: [amountOf(earlier, code), amountOf(statement, code)] }));
  const size = (/** @type {{amounts: string[]}} */ { amounts }) => Math.abs(Number(amounts[1]) - Number(amounts[0]));
  return rows.sort((one, other) => size(other) - size(one));
}

/** `▲ 12.5%`, `▼ 3%`, `=`; of nothing there is no share. @param {Decimal} now @param {Decimal} before */
export function changeText(now, before) {
  const [present, past] = [Number(now), Number(before)];
  if (present === past) return '=';
  if (!past) return t('new');
  if (!present) return t('none any more');
  const share = Math.round(((present - past) / Math.abs(past)) * 1000) / 10;
  return `${present > past ? '▲' : '▼'} ${Math.abs(share) || '<0.1'}%`;
}
