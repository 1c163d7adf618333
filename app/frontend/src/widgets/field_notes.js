/** What the value of a field comes to, said below it while one types (`note` of its description). */

import { dataOf } from '../core/answer_data.js';
import { h } from '../core/dom.js';
import { lineAmount } from '../core/decimals.js';
import { decimalText, shareText } from '../core/format.js';
import { language, t } from '../core/i18n.js';
import { ask } from '../core/request.js';

const SHOWN_PRICES = 6;
/** @type {Record<string, (form: Form, field: Field) => Child | Promise<Child>>} */
const NOTES = { discount: discountNote, price: priceNote };

/** @param {FormField} entry @param {Form} form @returns {FieldNote | null} null where the field has none */
export function noteOf({ field }, form) {
  const write = NOTES[field.note ?? ''];
  if (!write) return null;
  const element = h('p', { class: 'field-note', 'aria-live': 'polite' });
  let ticket = 0;
  const show = async () => {
    ticket += 1;
    const own = ticket;
    const words = await write(form, field);
    if (own === ticket) element.replaceChildren(...[words].flat().filter((word) => word !== null && word !== undefined && word !== '').map((word) => (word instanceof Node ? word : String(word))));
  };
  return { element, show };
}

/** @param {Form} form @param {string} name */
const valueOf = (form, name) => form.name_inputs[name]?.resultValue();

/** `1,000 input_token = 0.0072 CNY`: what is easily misread, the size of what is priced. @param {Form} form */
function priceNote(form) {
  const [unit, currency] = ['unit', 'currency'].map((name) => String(valueOf(form, name) || ''));
  const isPackage = valueOf(form, 'pricing_type') === 'package';
  const [price, size] = isPackage ? ['package_price', 'package_size'] : ['unit_price', 'unit_size'];
  if (form.name_inputs[price]?.isEmpty() || form.name_inputs[size]?.isEmpty()) return '';
  /** @param {number} quantity */
  const words = (quantity) => {
    const amount = lineAmount(valueOf(form, price), valueOf(form, size), quantity);
    return amount && `${decimalText(quantity)} ${unit || t('units')} = ${decimalText(amount)} ${currency}`;
  };
  if (isPackage) return words(1) && t('${words} where the whole package is used', { words: words(1) });
  const quantities = /token/.test(unit) || Number(valueOf(form, size)) >= 1000 ? [1000, 1_000_000] : [1, 1000];
  return quantities.map(words).filter(Boolean).join(' · ');
}

/** What a discount makes of the line's prices. @param {Form} form @param {Field} field */
async function discountNote(form, field) {
  const input = form.name_inputs[field.name];
  const share = input.isEmpty() || input.problem() ? null : String(input.resultValue());
  if (share === null) return '';
  const name = language() === 'zh' ? [h('strong', {}, shareText(share)), ' '] : [];
  const present = await generalPrices(form, valueOf(form, 'pipeline_id'));
  if (!present.length) return name;
  const words = present.slice(0, SHOWN_PRICES).map((price) => {
    const amount = price.pricing_type === 'package' ? price.package_price : price.unit_price;
    const size = price.pricing_type === 'package' ? price.package_size : price.unit_size;
    const per = Number(size) === 1 ? '' : ` / ${decimalText(size)}`;
    return h('span', { class: 'field-note-line' }, `${[price.unit, price.step_key, price.model].filter(Boolean).join(' · ')}: ${decimalText(amount)} → `,
      h('strong', {}, `${decimalText(lineAmount(amount, 1, share))} ${price.currency}${per}`));
  });
  const rest = present.length - SHOWN_PRICES;
  return [...name, ...words, rest > 0 ? t('and ${count} more', { count: rest }) : ''];
}

const prices = /** @type {Map<string, Promise<Price[]>>} */ (new Map());
const KEPT_MS = 30_000;

/**
 * Everybody's prices of a pipeline that are in force.
 * @param {Widget} owner
 * @param {FieldValue} pipelineId
 * @returns {Promise<Price[]>}
 */
export function generalPrices(owner, pipelineId) {
  if (!pipelineId) return Promise.resolve([]);
  const id = String(pipelineId);
  if (!prices.has(id)) {
    prices.set(id, ask(owner.app, '/pipeline_ops/api/line_figures.dspy', { params: { pipeline_id: id } }).then((answer) => {
      const { prices: all = [], now = '' } = answer.ok ? dataOf(answer) : {};
      return all.filter((/** @type {Price} */ price) => !price.distributor_id && isInForce(price, now));
    }));
    setTimeout(() => prices.delete(id), KEPT_MS);
  }
  return prices.get(id) ?? Promise.resolve([]);
}

/** @param {Price} price @param {string} now the server's time */
export function isInForce(price, now) {
  return Number(price.enabled) === 1 && new Date(price.effective_from) <= new Date(now)
    && (!price.effective_to || new Date(price.effective_to) > new Date(now));
}
