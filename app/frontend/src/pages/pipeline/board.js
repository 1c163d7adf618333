/** The draft's stages as lanes, the steps as cards; moved by mouse, finger or keyboard. */

import { fillNode, h, uniqueId } from '../../core/dom.js';
import { icon } from '../../core/icons.js';
import { t } from '../../core/i18n.js';
import { emptyNote, tool } from '../common/nodes.js';
import { startDragging } from './dragging.js';
import { KEY_HELP, MoveMode } from './keyboard.js';
import { layoutOf } from './layout.js';
import { stepCard, wordsOf } from './step_card.js';

/** @typedef {{element: HTMLElement, list: HTMLElement, count: HTMLElement}} Lane */

export class Board {
  /**
   * @param {PipelineData} data
   * @param {BoardActions} actions
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
    this.focusKey = /** @type {string|null} */ (null);
    this.cards = /** @type {Map<string, {looks: string, element: HTMLElement}>} */ (new Map());
    this.lanesInView = /** @type {Lane[]} */ ([]);
    this.layout = /** @type {Layout} */ ([]);
    this.tabbable = /** @type {HTMLElement|null} */ (null);
  }

  get mayEdit() {
    return this.data.mayEdit;
  }

  /**
   * Draw the steps; `order` shows one that is not saved. Cards and lanes that are as they
   * were stay in place: a pipeline may have 500 steps.
   */
  draw(order = layoutOf(this.data.steps)) {
    const hadFocus = this.lanes.contains(document.activeElement);
    // Somebody else may have deleted a step meanwhile.
    const layout = order.map((keys) => keys.filter((key) => this.data.step(key))).filter((keys) => keys.length);
    this.layout = layout;
    if (!layout.length) {
      this.lanesInView = [];
      fillNode(this.lanes, h('li', { class: 'lane-empty' }, this.emptyBoard()));
      return;
    }
    if (!this.focusKey || !layout.flat().includes(this.focusKey)) [[this.focusKey]] = layout;
    if (this.hasTools !== this.mayEdit) this.lanesInView = [];
    if (this.lanesInView.length !== layout.length) this.makeLanes(layout.length);
    layout.forEach((keys, at) => this.fillLane(this.lanesInView[at], keys, at));
    this.makeTabbable(this.cardOf(this.focusKey));
    if (hadFocus) this.focus(this.focusKey);
  }

  /** @param {number} count */
  makeLanes(count) {
    this.hasTools = this.mayEdit;
    this.lanesInView = this.lanesInView.slice(0, count);
    while (this.lanesInView.length < count) this.lanesInView.push(this.lane(this.lanesInView.length));
    fillNode(this.lanes, this.lanesInView.flatMap((lane, at) => [this.gap(at), lane.element]), this.gap(count),
      this.mayEdit ? this.newStage() : null);
  }

  /** @param {Lane} lane @param {string[]} keys @param {number} at */
  fillLane(lane, keys, at) {
    const cards = keys.map((key, place) => this.card(key, at, place));
    const isSame = cards.length === lane.list.children.length && cards.every((card, place) => card === lane.list.children[place]);
    if (isSame) return;
    lane.list.replaceChildren(...cards);
    lane.count.textContent = t('${count} in parallel', { count: keys.length });
    lane.count.hidden = keys.length < 2;
  }

  /**
   * The card of a step, the one there is if it still says the same.
   * @param {string} key
   * @param {number} stage
   * @param {number} place
   */
  card(key, stage, place) {
    const step = /** @type {Step} */ (this.data.step(key));
    const looks = JSON.stringify([step.name, step.step_type, step.model, step.enabled, step.problems, this.mayEdit]);
    const card = this.cards.get(key);
    const element = card?.looks === looks ? card.element : stepCard(this, step);
    if (card?.looks !== looks) this.cards.set(key, { looks, element });
    const words = wordsOf(step, stage, place);
    if (element.getAttribute('aria-label') !== words) element.setAttribute('aria-label', words);
    return element;
  }

  emptyBoard() {
    return emptyNote('steps', 'This line has no steps yet. Stages run one after another; steps of one stage run in parallel.',
      this.mayEdit ? tool('add_step', 'add', 'Add the first step', () => this.actions.add({}), { css: 'primary' }) : null);
  }

  /** @param {number} at */
  lane(at) {
    const title = t('Stage ${number}', { number: at + 1 });
    const count = h('span', { class: 'badge' });
    const list = h('ul', { class: 'lane-steps', 'data-stage': at, 'aria-label': title });
    const element = h('li', { class: 'lane', 'data-stage': at }, h('header', { class: 'lane-head' }, h('h2', {}, title), count, h('span', { class: 'spring' }),
      this.mayEdit ? h('button', {
        type: 'button', class: 'icon-button', 'data-tool': 'add_here',
        'aria-label': t('Add a step to stage ${number}', { number: at + 1 }), title: t('Add a step that runs in parallel'),
        on: { click: () => this.actions.add({ stage: at + 1 }) },
      }, icon('add')) : null), list);
    return { element, list, count };
  }

  /** Where a dragged step becomes a stage of its own. @param {number} at */
  gap(at) {
    return h('li', { class: 'lane-gap', 'data-gap': at, 'aria-hidden': 'true' });
  }

  newStage() {
    return h('li', { class: 'lane-new' }, tool('add_step', 'add', 'New stage', () => this.actions.add({})));
  }

  /** @param {HTMLElement | null} cardElement */
  focused(cardElement) {
    if (!cardElement) return;
    this.focusKey = cardElement.dataset.key ?? null;
    this.makeTabbable(cardElement);
  }

  /**
   * One card is in the order of the Tab key; the arrows lead to the others.
   * @param {HTMLElement | null} cardElement
   */
  makeTabbable(cardElement) {
    if (this.tabbable && this.tabbable !== cardElement) this.tabbable.tabIndex = -1;
    this.tabbable = cardElement;
    if (cardElement) cardElement.tabIndex = 0;
  }

  /** @param {string | null} key */
  focus(key) {
    const card = this.cardOf(key);
    card?.focus();
    return card;
  }

  /** @param {string | null} key */
  cardOf(key) {
    return this.cards.get(key ?? '')?.element ?? null;
  }

  /** Tell a screen reader. @param {string} text */
  say(text) {
    this.live.textContent = text;
  }
}
