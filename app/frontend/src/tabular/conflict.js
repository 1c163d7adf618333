/** Somebody else saved the record first: says who and when, and lets the person decide. */

import { fillNode, h, uniqueId } from '../core/dom.js';
import { inputClass } from '../inputs/registry.js';
import { localDateTime } from '../core/format.js';
import { t } from '../core/i18n.js';

/**
 * Show the conflict on top of the form.
 * @param {Answer} answer the refusal
 * @param {Form} form
 * @param {Reloadable} table
 * @param {SaveRecord} state gets the version to save upon, and that record
 * @returns {boolean} false when the answer is no edit conflict
 */
export function showConflict(answer, form, table, state) {
  const options = answer.error?.options ?? {};
  if (options.code !== 'edit_conflict' || !options.current) return false;
  const { current } = options;
  const text = t('${who} changed this record at ${when} while you were editing.', {
    who: options.changed_by_name ?? options.changed_by ?? current.updated_by ?? '?',
    when: localDateTime(options.changed_at ?? current.updated_at ?? ''),
  });
  const choices = choicesOf(form, current);
  fillNode(form.summary, h('p', {}, text), choices.length ? choiceTable(choices) : null,
    h('div', { class: 'form-buttons' },
      h('button', { type: 'button', on: { click: () => reload(form, table, state, current) } }, t('Take theirs')),
      h('button', { type: 'button', on: { click: () => keepMine(form, state, current) } }, t('Keep mine')),
      choices.length > 1
        ? h('button', { type: 'button', class: 'primary', on: { click: () => keepChosen(form, state, current, choices) } }, t('Save as chosen'))
        : null));
  form.summary.hidden = false;
  form.summary.focus();
  return true;
}

/** The fields that differ; who did not touch one, wants the other's. @param {Form} form @param {Row} current */
function choicesOf(form, current) {
  const before = JSON.parse(form.cleanText);
  return form.fields
    .filter(({ field, input, isHidden }) => !isHidden && !field.not_sent && field.name in current
      && sameText(input.resultValue()) !== sameText(current[field.name]))
    .map(({ field, input }) => {
      const isMine = sameText(input.resultValue()) !== sameText(before[field.name]);
      const name = uniqueId('choice');
      /** @param {boolean} isChosen @param {string} whose */
      const radio = (isChosen, whose) => h('input', { type: 'radio', name, checked: isChosen, 'aria-label': `${t(field.label)}: ${t(whose)}` });
      return { field, input, theirs: radio(!isMine, 'Theirs'), mine: radio(isMine, 'Mine') };
    })
    .map((choice) => ({ ...choice, current }));
}

/** Field by field: what stands there now, and what is in the form. @param {ConflictChoice[]} choices */
function choiceTable(choices) {
  /** @param {Field} field @param {unknown} value */
  const show = (field, value) => inputClass(field.uitype).cellText(value, field, {}) || '—';
  const rows = choices.map(({ field, input, theirs, mine, current }) => h('tr', {}, h('th', { scope: 'row' }, t(field.label)),
    h('td', {}, h('label', { class: 'check-label' }, theirs, show(field, current[field.name]))),
    h('td', {}, h('label', { class: 'check-label' }, mine, show(field, input.resultValue())))));
  return h('table', { class: 'difference' },
    h('thead', {}, h('tr', {}, ['Field', 'Theirs', 'Mine'].map((word) => h('th', { scope: 'col' }, t(word))))),
    h('tbody', {}, rows));
}

/** @param {Form} form @param {SaveRecord} state @param {Row} current @param {ConflictChoice[]} choices */
function keepChosen(form, state, current, choices) {
  const theirs = choices.filter((choice) => choice.theirs.checked);
  form.setValue({ ...Object.fromEntries(theirs.map(({ field }) => [field.name, current[field.name]])) });
  keepMine(form, state, current);
}

/** Texts of numbers differ in trailing zeros only by looks. @param {unknown} value */
function sameText(value) {
  if (value === null || value === undefined) return '';
  const text = String(value);
  return /^-?\d+\.\d*$/.test(text) ? text.replace(/\.?0+$/, '') : text;
}

/** @param {Form} form @param {Reloadable} table @param {SaveRecord} state @param {Row} current */
function reload(form, table, state, current) {
  state.lockVersion = current.lock_version;
  state.current = current;
  form.clearProblems();
  form.setValue(current);
  form.markClean();
  form.focusFirst();
  table.render({});
}

/** @param {Form} form @param {SaveRecord} state @param {Row} current */
function keepMine(form, state, current) {
  state.lockVersion = current.lock_version;
  state.current = current;
  form.clearProblems();
  // What differs from theirs is wanted, also where nobody edited it here.
  form.submit(choicesOf(form, current).map(({ field }) => field.name));
}
