/**
 * What a cell says: its text, the whole of it for who points at it, and the value that a chip has its
 * colour by. A column may have words for several of the record's columns (`words` of its description).
 */

import { h } from '../core/dom.js';
import { localDateTime } from '../core/format.js';
import { t } from '../core/i18n.js';
import { priceText } from '../core/price_words.js';
import { phaseOf, relativeTime, validityText } from '../core/times.js';
import { isTrue } from '../inputs/check_inputs.js';
import { inputClass } from '../inputs/registry.js';

/** @typedef {{text: string, title?: string, chip?: string, isTime?: boolean}} CellWords */
/** @typedef {{heading: string, characters: number, say: (record: Row, column: Column) => CellWords}} Words */

/** @type {Record<string, string>} */
const PHASES = { coming: 'Coming', in_force: 'In force', ended: 'Ended', off: 'Disabled' };

/** The two columns that say from when to when. @param {Column} column */
function spanOf({ span = [] }) {
  return span;
}

/** @type {Record<string, Words>} */
const WORDS = {
  price: { heading: 'Price', characters: 24, say: (record) => ({ text: priceText(/** @type {PriceWords} */ (record)) }) },
  validity: {
    heading: 'Validity', characters: 18,
    say: (record, column) => {
      const [from, to] = spanOf(column).map((name) => record[name]);
      return { text: validityText(from, to), title: [from, to].map((one) => localDateTime(one) || '…').join(' – ') };
    },
  },
  switch: {
    heading: 'State', characters: 8,
    say: (record, column) => (isTrue(record[column.name]) ? { text: t('Enabled'), chip: 'in_force' } : { text: t('Disabled'), chip: 'off' }),
  },
  in_force: {
    heading: 'State', characters: 9,
    say: (record, column) => {
      const [from, to] = spanOf(column).map((name) => record[name]);
      const chip = isTrue(record[column.name]) ? phaseOf(from, to) : 'off';
      return { text: t(PHASES[chip]), chip };
    },
  },
};

/** What a column has above it, and its width in characters, where it has words of its own. @param {{words?: string}} field */
export function wordsOf({ words }) {
  return WORDS[words ?? ''];
}

/** @param {Row} record @param {Column} column @param {import('../core/amounts.js').ColumnDecimals | undefined} decimals @returns {CellWords} */
export function cellWords(record, column, decimals) {
  const own = wordsOf(column);
  if (own) return own.say(record, column);
  const value = record[column.name];
  if (['datetime', 'timestamp'].includes(column.uitype) && value) {
    return { text: relativeTime(value), title: localDateTime(value), isTime: true };
  }
  if (decimals) return { text: decimals.text(value) };
  const text = inputClass(column.uitype).cellText(value, column, record);
  if (Array.isArray(column.data)) return { text, chip: String(value ?? '') };
  return { text };
}

/**
 * Show the words in their cell.
 * @param {HTMLTableCellElement} cell
 * @param {CellWords} words
 * @param {string | null} href
 */
export function showWords(cell, { text, title, chip, isTime }, href) {
  if (chip === undefined) delete cell.dataset.value;
  else cell.dataset.value = chip;
  const inner = isTime ? h('time', { 'data-exact': title }, text) : text;
  const span = document.createElement('span');
  if (href && text) span.append(h('a', { href, tabindex: -1 }, inner));
  else span.append(inner);
  const full = title ?? (text.length > 12 ? text : '');
  if (full) cell.title = full;
  else cell.removeAttribute('title');
  cell.replaceChildren(span);
}

/** Whether a row of the server is another than what is shown. @param {Row} one @param {Row} other */
export function cellsDiffer(one, other) {
  return JSON.stringify(one) !== JSON.stringify(other);
}
