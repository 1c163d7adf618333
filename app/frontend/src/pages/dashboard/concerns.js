/** What one should look at, each with the way to where something is done about it; what is empty is not there. */

import { h } from '../../core/dom.js';
import { countText, localDateTime } from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { callsFigure } from '../common/calls_link.js';
import { durationText } from '../common/duration.js';
import { gauge } from '../common/gauge.js';
import { badge, card, plainTable } from '../common/nodes.js';
import { useText } from '../../core/price_words.js';
import { rateText } from '../common/rates.js';

/** @type {Record<string, string>} */
const SCOPES = {
  capacity_day: 'Line: calls today', capacity_month: 'Line: calls this month', concurrency: 'Line: slots',
  distributor_day: 'Distributor: calls today', distributor_month: 'Distributor: calls this month', spend: 'Distributor: spent',
  link_day: 'Distributor and line: calls today', link_month: 'Distributor and line: calls this month',
};

/** @param {Concerns} concerns @param {boolean} mayOpenDistributor */
export function concernCards(concerns, mayOpenDistributor) {
  const { near_limit: near = [], failing_lines: failures = [], slow_lines: slow = [], prices_ending: prices = [], keys_expiring: keys = [], statements_to_close: months = [], since = '' } = concerns;
  const cards = [
    near.length ? card('Near their limit', nearLimit(near, mayOpenDistributor)) : null,
    failures.length ? card('Lines that failed in 24 hours', failing(failures, since)) : null,
    prices.length ? card('Prices that end', pricesEnding(prices)) : null,
    keys.length ? card('Keys that expire', keysExpiring(keys)) : null,
    months.length ? card('Statements to close', toClose(months)) : null,
    slow.length ? card('Slowest lines in 24 hours', slowest(slow, since)) : null,
  ].filter(Boolean);
  return cards.length ? h('div', { class: 'page-grid' }, cards) : null;
}

/** @param {NearLimit[]} rows @param {boolean} mayOpenDistributor */
function nearLimit(rows, mayOpenDistributor) {
  return h('ul', { class: 'near-limits' }, rows.map((row) => h('li', {}, gauge({
    label: row.name, used: row.used, limit: row.limit, isMoney: row.scope === 'spend', help: t(SCOPES[row.scope] ?? row.scope),
  }), linkOf(row, mayOpenDistributor))));
}

/** @param {NearLimit} row @param {boolean} mayOpenDistributor */
function linkOf(row, mayOpenDistributor) {
  if (/^(capacity_|concurrency)/.test(row.scope)) return open(pipelinePage(row.id, 'capacity'), row.name);
  if (/^(distributor_|spend)/.test(row.scope) && mayOpenDistributor) return open(distributorPage(row.id, ''), row.name);
  if (row.scope.startsWith('link_')) return open('#/pipeline_dist/distributor_pipeline', row.name);
  return null;
}

/** @param {FailingPipeline[]} rows @param {string} from when the first of these hours began */
function failing(rows, from) {
  return [plainTable('Lines that failed in 24 hours', [{ label: 'Line' }, { label: 'Failed', isNumber: true }, { label: 'Calls', isNumber: true }, { label: 'Success rate', isNumber: true }],
    rows.map((row) => [h('a', { href: pipelinePage(row.id, '') }, row.name), h('span', { class: 'bad' }, callsFigure(countText(row.failed), row.failed, { pipeline_id: row.id, status: 'failed,expired', from })),
      callsFigure(countText(row.calls), row.calls, { pipeline_id: row.id, from }), rateText(row.success_rate)])),
  h('p', { class: 'muted figure-note' }, t('Failed calls are billed like others.'))];
}

/** @param {EndingPrice[]} rows */
function pricesEnding(rows) {
  return plainTable('Prices that end', [{ label: 'Line' }, { label: 'Price' }, { label: 'Ends' }],
    rows.map((row) => [h('a', { href: pipelinePage(row.pipeline_id, 'prices') }, row.name), [useText(row), row.is_own ? [' ', badge(t('Own price'))] : null], localDateTime(row.effective_to, { seconds: false })]));
}

/** @param {ExpiringKey[]} rows */
function keysExpiring(rows) {
  return plainTable('Keys that expire', [{ label: 'Distributor' }, { label: 'Key' }, { label: 'Expires' }],
    rows.map((row) => [h('a', { href: distributorPage(row.id, 'keys') }, row.name), [row.key_name, ' ', h('code', {}, `${row.prefix}…`)], localDateTime(row.expires_at, { seconds: false })]));
}

/** @param {OpenMonth[]} rows */
function toClose(rows) {
  return plainTable('Statements to close', [{ label: 'Distributor' }, { label: 'Month' }],
    rows.map((row) => [h('a', { href: '#/pipeline_dist/statements.ui', 'aria-label': `${t('Statements')}: ${row.name}, ${row.month}` }, row.name), row.month]));
}

/** @param {SlowPipeline[]} rows @param {string} from */
function slowest(rows, from) {
  return plainTable('Slowest lines in 24 hours', [{ label: 'Line' }, { label: 'Mean', isNumber: true }, { label: 'Longest', isNumber: true }, { label: 'Calls', isNumber: true }],
    rows.map((row) => [h('a', { href: pipelinePage(row.id, '') }, row.name), durationText(row.mean_ms), durationText(row.longest_ms), callsFigure(countText(row.calls), row.calls, { pipeline_id: row.id, from })]));
}

/** @param {string} href @param {string} name */
function open(href, name) {
  return h('a', { href, 'aria-label': `${t('Open')}: ${name}` }, t('Open'));
}

/** @param {string} id @param {string} tab */
function pipelinePage(id, tab) {
  return `#/pipeline_core/line.ui?pipeline_id=${encodeURIComponent(id)}${tab && `&tab=${tab}`}`;
}

/** @param {string} id @param {string} tab */
function distributorPage(id, tab) {
  return `#/pipeline_dist/distributor.ui?id=${encodeURIComponent(id)}${tab && `&tab=${tab}`}`;
}
