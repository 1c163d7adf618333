import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const sources = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'app', 'frontend', 'src');
const files = readdirSync(sources, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.js'));

test('nothing is ever written as HTML, and code is made from text in one place only', () => {
  for (const name of files) {
    const text = readFileSync(join(sources, name), 'utf8');
    assert.doesNotMatch(text, /\.(innerHTML|outerHTML)\b|insertAdjacentHTML|document\.write|\beval\(|new Function\(/, name);
    if (name !== join('core', 'scripts.js')) assert.doesNotMatch(text, /AsyncFunction/, name);
  }
});

test('the documentation names every widget', () => {
  const documentation = readFileSync(join(sources, '..', '..', '..', 'docs', 'pages.md'), 'utf8');
  const missing = [];
  for (const name of files) {
    for (const [, names] of readFileSync(join(sources, name), 'utf8').matchAll(/\bregister\((\[[^\]]+\]|'\w+')/g)) {
      for (const [, widget] of names.matchAll(/'(\w+)'/g)) {
        if (!new RegExp(`\\b${widget}\\b`).test(documentation) && !/^B(Message|Error)$/.test(widget)) missing.push(widget);
      }
    }
  }
  assert.deepEqual(missing, []);
});
