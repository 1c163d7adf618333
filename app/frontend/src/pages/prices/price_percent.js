/** Many prices changed by a percentage, from a day on: tried first, then saved at once. */

import { dataOf } from '../../core/answer_data.js';
import { fillNode, h } from '../../core/dom.js';
import { decimalText } from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { typedNumber } from '../../core/typed_number.js';
import { priceImpact } from '../../tabular/price_impact.js';
import { WhenChoice } from '../../widgets/when_choice.js';
import { send } from '../common/answers.js';
import { plainTable } from '../common/nodes.js';
import { columnsOf, priceRefusal, useText } from '../../core/price_words.js';
import { openWindow } from '../common/window.js';

const URL = '/pipeline_ops/api/price_percent.dspy';
const DECIMALS = ['0', '1', '2', '3', '4', '5', '6'];
/** What the columns of a price keep: so rounding is what somebody chose. */
const ALL_DECIMALS = '6';

/** @typedef {Price & {id: string, old: string, new: string, is_rounded: boolean, is_changed: boolean}} ChangedPrice */

/** @param {Widget} owner @param {Row[]} records @returns {Promise<boolean>} whether they were changed */
export function openPercent(owner, records) {
  return new PercentWindow(owner, records).open();
}

class PercentWindow {
  /** @param {Widget} owner @param {Row[]} records */
  constructor(owner, records) {
    this.owner = owner;
    this.records = records;
    this.isDone = false;
    this.percent = h('input', { type: 'text', inputmode: 'decimal', value: '5', 'aria-label': t('Change by') });
    this.decimals = h('select', { 'aria-label': t('Digits behind the point') }, DECIMALS.map((value) => h('option', { value, selected: value === ALL_DECIMALS }, value)));
    this.result = h('div', { 'aria-live': 'polite' });
    this.place = h('div');
    this.saveButton = h('button', { type: 'submit', class: 'primary', disabled: true }, t('Save from then'));
    this.when = /** @type {WhenChoice|null} */ (null);
    this.ticket = 0;
    this.trial = /** @type {Data|null} */ (null);
  }

  async open() {
    /** @param {string} label @param {HTMLElement} control */
    const field = (label, control) => h('label', { class: 'field' }, h('span', { class: 'field-label' }, t(label)), control);
    const box = await openWindow(this.owner, { title: t('Change ${count} prices by a percentage', { count: this.records.length }), width: '52rem' },
      h('form', { novalidate: true, class: 'percent-form', on: { submit: (event) => { event.preventDefault(); this.save(); }, input: (event) => this.typing(event), change: (event) => this.changed(event) } },
        h('div', { class: 'percent-row' }, field('Change by', h('div', { class: 'with-unit' }, this.percent, h('span', {}, '%'))), field('Digits behind the point', this.decimals),
          h('button', { type: 'button', on: { click: () => this.tryOut() } }, t('Calculate'))),
        this.place, this.result,
        h('div', { class: 'form-buttons' }, h('button', { type: 'button', on: { click: () => box.dismiss() } }, t('Cancel')), this.saveButton)));
    this.box = box;
    this.percent.select();
    const end = new Promise((resolve) => { box.bind('dismissed', () => resolve(this.isDone)); });
    await this.tryOut();
    return end;
  }

  /** What is shown is no longer what would be saved. @param {Event} event */
  typing(event) {
    if (this.isTerm(event)) this.forget();
  }

  /** @param {Event} event */
  changed(event) {
    if (this.isTerm(event)) this.tryOut();
  }

  /** @param {Event} event */
  isTerm({ target }) {
    return target === this.percent || target === this.decimals || Boolean(this.when?.element.contains(/** @type {Node} */ (target)));
  }

  /** Take what was tried away from Save, and let an answer that is still to come be late. */
  forget() {
    this.ticket += 1;
    this.trial = null;
    this.saveButton.disabled = true;
    return this.ticket;
  }

  async tryOut() {
    const ticket = this.forget();
    const start = this.when ? this.when.answer() : 'now';
    if (start === null) return;
    const trial = {
      prices: JSON.stringify(this.records.map(({ id, lock_version: version }) => ({ id, lock_version: version }))),
      percent: typedNumber(this.percent.value.normalize('NFKC').replace(/[%+]/g, '')), decimals: this.decimals.value, change_from: start,
    };
    const answer = await send(this.owner, URL, { ...trial, dry_run: 1 });
    if (ticket !== this.ticket) return;
    if (!answer.ok) {
      fillNode(this.result, priceRefusal(answer));
      return;
    }
    const { rows, next_month: nextMonth } = /** @type {{rows: ChangedPrice[], next_month: string}} */ (dataOf(answer));
    if (!this.when) {
      // Only now it is known when the next month begins, which is the first choice: that is what is tried.
      this.when = new WhenChoice('change_from', 'From when', nextMonth);
      fillNode(this.place, this.when.element);
      await this.tryOut();
      return;
    }
    this.show(rows, nextMonth);
    this.trial = trial;
    this.saveButton.disabled = !rows.some((row) => row.is_changed);
  }

  /** @param {ChangedPrice[]} rows @param {string} nextMonth */
  show(rows, nextMonth) {
    const changes = rows.filter((row) => row.is_changed).map((row) => ({ id: row.id, [columnsOf(row).amount]: row.new }));
    fillNode(this.result, table(rows),
      rows.some((row) => row.is_rounded) ? h('p', { class: 'muted' }, t('* rounded half up to ${decimals} digits behind the point', { decimals: this.decimals.value })) : null,
      changes.length < rows.length ? h('p', { class: 'muted' }, t('${count} prices stay as they are', { count: rows.length - changes.length })) : null,
      changes.length ? priceImpact(this.owner, nextMonth, changes) : null);
  }

  async save() {
    const { trial, ticket } = this;
    if (!trial) return;
    this.saveButton.disabled = true;
    const answer = await send(this.owner, URL, trial);
    if (!answer.ok) {
      fillNode(this.result, priceRefusal(answer));
      this.saveButton.disabled = ticket !== this.ticket;
      return;
    }
    const { rows } = /** @type {{rows: ChangedPrice[]}} */ (dataOf(answer));
    this.isDone = true;
    this.owner.app.show_message({ title: t('${count} prices changed', { count: rows.filter((row) => row.is_changed).length }) });
    this.box?.dismiss();
  }
}

/** @param {ChangedPrice[]} rows */
function table(rows) {
  return plainTable('Prices', [{ label: 'Unit' }, { label: 'Till now', isNumber: true }, { label: 'New', isNumber: true }],
    rows.map((row) => {
      const size = /** @type {Data} */ (row)[columnsOf(row).size];
      const per = `${row.currency}${Number(size) === 1 ? '' : ` / ${decimalText(size)}`}`;
      return [useText(row), `${decimalText(row.old)} ${per}`, h('strong', {}, `${decimalText(row.new)}${row.is_rounded ? '*' : ''} ${per}`)];
    }));
}
