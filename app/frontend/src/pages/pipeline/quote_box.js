/** "What would this cost": quantities in, amounts out; books nothing. */

import { dataOf } from '../../core/answer_data.js';
import { ask } from '../../core/request.js';
import { fillNode, h, uniqueId } from '../../core/dom.js';
import { icon } from '../../core/icons.js';
import { decimalText } from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { card, plainTable } from '../common/nodes.js';
import { priceText } from '../../core/price_words.js';

/**
 * @param {Widget} owner
 * @param {PipelineData} data
 * @param {Price[]} prices all prices of the pipeline that are everybody's
 */
export function quoteBox(owner, data, prices) {
  return new QuoteBox(owner, data, prices).element;
}

class QuoteBox {
  /** @param {Widget} owner @param {PipelineData} data @param {Price[]} prices */
  constructor(owner, data, prices) {
    this.owner = owner;
    this.data = data;
    this.prices = prices.filter(({ enabled }) => Number(enabled) === 1);
    this.units = [...new Set(this.prices.map(({ unit }) => unit))];
    this.currencies = [...new Set(this.prices.map(({ currency }) => currency))];
    this.rows = h('div', { class: 'quote-rows' });
    this.result = h('div', { class: 'quote-result', role: 'status', 'aria-live': 'polite' });
    this.currency = h('select', { id: uniqueId('currency') }, this.currencies.map((one) => h('option', { value: one }, one)));
    this.element = card('What would this cost?', h('form', { class: 'quote-form', novalidate: true, on: { submit: (event) => { event.preventDefault(); this.quote(); } } },
      this.rows, h('div', { class: 'toolbar' },
        h('button', { type: 'button', 'data-tool': 'add_quantity', on: { click: () => this.addRow().querySelector('select')?.focus() } }, icon('add'), t('Another quantity')),
        h('span', { class: 'spring' }),
        this.currencies.length > 1 ? h('label', { class: 'inline-label' }, t('Currency'), this.currency) : null,
        h('button', { type: 'submit', class: 'primary', 'data-tool': 'quote' }, t('Calculate')))), this.result);
    for (const unit of this.units.slice(0, 2)) this.addRow(unit);
    if (!this.units.length) this.addRow();
  }

  addRow(unit = this.units[0] ?? '') {
    /** @param {string} text @param {HTMLElement} control */
    const label = (text, control) => h('label', { class: 'quote-field' }, h('span', {}, t(text)), control);
    const price = this.prices.find((one) => one.unit === unit);
    /** @param {string} name @param {[string, string][]} values @param {string} choice */
    const select = (name, values, choice) => h('select', { 'data-name': name }, values.map(([value, text]) => h('option', { value, selected: value === choice }, text)));
    /** @type {[string, string][]} */
    const steps = [['', t('any step')], ...this.data.steps.map(stepChoice)];
    const models = [...new Set([...this.data.steps.map(({ model }) => model), ...this.prices.map(({ model }) => model)])].filter(Boolean);
    /** @type {HTMLElement} */
    const row = h('div', { class: 'quote-row' },
      label('Step', select('step_key', steps, price?.step_key ?? '')),
      label('Model', select('model', [['', t('any model')], ...models.map(twice)], price?.model ?? '')),
      label('Unit', select('unit', this.units.map(twice), unit)),
      label('Quantity', h('input', { type: 'text', inputmode: 'decimal', 'data-name': 'quantity', value: String(price && Number(price.unit_size) > 1 ? price.unit_size : 1) })),
      h('button', { type: 'button', class: 'icon-button', 'aria-label': t('Remove'), on: { click: () => row.remove() } }, icon('close')));
    this.rows.append(row);
    return row;
  }

  async quote() {
    const lines = [...this.rows.children].map((row) => Object.fromEntries(
      /** @type {HTMLInputElement[]} */ ([...row.querySelectorAll('[data-name]')]).map((control) => [control.dataset.name, control.value.trim()])));
    if (!lines.length) return;
    const answer = await ask(this.owner.app, '/pipeline_ops/api/price_quote.dspy', {
      method: 'POST', params: { pipeline_id: this.data.id, currency: this.currency.value, lines: JSON.stringify(lines) },
    });
    if (answer.ok) fillNode(this.result, this.amounts(dataOf(answer)));
    else fillNode(this.result, this.refusal(answer));
  }

  /** @param {Quote} quote */
  amounts(quote) {
    return [h('p', { class: 'quote-total' }, t('Total'), ' ', h('strong', {}, `${decimalText(quote.total)} ${quote.currency}`)),
      plainTable('Amounts', [{ label: 'Unit' }, { label: 'Quantity', isNumber: true }, { label: 'Price' }, { label: 'Amount', isNumber: true }],
        quote.lines.map((line) => [
          h('span', {}, line.unit, h('span', { class: 'muted' }, ` ${[line.step_key, line.model].filter(Boolean).join(' · ')}`)),
          decimalText(line.quantity, 0), priceText({ ...line, currency: quote.currency }), `${decimalText(line.amount)} ${quote.currency}`,
        ]))];
  }

  /** @param {Answer} answer */
  refusal(answer) {
    const { message, fields } = answer.error?.options ?? {};
    const messages = Object.entries(fields ?? {}).map(([name, text]) => h('li', {}, /^lines\/(\d+)/.test(name) ? `${Number(/\d+/.exec(name)?.[0]) + 1}: ${text}` : text));
    return h('div', { class: 'form-summary' }, h('p', {}, message), messages.length ? h('ul', {}, messages) : null);
  }
}

/** A choice whose value is its text. @param {string} text @returns {[string, string]} */
function twice(text) {
  return [text, text];
}

/** @param {Step} step @returns {[string, string]} */
function stepChoice({ step_key: key, name }) {
  return [key, `${name} (${key})`];
}
