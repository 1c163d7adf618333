/** Where the focus is among rows that go and come back. */

import { focus } from './grid_keys.js';

/** The record and the column of the row or cell that has the focus, or null where none has. @param {Tabular} table */
export function placeOfFocus({ grid, idField }) {
  const holder = /** @type {HTMLElement | null} */ (document.activeElement);
  if (!holder || !grid.element.contains(holder)) return null;
  return { id: grid.rowOf(holder)?.record[idField], column: holder.closest('td')?.dataset.name };
}

/** Focus what has come in the place of a row or cell, or else the rows. @param {Tabular} table @param {{id: any, column?: string}} place */
export function focusAgain({ grid, scroller }, { id, column }) {
  const row = (id === undefined ? null : grid.rowOfId(id)) ?? grid.selectedRow;
  const cell = column && [...(row?.cells ?? [])].find(({ dataset }) => dataset.name === column);
  focus(cell || row || scroller, true);
}
