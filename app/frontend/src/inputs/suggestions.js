/** What exists already, offered while one types; anything else may be typed as well. */

import { dataOf } from '../core/answer_data.js';
import { h, uniqueId } from '../core/dom.js';
import { ask } from '../core/request.js';

const answers = /** @type {Map<string, Promise<Record<string, Choice[]>>>} */ (new Map());
const KEPT_MS = 30_000;

/**
 * Let *input* offer what `field.suggest` names: the list `list` of what `url` answers to the values
 * of the fields `by`.
 * @param {Input} input
 */
export function offerSuggestions(input) {
  const { suggest } = input.field;
  const control = input.focusElement;
  if (!suggest || !(control instanceof HTMLInputElement)) return;
  const list = h('datalist', { id: uniqueId('suggestions') });
  control.setAttribute('list', list.id);
  control.after(list);
  control.addEventListener('focus', async () => {
    const params = Object.fromEntries((suggest.by ?? []).map((name) => [name, valueBeside(input, name)]).filter(([, value]) => value));
    const choices = (await fetchChoices(input, suggest.url, params))[suggest.list] ?? [];
    list.replaceChildren(...choices.map(({ value, text }) => h('option', { value, label: text === value ? undefined : text })));
  });
}

/** The value of another field of the form, or what the opening page has fixed. @param {Input} input @param {string} name */
function valueBeside(input, name) {
  const parent = /** @type {Widget & {name_inputs?: Record<string, Input>, params?: Data}} */ (input.parent);
  return parent?.name_inputs?.[name]?.resultValue() ?? parent?.params?.[name];
}

/** @param {Input} input @param {string} url @param {Data} params @returns {Promise<Record<string, Choice[]>>} */
function fetchChoices(input, url, params) {
  const key = JSON.stringify([url, params]);
  if (!answers.has(key)) {
    answers.set(key, ask(input.app, url, { params, baseUri: input.baseUri }).then((answer) => (answer.ok ? dataOf(answer) : {})));
    setTimeout(() => answers.delete(key), KEPT_MS);
  }
  return answers.get(key) ?? Promise.resolve({});
}
