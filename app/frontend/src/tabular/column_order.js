/** The order of columns: a heading dragged by mouse or pen, or Alt with the arrows on it. */

const THRESHOLD_PX = 6;

/**
 * Let a heading be dragged to another place.
 * @param {HTMLElement} cell the heading
 * @param {Grid} grid
 * @param {Column} column
 * @param {(column: Column, at: number) => void} move where it shall stand among the columns in view
 */
export function dragHeading(cell, grid, column, move) {
  cell.addEventListener('pointerdown', (start) => {
    // A finger scrolls; the box with the columns has buttons for it.
    if (start.button !== 0 || start.pointerType === 'touch' || start.defaultPrevented) return;
    new Drag(start, cell, grid, (at) => move(column, at)).listen();
  });
}

/**
 * @param {At<KeyboardEvent>} event
 * @param {Grid} grid
 * @param {Column} column
 * @param {GridEvents['move']} move
 * @returns {boolean} true when the key moved the column
 */
export function orderKey(event, grid, column, move) {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!event.altKey || !step) return false;
  event.preventDefault();
  move(column, grid.columns.indexOf(column) + step);
  const again = grid.columns.find(({ name }) => name === column.name);
  if (again) grid.headCellOf(again)?.querySelector('button')?.focus();
  return true;
}

class Drag {
  /**
   * @param {PointerEvent} start
   * @param {HTMLElement} cell
   * @param {Grid} grid
   * @param {(at: number) => void} drop
   */
  constructor(start, cell, grid, drop) {
    this.start = start;
    this.cell = cell;
    this.grid = grid;
    this.drop = drop;
    this.target = /** @type {number|null} */ (null);
    this.isMoving = false;
  }

  listen() {
    const control = new AbortController();
    const { signal } = control;
    /** @param {Event} event @param {boolean} isDropped */
    const end = (event, isDropped) => {
      control.abort();
      this.finish(isDropped && this.isMoving);
      if (this.isMoving) event.preventDefault();
    };
    document.addEventListener('pointermove', (event) => this.move(event), { signal });
    document.addEventListener('pointerup', (event) => end(event, true), { signal });
    document.addEventListener('pointercancel', (event) => end(event, false), { signal });
    document.addEventListener('keydown', (event) => { if (event.key === 'Escape' && this.isMoving) end(event, false); }, { signal, capture: true });
  }

  /** @param {PointerEvent} event */
  move(event) {
    if (!this.isMoving && Math.abs(event.clientX - this.start.clientX) < THRESHOLD_PX) return;
    this.isMoving = true;
    this.cell.classList.add('is-dragged');
    this.show(this.gapAt(event.clientX));
  }

  /** The gap between headings that is nearest to x: the place before heading 0, 1, … @param {number} x */
  gapAt(x) {
    return this.cells.filter((one) => {
      const { left, width } = one.getBoundingClientRect();
      return x > left + width / 2;
    }).length;
  }

  get cells() {
    return /** @type {HTMLElement[]} */ (this.grid.columns.map((column) => this.grid.headCellOf(column)));
  }

  /** @param {number} gap */
  show(gap) {
    this.clear();
    this.target = gap;
    const { cells } = this;
    if (gap < cells.length) cells[gap].classList.add('drop-before');
    else cells[cells.length - 1].classList.add('drop-after');
  }

  clear() {
    for (const one of this.cells) one.classList.remove('drop-before', 'drop-after');
  }

  /** @param {boolean} isDropped */
  finish(isDropped) {
    this.clear();
    this.cell.classList.remove('is-dragged');
    if (!this.isMoving) return;
    // The click that follows is not meant to sort.
    /** @param {Event} event */
    const swallow = (event) => { event.preventDefault(); event.stopPropagation(); };
    window.addEventListener('click', swallow, { capture: true, once: true });
    setTimeout(() => window.removeEventListener('click', swallow, { capture: true }));
    const from = this.cells.indexOf(this.cell);
    if (isDropped && this.target !== null) this.drop(this.target > from ? this.target - 1 : this.target);
  }
}
