/** What of the pipeline's capacity is used: today, this month, the slots right now; refreshes itself. */

import { dataOf } from '../../core/answer_data.js';
import { fillNode, h } from '../../core/dom.js';
import { countText, localDateTime } from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { ask } from '../../core/request.js';
import { send } from '../common/answers.js';
import { callsFigure } from '../common/calls_link.js';
import { amountTexts, gauge } from '../common/gauge.js';
import { badge, card, emptyNote, plainTable, tool } from '../common/nodes.js';
import { Repeat } from '../common/repeat.js';
import { openForm } from '../common/window.js';

/** @type {Record<string, string>} */
const LABELS = { day: 'Today', month: 'This month', slots: 'Slots in use now' };
const SECONDS = 10;

export class CapacityTab {
  /** @param {PipelinePage} page */
  constructor(page) {
    this.page = page;
    this.element = h('div', { class: 'capacity-tab' });
    this.repeat = new Repeat(this.element, SECONDS, () => this.load(true));
  }

  render() {
    return this.load(false);
  }

  /** @param {boolean} isAgain */
  async load(isAgain) {
    const { data, owner } = this.page;
    const answer = await ask(owner.app, '/pipeline_ops/api/line_figures.dspy', { params: { pipeline_id: data.id }, anonymous: isAgain });
    if (answer.ok) this.draw(dataOf(answer));
    else if (!isAgain) await owner.app.showAnswer(answer);
    this.repeat.start();
  }

  /** @param {PipelineFigures} figures */
  draw(figures) {
    const { capacity } = figures;
    const change = this.page.owner.opts.may_price
      ? tool('change_capacity', 'capacity', capacity ? 'Change the capacity' : 'Set the capacity', () => this.change(capacity)) : null;
    const isOff = capacity && Number(capacity.enabled) !== 1;
    fillNode(this.element,
      capacity ? null : emptyNote('capacity', 'Nothing limits this line. Set a capacity so that it never takes more calls than it can do.', change),
      card('In use', capacity ? h('div', { class: 'toolbar' }, change, isOff ? badge(t('switched off: the line takes no calls'), 'warn') : null) : null,
        h('div', { class: 'gauges' }, figures.gauges.map((one) => gauge({ ...one, label: t(LABELS[one.scope]), unit: one.scope === 'slots' ? '' : t('calls') })))),
      card('Usage', h('div', { class: 'figure-pairs' }, this.period('Today', figures.today, 'today'), this.period('This month', figures.month, 'month'))),
      this.running(figures));
  }

  /** @param {string} title @param {Period} figures @param {string} period */
  period(title, figures, period) {
    const calls = { pipeline_id: this.page.data.id, period };
    const amounts = amountTexts(figures.amounts);
    return h('div', {}, h('h3', {}, t(title)), h('p', {}, h('strong', {}, callsFigure(countText(figures.calls), figures.calls, calls)), ` ${t('calls')}`,
      figures.failed ? h('span', { class: 'bad' }, ' · ', callsFigure(t('${count} failed', { count: figures.failed }), 1, { ...calls, status: 'failed,expired' })) : null),
    amounts.length ? amounts.map((text) => h('p', { class: 'amount' }, text)) : h('p', { class: 'muted' }, t('No amount yet')));
  }

  /** @param {PipelineFigures} figures */
  running({ running }) {
    if (!running.length) return card('Calls running now', h('p', { class: 'muted' }, t('None.')));
    return card('Calls running now', plainTable('Calls running now', [{ label: 'Call' }, { label: 'Distributor' }, { label: 'Began' }, { label: 'Its time is up' }],
      running.map((call) => [callsFigure(h('code', {}, call.call_no), 1, { pipeline_id: this.page.data.id, period: 'all', status: 'reserved', call: call.call_no }), call.distributor ?? t('our own'), localDateTime(call.started_at), localDateTime(call.lease_expires_at)])));
  }

  /** @param {Capacity | null} capacity */
  async change(capacity) {
    const { owner, data } = this.page;
    /** @param {'daily_quota' | 'monthly_quota' | 'max_concurrency'} name @param {string} label */
    const number = (name, label) => ({ name, label, uitype: 'int', min: 0, value: capacity?.[name] ?? undefined, tip: '空为不限' });
    const { done } = await openForm(owner, { title: 'Capacity', cwidth: 32 }, {
      fields: [number('daily_quota', '日供应量（次）'), number('monthly_quota', '月供应量（次）'), number('max_concurrency', '最大并发'),
        { name: 'enabled', label: '是否启用', uitype: 'check', type: 'tinyint(1)', value: capacity?.enabled ?? 1 }],
      submit_label: 'Save', cols: 1, mode: capacity ? 'update' : 'add',
      save: (values) => (capacity
        ? send(owner, '/pipeline_ops/api/pipeline_capacity_update.dspy', { id: capacity.id, lock_version: capacity.lock_version, ...values })
        : send(owner, '/pipeline_ops/api/pipeline_capacity_create.dspy', { pipeline_id: data.id, ...values })),
    });
    if (await done) await this.load(false);
  }

  stop() {
    this.repeat.stop();
  }
}
