import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { dictionary } from '../../app/frontend/dictionaries.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const sources = join(root, 'app', 'frontend', 'src');

/** @param {string} folder @returns {Generator<string>} */
function* scripts(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* scripts(path);
    else if (entry.name.endsWith('.js')) yield path;
  }
}

test('every text that the runtime says has its Chinese', () => {
  const zh = dictionary(root, 'zh');
  const missing = [];
  for (const path of scripts(sources)) {
    for (const [, text] of readFileSync(path, 'utf8').matchAll(/\bt\(\s*'((?:[^'\\]|\\.)*)'/g)) {
      if (!Object.hasOwn(zh, text)) missing.push(`${path.slice(sources.length + 1)}: ${text}`);
    }
  }
  assert.deepEqual(missing, []);
});

test('every label and help of the shell\'s pages has its Chinese', () => {
  const zh = dictionary(root, 'zh');
  const missing = [];
  for (const page of ['index.ui', 'dashboard.ui']) {
    const text = readFileSync(join(root, 'app', 'wwwroot', page), 'utf8');
    for (const [, words] of text.matchAll(/"(?:label|help|title)": "([^"]+)"/g)) {
      if (!Object.hasOwn(zh, words)) missing.push(`${page}: ${words}`);
    }
  }
  assert.deepEqual(missing, []);
});

test('placeholders survive translation', () => {
  for (const language of /** @type {('zh'|'en')[]} */ (['zh', 'en'])) {
    for (const [original, translation] of Object.entries(dictionary(root, language))) {
      const names = (/** @type {string} */ text) => [...text.matchAll(/\$?\{(\w+)\}/g)].map(([, name]) => name).sort();
      assert.deepEqual(names(translation), names(original), original);
    }
  }
});
