/** Which price applies when, as bars over time, and what a call would cost. */

import { fillNode, h } from '../../core/dom.js';
import { localDateTime } from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { read } from '../common/answers.js';
import { badge, card, emptyNote, tool } from '../common/nodes.js';
import { openWindow } from '../common/window.js';
import { build } from '../../core/build.js';
import { priceText } from '../../core/price_words.js';
import { quoteBox } from './quote_box.js';
import { openCopy } from '../prices/price_copy.js';

const DAY_MS = 86_400_000;

/** From when to when, in ms. @typedef {{first: number, last: number}} Span */

export class PricesTab {
  /** @param {PipelinePage} page */
  constructor(page) {
    this.page = page;
    this.element = h('div', { class: 'prices-tab' });
  }

  async render() {
    const { data, owner } = this.page;
    const figures = await read(owner, '/pipeline_ops/api/line_figures.dspy', { pipeline_id: data.id });
    if (!figures) return;
    const nextMonth = figures.gauges.find((/** @type {Gauge} */ gauge) => gauge.scope === 'month')?.resets_at;
    const copy = owner.opts.may_price && figures.prices.length ? tool('copy_prices', 'copy', 'Copy prices to another line', () => openCopy(owner, { id: data.id, name: data.pipeline.name }, nextMonth)) : null;
    const manage = tool('manage_prices', 'prices', owner.opts.may_price ? 'Change prices' : 'All prices', () => this.manage());
    if (!figures.prices.length) {
      fillNode(this.element, emptyNote('prices', 'This line has no prices yet: a call that reports a unit without a price is refused.', manage));
      return;
    }
    fillNode(this.element,
      card('Which price applies when', h('div', { class: 'toolbar' }, manage, copy), timeline(figures.prices, new Date(figures.now)),
        h('p', { class: 'muted' }, t('Own prices of a distributor come first; of several that fit, the most specific applies: step and model, step, model, neither.'))),
      quoteBox(owner, data, figures.prices.filter((/** @type {Price} */ price) => !price.distributor_id)));
  }

  /** The list of the pipeline's prices in a window; what is changed there is seen here afterwards. */
  async manage() {
    const { owner, data } = this.page;
    const box = await openWindow(owner, { title: 'Prices', width: '80%', height: '80%' });
    for (const widget of await build({ widgettype: 'urlwidget', options: { url: '/pipeline_ops/pipeline_pricing', method: 'POST', params: { pipeline_id: data.id } } }, box)) box.add_widget(widget);
    box.bind('dismissed', () => this.render());
  }
}

/** Rows for what is priced, bars for from when to when. @param {Price[]} prices @param {Date} now */
function timeline(prices, now) {
  const span = spanOf(prices, now);
  const groups = /** @type {Map<string, Price[]>} */ (new Map());
  for (const price of prices) {
    const key = JSON.stringify([price.unit, price.step_key, price.model, price.distributor_id]);
    groups.set(key, [...(groups.get(key) ?? []), price]);
  }
  return h('div', { class: 'price-timeline' },
    h('div', { class: 'price-row price-scale', 'aria-hidden': 'true' }, h('span'), h('div', { class: 'price-track' }, scaleMarks(span, now))),
    [...groups.values()].map((list) => priceRow(list, span, now)));
}

/** @param {Price[]} list @param {Span} span @param {Date} now */
function priceRow(list, span, now) {
  const [{ unit, step_key: step, model, distributor }] = list;
  const nowMark = h('span', { class: 'price-now' });
  nowMark.style.left = `${at(now, span)}%`;
  return h('section', { class: 'price-row', 'aria-label': [unit, step, model, distributor].filter(Boolean).join(' ') },
    h('div', { class: 'price-what' }, h('strong', {}, unit), distributor ? h('span', {}, t('only ${name}', { name: distributor })) : null,
      h('span', { class: 'muted' }, [step ? t('step ${step}', { step }) : '', model || ''].filter(Boolean).join(' · ') || t('every step and model'))),
    h('ul', { class: 'price-track' }, list.map((price) => bar(price, span, now)), h('li', { class: 'price-now-place', 'aria-hidden': 'true' }, nowMark)));
}

/** @param {Price} price @param {Span} span @param {Date} now */
function bar(price, span, now) {
  const from = new Date(price.effective_from);
  const to = price.effective_to ? new Date(price.effective_to) : null;
  const isOn = Number(price.enabled) === 1;
  const state = !isOn ? 'off' : from > now ? 'later' : to && to <= now ? 'past' : 'now';
  const when = `${localDateTime(price.effective_from, { seconds: false })} – ${to ? localDateTime(price.effective_to, { seconds: false }) : t('open')}`;
  const words = { off: 'switched off', later: 'later', past: 'over', now: 'in force' };
  const left = at(from, span);
  const item = h('li', { class: ['price-bar', `price-is-${state}`, left > 55 && 'price-bar-end'], title: when },
    h('span', { class: 'price-words' }, h('strong', {}, priceText(price)), ' ', state === 'now' ? null : badge(t(words[state])), h('span', { class: 'price-when' }, when)));
  const right = to ? at(to, span) : 100;
  item.style.marginLeft = `${left}%`;
  item.style.width = `${Math.max(2, right - left)}%`;
  return item;
}

/** @param {Price[]} prices @param {Date} now */
function spanOf(prices, now) {
  const times = prices.flatMap(({ effective_from: from, effective_to: to }) => (to ? [from, to] : [from])).map((time) => new Date(time).getTime());
  const first = Math.min(now.getTime() - 30 * DAY_MS, ...times);
  const last = Math.max(now.getTime() + 30 * DAY_MS, ...times);
  const room = (last - first) * 0.04;
  return { first: first - room, last: last + room };
}

/** @param {Date} time @param {Span} span */
function at(time, { first, last }) {
  return Math.min(100, Math.max(0, ((time.getTime() - first) / (last - first)) * 100));
}

/** @param {Span} span @param {Date} now */
function scaleMarks(span, now) {
  const marks = /** @type {[Date, string][]} */ ([0.02, 0.98].map((share) => [new Date(span.first + share * (span.last - span.first)), '']));
  marks.push([now, 'price-scale-now']);
  return marks.map(([time, css]) => {
    const mark = h('span', { class: ['price-scale-mark', css] }, css ? t('now') : localDateTime(time.toISOString()).slice(0, 10));
    mark.style.left = `${at(time, span)}%`;
    return mark;
  });
}
