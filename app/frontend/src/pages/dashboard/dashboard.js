/** The overview: what to do first while something is missing, then how it goes; refreshes itself. */

import { dataOf } from '../../core/answer_data.js';
import { ask } from '../../core/request.js';
import { fillNode, h } from '../../core/dom.js';
import { countText, localDateTime } from '../../core/format.js';
import { icon } from '../../core/icons.js';
import { t } from '../../core/i18n.js';
import { callsFigure } from '../common/calls_link.js';
import { amountTexts } from '../common/gauge.js';
import { emptyNote, tool } from '../common/nodes.js';
import { Repeat } from '../common/repeat.js';
import { ChartCards } from './charts.js';
import { rateText } from './rates.js';
import { tables } from './tables.js';

const TODAY = { period: 'today' };
const FAILED = { status: 'failed,expired' };

export class Dashboard {
  /** @param {Widget} owner */
  constructor(owner) {
    this.owner = owner;
    this.opts = /** @type {DashboardOptions} */ (owner.opts);
    this.when = h('span', { class: 'muted', 'data-name': 'refreshed' });
    this.body = h('div', { class: 'dashboard-body' });
    this.charts = new ChartCards();
    this.element = h('article', { class: 'dashboard' }, h('header', { class: 'page-title' }, h('h1', {}, t('Overview')), h('span', { class: 'spring' }), this.when,
      tool('refresh', 'refresh', 'Refresh', () => this.render(), { isSmall: true })), this.body);
    this.repeat = new Repeat(this.body, Number(this.opts.refresh_seconds) || 0, () => this.load(true));
  }

  start() {
    return this.load(false);
  }

  render() {
    return this.load(false);
  }

  /** @param {boolean} isAgain */
  async load(isAgain) {
    // Nobody is asked to sign in because a page refreshed itself.
    const how = { anonymous: isAgain };
    const [stats, counts] = await Promise.all([this.stats(how), this.counts(how)]);
    if (isAgain && !stats) return this.repeat.start();
    this.draw(stats, counts);
    return this.repeat.start();
  }

  /** @param {AskOptions} how @returns {Promise<Stats|null>} null when the figures cannot be had */
  async stats(how) {
    const answer = await ask(this.owner.app, this.opts.stats_url, how);
    return answer.ok ? dataOf(answer) : null;
  }

  /** How many records each list has; null for one that cannot be read. @param {AskOptions} how @returns {Promise<RecordCounts>} */
  async counts(how) {
    const entries = await Promise.all((this.opts.counts ?? []).map(async (one) => {
      const answer = await ask(this.owner.app, one.data_url, { ...how, params: { page: 1, rows: 1, ...(one.params ?? {}) } });
      return [one.name, answer.ok ? { total: Number(answer.value?.total ?? 0), isCapped: answer.value?.capped === true } : null];
    }));
    return Object.fromEntries(entries);
  }

  /** @param {Stats | null} stats @param {RecordCounts} counts */
  draw(stats, counts) {
    this.when.textContent = stats?.now ? t('As of ${when}', { when: localDateTime(stats.now).slice(11) }) : '';
    const hasCalls = stats && (stats.month.calls > 0 || stats.by_day.some(({ calls }) => calls > 0));
    fillNode(this.body, this.firstSteps(counts), stats ? this.figures(stats) : emptyNote('alert', 'The figures cannot be read right now.'),
      hasCalls ? [this.charts.draw(stats), tables(stats, this.opts)] : null,
      stats && !hasCalls ? h('section', { class: 'card' }, emptyNote('usage', 'No calls yet. As soon as a distributor calls a line, calls, amounts and limits are seen here.',
        h('a', { class: 'button', href: '/pipeline_dist/v1/docs', target: '_blank', rel: 'noopener' }, t('API guide')))) : null,
      this.countCards(counts));
  }

  /**
   * The way from nothing to the first call; gone when all of it is done.
   * @param {RecordCounts} counts
   */
  firstSteps(counts) {
    const steps = this.opts.first_steps ?? [];
    /** @param {FirstStep} step */
    const isDone = (step) => (counts[step.count]?.total ?? 1) > 0;
    if (steps.every(isDone)) return null;
    return h('section', { class: 'card first-steps' }, h('h2', {}, t('First steps')),
      h('ol', {}, steps.map((step) => h('li', { class: isDone(step) && 'done' },
        h('span', { class: 'step-mark' }, isDone(step) ? icon('check') : null),
        h('div', {}, h('a', { href: `#${step.url}` }, t(step.label)), h('p', { class: 'muted' }, t(step.help))),
        isDone(step) ? h('span', { class: 'visually-hidden' }, t('done')) : null))));
  }

  /** @param {Stats} stats */
  figures(stats) {
    const { today, month } = stats;
    return h('section', { class: 'cards figure-cards', 'aria-label': t('Usage') },
      figure('Calls today', callsFigure(countText(today.calls), today.calls, TODAY), today.failed ? callsFigure(t('${count} failed', { count: countText(today.failed) }), 1, { ...TODAY, ...FAILED }) : '', today.failed > 0),
      figure('Success rate today', rateText(today.success_rate), today.success_rate === null ? t('no call has ended yet') : t('${count} succeeded', { count: countText(today.succeeded) })),
      figure('Amount today', ...amounts(today)),
      figure('Running now', callsFigure(countText(today.running), today.running, { ...TODAY, status: 'reserved' }), ''),
      figure('Calls this month', callsFigure(countText(month.calls), month.calls, { period: 'month' }), month.success_rate === null ? '' : t('${rate} succeeded', { rate: rateText(month.success_rate) })),
      figure('Amount this month', ...amounts(month)));
  }

  /** @param {RecordCounts} counts */
  countCards(counts) {
    const cards = (this.opts.counts ?? []).filter(({ label, name }) => label && counts[name] !== null);
    return h('section', { class: 'cards', 'aria-label': t('Counts') }, cards.map((one) => h('a', { class: 'card count-card', href: `#${one.url}` },
      icon(one.icon), h('strong', {}, recordsText(counts[one.name])), h('span', {}, t(one.label)))));
  }

  stop() {
    this.repeat.stop();
  }
}

/** A list that is not counted to its end has at least one record more than was counted. @param {RecordCounts[string]} count */
function recordsText(count) {
  return count?.isCapped ? `${countText(count.total - 1)}+` : countText(count?.total);
}

/** @param {string} label @param {Child} value @param {Child} [more] */
function figure(label, value, more, isBad = false) {
  return h('div', { class: 'card figure-card' }, h('h2', {}, t(label)), h('strong', {}, value), h('p', { class: isBad ? 'bad' : 'muted' }, more));
}

/** The first currency large, others below. @param {Period} period @returns {[Child, Child]} */
function amounts({ amounts: byCurrency }) {
  const [first, ...others] = amountTexts(byCurrency);
  if (first === undefined) return ['–', t('No amount yet')];
  const [number, currency] = first.split(' ');
  return [[number, ' ', h('span', { class: 'currency' }, currency)], others.join(' · ')];
}

export { Dashboard as Page };
