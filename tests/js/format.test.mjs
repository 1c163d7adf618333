import assert from 'node:assert/strict';
import test from 'node:test';
import { decimalText, isoFromLocal, localDateTime, localFromIso, movePoint } from '../../app/frontend/src/core/format.js';

test('money is written digit by digit, never through a float', () => {
  assert.equal(decimalText('12345678901234567890.123456'), '12,345,678,901,234,567,890.123456');
  assert.equal(decimalText('0.1000000000'), '0.10');
  assert.equal(decimalText('-1234.000000'), '-1,234');
  assert.equal(decimalText(5), '5');
  assert.equal(decimalText(null), '');
});

test('a moment goes to the page and back unchanged', () => {
  const iso = '2026-11-24T06:00:01.000Z';
  assert.equal(isoFromLocal(localFromIso(iso)), iso);
  assert.match(localDateTime(iso), /^\d{4}-\d\d-\d\d \d\d:\d\d:01$/);
});

test('a time without a zone is UTC, and what is no time is shown as it is', () => {
  assert.equal(localFromIso('2026-11-24 06:00:01'), localFromIso('2026-11-24T06:00:01Z'));
  assert.equal(localDateTime('soon'), 'soon');
  assert.equal(localDateTime(null), '');
});

test('a point moves without a float in between', () => {
  /** @type {[string, number, string][]} */
  const cases = [['0.85', 2, '85'], ['0.8500', 2, '85'], ['85', -2, '0.85'], ['12.345', -2, '0.12345'],
    ['-0.005', 2, '-0.5'], ['0', 2, '0'], ['100', -2, '1'], ['.5', 2, '50'], ['1.2300', 2, '123'], ['x', 2, 'x'], ['', 2, '']];
  for (const [value, places, expected] of cases) assert.equal(movePoint(value, places), expected, value);
});
