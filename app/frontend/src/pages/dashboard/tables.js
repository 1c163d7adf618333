/** Who is busiest, what is nearly used up, what is slow or fails. */

import { h } from '../../core/dom.js';
import { countText } from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { callsFigure } from '../common/calls_link.js';
import { durationText } from '../common/duration.js';
import { amountTexts, gauge } from '../common/gauge.js';
import { card, plainTable } from '../common/nodes.js';
import { rateText } from './rates.js';

/** @type {Record<string, string>} */
const SCOPES = {
  capacity_day: 'Line: calls today', capacity_month: 'Line: calls this month', concurrency: 'Line: slots',
  distributor_day: 'Distributor: calls today', distributor_month: 'Distributor: calls this month', spend: 'Distributor: spent',
  link_day: 'Distributor and line: calls today', link_month: 'Distributor and line: calls this month',
};

/** @param {Stats} stats @param {TableOptions} opts */
export function tables(stats, opts) {
  return h('div', { class: 'page-grid' },
    card('Near their limit', nearLimit(stats.near_limit, opts)),
    card('Busiest lines this month', busiest('Busiest lines this month', 'Line', stats.top_pipelines, pipelineLink, 'pipeline_id')),
    card('Busiest distributors this month', busiest('Busiest distributors this month', 'Distributor', stats.top_distributors, (one) => distributorLink(one, opts), 'distributor_id')),
    card('Lines that failed in 24 hours', failing(stats.failing_lines, stats.by_hour[0]?.hour)), card('Slowest lines in 24 hours', slow(stats.slow_lines)));
}

/** @param {NearLimit[]} rows @param {TableOptions} opts */
function nearLimit(rows, opts) {
  if (!rows.length) return note('No limit is nearly used up.');
  return h('ul', { class: 'near-limits' }, rows.map((row) => h('li', {}, gauge({
    label: row.name, used: row.used, limit: row.limit, isMoney: row.scope === 'spend', help: t(SCOPES[row.scope] ?? row.scope),
  }), linkOf(row, opts))));
}

/** @param {NearLimit} row @param {TableOptions} opts */
function linkOf(row, opts) {
  if (/^(capacity_|concurrency)/.test(row.scope)) return h('a', { href: `#/pipeline_core/line.ui?pipeline_id=${encodeURIComponent(row.id)}&tab=capacity`, 'aria-label': `${t('Open')}: ${row.name}` }, t('Open'));
  if (/^(distributor_|spend)/.test(row.scope) && opts.may_open_distributor) return h('a', { href: `#/pipeline_dist/distributor.ui?id=${encodeURIComponent(row.id)}`, 'aria-label': `${t('Open')}: ${row.name}` }, t('Open'));
  return null;
}

/** @param {string} title @param {string} label @param {Busy[]} rows @param {(row: Busy) => Child} link @param {string} name what their id is called in the list of calls */
function busiest(title, label, rows, link, name) {
  if (!rows.length) return note('Nothing yet.');
  return plainTable(title, [{ label }, { label: 'Calls', isNumber: true }, { label: 'Amount', isNumber: true }],
    rows.map((row) => [link(row), callsFigure(countText(row.calls), row.calls, { [name]: row.id, period: 'month' }), amountTexts(row.amounts).join(' · ') || '–']));
}

/** @param {FailingPipeline[]} rows @param {string} from when the first of these hours began */
function failing(rows, from) {
  if (!rows.length) return note('No call failed.');
  return plainTable('Lines that failed in 24 hours', [{ label: 'Line' }, { label: 'Failed', isNumber: true }, { label: 'Calls', isNumber: true }, { label: 'Success rate', isNumber: true }],
    rows.map((row) => [pipelineLink(row), h('span', { class: 'bad' }, callsFigure(countText(row.failed), row.failed, { pipeline_id: row.id, status: 'failed,expired', from })),
      callsFigure(countText(row.calls), row.calls, { pipeline_id: row.id, from }), rateText(row.success_rate)]));
}

/** @param {SlowPipeline[]} rows */
function slow(rows) {
  if (!rows.length) return note('No call has succeeded in this time.');
  return plainTable('Slowest lines in 24 hours', [{ label: 'Line' }, { label: 'Mean', isNumber: true }, { label: 'Longest', isNumber: true }, { label: 'Calls', isNumber: true }],
    rows.map((row) => [pipelineLink(row), durationText(row.mean_ms), durationText(row.longest_ms), countText(row.calls)]));
}

/** @param {{id: string, name: string}} row */
function pipelineLink({ id, name }) {
  return h('a', { href: `#/pipeline_core/line.ui?pipeline_id=${encodeURIComponent(id)}` }, name);
}

/** @param {{id: string, name: string}} row @param {TableOptions} opts */
function distributorLink({ id, name }, opts) {
  return opts.may_open_distributor ? h('a', { href: `#/pipeline_dist/distributor.ui?id=${encodeURIComponent(id)}` }, name) : name;
}

/** @param {string} text */
function note(text) {
  return h('p', { class: 'muted' }, t(text));
}
