/** The filter above the list of calls: period, distributor, pipeline, state, a text. */

import { debounce, fillNode, h, uniqueId } from '../../core/dom.js';
import { decimalText, localDateTime } from '../../core/format.js';
import { icon } from '../../core/icons.js';
import { t } from '../../core/i18n.js';
import { ask } from '../../core/request.js';
import { Combobox } from '../../inputs/combobox.js';
import { PeriodPicker } from '../common/period_picker.js';
import { STATUS_LABELS } from './status.js';

/** @type {[string, string][]} */
const PERIODS = [['today', 'Today'], ['yesterday', 'Yesterday'], ['7d', '7 days'], ['30d', '30 days'], ['90d', '90 days'], ['month', 'This month'], ['last_month', 'Last month'], ['all', 'All time']];
const ITEM = ['unit', 'step_key', 'model', 'pricing_type', 'price', 'size'];
const STATES = ['succeeded', 'failed,expired', 'reserved', 'cancelled', 'voided'];
const SEARCH_DELAY_MS = 300;

export class FilterBar {
  /**
   * @param {Widget} owner
   * @param {Record<string, string>} filter
   * @param {(filter: Record<string, string>) => unknown} changed
   */
  constructor(owner, filter, changed) {
    this.owner = owner;
    this.filter = filter;
    this.changed = changed;
    this.period = new PeriodPicker(PERIODS, filter, (times) => this.set(times));
    this.chips = h('div', { class: 'chips' });
    this.distributor = this.chooser('distributor_id', 'Distributor', '/pipeline_dist/api/get_search_distributor_id.dspy', [{ value: '-', text: t('Calls of our own') }]);
    this.pipeline = this.chooser('pipeline_id', 'Line', '/pipeline_ops/api/get_search_pipeline_id.dspy', []);
    this.status = this.statusField();
    this.search = this.searchField();
    this.element = h('search', { class: 'call-filter' }, this.period.element,
      h('div', { class: 'filter-line' }, this.distributor.field, this.pipeline.field, this.status, this.search), this.chips);
    this.draw();
  }

  /** @param {Record<string, string|undefined>} values undefined: no longer a filter */
  set(values) {
    const all = /** @type {Record<string, string>} */ ({ ...this.filter, ...values });
    this.filter = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined && value !== ''));
    this.draw();
    this.changed(this.filter);
  }

  draw() {
    const { filter } = this;
    const isOther = filter.month || filter.from || filter.to;
    this.period.show(filter, isOther ? '' : filter.period ?? (filter.q ? 'all' : '7d'));
    this.drawChips();
  }

  /** What no field shows: a statement, one of its lines, exact times. */
  drawChips() {
    const { filter } = this;
    const model = filter.model === '-' ? t('(no model)') : filter.model;
    const item = [filter.step_key, model, filter.unit].filter(Boolean).join(' · ');
    fillNode(this.chips,
      filter.month ? this.chip('month', t('Statement ${month}', { month: filter.month }), { month: undefined }) : null,
      filter.unit || filter.model ? this.chip('item', filter.price ? `${item}: ${decimalText(filter.price)}${Number(filter.size) === 1 ? '' : ` / ${decimalText(filter.size)}`}` : item, Object.fromEntries(ITEM.map((name) => [name, undefined]))) : null,
      filter.from || filter.to ? this.chip('times', `${localDateTime(filter.from, { seconds: false })} – ${localDateTime(filter.to, { seconds: false })}`, { from: undefined, to: undefined }) : null);
  }

  /** @param {string} name @param {string} text @param {Record<string, undefined>} without */
  chip(name, text, without) {
    return h('span', { class: 'chip', 'data-chip': name }, text,
      h('button', { type: 'button', class: 'plain', 'aria-label': t('Remove the filter ${text}', { text }), on: { click: () => this.set(without) } }, icon('close')));
  }

  /** @param {string} name @param {string} label @param {string} url @param {Choice[]} first */
  chooser(name, label, url, first) {
    const find = async (/** @type {string} */ text) => {
      const answer = await ask(this.owner.app, url, { params: { q: text } });
      const choices = answer.ok && Array.isArray(answer.value) ? /** @type {Choice[]} */ (answer.value) : [];
      const [every, ...others] = choices.map((one) => (one.value === '' ? { ...one, text: t(String(one.text)) } : one));
      return text ? others : [every, ...first, ...others].filter(Boolean);
    };
    const box = new Combobox({
      id: uniqueId(name), name, isRequired: false, find, localChoices: () => [], emptyText: t('${what}: all', { what: t(label) }),
      onPick: (option) => this.set({ pipeline: name === 'pipeline_id' ? undefined : this.filter.pipeline, [name]: option?.value === undefined ? undefined : String(option.value) }),
    });
    box.input.setAttribute('aria-label', t(label));
    return { box, field: box.element };
  }

  /** The names behind the ids of the filter, and the days that it means. @param {CallPage} page */
  tell(page) {
    this.period.span = page.period;
    this.distributor.box.show(this.filter.distributor_id === '-' ? t('Calls of our own') : this.filter.distributor_id ? page.distributor ?? this.filter.distributor_id : '');
    const pipeline = this.filter.pipeline_id ?? this.filter.pipeline;
    this.pipeline.box.show(pipeline ? page.pipeline ?? pipeline : '');
  }

  statusField() {
    /** @type {HTMLSelectElement} */
    const select = h('select', { 'aria-label': t('Status'), name: 'status', on: { change: () => this.set({ status: select.value || undefined }) } },
      h('option', { value: '' }, t('${what}: all', { what: t('Status') })),
      STATES.map((value) => h('option', { value, selected: value === this.filter.status }, value.split(',').map((one) => t(STATUS_LABELS[one])).join(t(' or ')))));
    return select;
  }

  searchField() {
    const run = debounce(() => this.set({ q: input.value.trim() || undefined }), SEARCH_DELAY_MS);
    /** @type {HTMLInputElement} */
    const input = h('input', {
      type: 'search', name: 'q', class: 'call-search', maxlength: 200, value: this.filter.q ?? '', placeholder: t('Call number, client reference, idempotency key'), 'aria-label': t('Call number, client reference, idempotency key'),
      on: { input: run },
    });
    return input;
  }
}
