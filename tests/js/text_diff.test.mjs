/** Texts compared: lines, words, folds. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foldedLines, lineDifference } from '../../app/frontend/src/pages/pipeline/text_diff.js';

const PROMPT = Array.from({ length: 40 }, (_, at) => `第 ${at + 1} 行：write a calm sentence.`);

/** @param {DiffLine} line */
const marks = ({ parts }) => parts.filter(({ isMarked }) => isMarked).map(({ text }) => text);
/** @param {DiffLine} line */
const plain = ({ parts }) => parts.map(({ text }) => text).join('');

test('two characters of forty lines are two lines, with the word marked in each', () => {
  const lines = lineDifference(PROMPT.join('\n'), PROMPT.with(20, '第 21 行：write a calmer sentence.').join('\n'));

  const changes = lines.filter(({ kind }) => kind !== 'same');
  assert.deepEqual(changes.map(({ kind }) => kind), ['removed', 'added']);
  assert.deepEqual(changes.map(marks), [['calm'], ['calmer']]);
  assert.equal(lines.length, 41);
});

test('what stays the same is folded, three lines around the change stay', () => {
  const lines = lineDifference(PROMPT.join('\n'), PROMPT.with(20, 'other').join('\n'));
  const entries = foldedLines(lines);

  assert.deepEqual(entries.map((entry) => ('fold' in entry ? entry.fold.length : entry.kind)),
    [17, 'same', 'same', 'same', 'removed', 'added', 'same', 'same', 'same', 16]);
});

test('no line is lost and each has its number', () => {
  const before = 'a\nb\n\nc';
  const after = 'a\nx\ny\nc\nd';
  const lines = lineDifference(before, after);

  assert.equal(lines.filter(({ kind }) => kind !== 'added').map(plain).join('\n'), before);
  assert.equal(lines.filter(({ kind }) => kind !== 'removed').map(plain).join('\n'), after);
  assert.deepEqual(lines.filter(({ after: number }) => number).map(({ after: number }) => number), [1, 2, 3, 4, 5]);
});

test('Chinese is marked by the character', () => {
  const lines = lineDifference('你是一位严谨的编辑，请逐句检查。', '你是一位温和的编辑，请逐句检查。');

  assert.deepEqual(lines.map(marks), [['严谨'], ['温和']].map((words) => words.flatMap((word) => word)));
});

test('texts that have next to nothing in common bear no marks', () => {
  const lines = lineDifference('alpha beta gamma', '一二三四五六');

  assert.deepEqual(lines.map(marks), [[], []]);
});

test('an empty text has no line; ends of lines of Windows are ends of lines', () => {
  assert.deepEqual(lineDifference('', ''), []);
  assert.deepEqual(lineDifference('', 'a').map(({ kind }) => kind), ['added']);
  assert.deepEqual(lineDifference('a\r\nb', 'a\nb').map(({ kind }) => kind), ['same', 'same']);
});
