/** Conditions of the filter panel, as the parameter `data_filter` wants them. */

import { optionValue } from '../inputs/options.js';

/** @type {Operator[]} */
const NUMBER_OPS = ['eq', 'ne', 'lt', 'le', 'gt', 'ge'];
/** @type {Record<FieldKind, Operator[]>} */
const KIND_OPS = {
  text: ['contains', 'starts', 'eq', 'ne', 'empty', 'filled'],
  number: [...NUMBER_OPS, 'empty', 'filled'],
  percent: [...NUMBER_OPS, 'empty', 'filled'],
  date: ['on', 'before', 'after', 'empty', 'filled'],
  datetime: ['on', 'before', 'after', 'empty', 'filled'],
  code: ['eq', 'ne', 'empty', 'filled'],
  check: ['eq'],
};

/** English words for the operators; the dictionary has the Chinese ones. */
export const OP_LABELS = /** @type {Record<string, string>} */ ({
  contains: 'contains', starts: 'starts with', eq: 'equals', ne: 'does not equal', lt: 'less than',
  le: 'at most', gt: 'more than', ge: 'at least', on: 'on the day', before: 'before', after: 'from',
  empty: 'is empty', filled: 'is filled',
});
/** @type {Record<string, string>} */
const SYMBOLS = { eq: '=', ne: '!=', lt: '<', le: '<=', gt: '>', ge: '>=' };
const DAY_MS = 86_400_000;

/** Which operators fit a column. @param {Pick<FilterField, 'uitype'>} field @returns {FieldKind} */
export function kindOf(field) {
  const { uitype } = field;
  if (['int', 'float', 'decimal', 'money'].includes(uitype)) return 'number';
  if (uitype === 'timestamp') return 'datetime';
  return ['percent', 'date', 'datetime', 'code', 'check'].includes(uitype) ? /** @type {FieldKind} */ (uitype) : 'text';
}

/** @param {Pick<FilterField, 'uitype'>} field @returns {string[]} operator names */
export function operatorsFor(field) {
  return KIND_OPS[kindOf(field)];
}

/** True for the operators that stand alone. @param {string} op */
export function needsValue(op) {
  return op !== 'empty' && op !== 'filled';
}

/** Only columns of the base table can be filtered, and passwords never. @param {Pick<FilterField, 'uitype'>} field */
export function isFilterable(field) {
  return !['password', 'file', 'image', 'audio', 'video', 'json'].includes(field.uitype);
}

/**
 * Why a condition that came from elsewhere cannot be asked: anybody may write anything into an address.
 * @param {AddressCondition} condition
 * @returns {string} a sentence, '' for one that fits
 */
export function misfitOf({ field, op, value }) {
  if (!field || !isFilterable(field)) return 'The list has no such column.';
  if (!operatorsFor(field).includes(op)) return 'The column cannot be compared like this.';
  if (!needsValue(op)) return '';
  const isPlain = ['string', 'number'].includes(typeof value) && value !== '';
  if (!isPlain || (['date', 'datetime'].includes(kindOf(field)) && !isDay(value))) return 'The value does not fit the column.';
  return isChoice(field, value) ? '' : 'There is no such choice.';
}

/**
 * Choices that the server is asked for may be gone as well: then it finds no rows.
 * @param {FilterField} field
 * @param {unknown} value
 */
function isChoice(field, value) {
  if (kindOf(field) === 'check') return ['0', '1'].includes(String(value));
  if (kindOf(field) !== 'code' || !Array.isArray(field.data)) return true;
  return field.data.some((option) => String(optionValue(option, field)) === String(value));
}

/** @param {string} text */
function isDay(text) {
  const day = /^\d{4}-\d\d-\d\d$/.test(text) ? new Date(`${text}T00:00:00Z`) : new Date(NaN);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}

/** Make `%`, `_` and `\` stand for themselves in a LIKE pattern. @param {unknown} text */
export function escapeLike(text) {
  return String(text).replace(/[\\%_]/g, '\\$&');
}

/**
 * One condition of the panel.
 * @param {Condition<FilterField>} condition
 * @returns {ServerFilter} in the server's form
 */
export function toServer({ field, op, value }) {
  const name = field.name;
  const kind = kindOf(field);
  if (op === 'contains') return { field: name, op: 'LIKE', const: `%${escapeLike(value)}%` };
  if (op === 'starts') return { field: name, op: 'LIKE', const: `${escapeLike(value)}%` };
  if (op === 'empty' || op === 'filled') return emptiness(name, kind, op);
  if (op === 'on') return onDay(name, kind, value);
  if (op === 'before') return { field: name, op: '<', const: dayStart(kind, value) };
  if (op === 'after') return { field: name, op: '>=', const: dayStart(kind, value) };
  return { field: name, op: SYMBOLS[op], const: kind === 'check' ? Number(value) : value };
}

/** Texts and codes may be '' as well as nothing. @param {string} name @param {FieldKind} kind @param {Operator} op */
function emptiness(name, kind, op) {
  const isEmpty = op === 'empty';
  if (kind !== 'text' && kind !== 'code') return { field: name, op: isEmpty ? 'IS NULL' : 'IS NOT NULL' };
  return isEmpty
    ? { or: [{ field: name, op: 'IS NULL' }, { field: name, op: '=', const: '' }] }
    : { AND: [{ field: name, op: 'IS NOT NULL' }, { field: name, op: '!=', const: '' }] };
}

/** @param {string} name @param {FieldKind} kind @param {string} day */
function onDay(name, kind, day) {
  if (kind === 'date') return { field: name, op: '=', const: day };
  const start = new Date(`${day}T00:00:00`);
  return {
    AND: [
      { field: name, op: '>=', const: start.toISOString() },
      { field: name, op: '<', const: nextDay(start).toISOString() },
    ],
  };
}

/** The reader's next midnight, also where the clock changes in between. @param {Date} start */
function nextDay(start) {
  const next = new Date(start.getTime() + 1.5 * DAY_MS);
  next.setHours(0, 0, 0, 0);
  return next;
}

/** A day of the reader's calendar as the column wants it. @param {FieldKind} kind @param {string} day */
function dayStart(kind, day) {
  return kind === 'date' ? day : new Date(`${day}T00:00:00`).toISOString();
}

/**
 * The whole filter: the keys of the parent record and the panel's conditions.
 * `data_filter` replaces the server's own column filters, so the keys must be in it.
 * @param {Data} parentKeys column -> value
 * @param {Condition<FilterField>[]} conditions
 * @param {ServerFilter[]} [more] of a quick filter
 * @returns {ServerFilter|null} null when there is nothing to filter by
 */
export function dataFilter(parentKeys, conditions, more = []) {
  if (!conditions.length && !more.length) return null;
  const keys = Object.entries(parentKeys).map(([name, value]) => ({ field: name, op: '=', const: value }));
  const all = [...keys, ...conditions.map(toServer), ...more];
  // AND with a single entry is an error on the server.
  return all.length === 1 ? all[0] : { AND: all };
}
