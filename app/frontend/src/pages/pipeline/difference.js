/** A difference between two definitions of a pipeline, for reading. */

import { h } from '../../core/dom.js';
import { icon } from '../../core/icons.js';
import { writeExact } from '../../core/exact_json.js';
import { t } from '../../core/i18n.js';
import { textDiff } from './text_diff.js';

/** @type {Record<string, string>} */
const FIELD_LABELS = {
  name: '步骤名称', step_type: '步骤类型', model: '模型', config: '配置', timeout_seconds: '超时（秒）', retry_limit: '重试次数上限',
  enabled: '是否启用', description: '说明', code: '产线代码',
};
/** A value up to this length stands in one line with what it was before. */
const MAX_SHORT_LENGTH = 48;

/** @param {Difference} difference as `pipeline_diff` answers, its numbers exact */
export function differenceView(difference) {
  if (isSame(difference)) return h('p', { class: 'muted difference-none' }, t('Nothing differs.'));
  const { steps } = difference;
  const lines = [
    ...steps.added.map((step) => line('added', 'add', t('Added'), nameOf(step), place(step))),
    ...steps.removed.map((step) => line('removed', 'delete', t('Removed'), nameOf(step), place(step))),
    ...steps.moved.map((step) => line('moved', 'right', t('Moved'), nameOf(step), `${place(step.from)} → ${place(step.to)}`)),
    ...steps.parallel_changed.map((step) => line('moved', 'steps', t(step.to === 'parallel' ? 'Now in parallel with others' : 'Now alone in its stage'), nameOf(step), '')),
  ];
  return h('div', { class: 'difference-view' }, lines.length ? h('ul', { class: 'difference-lines' }, lines) : null,
    difference.pipeline.length ? changedPart(t('Line'), difference.pipeline) : null,
    [...byStep(steps.changed)].map(([key, changes]) => changedPart(h('code', {}, key), changes.flatMap(keyByKey))));
}

/** True when both are the same. @param {Difference} difference */
export function isSame(difference) {
  return !difference.pipeline.length && Object.values(difference.steps).every((list) => !list.length);
}

/** What a field of a step is called. @param {string} field @returns {Child} */
export function fieldName(field) {
  if (field.startsWith('config.')) return h('span', {}, t(FIELD_LABELS.config), ' ', h('code', {}, field.slice(7)));
  return Object.hasOwn(FIELD_LABELS, field) ? t(FIELD_LABELS[field]) : field;
}

/** A value of a definition as text; an object as indented JSON. @param {unknown} one */
export function valueText(one) {
  if (one === null || one === undefined || one === '') return '';
  return typeof one === 'object' ? writeExact(one, 1) : String(one);
}

/** @param {string} kind @param {string} picture @param {string} what @param {Child} who @param {string} where */
function line(kind, picture, what, who, where) {
  return h('li', { class: `difference-${kind}` }, icon(picture), h('span', { class: 'difference-what' }, what), who,
    h('span', { class: 'muted' }, where));
}

/** @param {{step_key: string, name: string}} step */
function nameOf({ step_key: key, name }) {
  return h('span', {}, name ? `${name} ` : '', h('code', {}, key));
}

/** @param {{stage: number, step_no: number}} step */
function place({ stage, step_no: number }) {
  // Exact numbers are objects.
  return t('stage ${stage}, place ${place}', { stage: String(stage), place: String(number) });
}

/** @param {Change[]} changes */
function byStep(changes) {
  /** @type {Map<string, Change[]>} */
  const steps = new Map();
  for (const change of changes) steps.set(change.step_key, [...(steps.get(change.step_key) ?? []), change]);
  return steps;
}

/** @param {Child} title @param {Change[]} changes */
function changedPart(title, changes) {
  return h('section', { class: 'difference-part' }, h('h4', {}, title), changes.map(changedField));
}

/** @param {Change} change */
function changedField({ field, from, to }) {
  const [before, after] = [from, to].map(valueText);
  const name = fieldName(field);
  const isShort = [before, after].every((text) => text.length <= MAX_SHORT_LENGTH && !text.includes('\n'));
  if (!isShort) return h('div', { class: 'difference-field' }, h('h5', {}, name), textDiff(before, after, field));
  return h('div', { class: 'difference-field difference-short' }, h('h5', {}, name),
    h('del', { class: 'difference-value' }, before || '–'), h('span', { 'aria-hidden': 'true' }, '→'), h('ins', { class: 'difference-value' }, after || '–'));
}

/** A changed configuration as a change of each of its keys. @param {Change} change */
function keyByKey(change) {
  const { field, from, to } = change;
  if (field !== 'config' || !from || !to || typeof from !== 'object' || typeof to !== 'object') return [change];
  const names = [...new Set([...Object.keys(from), ...Object.keys(to)])].sort();
  return names.filter((name) => writeExact(from[name]) !== writeExact(to[name]))
    .map((name) => ({ ...change, field: `config.${name}`, from: from[name], to: to[name] }));
}
