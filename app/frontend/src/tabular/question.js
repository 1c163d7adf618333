/** A refusal that asks for one more word, such as from when a price is to hold: asked in the form. */

import { fillNode, h } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { FormField } from '../widgets/form_field.js';

/**
 * Show the question on top of the form. `ask` of the refusal says what the word is called (`name`),
 * what it is (`kind`: datetime, or bool for a yes), what it is when left blank (`default`), and which
 * field of the form, if edited, says it already (`field`).
 * @param {Answer} answer the refusal
 * @param {Form} form
 * @param {SaveRecord} state gets what to send along
 * @returns {boolean} false when the answer asks nothing
 */
export function showQuestion(answer, form, state) {
  const { ask: question, message } = answer.error?.options ?? {};
  if (!question) return false;
  const entry = question.kind === 'datetime' ? new FormField({ name: question.name, uitype: 'datetime', label: 'From when', tip: 'Empty: at once' }, form) : null;
  const { field = '' } = question;
  if (entry && form.editedNames().includes(field)) entry.input.setValue(form.name_inputs[field].resultValue());
  const before = state.words;
  const words = () => ({ ...before?.(), [question.name]: entry?.input.resultValue() || question.default });
  const send = () => {
    state.words = words;
    form.submit();
  };
  fillNode(form.summary, h('p', {}, t(message)), entry?.element ?? null,
    h('div', { class: 'form-buttons' }, h('button', { type: 'button', class: 'primary', on: { click: send } }, t(entry ? 'Save from then' : 'Save all the same'))));
  entry?.element.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return;
    event.preventDefault(); // the form's own button would ask anew
    send();
  });
  form.summary.hidden = false;
  form.summary.focus();
  return true;
}
