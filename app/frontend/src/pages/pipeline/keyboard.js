/** The board by keyboard alone: the arrows go from card to card, Space picks one up and puts it down. */

import { t } from '../../core/i18n.js';
import { nudgeStep, placeOf, sameLayout } from './layout.js';

/** @type {Record<string, Direction>} */
const DIRECTIONS = { ArrowUp: 'up', ArrowDown: 'down', ArrowLeft: 'left', ArrowRight: 'right' };

/** [keys, what they do] for the help below the board. */
/** @type {[string[], string][]} */
export const KEY_HELP = [
  [['↑', '↓', '←', '→'], 'Go to another step'],
  [['Space'], 'Pick the step up; the arrows move it, Space puts it down, Esc puts it back'],
  [['Shift', '←', '→'], 'While it is picked up: make a stage of its own for it'],
  [['Enter'], 'Edit the step'],
  [['N'], 'New step in the same stage'],
  [['Shift', 'N'], 'New step in a new stage at the end'],
  [['C'], 'Duplicate the step'],
  [['D'], 'Disable or enable the step'],
  [['Delete'], 'Delete the step'],
];

/** A step on its way, and the order before it was picked up. @typedef {{key: string, name: string, before: Layout}} Pickup */

export class MoveMode {
  /** @param {Board} board */
  constructor(board) {
    this.board = board;
    this.pickup = /** @type {Pickup|null} */ (null);
  }

  /** @param {At<KeyboardEvent>} event */
  key(event) {
    const card = event.target.closest?.('.step-card');
    if (!card || event.target !== card || event.ctrlKey || event.metaKey || event.altKey) return;
    const direction = DIRECTIONS[event.key];
    const isHandled = direction ? this.arrow(card, direction, event.shiftKey) : this.command(card, event);
    if (isHandled) {
      event.preventDefault();
      event.stopPropagation();
    }
  }

  /** @param {HTMLElement} card @param {Direction} direction @param {boolean} isShift */
  arrow(card, direction, isShift) {
    if (this.pickup) this.move(this.pickup, direction, isShift);
    else this.goTo(card.dataset.key ?? '', direction);
    return true;
  }

  /** @param {string} key @param {Direction} direction */
  goTo(key, direction) {
    const { layout } = this.board;
    const from = placeOf(layout, key);
    if (!from) return;
    const { stage, place } = from;
    const step = direction === 'up' || direction === 'left' ? -1 : 1;
    if (direction === 'up' || direction === 'down') this.board.focus(layout[stage][place + step] ?? key);
    else {
      const next = layout[stage + step];
      if (next) this.board.focus(next[Math.min(place, next.length - 1)]);
    }
  }

  /** @param {HTMLElement} card @param {At<KeyboardEvent>} event */
  command(card, event) {
    const { actions, data, mayEdit } = this.board;
    const step = data.step(card.dataset.key ?? '');
    if (event.key === 'Escape') return this.cancel();
    if (!step) return false;
    if (event.key === ' ') return mayEdit ? this.pickOrPut(step) : true;
    if (this.pickup) return event.key === 'Enter' ? this.pickOrPut(step) : false;
    if (event.key === 'Enter') return run(actions.edit, step);
    if (!mayEdit) return false;
    switch (event.key) {
      case 'n': return run(actions.add, { stage: Number(placeOf(this.board.layout, step.step_key)?.stage) + 1 });
      case 'N': return run(actions.add, { stage: this.board.layout.length + 1 });
      case 'c': return run(actions.duplicate, step);
      case 'd': return run(actions.toggle, step);
      case 'Delete': return run(actions.remove, step);
      default: return false;
    }
  }

  /** @param {Step} step */
  pickOrPut(step) {
    if (this.pickup) {
      this.put(this.pickup);
      return true;
    }
    this.pickup = { key: step.step_key, name: step.name, before: this.board.layout };
    this.mark(this.pickup.key);
    this.board.say(t('${name} is picked up. The arrows move it, Space puts it down, Escape puts it back.', { name: step.name }));
    return true;
  }

  /** @param {Pickup} pickup @param {Direction} direction @param {boolean} isNew */
  move({ key }, direction, isNew) {
    const next = nudgeStep(this.board.layout, key, direction, isNew);
    if (!next) {
      this.board.say(t('It cannot go further.'));
      return;
    }
    this.board.draw(next);
    this.mark(key);
    this.board.say(this.whereItIs(key));
  }

  /** @param {string} key */
  whereItIs(key) {
    const { stage, place } = placeOf(this.board.layout, key) ?? { stage: 0, place: 0 };
    const inside = this.board.layout[stage].length;
    return t('Stage ${stage} of ${stages}, place ${place} of ${places}', {
      stage: stage + 1, stages: this.board.layout.length, place: place + 1, places: inside,
    });
  }

  /** @param {string} key */
  mark(key) {
    this.board.cardOf(key)?.classList.add('step-picked');
    this.board.focus(key);
  }

  /** @param {Pickup} pickup */
  put({ key, name, before }) {
    const { layout } = this.board;
    this.board.say(`${t('${name} is put down.', { name })} ${this.whereItIs(key)}`);
    this.pickup = null;
    this.board.cardOf(key)?.classList.remove('step-picked');
    if (sameLayout(layout, before)) this.board.actions.settled();
    else this.board.actions.reorder(layout, key);
  }

  cancel() {
    if (!this.pickup) return false;
    const { key, name, before } = this.pickup;
    this.pickup = null;
    this.board.cardOf(key)?.classList.remove('step-picked');
    this.board.draw(before);
    this.board.actions.settled();
    this.board.say(t('${name} is back where it was.', { name }));
    return true;
  }

  /** The draft is no longer what it was when the step was picked up. */
  abandon() {
    if (this.pickup) this.board.cardOf(this.pickup.key)?.classList.remove('step-picked');
    this.pickup = null;
  }
}

/** @param {(argument: any) => unknown} work @param {unknown} argument */
function run(work, argument) {
  work(argument);
  return true;
}
