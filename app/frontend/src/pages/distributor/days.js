/** Days without gaps, for charts. */

import { amountTexts } from '../common/gauge.js';

/**
 * One bar a day from `first` to `last`, also where nothing happened.
 * @param {DayFigures[]} rows
 * @param {Days} days
 */
export function byDay(rows, days) {
  const bars = /** @type {Bar[]} */ ([]);
  const last = new Date(`${days.last}T00:00:00Z`);
  for (let day = new Date(`${days.first}T00:00:00Z`); day <= last; day = new Date(day.getTime() + 86_400_000)) {
    const key = day.toISOString().slice(0, 10);
    const own = rows.filter(({ group }) => group === key);
    bars.push({
      key, label: key.slice(5), calls: sum(own, 'calls'), failed: sum(own, 'failed'),
      words: amountTexts(Object.fromEntries(own.filter(({ amount }) => Number(amount)).map(({ currency, amount }) => [currency, amount]))).join(' · '),
    });
  }
  return bars;
}

/** @param {DayFigures[]} rows @param {'calls' | 'failed'} name */
function sum(rows, name) {
  return rows.reduce((total, row) => total + Number(row[name] ?? 0), 0);
}
