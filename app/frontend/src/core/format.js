/** How values are written for a reader. */

import { language } from './i18n.js';

/** @param {number} number */
const pad = (number) => String(number).padStart(2, '0');

/**
 * `2026-11-24 14:03` (with `:05` when seconds matter) in the reader's own time zone.
 * @param {unknown} iso
 * @param {{seconds?: boolean}} [how]
 */
export function localDateTime(iso, { seconds = true } = {}) {
  const date = parseTime(iso);
  if (!date) return iso === null || iso === undefined ? '' : String(iso);
  const day = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
  const time = `${pad(date.getHours())}:${pad(date.getMinutes())}`;
  return `${day} ${time}${seconds ? `:${pad(date.getSeconds())}` : ''}`;
}

/** A time of the server; without a zone it is UTC. @param {unknown} text */
export function parseTime(text) {
  if (typeof text !== 'string' || !/^\d{4}-\d\d-\d\d/.test(text)) return null;
  const withZone = /(Z|[+-]\d\d:?\d\d)$/.test(text) ? text
    : /[T ]\d\d:/.test(text) ? `${text.replace(' ', 'T')}Z` : `${text}T00:00:00Z`;
  const date = new Date(withZone);
  return Number.isNaN(date.getTime()) ? null : date;
}

/** The value of an `<input type="datetime-local">` as ISO 8601 with Z, or null when empty. @param {string} local */
export function isoFromLocal(local) {
  if (!local) return null;
  const date = new Date(local);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

/** An ISO time as the value of an `<input type="datetime-local">`, in the reader's zone. @param {unknown} iso */
export function localFromIso(iso) {
  const date = parseTime(iso);
  if (!date) return '';
  const text = localDateTime(date.toISOString()).replace(' ', 'T');
  const ms = date.getMilliseconds();
  return ms ? `${text}.${String(ms).padStart(3, '0')}` : text;
}

/** The reader's zone, for instance `Asia/Shanghai (UTC+08:00)`. */
export function zoneLabel(date = new Date()) {
  const minutes = -date.getTimezoneOffset();
  const sign = minutes < 0 ? '-' : '+';
  const size = Math.abs(minutes);
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return `${zone} (UTC${sign}${pad(Math.floor(size / 60))}:${pad(size % 60)})`;
}

/**
 * A decimal text with digit groups and without needless zeros, never through a float; a fraction
 * keeps two digits at least.
 * @param {unknown} value
 */
export function decimalText(value, minDigits = 2) {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(String(value ?? '').trim());
  if (!match) return value === null || value === undefined ? '' : String(value);
  const [, sign, whole, fraction = ''] = match;
  const digits = fraction.replace(/0+$/, '');
  const decimals = digits && digits.padEnd(Math.min(minDigits, fraction.length), '0');
  const groups = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return `${sign}${groups}${decimals ? `.${decimals}` : ''}`;
}

/**
 * A decimal text with its point moved to the right (left when negative), never through a float.
 * @param {unknown} value
 * @param {number} places
 */
export function movePoint(value, places) {
  const match = /^([+-]?)(\d*)\.?(\d*)$/.exec(String(value ?? '').trim());
  if (!match || !(match[2] + match[3])) return String(value ?? '');
  const [, sign, whole, fraction] = match;
  const zeros = '0'.repeat(Math.abs(places));
  const digits = places < 0 ? zeros + whole + fraction : whole + fraction + zeros;
  const at = places < 0 ? zeros.length + whole.length + places : whole.length + places;
  const before = digits.slice(0, at).replace(/^0+(?=\d)/, '') || '0';
  const after = digits.slice(at).replace(/0+$/, '');
  return `${sign === '-' ? '-' : ''}${before}${after ? `.${after}` : ''}`;
}

/**
 * A share of a price as people write it: `85%`, in Chinese `85%（8.5 折）`; a whole has no 折.
 * @param {unknown} share
 */
export function shareText(share) {
  if (share === null || share === undefined || share === '') return '';
  const percent = `${decimalText(movePoint(share, 2), 0)}%`;
  return language() !== 'zh' || Number(share) >= 1 ? percent : `${percent}（${decimalText(movePoint(share, 1), 0)} 折）`;
}

/** A whole number with digit groups. @param {unknown} value */
export function countText(value) {
  return Number(value ?? 0).toLocaleString(language() === 'zh' ? 'zh-CN' : 'en-US');
}
