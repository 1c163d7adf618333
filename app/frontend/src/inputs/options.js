/** The choices of code fields: given in the description or fetched, kept for the page. */

import { ask } from '../core/request.js';
import { t } from '../core/i18n.js';

const cache = new Map();

/** Forget what was fetched, for instance after a new record. */
export function forgetOptions() {
  cache.clear();
}

/** The value in one choice, under the name the field asked for. @param {Option} option @param {ChoiceField} field */
export function optionValue(option, field) {
  if (option === null || typeof option !== 'object') return option;
  return option[field.valueField ?? ''] ?? option[field.name] ?? option.value ?? option.id;
}

/**
 * The text of one choice. Choices written in the description are translated, data is not.
 * @param {Option} option
 * @param {ChoiceField} field
 */
export function optionText(option, field) {
  if (option === null || typeof option !== 'object') return t(option);
  const textField = field.textField ?? field.textFeild;
  const text = option[textField ?? ''] ?? option[`${field.name}_text`] ?? option.text ?? option.label
    ?? optionValue(option, field);
  return Array.isArray(field.data) ? t(text) : String(text ?? '');
}

/** True when the server searches for us instead of sending everything. @param {ChoiceField} field */
export function isSearched(field) {
  return field.search === true || /get_search_\w+\.dspy/.test(field.dataurl ?? '');
}

/**
 * The choices of an input.
 * @param {Input} input
 * @param {Data} [extra] more parameters, for instance {q: 'text'}
 * @returns {Promise<Option[]>} empty when they cannot be loaded; the reason is in the console
 */
export async function loadOptions(input, extra = {}) {
  const { field, app } = input;
  if (Array.isArray(field.data)) return field.data;
  if (!field.dataurl) return [];
  const params = { ...(field.params ?? {}), ...extra };
  const key = JSON.stringify([field.dataurl, params]);
  if (!cache.has(key)) cache.set(key, fetchOptions(app, input, params));
  const options = await cache.get(key);
  if (!options) cache.delete(key);
  return options ?? [];
}

/** @param {App} app @param {Input} input @param {Data} params */
async function fetchOptions(app, input, params) {
  const { field } = input;
  const answer = await ask(app, field.dataurl, { method: field.method, params, baseUri: input.baseUri });
  if (!answer.ok) {
    console.error(`choices of "${field.name}": ${answer.error?.options?.message ?? answer.status}`);
    return null;
  }
  const list = Array.isArray(answer.value) ? answer.value : answer.value?.rows ?? answer.value?.data;
  return Array.isArray(list) ? list : [];
}
