/** The figures of a period that the reader chooses: of all calls, or of one pipeline's. */

import { dataOf } from '../../core/answer_data.js';
import { fillNode, h } from '../../core/dom.js';
import { localDateTime } from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { ask } from '../../core/request.js';
import { readParams, writeParams } from '../common/address.js';
import { notLoaded } from '../common/nodes.js';
import { PeriodPicker } from '../common/period_picker.js';
import { figureCards } from './cards.js';
import { chartCard } from './chart.js';
import { groupCard } from './groups.js';
import { daysOf, daysText } from './times.js';

const URL_OF_FIGURES = '/pipeline_ops/api/usage_figures.dspy';
const FIRST_PERIOD = 'today';
/** @type {[string, string][]} */
const PERIODS = [['today', 'Today'], ['yesterday', 'Yesterday'], ['7d', '7 days'], ['30d', '30 days'], ['90d', '90 days'], ['month', 'This month'], ['last_month', 'Last month']];
const NAMES = ['period', 'first_day', 'last_day', 'group_by', 'measure'];

export class FiguresView {
  /**
   * @param {Widget} owner
   * @param {{groups: FigureGroupBy[], pipelineId?: string, mayOpenDistributor: boolean}} options `groups`: the first of them at first
   */
  constructor(owner, options) {
    this.owner = owner;
    this.options = options;
    const params = readParams();
    /** What stands in the address. @type {Record<string, string>} */
    this.choice = Object.fromEntries(NAMES.map((name) => [name, params.get(name) ?? '']).filter(([, value]) => value));
    this.picker = new PeriodPicker(PERIODS, this.choice, (times) => this.choose(times));
    this.words = h('span', {});
    /** Since when the figures are as they are, which stay where they could not be read anew. */
    this.when = h('span', { 'data-name': 'refreshed' });
    this.body = h('div', { class: 'figures-body' });
    this.element = h('div', { class: 'figures' }, h('search', {}, this.picker.element, h('p', { class: 'muted figures-words' }, this.words, this.when)), this.body);
    this.figures = /** @type {UsageFigures|null} */ (null);
    this.showChoice();
  }

  showChoice() {
    this.picker.show(this.choice, this.choice.period ?? FIRST_PERIOD);
  }

  /** @param {Record<string, string|undefined>} values */
  choose(values) {
    const all = /** @type {Record<string, string>} */ ({ ...this.choice, ...values });
    this.choice = Object.fromEntries(Object.entries(all).filter(([, value]) => value));
    writeParams(Object.fromEntries(NAMES.map((name) => [name, this.choice[name]])));
    this.showChoice();
    return this.load(false);
  }

  /**
   * @param {boolean} isAgain nobody asked for it: nobody is asked to sign in, and what is there stays
   * @returns {Promise<boolean>} whether the figures are of now
   */
  async load(isAgain) {
    const ticket = Symbol('load');
    this.ticket = ticket;
    if (!isAgain) this.body.setAttribute('aria-busy', 'true');
    const { period, first_day: first, last_day: last, group_by: groupBy = this.options.groups[0] } = this.choice;
    const params = { period: first || last ? undefined : period ?? FIRST_PERIOD, first_day: first, last_day: last, group_by: groupBy, pipeline_id: this.options.pipelineId };
    const answer = await ask(this.owner.app, URL_OF_FIGURES, { params: Object.fromEntries(Object.entries(params).filter(([, value]) => value)), anonymous: isAgain });
    if (this.ticket !== ticket) return false;
    this.body.removeAttribute('aria-busy');
    if (answer.ok) this.draw(/** @type {UsageFigures} */ (dataOf(answer)));
    else if (!isAgain) this.fail(answer);
    this.tellWhen(answer.ok);
    return answer.ok;
  }

  /** @param {boolean} isNow */
  tellWhen(isNow) {
    this.when.textContent = this.figures ? t(isNow ? 'As of ${when}' : 'As of ${when}; they could not be read anew', { when: whenText(this.figures.now) }) : '';
    this.when.classList.toggle('bad', Boolean(this.figures) && !isNow);
  }

  /** @param {Answer} answer */
  fail(answer) {
    const { message, fields = {} } = answer.error?.options ?? {};
    this.figures = null;
    fillNode(this.words);
    fillNode(this.body, notLoaded(() => this.load(false)), h('p', { class: 'bad', role: 'alert' }, Object.values(fields).map((text) => t(text)).join(' ') || t(message)));
  }

  /** @param {UsageFigures} figures */
  draw(figures) {
    this.figures = figures;
    const { period, before } = figures;
    this.picker.span = period;
    fillNode(this.words, t(before.until ? '${days}, beside ${before} until ${time}' : '${days}, beside ${before}', {
      days: daysText(period), before: daysText(before), time: before.until ? localDateTime(before.until, { seconds: false }) : '',
    }));
    const calls = { ...daysOf(period), ...(this.options.pipelineId ? { pipeline_id: this.options.pipelineId } : {}) };
    this.keepFocus(() => fillNode(this.body, figureCards(figures, calls),
      chartCard(figures, { measure: this.choice.measure ?? '', choose: (measure) => this.showMeasure(measure), calls }),
      groupCard(figures, { choices: this.options.groups, choose: (groupBy) => this.choose({ group_by: groupBy }), calls, mayOpenDistributor: this.options.mayOpenDistributor })));
  }

  /** It is another look at the same figures. @param {string} measure */
  showMeasure(measure) {
    this.choice = { ...this.choice, measure };
    writeParams({ measure });
    if (this.figures) this.draw(this.figures);
  }

  /** Whoever was on something is on the same of what is drawn anew. @param {() => void} draw */
  keepFocus(draw) {
    const active = this.body.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement) : null;
    const { focus, key, tool } = active?.dataset ?? {};
    draw();
    if (focus) this.body.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus();
    if (tool) this.body.querySelector(`[data-tool="${CSS.escape(tool)}"]`)?.focus();
    // The bars are drawn when their width is known.
    if (key) requestAnimationFrame(() => requestAnimationFrame(() => this.body.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus()));
  }
}

/** The time of day, with the day where it is another one. @param {string} now */
function whenText(now) {
  const when = localDateTime(now);
  return when.slice(0, 10) === localDateTime(new Date().toISOString()).slice(0, 10) ? when.slice(11) : when;
}
