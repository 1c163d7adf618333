import assert from 'node:assert/strict';
import test from 'node:test';
import { mapParams, ownDataParams, sendable, toBody, toQuery } from '../../app/frontend/src/core/params.js';

test('a query leaves null and undefined out, and repeats the key of a list', () => {
  assert.equal(toQuery({ a: null, b: undefined, c: ['x', 'y'], d: true, e: { f: 1 }, g: '' }),
    'c=x&c=y&d=true&e=%7B%22f%22%3A1%7D&g=');
});

test('a form body says null in words and writes everything as text', () => {
  const body = toBody({ a: null, b: false, c: 12, d: '12.500000' });
  assert.ok(body instanceof URLSearchParams);
  assert.equal(body.toString(), 'a=null&b=false&c=12&d=12.500000');
});

test('a list with nothing in it is empty in a body and left out of a query', () => {
  assert.equal(toBody({ a: [], b: ['x'] }).toString(), 'a=&b=x');
  assert.equal(toQuery({ a: [], b: ['x'] }), 'b=x');
});

test('a file makes the body multipart', () => {
  const body = toBody({ name: 'x', file: new Blob(['abc']) });
  assert.ok(body instanceof FormData);
  assert.equal(body.get('name'), 'x');
});

test('widgets, functions and the like are never sent', () => {
  class Widget {}
  assert.deepEqual(sendable({ a: new Widget(), b: () => 1, c: 'kept', d: undefined, e: [1] }), { c: 'kept', e: [1] });
});

test('params_mapping renames what is named, and keeps the rest only when asked', () => {
  const data = { id: 'p1', name: 'x', referer_widget: 'w-7' };
  const mapping = { id: 'pipeline_id', referer_widget: 'referer_widget' };
  assert.deepEqual(mapParams(data, { mapping, need_other: false }), { pipeline_id: 'p1', referer_widget: 'w-7' });
  assert.deepEqual(mapParams(data, { mapping, need_other: true }),
    { pipeline_id: 'p1', name: 'x', referer_widget: 'w-7' });
  assert.deepEqual(mapParams(data, undefined), data);
});

test('of the page parameters only the parent keys and the opener go into data requests', () => {
  assert.deepEqual(ownDataParams({
    _webbricks_: 1, _width: 800, page: 2, rows: 10, sort: 'id', data_filter: '{}', pipeline_id: 'p1',
    referer_widget: 'w-7', empty: '', nothing: null,
  }), { pipeline_id: 'p1', referer_widget: 'w-7' });
});
