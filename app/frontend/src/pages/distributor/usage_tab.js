/** What a distributor used, from the days of a month down to the lines of a single call. */

import { fillNode, h, uniqueId } from '../../core/dom.js';
import { countText, decimalText, localDateTime } from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { ask } from '../../core/request.js';
import { read } from '../common/answers.js';
import { barChart } from '../common/bar_chart.js';
import { shortAmount } from '../common/gauge.js';
import { badge, card, emptyNote, notLoaded, plainTable } from '../common/nodes.js';
import { showCall, STATUS_LABELS, STATUS_TONES } from './call_window.js';
import { byDay } from './days.js';
import { monthField } from './months.js';

const API = '/pipeline_dist/api/distributor_usage.dspy';
const LOG = '/pipeline_ops/pipeline_usage_log/get_pipeline_usage_log.dspy';
const CALLS_SHOWN = 50;

export class UsageTab {
  /** @param {DistributorPage} page */
  constructor(page) {
    this.page = page;
    this.month = page.data.days.last.slice(0, 7);
    this.day = '';
    this.pipeline = /** @type {{id: string, name: string}|null} */ (null);
    this.pageNumber = 1;
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

  /** @param {string} groupBy @param {string} from @param {string} to @param {string} [pipeline] */
  async groups(groupBy, from, to, pipeline) {
    const usage = await read(this.page.owner, API, { distributor_id: this.page.id, from, to, group_by: groupBy, pipeline });
    return usage?.groups ?? null;
  }

  drawPath() {
    /** @param {string} text @param {() => unknown} work */
    const back = (text, work) => h('button', { type: 'button', class: 'link-button', on: { click: work } }, text);
    const hadFocus = this.crumbs.contains(document.activeElement);
    fillNode(this.crumbs,
      this.day ? [' › ', back(this.day, () => this.choosePipeline(null)), back(t('(whole month)'), () => this.chooseDay(''))] : null,
      this.pipeline ? [' › ', back(t('All lines'), () => this.choosePipeline(null)), ' › ', h('strong', {}, this.pipeline.name)] : null);
    if (hadFocus) (this.crumbs.querySelector('button') ?? this.months.querySelector('select'))?.focus();
  }

  /** @param {string} month */
  chooseMonth(month) {
    Object.assign(this, { month, day: '', pipeline: null, pageNumber: 1 });
    return this.render();
  }

  /** The bars are those of the month still; one of them looks different. @param {string} day */
  async chooseDay(day) {
    Object.assign(this, { day: this.day === day ? '' : day, pipeline: null, pageNumber: 1 });
    this.bars.chosenKey = this.day;
    for (const bar of this.chart.querySelectorAll('.chart-bar')) bar.classList.toggle('chart-chosen', bar.dataset.key === this.day);
    this.drawPath();
    await this.drawDetails();
  }

  /** @param {{id: string, name: string} | null} pipeline */
  async choosePipeline(pipeline) {
    Object.assign(this, { pipeline, pageNumber: 1 });
    this.drawPath();
    await this.drawDetails();
    this.details.querySelector('h2')?.scrollIntoView({ block: 'nearest' });
  }

  /** Pipelines of the time chosen; with a pipeline chosen its calls. */
  async drawDetails() {
    const subject = this.subject();
    const { first, last } = this.day ? { first: this.day, last: this.day } : monthBounds(this.month);
    const content = this.pipeline ? await this.callsCard(first, last) : await this.groupCards(first, last);
    if (subject === this.subject()) this.fillDetails(content);
  }

  /** What the details are about, to know a late answer by. */
  subject() {
    return JSON.stringify([this.month, this.day, this.pipeline?.id, this.pageNumber]);
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

  /** @param {UsageGroup[]} rows */
  pipelinesCard(rows) {
    return card('By line', plainTable('By line', [{ label: 'Line' }, { label: 'Calls', isNumber: true }, { label: 'Failed', isNumber: true }, { label: 'Amount', isNumber: true }],
      rows.map((row) => [
        h('button', { type: 'button', class: 'link-button', 'data-pipeline': row.group, on: { click: () => this.choosePipeline({ id: row.pipeline_id, name: row.name }) } }, row.name),
        countText(row.calls), countText(row.failed), money(row),
      ])));
  }

  /** @param {string} first @param {string} last */
  async callsCard(first, last) {
    const answer = await ask(this.page.owner.app, LOG, { params: this.logParams(first, last) });
    if (!answer.ok) {
      await this.page.owner.app.showAnswer(answer);
      return notLoaded(() => this.drawDetails());
    }
    const { rows, total, capped } = /** @type {ListPage & {capped?: boolean}} */ (answer.value);
    return card('Single calls', plainTable('Single calls', [{ label: 'Call' }, { label: 'Began' }, { label: 'Status' }, { label: 'Duration', isNumber: true }, { label: 'Client reference' }],
      rows.map((row) => this.callCells(row))), this.pager(capped ? total - 1 : total, capped));
  }

  /** @param {string} first @param {string} last */
  logParams(first, last) {
    const conditions = [
      ['distributor_id', '=', this.page.id], ['pipeline_id', '=', this.pipeline?.id], ['line_no', '=', 0], ['day_key', '>=', first], ['day_key', '<=', last],
      // In whichever zone these days are; of the order's own column, so that nothing is read of other months.
      ['started_at', '>=', midnight(first, -1)], ['started_at', '<', midnight(last, 2)],
    ];
    const filter = { AND: conditions.map(([field, op, value]) => ({ field, op, const: value })) };
    return { data_filter: JSON.stringify(filter), page: this.pageNumber, rows: CALLS_SHOWN, sort: 'started_at desc' };
  }

  /** @param {Row} row */
  callCells(row) {
    const open = h('button', { type: 'button', class: 'link-button', 'data-call': row.call_no, on: { click: () => showCall(this.page.owner, row) } }, h('code', {}, row.call_no));
    return [open, localDateTime(row.started_at), badge(t(STATUS_LABELS[row.status] ?? row.status), STATUS_TONES[row.status]),
      row.duration_ms === null ? '' : `${countText(row.duration_ms)} ms`, row.client_ref ?? ''];
  }

  /** @param {number} total @param {boolean} [isCapped] there are more */
  pager(total, isCapped = false) {
    const pages = Math.ceil(total / CALLS_SHOWN);
    if (pages < 2) return null;
    /** @param {number} by @param {string} label */
    const step = (by, label) => h('button', {
      type: 'button', 'data-step': by, disabled: this.pageNumber + by < 1 || this.pageNumber + by > pages,
      on: { click: async () => { this.pageNumber += by; await this.drawDetails(); } },
    }, t(label));
    return h('div', { class: 'pager-line' }, step(-1, 'Previous page'), h('span', {}, `${this.pageNumber} / ${pages}${isCapped ? '+' : ''}`), step(1, 'Next page'));
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

/** A day's midnight in UTC, some days later. @param {string} day @param {number} days */
function midnight(day, days) {
  const moment = new Date(`${day}T00:00:00Z`);
  moment.setUTCDate(moment.getUTCDate() + days);
  return moment.toISOString();
}
