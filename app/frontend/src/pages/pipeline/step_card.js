/** One step on the board. */

import { h } from '../../core/dom.js';
import { icon } from '../../core/icons.js';
import { t } from '../../core/i18n.js';
import { badge, tool } from '../common/nodes.js';
import { TYPE_ICONS, TYPE_LABELS } from './types.js';


/**
 * @param {Board} board
 * @param {Step} step as it is now; what is done to it later takes the step as it is then
 */
export function stepCard(board, step) {
  const { problems } = step;
  const worst = problems.some(({ severity }) => severity === 'error') ? 'error' : problems.length ? 'warning' : '';
  const isOn = Number(step.enabled) === 1;
  return h('li', {
    class: ['step-card', !isOn && 'step-off', worst && `step-${worst}`], 'data-key': step.step_key, tabindex: '-1',
    'aria-roledescription': t('step'), on: { dblclick: () => board.actions.edit(board.data.step(step.step_key) ?? step) },
  },
  board.mayEdit ? h('span', { class: 'step-grip', 'aria-hidden': 'true' }, icon('more')) : null,
  h('div', { class: 'step-text' },
    h('div', { class: 'step-name' }, icon(TYPE_ICONS[step.step_type] ?? 'info'), h('strong', {}, step.name)),
    h('div', { class: 'step-key' }, h('code', {}, step.step_key)),
    h('div', { class: 'step-marks' }, h('span', { class: 'muted' }, step.model || t(TYPE_LABELS[step.step_type] ?? step.step_type)),
      isOn ? null : badge(t('disabled'))),
    problems.length ? h('ul', { class: 'step-problems' }, problems.map(problemLine)) : null),
  board.mayEdit ? buttons(board, step, isOn) : null);
}

/** A problem of the validator, with what it is about. @param {Problem} problem */
export function problemLine(problem) {
  const field = problem.field?.replace(/^config\./, '');
  return h('li', { class: `problem problem-${problem.severity}`, 'data-code': problem.code },
    icon(problem.severity === 'error' ? 'alert' : 'info'),
    h('span', {}, h('span', { class: 'visually-hidden' }, t(problem.severity === 'error' ? 'Error' : 'Warning'), ': '),
      problem.message, field && !problem.message.includes(field) ? h('code', { class: 'problem-field' }, field) : null));
}

/**
 * Not in the order of the Tab key: on the keyboard the card itself takes E, C, D and Delete.
 * @param {Board} board
 * @param {Step} step
 * @param {boolean} isOn
 */
function buttons(board, step, isOn) {
  const { actions } = board;
  /** @type {[string, string, string, (step: Step) => unknown][]} */
  const entries = [
    ['edit_step', 'update', 'Edit', actions.edit], ['duplicate_step', 'copy', 'Duplicate', actions.duplicate],
    ['toggle_step', isOn ? 'eye' : 'check', isOn ? 'Disable' : 'Enable', actions.toggle],
    ['delete_step', 'delete', 'Delete', actions.remove],
  ];
  const small = entries.map(([name, picture, label, work]) => tool(name, picture, label, () => work(board.data.step(step.step_key) ?? step), { isSmall: true }));
  for (const button of small) button.tabIndex = -1;
  return h('div', { class: 'step-buttons' }, small);
}

/**
 * What a screen reader says of a card: name, place (from 0), state.
 * @param {Step} step
 * @param {number} stage
 * @param {number} place
 */
export function wordsOf(step, stage, place) {
  const parts = [step.name, step.step_key, t('stage ${stage}, place ${place}', { stage: stage + 1, place: place + 1 })];
  if (Number(step.enabled) !== 1) parts.push(t('disabled'));
  if (step.problems.length) parts.push(t('${count} problems', { count: step.problems.length }));
  return parts.join(', ');
}
