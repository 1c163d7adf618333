/** Figures of statements: one column's decimals, and changes from month to month. */

import assert from 'node:assert/strict';
import test from 'node:test';

import { alignedDecimals } from '../../app/frontend/src/core/amounts.js';
import { monthBefore } from '../../app/frontend/src/pages/distributor/months.js';
import { changeText } from '../../app/frontend/src/pages/distributor/statement_comparison.js';
import { dueText } from '../../app/frontend/src/pages/distributor/statement_view.js';

test('numbers of a column have as many decimals as the longest needs', () => {
  assert.deepEqual(alignedDecimals(['0.4406400000', '21.2500000000', '3', '-1234']), ['0.44064', '21.25000', '3.00000', '-1,234.00000']);
  assert.deepEqual(alignedDecimals(['3', '0.50']), ['3.00', '0.50']);
  assert.deepEqual(alignedDecimals(['10', '7.000000'], 0), ['10', '7']);
  assert.deepEqual(alignedDecimals(['', null]), ['', '']);
});

test('what is due has the decimals of its currency', () => {
  assert.equal(dueText({ total: '1250.50', currency: 'CNY' }), '1,250.50 CNY');
  assert.equal(dueText({ total: '10.00', currency: 'USD' }), '10.00 USD');
  assert.equal(dueText({ total: '1250', currency: 'JPY' }), '1,250 JPY');
});

test('a change is a share of what was before, rounded', () => {
  assert.equal(changeText('112.5', '100'), '▲ 12.5%');
  assert.equal(changeText('1', '3'), '▼ 66.7%');
  assert.equal(changeText('2.0', '2'), '=');
  assert.equal(changeText('100.0001', '100'), '▲ <0.1%');
  assert.equal(changeText('-1.5', '10'), '▼ 115%');
});

test('the month before January is December', () => {
  assert.deepEqual(['2026-01', '2026-03', '2026-12'].map(monthBefore), ['2025-12', '2026-02', '2026-11']);
});
