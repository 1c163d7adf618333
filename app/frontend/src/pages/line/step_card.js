/** One step on the board. */

import { h } from '../../core/dom.js';
import { icon } from '../../core/icons.js';
import { t } from '../../core/i18n.js';
import { badge, tool } from '../common/nodes.js';
import { TYPE_ICONS, TYPE_LABELS } from './types.js';


/**
 * @param {import('./board.js').Board} board
 * @param {object} step
 * @param {{stage: number, place: number, count: number}} where from 0
 */
export function stepCard(board, step, where) {
  const problems = board.data.problemsOf(step.step_key);
  const worst = problems.some(({ severity }) => severity === 'error') ? 'error' : problems.length ? 'warning' : '';
  const isOn = Number(step.enabled) === 1;
  return h('li', {
    class: ['step-card', !isOn && 'step-off', worst && `step-${worst}`], 'data-key': step.step_key,
    tabindex: board.focusKey === step.step_key ? '0' : '-1', 'aria-label': spoken(step, where, problems),
    'aria-roledescription': t('step'), on: { dblclick: () => board.actions.edit(step) },
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

/** A problem of the validator, with what it is about. */
export function problemLine(problem) {
  const field = problem.field?.replace(/^config\./, '');
  return h('li', { class: `problem problem-${problem.severity}`, 'data-code': problem.code },
    icon(problem.severity === 'error' ? 'alert' : 'info'),
    h('span', {}, h('span', { class: 'visually-hidden' }, t(problem.severity === 'error' ? 'Error' : 'Warning'), ': '),
      problem.message, field && !problem.message.includes(field) ? h('code', { class: 'problem-field' }, field) : null));
}

/** Not in the order of the Tab key: on the keyboard the card itself takes E, C, D and Delete. */
function buttons(board, step, isOn) {
  const { actions } = board;
  const entries = [
    ['edit_step', 'update', 'Edit', actions.edit], ['duplicate_step', 'copy', 'Duplicate', actions.duplicate],
    ['toggle_step', isOn ? 'eye' : 'check', isOn ? 'Disable' : 'Enable', actions.toggle],
    ['delete_step', 'delete', 'Delete', actions.remove],
  ];
  const made = entries.map(([name, picture, label, work]) => tool(name, picture, label, () => work(step), { isSmall: true }));
  for (const button of made) button.tabIndex = -1;
  return h('div', { class: 'step-buttons' }, made);
}

function spoken(step, { stage, place }, problems) {
  const parts = [step.name, step.step_key, t('stage ${stage}, place ${place}', { stage: stage + 1, place: place + 1 })];
  if (Number(step.enabled) !== 1) parts.push(t('disabled'));
  if (problems.length) parts.push(t('${count} problems', { count: problems.length }));
  return parts.join(', ');
}
