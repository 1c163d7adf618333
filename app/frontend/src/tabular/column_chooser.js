/** Which columns are in view, in which order, and how wide they are. */

import { h } from '../core/dom.js';
import { icon } from '../core/icons.js';
import { popoverBelow } from '../core/popover.js';
import { t } from '../core/i18n.js';

const LEAST_PX = 48;
const STEP_PX = 16;

/** @param {Tabular} table @param {HTMLButtonElement} button */
export function columnsButton(table, button) {
  const { box } = popoverBelow(button, () => content(table, () => box), t('Columns'));
}

/**
 * Those in view in their order, then the others; after a change made anew, with the focus kept.
 * @param {Tabular} table
 * @param {() => HTMLElement} box
 */
function content(table, box) {
  /** @param {string} name @param {string} part */
  const again = (name, part) => {
    box().replaceChildren(...content(table, box));
    const row = /** @type {HTMLElement[]} */ ([...box().children]).find((one) => one.dataset.name === name);
    (row?.querySelector(`${part}:not(:disabled)`) ?? row?.querySelector('input'))?.focus();
  };
  const inView = new Set(table.columns.map(({ name }) => name));
  const rest = table.filterFields().filter(({ name }) => !inView.has(name));
  const rows = [...table.columns, ...rest].map((field) => columnRow(table, field, inView.has(field.name), again));
  const reset = h('button', { type: 'button', on: { click: () => {
    table.memory.keep({ widths: null });
    table.showColumns(null);
    again(table.columns[0].name, 'input');
  } } }, t('As at first'));
  return [...rows, reset];
}

/**
 * @param {Tabular} table
 * @param {Field} field
 * @param {boolean} isShown
 * @param {(name: string, part: string) => void} again
 */
function columnRow(table, field, isShown, again) {
  const { name } = field;
  const label = t(field.label);
  const box = h('input', {
    type: 'checkbox', checked: isShown,
    on: { change: () => { table.chooseColumn(name, box.checked); again(name, 'input'); } },
  });
  const at = table.columns.findIndex((one) => one.name === name);
  /** @param {number} step @param {string} picture @param {string} text */
  const mover = (step, picture, text) => h('button', {
    type: 'button', class: `icon-button move-${picture}`, 'aria-label': t(text, { name: label }), title: t(text, { name: label }),
    disabled: at + step < 0 || at + step >= table.columns.length,
    on: { click: () => { table.moveColumn(name, at + step); again(name, `.move-${picture}`); } },
  }, icon(picture));
  return h('div', { class: 'popover-row column-row', 'data-name': name }, h('label', { class: 'check-label' }, box, label),
    isShown ? [mover(-1, 'up', 'Move ${name} to the front'), mover(1, 'down', 'Move ${name} to the back')] : null);
}

/**
 * The edge of a heading that is dragged; Shift with the arrows does the same on the heading.
 * @param {Grid} grid
 * @param {Column} column
 * @param {GridEvents['resize']} resize
 */
export function grip(grid, column, resize) {
  const edge = h('span', { class: 'col-grip', 'aria-hidden': 'true', on: { pointerdown: (event) => drag(event, grid, column, resize) } });
  return edge;
}

/**
 * @param {At<KeyboardEvent>} event
 * @param {Grid} grid
 * @param {Column} column
 * @param {GridEvents['resize']} resize
 * @returns {boolean} true when the key changed the width
 */
export function widthKey(event, grid, column, resize) {
  const step = { ArrowLeft: -STEP_PX, ArrowRight: STEP_PX }[event.key];
  if (!event.shiftKey || !step) return false;
  event.preventDefault();
  const width = grid.widthOf(column) + step;
  grid.setWidth(column, Math.max(LEAST_PX, width));
  resize(column, grid.widthOf(column));
  return true;
}

/** @param {At<PointerEvent>} start @param {Grid} grid @param {Column} column @param {GridEvents['resize']} resize */
function drag(start, grid, column, resize) {
  if (start.button !== 0) return;
  start.preventDefault();
  start.stopPropagation();
  const edge = start.currentTarget;
  const from = grid.widthOf(column);
  edge.setPointerCapture(start.pointerId);
  /** @param {PointerEvent} event */
  const move = (event) => grid.setWidth(column, Math.max(LEAST_PX, from + event.clientX - start.clientX));
  edge.addEventListener('pointermove', move);
  edge.addEventListener('pointerup', () => {
    edge.removeEventListener('pointermove', move);
    resize(column, grid.widthOf(column));
  }, { once: true });
}
