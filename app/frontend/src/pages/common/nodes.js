/** Pieces that the pages have in common. */

import { h } from '../../core/dom.js';
import { icon } from '../../core/icons.js';
import { t } from '../../core/i18n.js';

/**
 * A button with a picture; `name` is its `data-tool`.
 * @param {string} name
 * @param {string} picture
 * @param {string} label
 * @param {() => unknown} work
 * @param {{css?: string, isSmall?: boolean}} [look]
 */
export function tool(name, picture, label, work, { css = '', isSmall = false } = {}) {
  const text = t(label);
  return h('button', {
    type: 'button', class: [isSmall ? 'icon-button' : 'tool', css], 'data-tool': name,
    'aria-label': isSmall ? text : undefined, title: isSmall ? text : undefined, on: { click: work },
  }, icon(picture), isSmall ? null : h('span', {}, text));
}

/** A quiet word in a frame; `tone` is good, warn, bad or ''. @param {string} text */
export function badge(text, tone = '') {
  return h('span', { class: ['badge', tone && `badge-${tone}`] }, text);
}

/**
 * Why there is nothing here, and what to do about it.
 * @param {string} picture
 * @param {string} text
 * @param {...Child} more
 */
export function emptyNote(picture, text, ...more) {
  return h('div', { class: 'empty-note' }, icon(picture), h('p', {}, t(text)), more);
}

/** In the place of what could not be loaded, with a way to try again. @param {() => unknown} again */
export function notLoaded(again) {
  return emptyNote('alert', 'This could not be loaded.', h('button', { type: 'button', on: { click: again } }, t('Try again')));
}

/** A card with a heading. @param {string} title @param {...Child} content */
export function card(title, ...content) {
  return h('section', { class: 'card page-card' }, h('h2', {}, t(title)), content);
}

/**
 * A table of texts.
 * @param {string} caption for those who cannot see what stands around it
 * @param {PlainColumn[]} columns
 * @param {Child[][]} rows
 * @param {Child[]} [foot] the last row, of sums
 */
export function plainTable(caption, columns, rows, foot) {
  /** @param {Child} cell @param {number} at */
  const tableCell = (cell, at) => h('td', { class: columns[at].isNumber && 'align-end' }, cell);
  return h('div', { class: 'scroll-x', tabindex: '0', role: 'region', 'aria-label': t(caption) }, h('table', { class: 'plain-table' },
    h('caption', { class: 'visually-hidden' }, t(caption)),
    h('thead', {}, h('tr', {}, columns.map(({ label, isNumber }) => h('th', { scope: 'col', class: isNumber && 'align-end' }, label ? t(label) : h('span', { class: 'visually-hidden' }, t('Actions')))))),
    h('tbody', {}, rows.map((cells) => h('tr', {}, cells.map(tableCell)))),
    foot ? h('tfoot', {}, h('tr', {}, foot.map(tableCell))) : null));
}

/** A list of names and values; entries without a value are left out. @param {[string, Child][]} entries */
export function facts(entries) {
  return h('dl', { class: 'facts' }, entries.filter(([, value]) => value !== null && value !== undefined && value !== '')
    .map(([label, value]) => h('div', {}, h('dt', {}, t(label)), h('dd', {}, value))));
}
