/** Which columns are in view, and how wide they are. */

import { h } from '../core/dom.js';
import { popoverBelow } from '../core/popover.js';
import { t } from '../core/i18n.js';

const LEAST_PX = 48;
const STEP_PX = 16;

/** @param {import('./tabular.js').Tabular} table */
export function columnsButton(table, button) {
  popoverBelow(button, () => content(table), t('Columns'));
}

function content(table) {
  const boxes = table.filterFields().map((field) => {
    const box = h('input', {
      type: 'checkbox', checked: table.columns.some(({ name }) => name === field.name),
      on: { change: () => table.chooseColumn(field.name, box.checked) || (box.checked = true) },
    });
    return h('label', { class: 'check-label' }, box, t(field.label));
  });
  return [...boxes, h('button', { type: 'button', on: { click: () => reset(table, boxes) } }, t('As at first'))];
}

function reset(table, labels) {
  table.memory.keep({ widths: null });
  table.showColumns(null);
  const shown = new Set(table.columns.map(({ name }) => name));
  table.filterFields().forEach((field, i) => { labels[i].firstElementChild.checked = shown.has(field.name); });
}

/** The edge of a heading that is dragged; Shift with the arrows does the same on the heading. */
export function grip(grid, column, kept) {
  const edge = h('span', { class: 'col-grip', 'aria-hidden': 'true', on: { pointerdown: (event) => drag(event, grid, column, kept) } });
  return edge;
}

/** @returns {boolean} true when the key changed the width */
export function widthKey(event, grid, column, kept) {
  const step = { ArrowLeft: -STEP_PX, ArrowRight: STEP_PX }[event.key];
  if (!event.shiftKey || !step) return false;
  event.preventDefault();
  const width = grid.widthOf(column) + step;
  grid.setWidth(column, Math.max(LEAST_PX, width));
  kept(column, grid.widthOf(column));
  return true;
}

function drag(start, grid, column, kept) {
  if (start.button !== 0) return;
  start.preventDefault();
  start.stopPropagation();
  const edge = start.currentTarget;
  const from = grid.widthOf(column);
  edge.setPointerCapture(start.pointerId);
  const move = (event) => grid.setWidth(column, Math.max(LEAST_PX, from + event.clientX - start.clientX));
  edge.addEventListener('pointermove', move);
  edge.addEventListener('pointerup', () => {
    edge.removeEventListener('pointermove', move);
    kept(column, grid.widthOf(column));
  }, { once: true });
}
