/**
 * A client that is nothing but generated types (openapi-typescript with its openapi-fetch) books,
 * begins, finishes, lists, pages and reads a statement. The types are checked by tsc.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import createClient from 'openapi-fetch';

/** @type {ReturnType<typeof createClient<import('../src/schema.js').paths>>} */
const client = createClient({
  baseUrl: process.env.PIPELINE_URL ?? '',
  headers: { authorization: `Bearer ${process.env.PIPELINE_KEY}` },
});
const pipeline = process.env.LINE ?? '';
const header = () => ({ header: { 'Idempotency-Key': crypto.randomUUID() } });

test('books, begins, finishes, pages and reads a statement', async () => {
  const lines = [{ unit: 'second', quantity: '2' }];
  const booking = await client.POST('/pipeline_dist/v1/calls', {
    params: header(),
    body: { pipeline, status: 'succeeded', lines },
  });
  const begin = await client.POST('/pipeline_dist/v1/calls', { params: header(), body: { pipeline } });
  const end = await client.POST('/pipeline_dist/v1/calls/finish', {
    body: { call_no: begin.data?.call_no ?? '', status: 'succeeded', lines },
  });
  assert.ok(booking.data && end.data && 'lines' in booking.data);
  assert.equal(booking.data.lines[0]?.amount, end.data.lines[0]?.amount);

  const numbers = [];
  /** @type {{ rows?: number, next?: string }} */
  let query = { rows: 1 };
  for (;;) {
    const { data } = await client.GET('/pipeline_dist/v1/usage', { params: { query } });
    assert.ok(data && 'next' in data);
    numbers.push(...data.rows.filter((row) => row.status !== 'cancelled').map((row) => row.call_no));
    if (data.rows.length < 1) break;
    query = { next: data.next };
  }
  assert.ok(numbers.includes(begin.data?.call_no ?? ''));

  const statement = await client.GET('/pipeline_dist/v1/statement');
  assert.equal(statement.data?.calls, new Set(numbers).size);
  const list = await client.GET('/pipeline_dist/v1/pipelines');
  assert.ok(list.data && 'rows' in list.data);
  assert.equal(list.data.rows[0]?.code, pipeline);
  const { error } = await client.GET('/pipeline_dist/v1/calls', { params: { query: { call_no: 'none' } } });
  assert.equal(error?.code, 'call_not_found');
});
