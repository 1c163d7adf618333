/** A small bar chart of calls per day, with the figures as a table for those who cannot see it. */

import { h } from '../core/dom.js';
import { countText } from '../core/format.js';
import { t } from '../core/i18n.js';

/** @param {{day: string, calls: number}[]} days oldest first */
export function dayBars(days) {
  const highest = Math.max(1, ...days.map(({ calls }) => Number(calls) || 0));
  const bars = h('div', { class: 'day-bars', 'aria-hidden': 'true' }, days.map((one) => bar(one, highest)));
  const table = h('table', { class: 'visually-hidden' }, h('caption', {}, t('Calls per day')),
    h('thead', {}, h('tr', {}, h('th', {}, t('Day')), h('th', {}, t('Calls')))),
    h('tbody', {}, days.map(({ day, calls }) => h('tr', {}, h('td', {}, day), h('td', {}, countText(calls))))));
  return h('div', { class: 'day-chart' }, bars, table);
}

function bar({ day, calls }, highest) {
  const column = h('span', { class: 'day-bar' });
  column.style.height = `${Math.round((Number(calls) / highest) * 100)}%`;
  return h('span', { class: 'day', title: `${day}: ${countText(calls)}` }, h('span', { class: 'day-room' }, column),
    h('span', { class: 'day-name' }, String(day).slice(5)));
}
