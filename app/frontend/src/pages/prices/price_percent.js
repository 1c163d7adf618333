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
import { columnsOf } from '../common/price_text.js';
import { openWindow } from '../common/window.js';

const URL = '/pipeline_ops/api/price_percent.dspy';
const DECIMALS = ['0', '1', '2', '3', '4', '6'];

/** @typedef {Price & {id: string, old: string, new: string, is_rounded: boolean}} ChangedPrice */

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
    this.decimals = h('select', { 'aria-label': t('Digits behind the point') }, DECIMALS.map((value) => h('option', { value, selected: value === '4' }, value)));
    this.result = h('div', { 'aria-live': 'polite' });
    this.place = h('div');
    this.saveButton = h('button', { type: 'submit', class: 'primary', disabled: true }, t('Save from then'));
    this.when = new WhenChoice('change_from', 'From when', undefined);
  }

  async open() {
    /** @param {string} label @param {HTMLElement} control */
    const field = (label, control) => h('label', { class: 'field' }, h('span', { class: 'field-label' }, t(label)), control);
    const box = await openWindow(this.owner, { title: t('Change ${count} prices by a percentage', { count: this.records.length }), width: '52rem' },
      h('form', { novalidate: true, class: 'percent-form', on: { submit: (event) => { event.preventDefault(); this.save(); }, change: (event) => this.changed(event) } },
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

  /** @param {Event} event */
  changed(event) {
    if (event.target === this.percent || event.target === this.decimals) this.tryOut();
  }

  /** @param {Data} more */
  request(more) {
    return send(this.owner, URL, {
      prices: JSON.stringify(this.records.map(({ id, lock_version: version }) => ({ id, lock_version: version }))),
      percent: typedNumber(this.percent.value.normalize('NFKC').replace(/[%+]/g, '')), decimals: this.decimals.value, ...more,
    });
  }

  async tryOut() {
    this.saveButton.disabled = true;
    const answer = await this.request({ dry_run: 1 });
    if (!answer.ok) {
      this.refused(answer);
      return;
    }
    const { rows, next_month: nextMonth } = /** @type {{rows: ChangedPrice[], next_month: string}} */ (dataOf(answer));
    if (!this.when.nextMonth) {
      this.when = new WhenChoice('change_from', 'From when', nextMonth);
      fillNode(this.place, this.when.element);
    }
    const changes = rows.map((row) => ({ id: row.id, [columnsOf(row).amount]: row.new }));
    fillNode(this.result, table(rows), rows.some((row) => row.is_rounded)
      ? h('p', { class: 'muted' }, t('* rounded half up to ${decimals} digits behind the point', { decimals: this.decimals.value })) : null, priceImpact(this.owner, nextMonth, changes));
    this.saveButton.disabled = false;
  }

  /** @param {Answer} answer */
  refused(answer) {
    const { message, fields = {} } = answer.error?.options ?? {};
    fillNode(this.result, h('div', { class: 'form-summary', role: 'alert' }, h('p', {}, t(message)), Object.values(fields).map((text) => h('p', {}, t(text)))));
  }

  async save() {
    const answer = await this.request({ change_from: this.when.value ?? 'now' });
    if (!answer.ok) {
      this.refused(answer);
      return;
    }
    this.isDone = true;
    this.owner.app.show_message({ title: t('${count} prices changed', { count: this.records.length }) });
    this.box?.dismiss();
  }
}

/** @param {ChangedPrice[]} rows */
function table(rows) {
  return plainTable('Prices', [{ label: 'Unit' }, { label: 'Till now', isNumber: true }, { label: 'New', isNumber: true }],
    rows.map((row) => {
      const size = /** @type {Data} */ (row)[columnsOf(row).size];
      const per = `${row.currency}${Number(size) === 1 ? '' : ` / ${decimalText(size)}`}`;
      return [[row.unit, row.step_key, row.model].filter(Boolean).join(' · '), `${decimalText(row.old)} ${per}`, h('strong', {}, `${decimalText(row.new)}${row.is_rounded ? '*' : ''} ${per}`)];
    }));
}
