/**
 * Rows that are read anew while somebody looks at them: selection, marks, scroll and focus stay, each row
 * stands once. Half-typed cells, open details and an open menu put it off.
 */

import { cellsDiffer } from './cells.js';

/** So long rows count as fresh. */
const FRESH_MS = 3000;

/** When the window comes back to the front. @param {Tabular} table @returns {() => void} ends it */
export function refreshOnReturn(table) {
  const listener = () => {
    if (document.visibilityState !== 'visible' || Date.now() - table.pages.readAt < FRESH_MS) return;
    if (isBusy(table)) return;
    table.refresh();
  };
  document.addEventListener('visibilitychange', listener);
  window.addEventListener('focus', listener);
  return () => {
    document.removeEventListener('visibilitychange', listener);
    window.removeEventListener('focus', listener);
  };
}

/** @param {Tabular} table */
function isBusy({ dom_element: element, inline, pages }) {
  return !element.isConnected || pages.isLoading || !pages.bodies.length || inline.editors.size > 0
    || element.querySelector('.detail-row, .row-menu:popover-open') !== null;
}

/**
 * Put rows into the bodies of pages, each once: those that are there already stay the same nodes.
 * @param {Grid} grid
 * @param {HTMLTableSectionElement[]} bodies
 * @param {Row[][]} pages
 */
export function mergeRows(grid, bodies, pages) {
  const { idField } = grid.options;
  const present = new Map(grid.rows().map((row) => [row.record[idField], row]));
  const ids = new Set();
  grid.alignFor(pages.flat());
  pages.forEach((records, at) => {
    const rows = records.filter((record) => !ids.has(record[idField]) && ids.add(record[idField])).map((record) => {
      const row = present.get(record[idField]);
      if (!row) return grid.row(record);
      if (cellsDiffer(row.record, record)) {
        row.record = record;
        grid.showRecord(row);
      }
      return row;
    });
    const isSame = rows.length === bodies[at].rows.length && rows.every((row, place) => bodies[at].rows[place] === row);
    if (!isSame) bodies[at].replaceChildren(...rows);
  });
  grid.showMarks();
}
