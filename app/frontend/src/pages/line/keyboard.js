/** The board by keyboard alone: the arrows go from card to card, Space picks one up and puts it down. */

import { t } from '../../core/i18n.js';
import { nudged, placeOf, sameLayout } from './layout.js';

const DIRECTIONS = { ArrowUp: 'up', ArrowDown: 'down', ArrowLeft: 'left', ArrowRight: 'right' };

/** [keys, what they do] for the help below the board. */
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

export class MoveMode {
  /** @param {import('./board.js').Board} board */
  constructor(board) {
    this.board = board;
    this.picked = null;
  }

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

  arrow(card, direction, isShift) {
    if (this.picked) this.move(direction, isShift);
    else this.goTo(card.dataset.key, direction);
    return true;
  }

  goTo(key, direction) {
    const { layout } = this.board;
    const { stage, place } = placeOf(layout, key);
    const step = direction === 'up' || direction === 'left' ? -1 : 1;
    if (direction === 'up' || direction === 'down') this.board.focus(layout[stage][place + step] ?? key);
    else {
      const next = layout[stage + step];
      if (next) this.board.focus(next[Math.min(place, next.length - 1)]);
    }
  }

  command(card, event) {
    const { actions, data, mayEdit } = this.board;
    const step = data.step(card.dataset.key);
    if (event.key === 'Escape') return this.cancel();
    if (event.key === ' ') return mayEdit ? this.pickOrPut(step) : true;
    if (this.picked) return event.key === 'Enter' ? this.pickOrPut(step) : false;
    if (event.key === 'Enter') return run(actions.edit, step);
    if (!mayEdit) return false;
    const place = placeOf(this.board.layout, step.step_key);
    switch (event.key) {
      case 'n': return run(actions.add, { stage: place.stage + 1 });
      case 'N': return run(actions.add, { stage: this.board.layout.length + 1 });
      case 'c': return run(actions.duplicate, step);
      case 'd': return run(actions.toggle, step);
      case 'Delete': return run(actions.remove, step);
      default: return false;
    }
  }

  pickOrPut(step) {
    if (this.picked) {
      this.put();
      return true;
    }
    this.picked = { key: step.step_key, name: step.name, before: this.board.layout };
    this.mark();
    this.board.say(t('${name} is picked up. The arrows move it, Space puts it down, Escape puts it back.', { name: step.name }));
    return true;
  }

  move(direction, isNew) {
    const next = nudged(this.board.layout, this.picked.key, direction, isNew);
    if (!next) {
      this.board.say(t('It cannot go further.'));
      return;
    }
    this.board.draw(next);
    this.mark();
    this.board.say(this.whereItIs());
  }

  whereItIs() {
    const { stage, place } = placeOf(this.board.layout, this.picked.key);
    const inside = this.board.layout[stage].length;
    return t('Stage ${stage} of ${stages}, place ${place} of ${places}', {
      stage: stage + 1, stages: this.board.layout.length, place: place + 1, places: inside,
    });
  }

  mark() {
    this.board.cardOf(this.picked.key)?.classList.add('step-picked');
    this.board.focus(this.picked.key);
  }

  put() {
    const { key, name, before } = this.picked;
    const { layout } = this.board;
    this.board.say(`${t('${name} is put down.', { name })} ${this.whereItIs()}`);
    this.picked = null;
    this.board.cardOf(key)?.classList.remove('step-picked');
    if (sameLayout(layout, before)) this.board.actions.settled();
    else this.board.actions.reorder(layout, key);
  }

  cancel() {
    if (!this.picked) return false;
    const { key, name, before } = this.picked;
    this.picked = null;
    this.board.cardOf(key)?.classList.remove('step-picked');
    this.board.draw(before);
    this.board.actions.settled();
    this.board.say(t('${name} is back where it was.', { name }));
    return true;
  }

  /** The draft is no longer what it was when the step was picked up. */
  abandon() {
    if (this.picked) this.board.cardOf(this.picked.key)?.classList.remove('step-picked');
    this.picked = null;
  }
}

function run(work, argument) {
  work(argument);
  return true;
}
