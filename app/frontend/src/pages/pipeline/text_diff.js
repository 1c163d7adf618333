/** Two texts, line by line: what differs is marked to the word, what stays the same is folded away. */

import { diffLines, diffWordsWithSpace } from 'diff';
import { h } from '../../core/dom.js';
import { t } from '../../core/i18n.js';

/** Lines that stay in view before and after what differs. */
const CONTEXT_LINES = 3;
/** Fewer lines are not worth a fold. */
const MIN_FOLD_LINES = 4;
/** Where less than this share of the words stayed, marks would only be noise. */
const MIN_COMMON_SHARE = 0.3;
const MAX_MILLISECONDS = 400;

/**
 * The lines of both texts in one order. Where comparing takes too long, all of the old one goes and
 * all of the new one comes.
 * @param {string} before
 * @param {string} after
 * @returns {DiffLine[]} numbers count from 1; `parts` are the pieces of a line, those with `isMarked` differ
 */
export function lineDifference(before, after) {
  const numbers = { before: 0, after: 0 };
  const blocks = diffLines(withEnd(before), withEnd(after), { timeout: MAX_MILLISECONDS })
    ?? [...diffLines(withEnd(before), ''), ...diffLines('', withEnd(after))];
  /** @type {DiffLine[]} */
  const lines = [];
  for (let at = 0; at < blocks.length; at += 1) {
    const block = blocks[at];
    const next = blocks[at + 1];
    if (block.removed && next?.added) {
      const [old, fresh] = wordMarks(block.value, next.value);
      lines.push(...old.map((parts) => lineOf('removed', parts, numbers)), ...fresh.map((parts) => lineOf('added', parts, numbers)));
      at += 1;
    } else {
      const kind = block.added ? 'added' : block.removed ? 'removed' : 'same';
      lines.push(...linesOf([{ text: block.value, isMarked: false }]).map((parts) => lineOf(kind, parts, numbers)));
    }
  }
  return lines;
}

/**
 * What of *lines* is shown: the lines themselves, and in the place of longer runs that stay the same a fold of them.
 * @param {DiffLine[]} lines
 * @returns {(DiffLine | {fold: DiffLine[]})[]}
 */
export function foldedLines(lines) {
  const isNear = lines.map(() => false);
  lines.forEach((line, at) => {
    if (line.kind !== 'same') isNear.fill(true, Math.max(0, at - CONTEXT_LINES), at + CONTEXT_LINES + 1);
  });
  /** @type {(DiffLine | {fold: DiffLine[]})[]} */
  const entries = [];
  for (let at = 0; at < lines.length;) {
    const end = isNear.indexOf(true, at);
    const run = isNear[at] ? [] : lines.slice(at, end < 0 ? lines.length : end);
    if (run.length >= MIN_FOLD_LINES) entries.push({ fold: run });
    else entries.push(...run.length ? run : [lines[at]]);
    at += run.length || 1;
  }
  return entries;
}

/**
 * The difference of two texts for reading.
 * @param {string} before
 * @param {string} after
 * @param {string} label what the texts are, for those who cannot see where it stands
 */
export function textDiff(before, after, label) {
  const element = h('div', { class: 'text-diff', role: 'group', 'aria-label': label });
  element.append(...foldedLines(lineDifference(before, after)).map((entry) => ('fold' in entry ? foldButton(entry.fold) : lineRow(entry))));
  return element;
}

/** A text without changes, its lines numbered. @param {string} text @param {string} label */
export function plainText(text, label) {
  return h('div', { class: 'text-diff', role: 'group', 'aria-label': label },
    lineDifference(text, text).map((line) => lineRow(line)));
}

/** @param {DiffLine[]} lines */
function foldButton(lines) {
  /** @param {At<MouseEvent>} event */
  const unfold = ({ currentTarget }) => {
    const rows = lines.map((line) => lineRow(line));
    currentTarget.replaceWith(...rows);
    rows[0].tabIndex = -1;
    rows[0].focus();
  };
  return h('button', { type: 'button', class: 'text-diff-fold', on: { click: unfold } }, t('${count} unchanged lines', { count: lines.length }));
}

/** @type {Map<string, {sign: string, word: string, mark: keyof HTMLElementTagNameMap}>} */
const KINDS = new Map([['removed', { sign: '−', word: 'Removed', mark: 'del' }], ['added', { sign: '+', word: 'Added', mark: 'ins' }]]);

/** @param {DiffLine} line */
function lineRow({ kind, parts, before, after }) {
  const { sign, word, mark } = KINDS.get(kind) ?? { sign: ' ', word: '', mark: 'span' };
  return h('div', { class: ['text-diff-line', `text-diff-${kind}`] },
    h('span', { class: 'text-diff-number', 'aria-hidden': 'true' }, before ? String(before) : ''),
    h('span', { class: 'text-diff-number', 'aria-hidden': 'true' }, after ? String(after) : ''),
    h('span', { class: 'text-diff-sign', 'aria-hidden': 'true' }, sign),
    h('span', { class: 'text-diff-text' }, word ? h('span', { class: 'visually-hidden' }, `${t(word)}: `) : null,
      parts.map(({ text, isMarked }) => (isMarked ? h(mark, {}, text) : text))));
}

/** @param {DiffLine['kind']} kind @param {DiffPart[]} parts @param {{before: number, after: number}} numbers @returns {DiffLine} */
function lineOf(kind, parts, numbers) {
  if (kind !== 'added') numbers.before += 1;
  if (kind !== 'removed') numbers.after += 1;
  return { kind, parts, before: kind === 'added' ? 0 : numbers.before, after: kind === 'removed' ? 0 : numbers.after };
}

/** The lines of both, the words marked that the other has not. @param {string} before @param {string} after */
function wordMarks(before, after) {
  const words = diffWordsWithSpace(before, after, { timeout: MAX_MILLISECONDS });
  const common = words?.filter((word) => !word.added && !word.removed).reduce((sum, { value }) => sum + value.trim().length, 0) ?? 0;
  if (!words || common < MIN_COMMON_SHARE * Math.min(before.trim().length, after.trim().length)) {
    return [before, after].map((text) => linesOf([{ text, isMarked: false }]));
  }
  /** @param {'added'|'removed'} other */
  const side = (other) => linesOf(words.filter((word) => !word[other]).map((word) => ({ text: word.value, isMarked: word.added || word.removed })));
  return [side('added'), side('removed')];
}

/** Cut pieces of text at the ends of lines. @param {DiffPart[]} parts @returns {DiffPart[][]} */
function linesOf(parts) {
  /** @type {DiffPart[][]} */
  const lines = [[]];
  for (const { text, isMarked } of parts) {
    text.split('\n').forEach((piece, at) => {
      if (at) lines.push([]);
      if (piece) lines[lines.length - 1].push({ text: piece, isMarked });
    });
  }
  // Each text ends with the end of its last line.
  lines.pop();
  return lines;
}

/** @param {string} text */
function withEnd(text) {
  const lines = text.replaceAll('\r\n', '\n');
  return lines === '' || lines.endsWith('\n') ? lines : `${lines}\n`;
}
