/** The flow of a pipeline as a picture: stages from left to right, steps of one stage above each other. */

import { t } from '../../core/i18n.js';
import { svg } from '../common/svg.js';
import { TYPE_LABELS } from './types.js';

const BOX = { width: 150, height: 44, gapX: 56, gapY: 14 };
const EDGE = 28;
const DOT = 6;

/**
 * @param {StepDefinition[][]} stages
 * @param {(key: string) => string} toneOf 'error', 'warning' or ''
 * @returns {SVGElement}
 */
export function flowPicture(stages, toneOf = () => '') {
  const highest = Math.max(1, ...stages.map((steps) => steps.length));
  const height = highest * (BOX.height + BOX.gapY) - BOX.gapY + 2 * EDGE;
  const width = 2 * EDGE + stages.length * (BOX.width + BOX.gapX) + BOX.gapX;
  const middle = height / 2;
  const picture = svg('svg', {
    viewBox: `0 0 ${width} ${height}`, width, height, role: 'img', class: 'flow-picture', 'aria-label': wordsOf(stages),
  });
  let from = EDGE;
  picture.append(svg('circle', { cx: from, cy: middle, r: DOT, class: 'flow-dot' }));
  stages.forEach((steps, at) => {
    const left = EDGE + BOX.gapX + at * (BOX.width + BOX.gapX);
    const to = left + BOX.width + BOX.gapX / 2;
    drawStage(picture, steps, { from, left, to, middle, toneOf, number: at + 1 });
    picture.append(svg('circle', { cx: to, cy: middle, r: at === stages.length - 1 ? DOT : 3, class: 'flow-dot' }));
    from = to;
  });
  return picture;
}

/**
 * @param {SVGElement} picture
 * @param {StepDefinition[]} steps
 * @param {{from: number, left: number, to: number, middle: number, toneOf: (key: string) => string, number: number}} frame
 */
function drawStage(picture, steps, { from, left, to, middle, toneOf, number }) {
  const top = middle - (steps.length * (BOX.height + BOX.gapY) - BOX.gapY) / 2;
  picture.append(svg('text', { x: left + BOX.width / 2, y: 14, class: 'flow-stage' }, t('Stage ${number}', { number })));
  steps.forEach((step, at) => {
    const y = top + at * (BOX.height + BOX.gapY);
    const centre = y + BOX.height / 2;
    picture.append(edge(from, middle, left, centre), edge(left + BOX.width, centre, to, middle));
    picture.append(box(step, left, y, toneOf(step.step_key)));
  });
}

/** @param {number} x1 @param {number} y1 @param {number} x2 @param {number} y2 */
function edge(x1, y1, x2, y2) {
  const bend = (x2 - x1) / 2;
  return svg('path', { d: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`, class: 'flow-edge' });
}

/** @param {StepDefinition} step @param {number} x @param {number} y @param {string} tone */
function box(step, x, y, tone) {
  const isOff = Number(step.enabled) === 0;
  return svg('g', { class: ['flow-box', tone && `flow-${tone}`, isOff && 'flow-off'].filter(Boolean).join(' ') },
    svg('title', {}, `${step.name} (${step.step_key})`),
    svg('rect', { x, y, width: BOX.width, height: BOX.height, rx: 6 }),
    svg('text', { x: x + BOX.width / 2, y: y + 19, class: 'flow-name' }, shorten(step.name, 20)),
    svg('text', { x: x + BOX.width / 2, y: y + 35, class: 'flow-kind' }, shorten(step.model || t(TYPE_LABELS[step.step_type] ?? step.step_type), 24)));
}

/**
 * Cut to a width counted in Latin letters; a Chinese character is two wide.
 * @param {string} text
 * @param {number} most
 */
function shorten(text, most) {
  let width = 0;
  let beginning = '';
  for (const letter of String(text ?? '')) {
    width += letter > '\u2e7f' ? 2 : 1;
    if (width > most) return `${beginning}…`;
    beginning += letter;
  }
  return beginning;
}

/** @param {StepDefinition[][]} stages */
function wordsOf(stages) {
  if (!stages.length) return t('The line has no steps.');
  return stages.map((steps, at) => `${t('Stage ${number}', { number: at + 1 })}: ${steps.map(({ name }) => name).join(', ')}`).join('; ');
}
