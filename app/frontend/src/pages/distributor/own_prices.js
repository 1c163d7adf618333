/** A distributor's own prices for a pipeline, as rows beside the pipeline's price. */

import { append, fillNode, h } from '../../core/dom.js';
import { lineAmount } from '../../core/decimals.js';
import { decimalText, localDateTime, shareText } from '../../core/format.js';
import { icon } from '../../core/icons.js';
import { t } from '../../core/i18n.js';
import { typedNumber } from '../../core/typed_number.js';
import { priceImpact } from '../../tabular/price_impact.js';
import { WhenChoice } from '../../widgets/when_choice.js';
import { read, send } from '../common/answers.js';
import { openWindow } from '../common/window.js';
import { columnsOf, priceText } from '../../core/price_words.js';

const USE = ['step_key', 'model', 'unit'];
const UPDATE = '/pipeline_dist/api/distributor_pipeline_update.dspy';

/**
 * @param {Widget} owner
 * @param {{distributor_id: string, pipeline_id: string}} pair
 * @returns {Promise<boolean>} whether something was saved
 */
export async function openOwnPrices(owner, { distributor_id: distributorId, pipeline_id: pipelineId }) {
  const [prices, choices] = await Promise.all([
    read(owner, '/pipeline_dist/api/own_prices.dspy', { distributor_id: distributorId, pipeline_id: pipelineId }),
    read(owner, '/pipeline_ops/api/price_choices.dspy', { pipeline_id: pipelineId }),
  ]);
  if (!prices || !choices) return false;
  return new OwnPrices(owner, prices, choices).open();
}

/** @typedef {{element: HTMLTableRowElement, cells: Record<string, HTMLInputElement|HTMLSelectElement>, own: OwnPrice|null, general: Price|null, error: HTMLElement, first: string}} OwnRow */

class OwnPrices {
  /** @param {Widget} owner @param {OwnPricesAnswer} prices @param {Record<string, Choice[]>} choices */
  constructor(owner, { now, next_month: nextMonth, distributor, link, general, own, complete }, choices) {
    this.owner = owner;
    this.distributor = distributor;
    this.link = link;
    this.choices = choices;
    this.now = new Date(now);
    this.general = general;
    this.own = own;
    this.isComplete = complete;
    this.nextMonth = nextMonth;
    this.body = h('tbody');
    this.rows = /** @type {OwnRow[]} */ ([]);
    this.request = /** @type {OwnRow[]} */ ([]);
    this.message = h('div', { role: 'alert' });
    this.impact = h('div');
    this.box = /** @type {Overlay|null} */ (null);
    this.isDone = false;
    this.when = new WhenChoice('change_from', 'From when', this.nextMonth);
  }

  async open() {
    const { name, pricing_mode: mode, discount_rate: rate } = this.link;
    const words = { inherit: t('Where there is no own price, the price of the line holds.'), fixed: t('Where there is no own price, calls are refused.'),
      discount: t('Where there is no own price, ${share} of the price of the line holds.', { share: shareText(rate) }) };
    this.addRows();
    const lists = ['steps', 'models', 'units'].map((list) => h('datalist', { id: `own-${list}` }, this.choices[list].map(({ value, text }) => h('option', { value, label: text === value ? undefined : text }))));
    const heads = ['Step', 'Model', 'Unit', 'Price of the line', 'Own price', 'For', ''];
    this.box = await openWindow(this.owner, { title: `${t('Own prices')} · ${this.distributor.name} · ${name}`, width: '64rem' },
      h('p', { class: 'muted' }, words[/** @type {'inherit'} */ (mode)]),
      this.isComplete ? '' : h('p', { class: 'bad' }, t('There are more prices than are shown here. The others stay as they are; change them in the list of prices.')),
      h('form', { class: 'own-prices', novalidate: true, on: { submit: (event) => { event.preventDefault(); this.save(); } } },
        h('div', { class: 'scroll-x' }, h('table', { class: 'plain-table own-prices-table' },
          h('thead', {}, h('tr', {}, heads.map((label) => h('th', { scope: 'col' }, label ? t(label) : h('span', { class: 'visually-hidden' }, t('Remove')))))), this.body)),
        ...lists, h('div', { class: 'toolbar' }, h('button', { type: 'button', 'data-tool': 'add_own_price', on: { click: () => this.addRow(null, null).cells.step_key.focus() } }, icon('add'), t('Another own price'))),
        this.when.element, this.impact, this.message,
        h('div', { class: 'form-buttons' },
          h('button', { type: 'button', on: { click: () => this.preview() } }, t('What it comes to')),
          h('button', { type: 'button', on: { click: () => this.box?.requestDismiss() } }, t('Cancel')),
          h('button', { type: 'submit', class: 'primary' }, t('Save')))));
    this.box.holdsWork = () => !this.isDone && this.changed().length > 0;
    return new Promise((resolve) => { this.box?.bind('dismissed', () => resolve(this.isDone)); });
  }

  /** A row for each use: with the own price in force, and one for each that is to come. */
  addRows() {
    for (const key of new Set([...this.general, ...this.own].map(useOf))) {
      const general = this.general.find((price) => useOf(price) === key) ?? null;
      const own = this.own.filter((price) => useOf(price) === key);
      const isInForce = own.some((price) => !this.isLater(price));
      if (general && !isInForce) this.addRow(general, null);
      for (const price of own) this.addRow(general, price);
    }
  }

  /** @param {Price} price */
  isLater({ effective_from: start }) {
    return new Date(start) > this.now;
  }

  /** @param {Price|null} general @param {OwnPrice|null} own @returns {OwnRow} */
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
    const row = { cells, own, general, error, element: h('tr'), first: '' };
    const remove = () => {
      if (isNew) { row.element.remove(); this.rows = this.rows.filter((one) => one !== row); } else { cells.price.value = ''; cells.price.focus(); }
    };
    append(row.element, [USE.map((name) => h('td', {}, isNew ? cells[name] : /** @type {Data} */ (price ?? {})[name] || h('span', { class: 'muted' }, t('every')))), present,
      h('td', {}, h('div', { class: 'with-unit' }, cells.price, h('span', {}, this.distributor.currency)), this.times(own), error), h('td', {}, h('div', { class: 'own-per' }, cells.pricing_type, cells.size)),
      h('td', {}, h('button', { type: 'button', class: 'icon-button', 'aria-label': t(isNew ? 'Remove' : 'No own price'), title: t(isNew ? 'Remove' : 'No own price'), on: { click: remove } }, icon('close')))]);
    this.body.append(row.element);
    this.rows.push(row);
    row.first = JSON.stringify(this.values(row));
    return row;
  }

  /** From when, and until when, an own price holds, where that is still to come. @param {OwnPrice|null} own */
  times(own) {
    if (!own) return '';
    const day = (/** @type {string} */ when) => localDateTime(when, { seconds: false });
    const words = [this.isLater(own) ? t('from ${when}', { when: day(own.effective_from) }) : '', own.effective_to ? t('until ${when}', { when: day(own.effective_to) }) : ''];
    return h('p', { class: 'muted' }, words.filter(Boolean).join(' '));
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

  /** What a row says, as a request has it. @param {OwnRow} row */
  values({ cells, own, general }) {
    const { amount, size } = columnsOf({ pricing_type: cells.pricing_type.value });
    const use = Object.fromEntries(USE.map((name) => [name, cells[name] ? cells[name].value.trim() : /** @type {Data} */ (own ?? general ?? {})[name]]));
    return { ...use, pricing_type: cells.pricing_type.value, [amount]: typedNumber(cells.price.value), [size]: typedNumber(cells.size.value, { isWhole: true }) };
  }

  /** The rows that somebody has changed: no others are sent. */
  changed() {
    return this.rows.filter((row) => (row.own ? JSON.stringify(this.values(row)) !== row.first : !isBlank(row) || row.cells.unit?.value.trim()));
  }

  preview() {
    /** By use: of a price and its successor, the successor is tried. @type {Map<string, Data>} */
    const changes = new Map();
    const news = /** @type {Data[]} */ ([]);
    for (const row of this.changed()) {
      const { own } = row;
      if (!own) news.push({ ...this.values(row), pipeline_id: this.link.pipeline_id, distributor_id: this.distributor.id, currency: this.distributor.currency });
      else if (!isBlank(row)) changes.set(useOf(own), { id: own.id, ...this.values(row) });
      else if (!this.isLater(own)) changes.set(useOf(own), { id: own.id, enabled: 0 });
    }
    fillNode(this.impact, changes.size || news.length ? priceImpact(this.owner, this.nextMonth, [...changes.values()], news) : h('p', { class: 'muted' }, t('No own price was changed.')));
  }

  async save() {
    for (const { error } of this.rows) error.hidden = true;
    const start = this.when.answer();
    if (start === null) return;
    this.request = this.changed();
    if (!this.request.length) {
      fillNode(this.message, h('p', { class: 'muted' }, t('No own price was changed.')));
      return;
    }
    const edits = this.request.map((row) => {
      if (!row.own) return this.values(row);
      return { ...versionOf(row.own), ...(isBlank(row) ? { enabled: 0 } : this.values(row)) };
    });
    const answer = await send(this.owner, UPDATE, { ...versionOf(this.link), price_changes: JSON.stringify(edits), change_from: start });
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
    const { message, fields = {}, current } = answer.error?.options ?? {};
    const others = [];
    const conflict = this.request.find(({ own }) => own && own.id === current?.id);
    if (conflict) tell(conflict, message ?? '');
    for (const [name, text] of Object.entries(fields)) {
      const row = this.request[Number(/^price_changes\/(\d+)/.exec(name)?.[1] ?? -1)];
      if (row) tell(row, text);
      else others.push(t(text));
    }
    fillNode(this.message, h('div', { class: 'form-summary' }, h('p', {}, t(message)), others.map((text) => h('p', {}, text))));
    this.message.scrollIntoView({ block: 'nearest' });
  }
}

/** Tells two prices for different things apart. @param {Price} price */
function useOf(price) {
  return JSON.stringify(USE.map((column) => /** @type {Data} */ (/** @type {unknown} */ (price))[column]));
}

/** What an update names its record by. @param {{id: string, lock_version: number}} record */
function versionOf({ id, lock_version: version }) {
  return { id, lock_version: version };
}

/** @param {OwnRow} row */
function isBlank({ cells }) {
  return cells.price.value.trim() === '';
}

/** @param {OwnRow} row @param {string} text what is wrong with it */
function tell({ error, cells }, text) {
  error.textContent = t(text);
  error.hidden = false;
  cells.price.focus();
}

/** What a price is for. @param {Price} price */
function what({ step_key: step, model, unit }) {
  return [unit, step, model].filter(Boolean).join(' · ');
}
