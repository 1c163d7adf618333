/** A distributor's own prices for a pipeline, as rows beside the pipeline's price. */

import { append, fillNode, h } from '../../core/dom.js';
import { lineAmount } from '../../core/decimals.js';
import { decimalText, localDateTime, shareText } from '../../core/format.js';
import { icon } from '../../core/icons.js';
import { t } from '../../core/i18n.js';
import { typedNumber } from '../../core/typed_number.js';
import { priceImpact } from '../../tabular/price_impact.js';
import { isInForce } from '../../widgets/field_notes.js';
import { WhenChoice } from '../../widgets/when_choice.js';
import { read, send } from '../common/answers.js';
import { openWindow } from '../common/window.js';
import { columnsOf, priceText } from '../common/price_text.js';

const USE = ['step_key', 'model', 'unit'];
const UPDATE = '/pipeline_dist/api/distributor_pipeline_update.dspy';

/**
 * @param {Widget} owner
 * @param {{distributor_id: string, pipeline_id: string}} pair
 * @returns {Promise<boolean>} whether something was saved
 */
export async function openOwnPrices(owner, { distributor_id: distributorId, pipeline_id: pipelineId }) {
  const [overview, figures, choices] = await Promise.all([
    read(owner, '/pipeline_dist/api/distributor_overview.dspy', { id: distributorId }),
    read(owner, '/pipeline_ops/api/line_figures.dspy', { pipeline_id: pipelineId }),
    read(owner, '/pipeline_ops/api/price_choices.dspy', { pipeline_id: pipelineId }),
  ]);
  if (!overview || !figures || !choices) return false;
  const link = overview.lines.find((/** @type {DistributorPipeline} */ one) => one.pipeline_id === pipelineId);
  return new OwnPrices(owner, { distributor: overview.distributor, link, figures, choices }).open();
}

/** @typedef {{element: HTMLTableRowElement, cells: Record<string, HTMLInputElement|HTMLSelectElement>, own: Price|null, general: Price|null, error: HTMLElement}} OwnRow */

class OwnPrices {
  /** @param {Widget} owner @param {{distributor: Row, link: DistributorPipeline, figures: Data, choices: Record<string, Choice[]>}} data */
  constructor(owner, { distributor, link, figures, choices }) {
    this.owner = owner;
    this.distributor = distributor;
    this.link = link;
    this.choices = choices;
    const prices = /** @type {Price[]} */ (figures.prices).filter(({ currency }) => currency === distributor.currency);
    const inForce = prices.filter((price) => isInForce(price, figures.now));
    this.general = inForce.filter(({ distributor_id: id }) => !id);
    this.own = inForce.filter(({ distributor_id: id }) => id === distributor.id);
    this.later = prices.filter((price) => price.distributor_id === distributor.id && Number(price.enabled) === 1 && new Date(price.effective_from) > new Date(figures.now));
    this.nextMonth = figures.gauges.find((/** @type {Gauge} */ gauge) => gauge.scope === 'month')?.resets_at;
    this.body = h('tbody');
    this.rows = /** @type {OwnRow[]} */ ([]);
    this.message = h('div', { role: 'alert' });
    this.impact = h('div');
    this.box = /** @type {Overlay|null} */ (null);
    this.isDone = false;
    this.start = '';
    this.when = new WhenChoice('change_from', 'From when', this.nextMonth);
  }

  async open() {
    const { name, pricing_mode: mode, discount_rate: rate } = this.link;
    const words = { inherit: t('Where there is no own price, the price of the line holds.'), fixed: t('Where there is no own price, calls are refused.'),
      discount: t('Where there is no own price, ${share} of the price of the line holds.', { share: shareText(rate) }) };
    const keys = new Set();
    for (const price of [...this.general, ...this.own]) {
      const key = JSON.stringify(USE.map((column) => /** @type {Data} */ (price)[column]));
      if (keys.has(key)) continue;
      keys.add(key);
      const same = (/** @type {Price} */ one) => JSON.stringify(USE.map((column) => /** @type {Data} */ (one)[column])) === key;
      this.addRow(this.general.find(same) ?? null, this.own.find(same) ?? null);
    }
    const lists = ['steps', 'models', 'units'].map((list) => h('datalist', { id: `own-${list}` }, this.choices[list].map(({ value, text }) => h('option', { value, label: text === value ? undefined : text }))));
    const heads = ['Step', 'Model', 'Unit', 'Price of the line', 'Own price', 'For', ''];
    this.box = await openWindow(this.owner, { title: `${t('Own prices')} · ${this.distributor.name} · ${name}`, width: '64rem' },
      h('p', { class: 'muted' }, words[/** @type {'inherit'} */ (mode)]),
      this.later.length ? h('p', { class: 'muted' }, t('To come already: ${prices}', { prices: this.later.map((price) => `${what(price)} ${priceText(price)} (${localDateTime(price.effective_from, { seconds: false })})`).join(', ') })) : '',
      h('form', { class: 'own-prices', novalidate: true, on: { submit: (event) => { event.preventDefault(); this.save(); } } },
        h('div', { class: 'scroll-x' }, h('table', { class: 'plain-table own-prices-table' },
          h('thead', {}, h('tr', {}, heads.map((label) => h('th', { scope: 'col' }, label ? t(label) : h('span', { class: 'visually-hidden' }, t('Remove')))))), this.body)),
        ...lists, h('div', { class: 'toolbar' }, h('button', { type: 'button', 'data-tool': 'add_own_price', on: { click: () => this.addRow(null, null).cells.step_key.focus() } }, icon('add'), t('Another own price'))),
        this.when.element, this.impact, this.message,
        h('div', { class: 'form-buttons' },
          h('button', { type: 'button', on: { click: () => this.preview() } }, t('What it comes to')),
          h('button', { type: 'button', on: { click: () => this.box?.requestDismiss() } }, t('Cancel')),
          h('button', { type: 'submit', class: 'primary' }, t('Save')))));
    this.start = this.text();
    this.box.holdsWork = () => !this.isDone && this.text() !== this.start;
    return new Promise((resolve) => { this.box?.bind('dismissed', () => resolve(this.isDone)); });
  }

  /** @param {Price|null} general @param {Price|null} own @returns {OwnRow} */
  addRow(general, own) {
    const price = own ?? general;
    const isNew = !price;
    const type = price?.pricing_type ?? 'unit';
    const { amount, size } = columnsOf({ pricing_type: type });
    /** @param {string} label @param {string} list @param {string} name */
    const textBox = (label, list, name) => h('input', { type: 'text', 'aria-label': t(label), list: `own-${list}`, 'data-name': name, autocomplete: 'off' });
    /** @type {Record<string, HTMLInputElement|HTMLSelectElement>} */
    const cells = {
      price: h('input', { type: 'text', inputmode: 'decimal', 'data-name': 'price', class: 'own-price', 'aria-label': `${t('Own price')} ${price ? what(price) : ''}`.trim(), autocomplete: 'off', value: own ? decimalText(own[amount]).replaceAll(',', '') : '', placeholder: general ? decimalText(this.discounted(general)) : '' }),
      pricing_type: h('select', { 'data-name': 'pricing_type', 'aria-label': t('Kind of price') }, [['unit', 'each'], ['package', 'a package of']].map(([value, text]) => h('option', { value, selected: value === type }, t(text)))),
      size: h('input', { type: 'text', inputmode: 'numeric', 'data-name': 'size', class: 'own-size', 'aria-label': t('For how many'), autocomplete: 'off', value: price ? String(price[size]) : '1' }),
    };
    if (isNew) Object.assign(cells, { step_key: textBox('Step', 'steps', 'step_key'), model: textBox('Model', 'models', 'model'), unit: textBox('Unit', 'units', 'unit') });
    const error = h('p', { class: 'field-error', hidden: true });
    const present = h('td', { class: 'muted' }, general ? this.lineWords(general) : '–');
    const row = { cells, own, general, error, element: h('tr') };
    const remove = () => {
      if (isNew) { row.element.remove(); this.rows = this.rows.filter((one) => one !== row); } else { cells.price.value = ''; cells.price.focus(); }
    };
    append(row.element, [USE.map((name) => h('td', {}, isNew ? cells[name] : /** @type {Data} */ (price ?? {})[name] || h('span', { class: 'muted' }, t('every')))), present,
      h('td', {}, h('div', { class: 'with-unit' }, cells.price, h('span', {}, this.distributor.currency)), error), h('td', {}, h('div', { class: 'own-per' }, cells.pricing_type, cells.size)),
      h('td', {}, h('button', { type: 'button', class: 'icon-button', 'aria-label': t(isNew ? 'Remove' : 'No own price'), title: t(isNew ? 'Remove' : 'No own price'), on: { click: remove } }, icon('close')))]);
    this.body.append(row.element);
    this.rows.push(row);
    return row;
  }

  /** The pipeline's price, and what the distributor pays of it. @param {Price} price */
  lineWords(price) {
    const { amount } = columnsOf(price);
    if (this.link.pricing_mode !== 'discount') return priceText(price);
    return [priceText(price), h('br'), h('span', {}, `${shareText(this.link.discount_rate)} → ${priceText({ ...price, [amount]: this.discounted(price) })}`)];
  }

  /** @param {Price} price */
  discounted(price) {
    const { amount } = columnsOf(price);
    return this.link.pricing_mode === 'discount' ? lineAmount(price[amount], 1, this.link.discount_rate) : price[amount];
  }

  text() {
    return JSON.stringify(this.prices());
  }

  /** The rows with a price, as a request has them. */
  prices() {
    return this.filled().map(({ cells, own, general }) => {
      const { amount, size } = columnsOf({ pricing_type: cells.pricing_type.value });
      const use = Object.fromEntries(USE.map((name) => [name, cells[name] ? cells[name].value.trim() : /** @type {Data} */ (own ?? general ?? {})[name]]));
      return { ...use, pricing_type: cells.pricing_type.value, [amount]: typedNumber(cells.price.value), [size]: typedNumber(cells.size.value, { isWhole: true }) };
    });
  }

  filled() {
    return this.rows.filter(({ cells }) => cells.price.value.trim() !== '' || cells.unit?.value.trim());
  }

  preview() {
    const changes = /** @type {Data[]} */ ([]);
    const news = /** @type {Data[]} */ ([]);
    this.prices().forEach((price, i) => {
      const { own } = this.filled()[i];
      if (own) changes.push({ ...price, id: /** @type {Row} */ (/** @type {unknown} */ (own)).id });
      else news.push({ ...price, pipeline_id: this.link.pipeline_id, distributor_id: this.distributor.id, currency: this.distributor.currency });
    });
    if (changes.length || news.length) fillNode(this.impact, priceImpact(this.owner, this.nextMonth, changes, news));
  }

  async save() {
    for (const { error } of this.rows) error.hidden = true;
    const start = this.when.answer();
    if (start === null) return;
    const { id, lock_version: version } = /** @type {Row} */ (/** @type {unknown} */ (this.link));
    const answer = await send(this.owner, UPDATE, { id, lock_version: version, fixed_prices: JSON.stringify(this.prices()), change_from: start });
    if (answer.ok) {
      this.isDone = true;
      await this.owner.app.showAnswer(answer);
      this.box?.dismiss();
      return;
    }
    this.refused(answer);
  }

  /** What is wrong with a row stands in it, the rest below. @param {Answer} answer */
  refused(answer) {
    const { message, fields = {} } = answer.error?.options ?? {};
    const others = [];
    for (const [name, text] of Object.entries(fields)) {
      const row = this.filled()[Number(/^fixed_prices\/(\d+)/.exec(name)?.[1] ?? -1)];
      if (row) {
        row.error.textContent = t(text);
        row.error.hidden = false;
        row.cells.price.focus();
      } else {
        others.push(t(text));
      }
    }
    fillNode(this.message, h('div', { class: 'form-summary' }, h('p', {}, t(message)), others.map((text) => h('p', {}, text))));
    this.message.scrollIntoView({ block: 'nearest' });
  }
}

/** What a price is for. @param {Price} price */
function what({ step_key: step, model, unit }) {
  return [unit, step, model].filter(Boolean).join(' · ');
}
