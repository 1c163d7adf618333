/**
 * A small bar chart of our own as SVG: one bar a group, a line of figures for each on hover and
 * focus, the same figures as a table for those who cannot see it.
 */

import { h } from '../../core/dom.js';
import { countText } from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { svg } from './svg.js';

const HEIGHT = 130;
const FOOT = 18;
const LEFT = 44;
const WIDEST_STEP = 64;
/** Labels closer than this would touch. */
const LABEL_PX = 44;

/**
 * @param {Chart} chart
 * @returns {Element}
 */
export function barChart(chart) {
  const caption = h('p', { class: 'chart-words', 'aria-live': 'polite' });
  const place = h('div', { class: 'chart-place' });
  let drawnFor = 0;
  // Drawn for the width there is, so that figures have the same size everywhere.
  new ResizeObserver(([{ contentRect: { width } }]) => {
    if (Math.abs(width - drawnFor) < 2 || width < 40) return;
    drawnFor = width;
    const { key } = place.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement).dataset : {};
    place.replaceChildren(drawPicture(chart, width, caption));
    if (key) place.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
  }).observe(place);
  const foot = h('div', { class: 'chart-foot' }, caption, hasFailures(chart) ? legend() : null);
  return h('figure', { class: 'chart', 'aria-label': t(chart.title) }, place, foot, chart.choose ? null : tableOf(chart.title, chart.groupLabel, chart.bars));
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

/** @param {Chart} chart @param {number} width @param {HTMLElement} caption */
function drawPicture(chart, width, caption) {
  const { bars, choose, chosenKey = '' } = chart;
  const highest = niceMaximum(Math.max(0.001, ...bars.map(heightOf)));
  const step = Math.min(WIDEST_STEP, (width - LEFT - 4) / Math.max(1, bars.length));
  const height = HEIGHT + FOOT + 8;
  const picture = svg('svg', { viewBox: `0 0 ${width} ${height}`, width, height, class: 'bar-chart', 'aria-hidden': isInteractive(chart) ? null : 'true' });
  drawScale(picture, highest, width);
  const every = Math.max(1, Math.ceil(LABEL_PX / step));
  bars.forEach((bar, at) => {
    const isLabelled = at % every === (bars.length - 1) % every;
    const group = drawBar(bar, { x: LEFT + at * step, step, width, highest, isLabelled, isChosen: bar.key === chosenKey });
    const words = wordsOf(bar);
    group.append(svg('title', {}, words));
    group.addEventListener('pointerenter', () => { caption.textContent = words; });
    if (choose && Number(bar.calls) > 0) makeButton(group, bar, words, choose, caption);
    else if (bar.href) nameLink(group, bar, words, caption);
    picture.append(group);
  });
  picture.addEventListener('pointerleave', () => { caption.textContent = ''; });
  return picture;
}

/** @param {SVGElement} group @param {Bar} bar @param {string} words @param {HTMLElement} caption */
function nameLink(group, bar, words, caption) {
  group.setAttribute('aria-label', words);
  group.dataset.key = bar.key;
  group.addEventListener('focus', () => { caption.textContent = words; });
}

/**
 * @param {SVGElement} group
 * @param {Bar} bar
 * @param {string} words
 * @param {(bar: Bar) => void} choose
 * @param {HTMLElement} caption
 */
function makeButton(group, bar, words, choose, caption) {
  group.setAttribute('role', 'button');
  group.setAttribute('tabindex', '0');
  group.setAttribute('aria-label', words);
  group.dataset.key = bar.key;
  group.addEventListener('focus', () => { caption.textContent = words; });
  group.addEventListener('click', () => choose(bar));
  group.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    choose(bar);
  });
}

/** @param {SVGElement} picture @param {number} highest @param {number} width */
function drawScale(picture, highest, width) {
  for (const share of [0, 0.5, 1]) {
    const y = 8 + HEIGHT * (1 - share);
    picture.append(svg('line', { x1: LEFT - 4, x2: width, y1: y, y2: y, class: 'chart-grid' }),
      svg('text', { x: LEFT - 8, y: y + 4, class: 'chart-scale' }, shortCount(highest * share)));
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
  if (isLabelled) group.append(svg('text', { x: Math.min(x + step / 2, width - LABEL_PX / 3), y: HEIGHT + FOOT + 4, class: 'chart-label' }, bar.label));
  return group;
}

/** @param {Bar} bar */
function wordsOf(bar) {
  const parts = [`${bar.key}: ${t('${count} calls', { count: countText(bar.calls) })}`];
  if (Number(bar.failed) > 0) parts.push(t('${count} failed', { count: countText(bar.failed) }));
  if (bar.words) parts.push(bar.words);
  return parts.join(', ');
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
