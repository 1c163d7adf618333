/** Calls and amounts, by hour and by day. */

import { h, uniqueId } from '../../core/dom.js';
import { localDateTime } from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { barChart } from '../common/bar_chart.js';
import { callsLink } from '../common/calls_link.js';
import { amountTexts } from '../common/gauge.js';

const CALLS = '';

export class ChartCards {
  constructor() {
    this.measure = CALLS;
    this.stats = /** @type {Pick<Stats, 'by_hour'|'by_day'>} */ ({ by_hour: [], by_day: [] });
    this.element = h('div', { class: 'page-grid' });
  }

  /** @param {Pick<Stats, 'by_hour'|'by_day'>} stats */
  draw(stats) {
    this.stats = stats;
    const currencies = [...new Set([...stats.by_hour, ...stats.by_day].flatMap(({ amounts }) => Object.keys(amounts)))];
    if (this.measure && !currencies.includes(this.measure)) this.measure = CALLS;
    const hours = stats.by_hour.map((one) => this.bar(one, localDateTime(one.hour, { seconds: false }), localDateTime(one.hour).slice(11, 16), hourOf(one.hour)));
    const days = stats.by_day.map((one) => this.bar(one, one.day, one.day.slice(5), { first_day: one.day, last_day: one.day }));
    this.element.replaceChildren(this.card('The last 24 hours', 'Hour', hours, currencies), this.card('The last 14 days', 'Day', days, currencies));
    return this.element;
  }

  /** @param {Period} one @param {string} key @param {string} label @param {Record<string, string>} time of exactly its calls */
  bar(one, key, label, time) {
    const { calls, failed, amounts } = one;
    const height = this.measure ? Number(amounts[this.measure] ?? 0) : undefined;
    return { key, label, calls, failed, height, words: amountTexts(amounts).join(' · '), href: calls ? callsLink(time) : undefined };
  }

  /** @param {string} title @param {string} groupLabel @param {Bar[]} bars @param {string[]} currencies */
  card(title, groupLabel, bars, currencies) {
    return h('section', { class: 'card page-card' }, h('h2', {}, t(title), h('span', { class: 'spring' }), currencies.length ? this.chooser(currencies, title) : null),
      barChart({ title, groupLabel, bars }));
  }

  /**
   * What the height of the bars means; one choice for both charts.
   * @param {string[]} currencies
   * @param {string} title
   */
  chooser(currencies, title) {
    const name = uniqueId('measure');
    const choices = [[CALLS, t('Calls')], ...currencies.map((currency) => [currency, t('Amount (${currency})', { currency })])];
    const select = h('select', {
      id: name, 'aria-label': `${t(title)}: ${t('What is shown')}`, class: 'chart-measure',
      on: { change: () => { this.measure = select.value; this.draw(this.stats); this.element.querySelector(`[aria-label="${CSS.escape(select.getAttribute('aria-label') ?? '')}"]`)?.focus(); } },
    }, choices.map(([value, text]) => h('option', { value, selected: value === this.measure }, text)));
    return select;
  }
}

/** @param {string} hour when it begins */
function hourOf(hour) {
  return { from: hour, to: new Date(new Date(hour).getTime() + 3_600_000).toISOString() };
}
