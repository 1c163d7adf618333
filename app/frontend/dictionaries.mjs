/** The dictionaries of the pages: {original: translation}, from the host and the modules. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * All translations into a language. A module may add, not contradict: the host's word stands.
 * @param {string} root the checkout
 * @param {'zh'|'en'} language
 * @returns {Record<string, string>} sorted by key, so that the same content has the same hash
 */
export function dictionary(root, language) {
  const modules = readdirSync(root).filter((name) => name.startsWith('pipeline_')).sort();
  const files = [
    ...modules.map((name) => join(root, name, 'i18n', `${language}.json`)),
    join(root, 'app', 'i18n', `${language}.json`), // sentences of the server that pages say too
    join(root, 'app', 'frontend', 'i18n', `${language}.json`), // of the pages in src/pages
    join(root, 'app', 'wwwroot', 'i18n', `${language}.json`),
  ];
  const all = Object.assign({}, ...files.filter(existsSync).map(read));
  return Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** @param {string} file */
function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new Error(`${file}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}
