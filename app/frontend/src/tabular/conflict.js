/** Somebody else saved the record first: says who and when, and lets the person decide. */

import { fillNode, h } from '../core/dom.js';
import { inputClass } from '../inputs/registry.js';
import { localDateTime } from '../core/format.js';
import { t } from '../core/i18n.js';

/**
 * Shows the conflict on top of the form.
 * @param {object} answer the refusal
 * @param {import('../widgets/form.js').Form} form
 * @param {import('./tabular.js').Tabular} table
 * @param {{lockVersion: number}} state gets the version to save upon
 * @returns {boolean} false when the answer is no edit conflict
 */
export function showConflict(answer, form, table, state) {
  const options = answer.error?.options ?? {};
  if (options.code !== 'edit_conflict' || !options.current) return false;
  const { current } = options;
  const text = t('${who} changed this record at ${when} while you were editing.', {
    who: options.changed_by ?? current.updated_by ?? '?',
    when: localDateTime(options.changed_at ?? current.updated_at ?? ''),
  });
  fillNode(form.summary, h('p', {}, text), differences(form, current),
    h('div', { class: 'form-buttons' },
      h('button', { type: 'button', on: { click: () => reload(form, table, state, current) } }, t('Take theirs')),
      h('button', { type: 'button', on: { click: () => keepMine(form, state, current) } }, t('Keep mine'))));
  form.summary.hidden = false;
  form.summary.focus();
  return true;
}

/** Field by field: what stands there now, and what is in the form. */
function differences(form, current) {
  const rows = form.fields
    .filter(({ field, input, isHidden }) => !isHidden && !field.not_sent && field.name in current
      && sameText(input.resultValue()) !== sameText(current[field.name]))
    .map(({ field, input }) => {
      const show = (value) => inputClass(field.uitype).cellText(value, field, {}) || '—';
      return h('tr', {}, h('th', { scope: 'row' }, t(field.label)), h('td', {}, show(current[field.name])),
        h('td', {}, show(input.resultValue())));
    });
  if (!rows.length) return null;
  return h('table', { class: 'difference' },
    h('thead', {}, h('tr', {}, h('th', {}, t('Field')), h('th', {}, t('Theirs')), h('th', {}, t('Mine')))),
    h('tbody', {}, rows));
}

/** Texts of numbers differ in trailing zeros only by looks. */
function sameText(value) {
  if (value === null || value === undefined) return '';
  const text = String(value);
  return /^-?\d+\.\d*$/.test(text) ? text.replace(/\.?0+$/, '') : text;
}

function reload(form, table, state, current) {
  state.lockVersion = current.lock_version;
  form.clearProblems();
  form.setValue(current);
  form.markClean();
  form.focusFirst();
  table.render({});
}

function keepMine(form, state, current) {
  state.lockVersion = current.lock_version;
  form.clearProblems();
  form.submit();
}
