/** Which file of the browser side may import which: only what stands on a lower floor, never in a circle. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const sources = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'app', 'frontend', 'src');
const files = readdirSync(sources, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.js'));

/** From the ground up; a folder imports from itself and from those before it. */
const FOLDERS = ['core', 'inputs', 'widgets', 'tabular', 'shell', 'pages/common', 'pages/figures', 'pages/prices', 'pages/pipeline', 'pages/calls', 'pages/audit', 'pages/distributor', 'pages/dashboard', 'pages/account', 'pages', ''];

/** The floors of core, from the ground up; a file imports from lower floors only. */
const CORE = [
  ['answer_data', 'clipboard', 'composition', 'decimals', 'dom', 'exact_json', 'failure', 'line_breaks', 'lookup', 'page_link', 'params', 'print', 'registry', 'styling', 'svg', 'template', 'typed_number', 'urls', 'zones'],
  ['i18n', 'icons', 'markdown', 'page', 'popover'],
  ['format', 'request', 'scripts', 'widget'],
  ['amounts', 'body', 'build', 'download', 'price_words', 'times', 'upload'],
  ['placing', 'sign_in'],
  ['actions'],
  ['binds'],
  ['app', 'globals'],
];

/** What a file imports, at once or later: files of ours by their name below `src`, packages by theirs. @param {string} name */
function importsOf(name) {
  const text = readFileSync(join(sources, name), 'utf8');
  return [...text.matchAll(/\b(?:from |import |import\()'([^'\n]+)'/g)].map(([, target]) => (target.startsWith('.') ? relative(sources, join(sources, dirname(name), target)) : target));
}

const imports = new Map(files.map((name) => [name, importsOf(name)]));

/** @param {string} name */
function folderOf(name) {
  const folder = dirname(name);
  return folder === '.' ? '' : folder;
}

/** @param {string} name */
function floorOf(name) {
  return CORE.findIndex((floor) => floor.includes(name.replace(/^core\/|\.js$/g, '')));
}

test('the imports are seen', () => {
  assert.ok(imports.get('core/app.js')?.includes('core/binds.js'));
  assert.ok(imports.get('pages/later.js')?.includes('pages/pipeline/pipeline_page.js'));
  assert.ok(imports.get('main.js')?.includes('widgets/index.js'));
  for (const [name, targets] of imports) {
    for (const target of targets) assert.ok(files.includes(target) || ['lossless-json', 'diff'].includes(target), `${name} imports ${target}`);
  }
});

test('a folder imports only from those below it', () => {
  for (const [name, targets] of imports) {
    const rank = FOLDERS.indexOf(folderOf(name));
    assert.ok(rank >= 0, `${name}: say in FOLDERS where its folder stands`);
    for (const target of targets.filter((one) => files.includes(one))) {
      assert.ok(FOLDERS.indexOf(folderOf(target)) <= rank, `${name} imports ${target}, which stands above it`);
    }
  }
});

test('a file of core imports only from lower floors', () => {
  for (const name of files.filter((one) => folderOf(one) === 'core')) {
    assert.ok(floorOf(name) >= 0, `${name}: say in CORE on which floor it stands`);
    for (const target of imports.get(name) ?? []) {
      if (files.includes(target)) assert.ok(floorOf(target) < floorOf(name), `${name} imports ${target}, which stands no lower`);
    }
  }
});

test('nothing is imported in a circle', () => {
  const visits = new Set();
  /** @param {string} name @param {string[]} path */
  const visit = (name, path) => {
    assert.ok(!path.includes(name), [...path, name].join(' → '));
    if (visits.has(name)) return;
    for (const target of imports.get(name) ?? []) visit(target, [...path, name]);
    visits.add(name);
  };
  for (const name of files) visit(name, []);
});
