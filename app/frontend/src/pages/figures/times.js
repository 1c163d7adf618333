/** Which calls a period and its bars are of, as the list of calls is asked for them. */

import { localDateTime } from '../../core/format.js';

/** @type {Record<FigureStep, {title: string, label: string}>} */
export const STEPS = {
  hour: { title: 'By hour', label: 'Hour' },
  day: { title: 'By day', label: 'Day' },
  month: { title: 'By month', label: 'Month' },
};

/** @param {FigureDays} days */
export function daysOf({ first_day: first, last_day: last }) {
  return { first_day: first, last_day: last };
}

/**
 * The name of a bar, the label below it, and its calls.
 * @param {FigureStep} step
 * @param {string} start
 * @param {FigureDays} period
 */
export function timeOf(step, start, period) {
  if (step === 'hour') {
    const key = localDateTime(start, { seconds: false });
    return { key, label: key.slice(11), calls: { ...daysOf(period), from: start, to: new Date(new Date(start).getTime() + 3_600_000).toISOString() } };
  }
  if (step === 'day') return { key: start, label: start.slice(5), calls: { first_day: start, last_day: start } };
  const [year, month] = start.split('-').map(Number);
  const end = `${start}-${String(new Date(Date.UTC(year, month, 0)).getUTCDate()).padStart(2, '0')}`;
  const first = `${start}-01` > period.first_day ? `${start}-01` : period.first_day;
  return { key: start, label: start, calls: { first_day: first, last_day: end < period.last_day ? end : period.last_day } };
}

/** `2026-11-24 – 2026-11-30`, or one day. @param {FigureDays} days */
export function daysText({ first_day: first, last_day: last }) {
  return first === last ? first : `${first} – ${last}`;
}
