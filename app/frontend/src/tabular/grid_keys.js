/** The keys of the table itself: rows up and down, cells left and right, edit, mark, open. */

/** @param {Grid} grid @param {At<KeyboardEvent>} event */
export function gridKey(grid, event) {
  const row = grid.rowOf(event.target);
  const cell = event.target.closest('td');
  if (!row || (event.target !== row && event.target !== cell)) return;
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === 'F10' && !event.shiftKey) return;
  const isHandled = move(grid, row, cell, event.key) || act(grid, row, cell, event.key);
  if (isHandled) event.preventDefault();
}

/** @param {Grid} grid @param {RecordRow} row @param {HTMLTableCellElement | null} cell @param {string} key */
function move(grid, row, cell, key) {
  const rows = grid.rows();
  const at = rows.indexOf(row);
  const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[key];
  if (next !== undefined) {
    const target = rows[Math.min(rows.length - 1, Math.max(0, next))];
    grid.select(target);
    focus(cell ? target.cells[cell.cellIndex] ?? target : target);
    return true;
  }
  const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
  if (!step) return false;
  const cells = [...row.cells].filter(({ dataset }) => dataset.name);
  const to = cell ? cells.indexOf(cell) + step : step > 0 ? 0 : -1;
  focus(to < 0 ? row : cells[Math.min(cells.length - 1, to)] ?? row);
  return true;
}

/** @param {Grid} grid @param {RecordRow} row @param {HTMLTableCellElement | null} cell @param {string} key */
function act(grid, row, cell, key) {
  if (key === 'F2') {
    if (!grid.events.edit(row, cell)) grid.events.key(key);
    return true;
  }
  if (key === 'Enter') {
    grid.select(row);
    if (!cell || !grid.events.edit(row, cell)) grid.events.open(row.record);
    return true;
  }
  if (key === ' ') {
    grid.select(row);
    if (grid.canMark) grid.options.marks.set(row.record, !grid.options.marks.has(row.record));
    return true;
  }
  if (key === 'Escape' && cell) {
    focus(row);
    return true;
  }
  const menuButton = row.querySelector('.row-menu-button');
  if ((key === 'ContextMenu' || key === 'F10') && menuButton) {
    grid.select(row);
    grid.events.menu(row.record, menuButton);
    return true;
  }
  if (key === 'Delete' || key === 'Insert') {
    grid.select(row);
    grid.events.key(key);
    return true;
  }
  return false;
}

/** Focus a row or a cell; it becomes focusable. @param {HTMLElement} node @param {boolean} [preventScroll] */
export function focus(node, preventScroll = false) {
  if (node.tabIndex < 0) node.tabIndex = -1;
  node.focus({ preventScroll });
}
