/** The overview: what to do first while something is missing, how it goes, what to look at; refreshes itself. */

import { dataOf } from '../../core/answer_data.js';
import { ask } from '../../core/request.js';
import { fillNode, h } from '../../core/dom.js';
import { icon } from '../../core/icons.js';
import { t } from '../../core/i18n.js';
import { emptyNote, tool } from '../common/nodes.js';
import { Repeat } from '../common/repeat.js';
import { FiguresView } from '../figures/figures_view.js';
import { concernCards } from './concerns.js';

export class Dashboard {
  /** @param {Widget} owner */
  constructor(owner) {
    this.owner = owner;
    this.opts = /** @type {DashboardOptions} */ (owner.opts);
    this.first = h('div', { class: 'dashboard-first' });
    this.concerns = h('div', { class: 'dashboard-concerns' });
    // Who may not see figures is shown what else there is, and nothing is asked for.
    this.view = this.opts.may_see_figures ? new FiguresView(owner, {
      groups: ['pipeline', 'distributor', 'model'], mayOpenDistributor: this.opts.may_open_distributor === true,
    }) : null;
    this.element = h('article', { class: 'dashboard' }, h('header', { class: 'page-title' }, h('h1', {}, t('Overview')), h('span', { class: 'spring' }),
      tool('refresh', 'refresh', 'Refresh', () => this.render(), { isSmall: true })), this.first,
      this.view ? this.view.element : emptyNote('dashboard', 'Your role shows no figures. What you may use stands in the menu.'), this.concerns);
    this.repeat = new Repeat(this.element, Number(this.opts.refresh_seconds) || 0, () => this.load(true), { keepsFocus: true });
  }

  async start() {
    await Promise.all([this.load(false), this.loadFirstSteps()]);
  }

  render() {
    return this.start();
  }

  /** @param {boolean} isAgain */
  async load(isAgain) {
    // Nobody is asked to sign in because a page refreshed itself.
    await Promise.all([this.view?.load(isAgain), this.loadConcerns({ anonymous: isAgain })]);
    this.repeat.start();
  }

  /** What of it the reader may not see, or cannot be read right now, is not shown. @param {AskOptions} how */
  async loadConcerns(how) {
    const answers = await Promise.all((this.opts.concerns ?? []).map((one) => ask(this.owner.app, one.data_url, how)));
    if (how.anonymous && answers.some(({ ok }) => !ok)) return;
    const concerns = /** @type {Concerns} */ (Object.assign({}, ...answers.filter(({ ok }) => ok).map(dataOf)));
    // Who stands on one of its links stays there.
    const active = this.concerns.contains(document.activeElement) ? document.activeElement?.getAttribute('href') : null;
    fillNode(this.concerns, concernCards(concerns, this.opts.may_open_distributor === true));
    if (active) this.concerns.querySelector(`a[href="${CSS.escape(active)}"]`)?.focus();
  }

  /** The way from nothing to the first call; gone when all of it is done. */
  async loadFirstSteps() {
    const counts = await this.counts();
    const steps = this.opts.first_steps ?? [];
    /** @param {FirstStep} step */
    const isDone = (step) => (counts[step.count] ?? 1) > 0;
    const isEmpty = counts.usage === 0;
    fillNode(this.first, steps.every(isDone) ? null : firstSteps(steps, isDone), isEmpty
      ? h('section', { class: 'card' }, emptyNote('usage', 'No calls yet. As soon as a distributor calls a line, calls, amounts and limits are seen here.',
        h('a', { class: 'button', href: '/pipeline_dist/v1/docs', target: '_blank', rel: 'noopener' }, t('API guide')))) : null);
    if (this.view) this.view.element.hidden = isEmpty;
  }

  /** How many records each list has; null for one that cannot be read. @returns {Promise<RecordCounts>} */
  async counts() {
    const entries = await Promise.all((this.opts.counts ?? []).map(async (one) => {
      const answer = await ask(this.owner.app, one.data_url, { params: { page: 1, rows: 1, ...(one.params ?? {}) } });
      return [one.name, answer.ok ? Number(answer.value?.total ?? 0) : null];
    }));
    return Object.fromEntries(entries);
  }

  stop() {
    this.repeat.stop();
  }
}

/** @param {FirstStep[]} steps @param {(step: FirstStep) => boolean} isDone */
function firstSteps(steps, isDone) {
  return h('section', { class: 'card first-steps' }, h('h2', {}, t('First steps')),
    h('ol', {}, steps.map((step) => h('li', { class: isDone(step) && 'done' },
      h('span', { class: 'step-mark' }, isDone(step) ? icon('check') : null),
      h('div', {}, h('a', { href: `#${step.url}` }, t(step.label)), h('p', { class: 'muted' }, t(step.help))),
      isDone(step) ? h('span', { class: 'visually-hidden' }, t('done')) : null))));
}

export { Dashboard as Page };
