/**
 * A refusal that asks for one more word: from when a price is to hold, or a yes to what is unusual.
 *
 * `ask` of the refusal says what the word is called (`name`), what it is (`kind`: datetime, or bool
 * for a yes), what it is when left blank (`default`), which field of the form, if edited, says it
 * already (`field`), the times to choose from (`choices`: now, the next month), and what was more
 * likely meant (`instead`: values by field).
 */

import { fillNode, h } from '../core/dom.js';
import { buildOverlay } from '../core/build.js';
import { t } from '../core/i18n.js';
import { WhenChoice } from '../widgets/when_choice.js';
import { priceImpact } from './price_impact.js';

/**
 * Show the question on top of the form.
 * @param {Answer} answer the refusal
 * @param {Form} form
 * @param {SaveRecord} state gets what to send along
 * @param {Row|null} [record] what is changed
 * @returns {boolean} false when the answer asks nothing
 */
export function showQuestion(answer, form, state, record = null) {
  const { ask: question } = answer.error?.options ?? {};
  if (!question) return false;
  const { field = '' } = question;
  const day = form.editedNames().includes(field) ? form.name_inputs[field].resultValue() : null;
  const before = state.words;
  const parts = questionParts(form, answer, { record, values: form.sentValues(), day }, (words, instead) => {
    for (const [name, value] of Object.entries(instead ?? {})) form.name_inputs[name]?.setValue(value);
    // A day that was typed in its field is said by the word.
    if (field && words[question.name] !== undefined && record) form.name_inputs[field]?.setValue(record[field]);
    state.words = () => ({ ...before?.(), ...words });
    form.submit();
  });
  fillNode(form.summary, ...parts.nodes);
  form.summary.classList.add('form-question');
  form.summary.hidden = false;
  form.summary.focus();
  form.summary.scrollIntoView({ block: 'nearest' });
  return true;
}

/**
 * Ask in a window of its own, for a value that was typed in a list.
 * @param {Widget} owner
 * @param {Answer} answer the refusal
 * @param {{record: Row, values: Values, title?: string}} change what is to be sent, of which record
 * @param {(values: Values) => Promise<Answer>} send again, with the word in the values
 * @returns {Promise<Answer|null>} null when it was given up
 */
export async function askInWindow(owner, answer, change, send) {
  const box = await buildOverlay({ widgettype: 'PopupWindow', options: { title: change.title ?? 'One question', cwidth: 38, auto_open: false } }, owner);
  const outcome = new Promise((resolve) => {
    const show = (/** @type {Answer} */ refusal, /** @type {Values} */ values) => {
      const { nodes } = questionParts(box, refusal, { ...change, values }, async (words, instead) => {
        const next = { ...values, ...instead, ...words };
        const result = await send(next);
        if (!result.ok && result.error?.options?.ask) show(result, next);
        else {
          resolve(result);
          box.dismiss();
        }
      });
      fillNode(box.contentElement, h('div', { class: 'form-summary form-question' }, ...nodes));
    };
    show(answer, change.values);
    box.bind('dismissed', () => resolve(null));
  });
  box.open();
  return outcome;
}

/**
 * @param {Widget} owner
 * @param {Answer} answer
 * @param {{record: Row|null, values: Values, day?: unknown}} change
 * @param {(words: Data, instead?: Data) => unknown} done
 */
function questionParts(owner, answer, { record, values, day }, done) {
  const { ask: question, message } = answer.error?.options ?? {};
  if (!question) return { nodes: [] };
  const isTime = question.kind === 'datetime';
  const choice = isTime ? new WhenChoice(question.name, 'From when', question.choices?.[1], day) : null;
  /** @param {string} label @param {() => unknown} click @param {string} [css] */
  const button = (label, click, css = '') => h('button', { type: 'button', class: css, on: { click } }, t(label));
  const yes = () => {
    const word = choice ? choice.answer() : question.default;
    if (word !== null) done({ [question.name]: word });
  };
  const buttons = question.instead
    ? [button('Change to that', () => done({}, question.instead), 'primary'), button('Save all the same', yes)]
    : [button(choice ? 'Save from then' : 'Save all the same', yes, 'primary')];
  choice?.element.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return;
    event.preventDefault(); // the form's own button would ask anew
    yes();
  });
  const impact = isTime && record ? priceImpact(owner, question.choices?.[1], [{ id: record.id, ...values }]) : null;
  return { nodes: [h('p', {}, t(isTime ? 'From when shall the new price hold? Calls until then stay at the present one.' : message)), choice?.element ?? null,
    impact, h('div', { class: 'form-buttons' }, buttons)] };
}
