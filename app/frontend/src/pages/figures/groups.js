/** The figures of a period by distributor, pipeline or model. */

import { h } from '../../core/dom.js';
import { countText } from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { AmountColumn } from '../../core/amounts.js';
import { keepCsv } from '../common/chart_files.js';
import { callsLink } from '../common/calls_link.js';
import { card, plainTable, tool } from '../common/nodes.js';
import { change } from './change.js';
import { daysOf, daysText } from './times.js';

/** @type {Record<FigureGroupBy, {title: string, label: string, none: string, param: string}>} */
const GROUPS = {
  distributor: { title: 'By distributor', label: 'Distributor', none: 'our own', param: 'distributor_id' },
  pipeline: { title: 'By line', label: 'Line', none: '', param: 'pipeline_id' },
  model: { title: 'By model', label: 'Model', none: '(no model)', param: 'model' },
};

/**
 * @param {UsageFigures} figures
 * @param {{choices: FigureGroupBy[], choose: (groupBy: FigureGroupBy) => unknown, calls: Record<string, string>, mayOpenDistributor: boolean}} how
 */
export function groupCard(figures, how) {
  const { title } = GROUPS[figures.group_by];
  const chooser = h('div', { class: 'segments', role: 'group', 'aria-label': t('Grouped by') }, how.choices.map((name) => h('button', {
    type: 'button', 'data-group': name, 'data-focus': `group ${name}`, 'aria-pressed': String(name === figures.group_by), on: { click: () => how.choose(name) },
  }, t(GROUPS[name].label))));
  const head = h('div', { class: 'chart-tools' }, chooser, h('span', { class: 'spring' }), figures.groups.length ? tool('groups_csv', 'download', 'CSV', () => keepGroups(figures)) : null);
  return card(title, head, figures.groups.length ? groupTable(figures, how) : h('p', { class: 'muted' }, t('Nothing in this time.')), notes(figures));
}

/** @param {UsageFigures} figures */
function notes({ groups, group_count: count, group_by: groupBy, total }) {
  return [
    groups.length < count ? h('p', { class: 'muted figure-note' }, t('The ${most} busiest of ${count}', { most: groups.length, count: countText(count) })) : null,
    groupBy === 'model' && groups.length ? h('p', { class: 'muted figure-note' }, t('A call with items of several models counts at each of them.')) : null,
    groupBy !== 'model' && total.failed > 0 ? h('p', { class: 'muted figure-note' }, t('Failed calls are billed like others.')) : null,
  ];
}

/** @param {UsageFigures} figures */
function currenciesOf(figures) {
  const groups = [...figures.groups, ...othersOf(figures)];
  return [...new Set(groups.flatMap(({ amounts }) => Object.keys(amounts)))].sort();
}

/** @param {UsageFigures} figures @param {{calls: Record<string, string>, mayOpenDistributor: boolean}} how */
function groupTable(figures, how) {
  const { group_by: groupBy, groups } = figures;
  const { title, label } = GROUPS[groupBy];
  const hasFailures = groupBy !== 'model';
  const currencies = currenciesOf(figures).map((currency) => ({ currency, column: new AmountColumn() }));
  const columns = [{ label }, { label: 'Calls', isNumber: true }, { label: 'Against before', isNumber: true }, ...(hasFailures ? [{ label: 'Failed', isNumber: true }] : []),
    ...currencies.flatMap(({ currency }) => [{ label: t('Amount (${currency})', { currency }), isNumber: true }, { label: 'Against before', isNumber: true }])];
  const numbers = (/** @type {FigureGroup} */ group, /** @type {HTMLElement|string} */ failed) => [
    countText(group.calls), change(group.calls, group.before.calls, countText(group.before.calls)),
    ...(hasFailures ? [failed] : []),
    ...currencies.flatMap(({ currency, column }) => {
      const { [currency]: amount } = group.amounts;
      return amount === undefined ? ['–', null] : [column.cell(amount, ''), change(amount, group.before.amounts[currency])];
    }),
  ];
  const rows = groups.map((group) => {
    const calls = { ...how.calls, [GROUPS[groupBy].param]: group.id || '-' };
    const name = h('a', { href: callsLink(calls), 'data-focus': `group of ${group.id}` }, nameOf(groupBy, group));
    return [[name, ownPage(groupBy, group, how.mayOpenDistributor)], ...numbers(group, failures(group, calls))];
  });
  return plainTable(title, columns, [...rows, ...othersOf(figures).map((group) => [group.name, ...numbers(group, countText(group.failed ?? 0))])]);
}

/** Those that have no row of their own, together: a sum over the rows is whole. @param {UsageFigures} figures @returns {FigureGroup[]} */
function othersOf({ others, groups, group_count: count }) {
  return others ? [{ ...others, id: '', name: t('Others (${count})', { count: countText(count - groups.length) }) }] : [];
}

/** @param {FigureGroupBy} groupBy @param {FigureGroup} group */
function nameOf(groupBy, { id, name }) {
  return name || (id ? id : t(GROUPS[groupBy].none));
}

/** @param {FigureGroup} group @param {Record<string, string>} calls */
function failures({ id, failed }, calls) {
  return failed ? h('a', { class: 'bad', href: callsLink({ ...calls, status: 'failed,expired' }), 'data-focus': `failures of ${id}` }, countText(failed)) : countText(failed ?? 0);
}

/** The way to the record itself. @param {FigureGroupBy} groupBy @param {FigureGroup} group @param {boolean} mayOpenDistributor */
function ownPage(groupBy, { id, name }, mayOpenDistributor) {
  const key = encodeURIComponent(id);
  const href = groupBy === 'pipeline' ? `#/pipeline_core/line.ui?pipeline_id=${key}`
    : groupBy === 'distributor' && id && mayOpenDistributor ? `#/pipeline_dist/distributor.ui?id=${key}` : '';
  return href ? [' ', h('a', { class: 'open-record', href, 'data-focus': `record ${id}`, 'aria-label': `${t('Open')}: ${name}` }, t('Open'))] : null;
}

/** @param {UsageFigures} figures */
function keepGroups(figures) {
  const { group_by: groupBy, groups, period } = figures;
  const { title, label } = GROUPS[groupBy];
  const currencies = currenciesOf(figures);
  keepCsv(`${t(title)} ${daysText(daysOf(period))}`, [t(label), t('Calls'), ...(groupBy === 'model' ? [] : [t('Failed')]), ...currencies.map((currency) => t('Amount (${currency})', { currency }))],
    [...groups, ...othersOf(figures)].map((group) => [nameOf(groupBy, group), group.calls, ...(groupBy === 'model' ? [] : [group.failed ?? 0]), ...currencies.map((currency) => String(group.amounts[currency] ?? 0))]));
}
