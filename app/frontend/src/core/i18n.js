/** Two languages. The original text is the key; a text without translation stands as it is. */

import { messageOf } from './failure.js';
import { fillText } from './template.js';

export const LANGUAGES = ['zh', 'en'];
const STORE = 'pipeline.language';
const dictionaries = /** @type {Map<string, Record<string, string>>} */ (new Map());
const missing = /** @type {Set<string>} */ (new Set());
let current = 'zh';

/** Texts that were shown in a language they are not written in; a test holds this empty. */
export function untranslated() {
  return [...missing];
}

/** The two-letter code of the language in use. */
export function language() {
  return current;
}

/** The reader's stored choice, else the browser's language, else Chinese. */
export function preferredLanguage() {
  const tags = [safeStored(), ...(navigator.languages ?? [navigator.language])];
  for (const tag of tags) {
    const code = String(tag ?? '').slice(0, 2).toLowerCase();
    if (LANGUAGES.includes(code)) return code;
  }
  return 'zh';
}

function safeStored() {
  try {
    return localStorage.getItem(STORE);
  } catch {
    return null; // storage may be forbidden; the browser's language does then
  }
}

/** Load the dictionary of a language once and make it the one in use. @param {string} code @param {string} [url] */
export async function useLanguage(code, url) {
  if (!dictionaries.has(code)) dictionaries.set(code, await fetchDictionary(url));
  current = code;
  document.documentElement.lang = code === 'zh' ? 'zh-CN' : code;
  try {
    localStorage.setItem(STORE, code);
  } catch {
    // without storage the choice lasts as long as the page
  }
}

/** @param {string} [url] */
async function fetchDictionary(url) {
  if (!url) return {};
  try {
    const answer = await fetch(url, { credentials: 'same-origin' });
    return answer.ok ? await answer.json() : {};
  } catch (error) {
    console.error(`dictionary ${url}: ${messageOf(error)}`);
    return {};
  }
}

/**
 * Say a text in the language in use.
 * @param {unknown} text the original; nothing gives an empty text
 * @param {Data} [data] fills `${key}` placeholders after translation
 */
export function t(text, data) {
  if (text === null || text === undefined) return '';
  const original = String(text);
  const dictionary = dictionaries.get(current);
  const isKnown = dictionary !== undefined && Object.hasOwn(dictionary, original);
  const translation = isKnown ? dictionary[original] : original;
  if (!isKnown && looksForeign(original)) missing.add(original);
  return data ? fillText(translation, data) : translation;
}

/**
 * Say the name of a kind of record where many of them stand: as `name#many` where the dictionary has it.
 * @param {string} name
 */
export function many(name) {
  const dictionary = dictionaries.get(current);
  const own = `${name}#many`;
  return dictionary !== undefined && Object.hasOwn(dictionary, own) ? dictionary[own] : t(name);
}

/** @param {string} text */
function looksForeign(text) {
  const isChinese = /\p{Script=Han}/u.test(text);
  return current === 'zh' ? !isChinese && /[A-Za-z]{2}/.test(text) : isChinese;
}
