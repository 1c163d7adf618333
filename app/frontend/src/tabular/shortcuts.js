/** The keys of a list that work wherever the reader is on the page, and the help about all keys. */

import { h } from '../core/dom.js';
import { t } from '../core/i18n.js';

const KEYS = [
  ['/', 'Search'],
  ['Ctrl K', 'Search everything'],
  ['?', 'This help'],
  ['↑ ↓ Home End', 'Another row'],
  ['← →', 'Another cell of the row'],
  ['Enter', 'Open the row, or edit the cell'],
  ['F2', 'Edit the cell in its place'],
  ['Space', 'Mark or choose the row'],
  ['Shift F10', 'What to do with the row'],
  ['Delete', 'Delete the row'],
  ['Insert', 'Add'],
  ['Escape', 'Back, close, give up'],
  ['Shift ← →', 'On a heading: narrower, wider'],
  ['Alt ← →', 'On a heading: further to the front, to the back'],
];

/** @param {Tabular} table @returns {() => void} ends it */
export function listenForKeys(table) {
  /** @param {KeyboardEvent} event */
  const listener = (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || isTyping(event.target)) return;
    if (!['/', '?'].includes(event.key) || !isInFront(table)) return;
    event.preventDefault();
    if (event.key === '/') table.toolbar.focusSearch();
    else showHelp(table);
  };
  document.addEventListener('keydown', listener);
  return () => document.removeEventListener('keydown', listener);
}

/** @param {EventTarget | null} node */
function isTyping(node) {
  return node instanceof Element && node.closest('input, textarea, select, [contenteditable]') !== null;
}

/** The first list in the topmost window, or on the page when none is open. @param {Tabular} table */
function isInFront(table) {
  const windows = [...document.querySelectorAll('dialog[open]')];
  const front = windows[windows.length - 1] ?? document.body;
  return [...front.querySelectorAll('.tabular')].find((one) => one.offsetParent !== null) === table.dom_element;
}

/** @param {Tabular} table */
export async function showHelp(table) {
  const box = await table.app.buildOverlay({ widgettype: 'PopupWindow', options: { title: 'Keys', cwidth: 26 } });
  box.contentElement.append(h('dl', { class: 'key-help' }, KEYS.map(([keys, what]) => [
    h('dt', {}, keys.split(' ').map((key) => [h('kbd', {}, key === 'Space' ? t('Space') : key), ' '])), h('dd', {}, t(what)),
  ])));
}
