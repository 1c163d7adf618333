/**
 * A small bar chart of our own as SVG: one bar a group, the figures of each at the pointer and at
 * focus, the same figures as a table for those who cannot see it.
 */

import { h } from '../../core/dom.js';
import { countText } from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { ChartTip } from './chart_tip.js';
import { svg } from './svg.js';

const HEIGHT = 130;
const FOOT = 18;
const WIDEST_STEP = 64;
const SCALE = [0, 0.5, 1];
/** How wide a digit is at most; labels closer than the gap would touch. */
const LETTER_PX = 6.5;
const LABEL_GAP_PX = 10;

/**
 * @param {Chart} chart
 * @returns {Element}
 */
export function barChart(chart) {
  const place = h('div', { class: 'chart-place' });
  const figure = h('figure', { class: 'chart', 'aria-label': t(chart.title) }, place, hasFailures(chart) ? legend() : null, chart.choose ? null : tableOf(chart.title, chart.groupLabel, chart.bars));
  const tip = new ChartTip(figure);
  let drawnFor = 0;
  // Drawn for the width there is, so that figures have the same size everywhere.
  new ResizeObserver(([{ contentRect: { width } }]) => {
    if (Math.abs(width - drawnFor) < 2 || width < 40) return;
    drawnFor = width;
    const { key } = place.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement).dataset : {};
    place.replaceChildren(drawPicture(chart, width, tip));
    if (key) place.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
  }).observe(place);
  return figure;
}

/** Bars that are links or buttons say their figures themselves. @param {Chart} chart */
function isInteractive({ bars, choose }) {
  return Boolean(choose) || bars.some(({ href }) => href);
}

/** @param {Chart} chart */
function hasFailures({ bars }) {
  return bars.some(({ failed, height }) => height === undefined && Number(failed) > 0);
}

function legend() {
  return h('div', { class: 'chart-legend', 'aria-hidden': 'true' }, h('span', {}, t('Calls')), h('span', { class: 'is-failed' }, t('Failed')));
}

/** What a bar is drawn for: calls, unless `height` says otherwise. @param {Bar} bar */
function heightOf(bar) {
  return Number(bar.height ?? bar.calls);
}

/** @param {Chart} chart @param {number} width @param {ChartTip} tip */
function drawPicture(chart, width, tip) {
  const { bars, choose, chosenKey = '' } = chart;
  const highest = niceMaximum(Math.max(0.001, ...bars.map(heightOf)));
  const left = leftOf(highest);
  const step = Math.min(WIDEST_STEP, (width - left - 4) / Math.max(1, bars.length));
  const height = HEIGHT + FOOT + 8;
  const picture = svg('svg', { viewBox: `0 0 ${width} ${height}`, width, height, class: 'bar-chart', 'aria-hidden': isInteractive(chart) ? null : 'true' });
  drawScale(picture, highest, width);
  const widest = Math.max(0, ...bars.map(({ label }) => label.length)) * LETTER_PX;
  const every = Math.max(1, Math.ceil((widest + LABEL_GAP_PX) / step));
  bars.forEach((bar, at) => {
    const isLabelled = at % every === (bars.length - 1) % every;
    const group = drawBar(bar, { x: left + at * step, step, width, highest, isLabelled, isChosen: bar.key === chosenKey });
    const parts = partsOf(bar);
    tip.listen(group, parts);
    if (choose && Number(bar.calls) > 0) makeButton(group, bar, choose);
    if (bar.href || group.hasAttribute('role')) {
      group.setAttribute('aria-label', parts.join(', '));
      group.dataset.key = bar.key;
    }
    picture.append(group);
  });
  return picture;
}

/**
 * @param {SVGElement} group
 * @param {Bar} bar
 * @param {(bar: Bar) => void} choose
 */
function makeButton(group, bar, choose) {
  group.setAttribute('role', 'button');
  group.setAttribute('tabindex', '0');
  group.addEventListener('click', () => choose(bar));
  group.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    choose(bar);
  });
}

/** How much room the figures of the scale take. @param {number} highest */
function leftOf(highest) {
  return Math.max(...SCALE.map((share) => shortCount(highest * share).length)) * LETTER_PX + 12;
}

/** @param {SVGElement} picture @param {number} highest @param {number} width */
function drawScale(picture, highest, width) {
  const left = leftOf(highest);
  for (const share of SCALE) {
    const y = 8 + HEIGHT * (1 - share);
    picture.append(svg('line', { x1: left - 4, x2: width, y1: y, y2: y, class: 'chart-grid' }),
      svg('text', { x: left - 8, y: y + 4, class: 'chart-scale' }, shortCount(highest * share)));
  }
}

/**
 * @param {Bar} bar
 * @param {{x: number, step: number, width: number, highest: number, isLabelled: boolean, isChosen: boolean}} look
 */
function drawBar(bar, { x, step, width, highest, isLabelled, isChosen }) {
  /** @param {Decimal} calls */
  const size = (calls) => (Number(calls) / highest) * HEIGHT;
  const all = size(heightOf(bar));
  const failedHeight = bar.height === undefined ? size(bar.failed ?? 0) : 0;
  const side = Math.min(4, step * 0.15);
  const column = { x: x + side, width: step - 2 * side };
  const group = svg(bar.href ? 'a' : 'g', { class: `chart-bar${isChosen ? ' chart-chosen' : ''}`, href: bar.href ?? null },
    svg('rect', { x, y: 8, width: step, height: HEIGHT, class: 'chart-room' }),
    svg('rect', { ...column, y: 8 + HEIGHT - all, height: Math.max(all, all > 0 ? 1.5 : 0), rx: 2, class: 'chart-fill' }));
  if (failedHeight > 0) group.append(svg('rect', { ...column, y: 8 + HEIGHT - failedHeight, height: Math.max(failedHeight, 1.5), class: 'chart-failed' }));
  if (isLabelled) group.append(svg('text', { x: Math.min(x + step / 2, width - (bar.label.length * LETTER_PX) / 2), y: HEIGHT + FOOT + 4, class: 'chart-label' }, bar.label));
  return group;
}

/** What a bar says, the time first. @param {Bar} bar */
function partsOf(bar) {
  const parts = [bar.key, t('${count} calls', { count: countText(bar.calls) })];
  if (Number(bar.failed) > 0) parts.push(t('${count} failed', { count: countText(bar.failed) }));
  if (bar.words) parts.push(bar.words);
  return parts;
}

/** @param {string} title @param {string} groupLabel @param {Bar[]} bars */
function tableOf(title, groupLabel, bars) {
  return h('table', { class: 'visually-hidden' }, h('caption', {}, t(title)),
    h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, t(groupLabel)), h('th', { scope: 'col' }, t('Calls')), h('th', { scope: 'col' }, t('Failed')), h('th', { scope: 'col' }, t('Amount')))),
    h('tbody', {}, bars.map((bar) => h('tr', {}, h('td', {}, bar.key), h('td', {}, countText(bar.calls)), h('td', {}, countText(bar.failed)), h('td', {}, bar.words ?? '')))));
}

/** The next of 1, 2, 4, 5, 10, 20 …, so that the scale has round figures. @param {number} value */
function niceMaximum(value) {
  const size = 10 ** Math.floor(Math.log10(value));
  const factor = [1, 2, 4, 5, 10].find((one) => one * size >= value) ?? 10;
  return factor * size;
}

/** @param {number} value */
function shortCount(value) {
  if (value >= 1e6) return `${Number((value / 1e6).toFixed(1))}M`;
  return value >= 10_000 ? `${Number((value / 1000).toFixed(1))}k` : String(Number(value.toPrecision(3)));
}
