/** The calls or amounts of a period as bars. */

import { h } from '../../core/dom.js';
import { t } from '../../core/i18n.js';
import { amountText } from '../../core/amounts.js';
import { barChart } from '../common/bar_chart.js';
import { callsLink } from '../common/calls_link.js';
import { keepCsv, keepPicture } from '../common/chart_files.js';
import { card, tool } from '../common/nodes.js';
import { daysOf, daysText, STEPS, timeOf } from './times.js';

const CALLS = '';

/**
 * @param {UsageFigures} figures
 * @param {{measure: string, choose: (measure: string) => unknown, calls: Record<string, string>}} how `measure`: a currency, or '' for calls
 */
export function chartCard(figures, how) {
  const { step, bars, period } = figures;
  const { title, label } = STEPS[step];
  const currencies = [...new Set(bars.flatMap(({ amounts }) => Object.keys(amounts)))].sort();
  const measure = currencies.includes(how.measure) ? how.measure : CALLS;
  const chart = barChart({ title, groupLabel: label, bars: bars.map((bar) => barOf(bar, figures, measure, how.calls)) });
  const name = `${t(title)} ${daysText(daysOf(period))}`;
  const words = measure ? t('Amount (${currency})', { currency: measure }) : t('Calls');
  const head = h('div', { class: 'chart-tools' }, chooser(currencies, measure, how.choose), h('span', { class: 'spring' }),
    tool('chart_png', 'download', 'PNG', () => keepPicture(name, /** @type {SVGSVGElement} */ (/** @type {unknown} */ (chart.querySelector('svg.bar-chart'))), `${words} · ${name}`)),
    tool('chart_csv', 'download', 'CSV', () => keepBars(name, figures, currencies)));
  return card(title, head, chart);
}

/** @param {FigureBar} bar @param {UsageFigures} figures @param {string} measure @param {Record<string, string>} calls @returns {Bar} */
function barOf({ start, calls: count, failed, amounts }, { step, period }, measure, calls) {
  const time = timeOf(step, start, period);
  const words = Object.entries(amounts).map(([currency, amount]) => `${amountText(amount)} ${currency}`).join(' · ');
  return {
    key: time.key, label: time.label, calls: count, failed: failed ?? 0, words, height: measure ? Number(amounts[measure] ?? 0) : undefined,
    href: count ? callsLink({ ...calls, ...time.calls }) : undefined,
  };
}

/** @param {string[]} currencies @param {string} measure @param {(measure: string) => unknown} choose */
function chooser(currencies, measure, choose) {
  const choices = [[CALLS, t('Calls')], ...currencies.map((currency) => [currency, t('Amount (${currency})', { currency })])];
  return h('div', { class: 'segments', role: 'group', 'aria-label': t('What is shown') }, choices.map(([value, text]) => h('button', {
    type: 'button', 'data-measure': value || 'calls', 'data-focus': `measure ${value}`, 'aria-pressed': String(value === measure), on: { click: () => choose(value) },
  }, text)));
}

/** @param {string} name @param {UsageFigures} figures @param {string[]} currencies */
function keepBars(name, { step, bars, period }, currencies) {
  keepCsv(name, [t(STEPS[step].label), t('Calls'), t('Failed'), ...currencies.map((currency) => t('Amount (${currency})', { currency }))],
    bars.map((bar) => [timeOf(step, bar.start, period).key, bar.calls, bar.failed ?? 0, ...currencies.map((currency) => String(bar.amounts[currency] ?? 0))]));
}
