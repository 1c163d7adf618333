import assert from 'node:assert/strict';
import test from 'node:test';
import { dataFilter, escapeLike, misfitOf, operatorsFor, toServer } from '../../app/frontend/src/tabular/filters.js';

const text = { name: 'name', uitype: 'str' };
const moment = { name: 'created_at', uitype: 'datetime' };

test('without conditions there is no filter, whatever the parent keys are', () => {
  assert.equal(dataFilter({ pipeline_id: 'p1' }, []), null);
});

test('one condition stands alone: AND with a single entry is an error on the server', () => {
  assert.deepEqual(dataFilter({}, [{ field: text, op: 'eq', value: 'x' }]), { field: 'name', op: '=', const: 'x' });
});

test('a filter carries the keys of the parent record, which it would replace', () => {
  assert.deepEqual(dataFilter({ pipeline_id: 'p1' }, [{ field: text, op: 'eq', value: 'x' }]), {
    AND: [{ field: 'pipeline_id', op: '=', const: 'p1' }, { field: 'name', op: '=', const: 'x' }],
  });
});

test('wildcards that were typed mean themselves', () => {
  assert.equal(escapeLike('50%_\\'), '50\\%\\_\\\\');
  assert.deepEqual(toServer({ field: text, op: 'contains', value: '5%' }), { field: 'name', op: 'LIKE', const: '%5\\%%' });
});

test('a day of a moment column is the reader\'s day, from midnight to midnight', () => {
  const { AND: [from, to] } = /** @type {{AND: {const: string}[]}} */ (toServer({ field: moment, op: 'on', value: '2026-11-24' }));
  assert.equal(from.const, new Date(2026, 10, 24).toISOString());
  assert.equal(to.const, new Date(2026, 10, 25).toISOString());
});

test('an empty text column may hold nothing or an empty text', () => {
  assert.equal(/** @type {{or: object[]}} */ (toServer({ field: text, op: 'empty' })).or.length, 2);
  assert.deepEqual(toServer({ field: moment, op: 'empty' }), { field: 'created_at', op: 'IS NULL' });
});

test('operators fit the column', () => {
  assert.ok(operatorsFor(text).includes('contains'));
  assert.ok(!operatorsFor({ uitype: 'decimal' }).includes('contains'));
  assert.deepEqual(operatorsFor({ uitype: 'check' }), ['eq']);
  for (const uitype of ['money', 'percent']) assert.deepEqual(operatorsFor({ uitype }), operatorsFor({ uitype: 'decimal' }));
  assert.deepEqual(toServer({ field: { name: 'rate', uitype: 'percent' }, op: 'empty' }), { field: 'rate', op: 'IS NULL' });
});

test('of a condition in an address only what can be asked is taken', () => {
  const day = (/** @type {unknown} */ value) => !misfitOf({ field: moment, op: 'on', value });
  assert.ok(day('2028-02-29'));
  for (const value of ['2026-13-45', '2026-02-30', 'garbage', '', undefined, 20261124, {}]) assert.ok(!day(value), String(value));
  assert.ok(!misfitOf({ field: moment, op: 'empty' }));
  assert.ok(misfitOf({ field: text, op: 'contains' }));
  assert.ok(misfitOf({ field: text, op: 'contains', value: ['x'] }));
  assert.ok(misfitOf({ field: { name: 'key', uitype: 'password' }, op: 'eq', value: 'x' }));
  const kind = { name: 'kind', uitype: 'code', data: [{ value: 1, text: 'One' }, 'two'] };
  for (const value of ['1', 1, 'two']) assert.ok(!misfitOf({ field: kind, op: 'eq', value }), String(value));
  for (const value of ['3', 'One', 'Two']) assert.ok(misfitOf({ field: kind, op: 'ne', value }), String(value));
  // Only the server knows whether it is there still.
  assert.ok(!misfitOf({ field: { name: 'line', uitype: 'code', dataurl: '/x' }, op: 'eq', value: 'gone' }));
});
