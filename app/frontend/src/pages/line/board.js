/** The draft's stages as lanes, the steps as cards; moved by mouse, finger or keyboard. */

import { fillNode, h, uniqueId } from '../../core/dom.js';
import { icon } from '../../core/icons.js';
import { t } from '../../core/i18n.js';
import { badge, emptyNote, tool } from '../common/nodes.js';
import { startDragging } from './dragging.js';
import { KEY_HELP, MoveMode } from './keyboard.js';
import { layoutOf } from './layout.js';
import { stepCard } from './step_card.js';

export class Board {
  /**
   * @param {import('./line_data.js').LineData} data
   * @param {{edit: Function, add: Function, duplicate: Function, toggle: Function, remove: Function,
   *   reorder: (layout: string[][], key: string) => Promise<void>}} actions each with a step (`add`:
   *   with {stage, new_stage}, from 1)
   */
  constructor(data, actions) {
    this.data = data;
    this.actions = actions;
    this.helpId = uniqueId('keys');
    this.lanes = h('ol', { class: 'lanes', 'aria-label': t('Stages'), 'aria-describedby': this.helpId });
    this.live = h('p', { class: 'visually-hidden', role: 'status', 'aria-live': 'assertive', 'data-name': 'move-said' });
    this.help = h('details', { class: 'key-help', id: this.helpId }, h('summary', {}, t('Keyboard')),
      h('ul', {}, KEY_HELP.map(([keys, what]) => h('li', {}, keys.map((key) => h('kbd', {}, key)), ' ', t(what)))));
    this.element = h('div', { class: 'board' }, this.lanes, this.live, this.help);
    this.moving = new MoveMode(this);
    this.lanes.addEventListener('keydown', (event) => this.moving.key(event));
    this.lanes.addEventListener('focusin', (event) => this.focused(event.target.closest('.step-card')));
    startDragging(this);
    this.focusKey = null;
  }

  get mayEdit() {
    return this.data.mayEdit;
  }

  /** Draws the steps; `layout` shows an order that is not saved. */
  draw(layout = layoutOf(this.data.steps)) {
    const hadFocus = this.lanes.contains(document.activeElement);
    this.layout = layout;
    if (!layout.length) {
      fillNode(this.lanes, h('li', { class: 'lane-empty' }, this.emptyBoard()));
      return;
    }
    if (!layout.flat().includes(this.focusKey)) [[this.focusKey]] = layout;
    const lanes = layout.map((keys, at) => this.lane(keys, at));
    fillNode(this.lanes, lanes.flatMap((lane, at) => [this.gap(at), lane]), this.gap(layout.length),
      this.mayEdit ? this.newStage(layout.length) : null);
    if (hadFocus) this.focus(this.focusKey);
  }

  emptyBoard() {
    return emptyNote('steps', 'This line has no steps yet. Stages run one after another; steps of one stage run in parallel.',
      this.mayEdit ? tool('add_step', 'add', 'Add the first step', () => this.actions.add({}), { css: 'primary' }) : null);
  }

  lane(keys, at) {
    const title = t('Stage ${number}', { number: at + 1 });
    const count = this.data.steps.length;
    return h('li', { class: 'lane', 'data-stage': at },
      h('header', { class: 'lane-head' }, h('h2', {}, title),
        keys.length > 1 ? badge(t('${count} in parallel', { count: keys.length })) : null,
        h('span', { class: 'spring' }),
        this.mayEdit ? h('button', {
          type: 'button', class: 'icon-button', 'data-tool': 'add_here',
          'aria-label': t('Add a step to stage ${number}', { number: at + 1 }), title: t('Add a step that runs in parallel'),
          on: { click: () => this.actions.add({ stage: at + 1 }) },
        }, icon('add')) : null),
      h('ul', { class: 'lane-steps', 'data-stage': at, 'aria-label': title },
        keys.map((key, place) => stepCard(this, this.data.step(key), { stage: at, place, count }))));
  }

  /** Where a dragged step becomes a stage of its own. */
  gap(at) {
    return h('li', { class: 'lane-gap', 'data-gap': at, 'aria-hidden': 'true' });
  }

  newStage(count) {
    return h('li', { class: 'lane-new' }, tool('add_step', 'add', 'New stage', () => this.actions.add({ stage: count + 1 })));
  }

  focused(cardElement) {
    if (!cardElement) return;
    this.focusKey = cardElement.dataset.key;
    for (const one of this.lanes.querySelectorAll('.step-card')) one.tabIndex = one === cardElement ? 0 : -1;
  }

  focus(key) {
    const found = this.cardOf(key);
    found?.focus();
    return found;
  }

  cardOf(key) {
    return this.lanes.querySelector(`.step-card[data-key="${CSS.escape(key ?? '')}"]`);
  }

  /** Tells a screen reader. */
  say(text) {
    this.live.textContent = text;
  }
}
