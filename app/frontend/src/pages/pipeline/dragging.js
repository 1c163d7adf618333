/**
 * Dragging cards with mouse, pen or finger, by pointer events. A finger drags by the grip, so that
 * it can scroll everywhere else.
 */

import { h } from '../../core/dom.js';
import { moveStep, sameLayout } from './layout.js';

/** Closer than this it is a click. */
const START_PX = 5;
/** So near to the edge the lanes scroll along. */
const EDGE_PX = 48;

/** @param {Board} board */
export function startDragging(board) {
  board.lanes.addEventListener('pointerdown', (event) => {
    const card = event.target.closest('.step-card');
    if (!card || !board.mayEdit || event.button !== 0 || event.target.closest('button, a')) return;
    if (event.pointerType === 'touch' && !event.target.closest('.step-grip')) return;
    new Drag(board, card, event).listen();
  });
}

class Drag {
  /** @param {Board} board @param {HTMLElement} card @param {PointerEvent} start */
  constructor(board, card, start) {
    this.board = board;
    this.card = card;
    this.key = card.dataset.key ?? '';
    this.start = start;
    this.mark = h('li', { class: 'drop-mark', 'aria-hidden': 'true' });
    this.target = /** @type {StepTarget|null} */ (null);
    this.ghost = /** @type {HTMLElement|null} */ (null);
    this.listening = new AbortController();
  }

  listen() {
    const { signal } = this.listening;
    document.addEventListener('pointermove', (event) => this.move(event), { signal });
    document.addEventListener('pointerup', () => this.drop(), { signal });
    document.addEventListener('pointercancel', () => this.stop(), { signal });
    document.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || !this.ghost) return;
      event.preventDefault();
      event.stopPropagation();
      this.stop();
    }, { signal, capture: true });
  }

  /** @param {PointerEvent} event */
  move(event) {
    if (!this.ghost) {
      const distance = Math.hypot(event.clientX - this.start.clientX, event.clientY - this.start.clientY);
      if (distance < START_PX) return;
      this.ghost = this.lift();
    }
    event.preventDefault();
    this.ghost.style.transform = `translate(${event.clientX - this.start.clientX}px, ${event.clientY - this.start.clientY}px)`;
    this.scrollAlong(event.clientX);
    this.aim(event.clientX, event.clientY);
  }

  lift() {
    const box = this.card.getBoundingClientRect();
    const ghost = /** @type {HTMLElement} */ (this.card.cloneNode(true));
    ghost.removeAttribute('tabindex');
    ghost.setAttribute('aria-hidden', 'true');
    ghost.classList.add('step-ghost');
    Object.assign(ghost.style, { left: `${box.left}px`, top: `${box.top}px`, width: `${box.width}px` });
    document.body.append(ghost);
    this.card.classList.add('step-lifted');
    this.board.element.classList.add('dragging');
    getSelection()?.removeAllRanges();
    return ghost;
  }

  /** @param {number} x */
  scrollAlong(x) {
    const { left, right } = this.board.lanes.getBoundingClientRect();
    if (x < left + EDGE_PX) this.board.lanes.scrollLeft -= EDGE_PX / 4;
    else if (x > right - EDGE_PX) this.board.lanes.scrollLeft += EDGE_PX / 4;
  }

  /**
   * Find what is under the pointer: a place in a lane, or a gap between lanes.
   * @param {number} x
   * @param {number} y
   */
  aim(x, y) {
    this.unmark();
    const below = document.elementsFromPoint(x, y).find((node) => this.board.lanes.contains(node));
    const gap = below?.closest('.lane-gap') ?? (below?.closest('.lane-new') ? [...this.board.lanes.querySelectorAll('.lane-gap')].pop() : null);
    if (gap) {
      this.target = { stage: Number(gap.dataset.gap), isNew: true };
      gap.classList.add('lane-gap-active');
      return;
    }
    const lane = below?.closest('.lane');
    if (lane) this.aimAtLane(lane, y);
  }

  /** @param {HTMLElement} lane @param {number} y */
  aimAtLane(lane, y) {
    const list = lane.querySelector('.lane-steps') ?? lane;
    const cards = [...list.querySelectorAll('.step-card')];
    const next = cards.findIndex((one) => {
      const box = one.getBoundingClientRect();
      return y < box.top + box.height / 2;
    });
    const place = next < 0 ? cards.length : next;
    list.insertBefore(this.mark, cards[place] ?? null);
    this.target = { stage: Number(lane.dataset.stage), place };
  }

  unmark() {
    this.target = null;
    this.mark.remove();
    for (const gap of this.board.lanes.querySelectorAll('.lane-gap-active')) gap.classList.remove('lane-gap-active');
  }

  stop() {
    this.listening.abort();
    this.clear();
  }

  drop() {
    const { target, ghost } = this;
    this.stop();
    if (!ghost || !target) return;
    const next = moveStep(this.board.layout, this.key, target);
    if (sameLayout(next, this.board.layout)) return;
    this.board.focusKey = this.key;
    this.board.draw(next);
    this.board.actions.reorder(next, this.key);
  }

  clear() {
    this.unmark();
    this.ghost?.remove();
    this.card.classList.remove('step-lifted');
    this.board.element.classList.remove('dragging');
  }
}
