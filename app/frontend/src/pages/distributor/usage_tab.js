/** What a distributor used: the days of a month, pipelines and models, and the way to their calls. */

import { fillNode, h, uniqueId } from '../../core/dom.js';
import { countText, decimalText } from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { read } from '../common/answers.js';
import { barChart } from '../common/bar_chart.js';
import { callsFigure, callsLink } from '../common/calls_link.js';
import { shortAmount } from '../common/gauge.js';
import { card, emptyNote, notLoaded, plainTable } from '../common/nodes.js';
import { byDay } from './days.js';
import { monthField } from './months.js';

const API = '/pipeline_dist/api/distributor_usage.dspy';

export class UsageTab {
  /** @param {DistributorPage} page */
  constructor(page) {
    this.page = page;
    this.month = page.data.days.last.slice(0, 7);
    this.day = '';
    // Made once: who goes through the months by keyboard stays in it.
    this.months = monthField(this.month, (month) => this.chooseMonth(month));
    this.crumbs = h('span', { class: 'usage-crumbs' });
    this.path = h('nav', { class: 'usage-path', 'aria-label': t('Usage') }, this.months, this.crumbs);
    this.chart = h('div', {});
    this.details = h('div', { class: 'usage-details', id: uniqueId('details') });
    this.element = h('div', {}, card('Usage', this.path, this.chart), this.details);
  }

  async render() {
    const { month } = this;
    const { first, last } = monthBounds(month);
    const rows = await this.groups('day', first, last);
    // A late answer about another month than the one that is chosen now says nothing here.
    if (month !== this.month) return;
    this.drawPath();
    if (!rows) {
      this.drawFailure();
      return;
    }
    this.bars = { title: 'Calls per day', groupLabel: 'Day', bars: byDay(rows, { first, last }), choose: (/** @type {Bar} */ bar) => this.chooseDay(bar.key), chosenKey: this.day };
    fillNode(this.chart, rows.some((/** @type {DayFigures} */ { calls }) => Number(calls)) ? barChart(this.bars) : emptyNote('usage', 'Nothing was called in this month.'));
    this.monthInView = month;
    await this.drawDetails();
  }

  /** What is there of the same month already, stays. */
  drawFailure() {
    if (this.monthInView === this.month) return;
    this.monthInView = '';
    fillNode(this.chart, notLoaded(() => this.render()));
    fillNode(this.details);
  }

  /** @param {string} groupBy @param {string} from @param {string} to */
  async groups(groupBy, from, to) {
    const usage = await read(this.page.owner, API, { distributor_id: this.page.id, from, to, group_by: groupBy });
    return usage?.groups ?? null;
  }

  drawPath() {
    /** @param {string} text @param {() => unknown} work */
    const back = (text, work) => h('button', { type: 'button', class: 'link-button', on: { click: work } }, text);
    const hadFocus = this.crumbs.contains(document.activeElement);
    fillNode(this.crumbs,
      this.day ? [' › ', h('strong', {}, this.day), back(t('(whole month)'), () => this.chooseDay(''))] : null,
      h('a', { 'data-name': 'calls', href: callsLink({ distributor_id: this.page.id, ...this.days() }) }, t('Single calls')));
    if (hadFocus) /** @type {HTMLElement | null} */ (this.crumbs.querySelector('button, a'))?.focus();
  }

  /** @param {string} month */
  chooseMonth(month) {
    Object.assign(this, { month, day: '' });
    return this.render();
  }

  /** The bars are those of the month still; one of them looks different. @param {string} day */
  async chooseDay(day) {
    this.day = this.day === day ? '' : day;
    this.bars.chosenKey = this.day;
    for (const bar of this.chart.querySelectorAll('.chart-bar')) bar.classList.toggle('chart-chosen', bar.dataset.key === this.day);
    this.drawPath();
    await this.drawDetails();
  }

  /** Pipelines and models of the time chosen. */
  async drawDetails() {
    const subject = this.subject();
    const { first_day: first, last_day: last } = this.days();
    const content = await this.groupCards(first, last);
    if (subject === this.subject()) this.fillDetails(content);
  }

  /** The days chosen, as the list of calls is asked for them. */
  days() {
    const { first, last } = this.day ? { first: this.day, last: this.day } : monthBounds(this.month);
    return { first_day: first, last_day: last };
  }

  /** What the details are about, to know a late answer by. */
  subject() {
    return JSON.stringify([this.month, this.day]);
  }

  /** Whoever was in what is replaced goes on at the same button, or at the new heading. @param {Child} content */
  fillDetails(content) {
    const active = this.details.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement) : null;
    fillNode(this.details, content);
    if (!active) return;
    const heading = this.details.querySelector('h2');
    heading?.setAttribute('tabindex', '-1');
    (this.details.querySelector(`[data-step="${active.dataset.step}"]:enabled`) ?? heading ?? this.months.querySelector('select'))?.focus();
  }

  /** @param {string} first @param {string} last */
  async groupCards(first, last) {
    const [pipelines, models] = await Promise.all([this.groups('pipeline', first, last), this.groups('model', first, last)]);
    if (!pipelines) return notLoaded(() => this.drawDetails());
    return pipelines.length ? h('div', { class: 'page-grid' }, this.pipelinesCard(pipelines), modelsCard(models ?? [])) : null;
  }

  /** @param {UsageGroup} row */
  callsOf(row) {
    return { distributor_id: this.page.id, pipeline_id: row.pipeline_id, ...this.days() };
  }

  /** @param {UsageGroup[]} rows */
  pipelinesCard(rows) {
    return card('By line', plainTable('By line', [{ label: 'Line' }, { label: 'Calls', isNumber: true }, { label: 'Failed', isNumber: true }, { label: 'Amount', isNumber: true }],
      rows.map((row) => [
        h('a', { 'data-pipeline': row.group, href: callsLink(this.callsOf(row)) }, row.name),
        callsFigure(countText(row.calls), row.calls, this.callsOf(row)), callsFigure(countText(row.failed), row.failed, { ...this.callsOf(row), status: 'failed,expired' }), money(row),
      ])));
  }
}

/** @param {UsageGroup[]} rows */
function modelsCard(rows) {
  return card('By model', plainTable('By model', [{ label: 'Model' }, { label: 'Calls', isNumber: true }, { label: 'Amount', isNumber: true }],
    rows.map((row) => [row.group || t('(no model)'), countText(row.calls), money(row)])));
}

/** @param {UsageGroup} row */
function money({ amount, currency }) {
  return `${decimalText(shortAmount(amount))} ${currency}`;
}

/** @param {string} month */
function monthBounds(month) {
  const [year, number] = month.split('-').map(Number);
  const days = new Date(Date.UTC(year, number, 0)).getUTCDate();
  return { first: `${month}-01`, last: `${month}-${String(days).padStart(2, '0')}` };
}
