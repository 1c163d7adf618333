/** Words of lists: times by how long ago they are, spans of time, decimals of a column. */

import assert from 'node:assert/strict';
import test from 'node:test';

import { ColumnDecimals } from '../../app/frontend/src/core/amounts.js';
import { phaseOf, relativeTime } from '../../app/frontend/src/core/times.js';

const NOW = Date.parse('2026-11-24T06:00:00Z');

/** @param {number} seconds */
const away = (seconds) => relativeTime(new Date(NOW + seconds * 1000).toISOString(), NOW);

test('a time is told by how long ago it is, and by its day when that is long', () => {
  assert.deepEqual([-59, -60, -3599, 7200, -86400 * 6.9].map(away).slice(1), ['1分钟前', '59分钟前', '2小时后', '6天前']);
  assert.match(away(-86400 * 20), /^11-0[34]$/);
  assert.match(away(86400 * 60), /^2027-01-2[23]$/);
  assert.equal(relativeTime(null, NOW), '');
  assert.equal(relativeTime('soon', NOW), 'soon');
});

test('a span of time ends with its last moment', () => {
  const [past, now, next] = [-1, 0, 1].map((ms) => new Date(NOW + ms).toISOString());
  assert.equal(phaseOf(past, null, NOW), 'in_force');
  assert.equal(phaseOf(now, next, NOW), 'in_force');
  assert.equal(phaseOf(past, now, NOW), 'ended');
  assert.equal(phaseOf(next, null, NOW), 'coming');
  assert.equal(phaseOf(null, null, NOW), 'in_force');
});

test('the decimals of a column grow with its rows, whole numbers have none', () => {
  const column = new ColumnDecimals();
  assert.equal(column.take(['1234.0000', null]), false);
  assert.deepEqual(['1234.0000', null, ''].map((one) => column.text(one)), ['1,234', '', '']);
  assert.equal(column.take(['21.5']), true);
  assert.equal(column.text('3'), '3.00');
  assert.equal(column.take(['0.4406400000']), true);
  assert.equal(column.take(['1.25']), false);
  assert.deepEqual(['21.25', '-3', '0.44064'].map((one) => column.text(one)), ['21.25000', '-3.00000', '0.44064']);
});
