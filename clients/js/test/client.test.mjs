/** The client against a running application: PIPELINE_URL, PIPELINE_KEY and LINE, a pipeline's code. */

import assert from 'node:assert/strict';
import { createServer, request as httpRequest } from 'node:http';
import { test } from 'node:test';

import { Client, NoAnswer, Problem } from '../dist/index.js';

const pipeline = process.env.LINE ?? '';
const url = process.env.PIPELINE_URL ?? '';
const client = new Client();
const quick = { firstPause: 0.01, maxPause: 0.05 };

/** @template T @param {AsyncIterable<T>} rows @returns {Promise<T[]>} */
async function all(rows) {
  const list = [];
  for await (const row of rows) list.push(row);
  return list;
}

/**
 * A server before the application that does what `plan` says: loses an answer, or is busy.
 * @param {string[]} plan
 */
async function unlucky(plan) {
  const keys = /** @type {unknown[]} */ ([]);
  const server = createServer((request, response) => {
    const fault = plan.shift();
    keys.push(request.headers['idempotency-key']);
    if (fault === '503') {
      response.writeHead(503, { 'retry-after': '0' }).end();
      return;
    }
    const headers = { ...request.headers };
    delete headers.host;
    const onwards = httpRequest(url + request.url, { method: request.method, headers }, (answer) => {
      if (fault === 'lost') {
        answer.resume();
        response.destroy();
      } else {
        response.writeHead(answer.statusCode ?? 0, answer.headers);
        answer.pipe(response);
      }
    });
    request.pipe(onwards);
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', () => resolve(0)); });
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    keys,
    client: new Client({ url: `http://127.0.0.1:${port}`, retries: quick }),
    close: () => { server.close(); server.closeAllConnections(); },
  };
}

test('tells who calls, and what', async () => {
  const me = await client.me();
  const codes = (await all(client.pipelines())).map(({ code }) => code);

  assert.equal(me.status, 'active');
  assert.ok(codes.includes(pipeline));
  assert.ok((await client.pipeline(pipeline)).version.stages[0]?.steps[0]?.step_key);
});

test('begins and ends a call around its work', async () => {
  const line = { unit: 'second', quantity: '1.5' };
  const { total } = await client.quote({ pipeline, lines: [line] });
  const call = await client.call({ pipeline, client_ref: 'order 88' }, (running) => { running.add(line); });

  assert.deepEqual([call.status, call.amount, call.client_ref], ['succeeded', total, 'order 88']);
  assert.deepEqual(await client.readCall(call.call_no), call);
});

test('cancels a call whose work throws', async () => {
  let number = '';
  await assert.rejects(client.call({ pipeline }, (running) => {
    number = running.call.call_no;
    throw new RangeError('too much');
  }), RangeError);

  const call = await client.readCall(number);
  assert.deepEqual([call.status, call.error], ['cancelled', 'RangeError']);
});

test('refuses numbers that lose digits', async () => {
  await assert.rejects(client.call({ pipeline }, (running) => {
    running.add({ unit: 'second', quantity: 0.1 + 0.2 });
  }), TypeError);
});

test('books once, whatever happens to the answers', async () => {
  const { keys, client: other, close } = await unlucky(['lost', '503', 'lost']);
  const booking = await other.book({ pipeline, status: 'succeeded', lines: [{ unit: 'second', quantity: 7 }] });
  close();

  assert.equal(new Set(keys).size, 1);
  assert.equal(keys.length, 4);
  const settled = await all(client.usage({ rows: 2 }));
  assert.equal(settled.filter((line) => line.call_no === booking.call_no).length, 1);
  assert.equal((await client.statement()).calls, settled.reduce((sum, line) => sum + line.calls, 0));
  assert.equal((await client.usageSums({ group_by: 'day' })).total.amount, (await client.statement()).amount);
});

test('gives up in the end', async () => {
  const nobody = new Client({ url: 'http://127.0.0.1:9', retries: { ...quick, tries: 2 } });
  await assert.rejects(nobody.me(), NoAnswer);
  const { keys, client: other, close } = await unlucky(['503', '503', '503', '503', '503', '503', '503', '503']);
  await assert.rejects(other.me(), { status: 503 });
  close();
  assert.equal(keys.length, 8);
});

test('throws refusals by their codes', async () => {
  const error = await client.quote({ pipeline: 'nothing', lines: [] }).catch((reason) => reason);

  assert.ok(error instanceof Problem);
  assert.ok(error.is('pipeline_not_found'));
  assert.equal(error.passesByItself, false);
});

test('renews a lease while the work runs', async () => {
  let renewals = 0;
  const call = { call_no: 'c1', status: 'reserved' };
  const answering = new Client({
    fetch: async (address) => {
      if (!String(address).endsWith('/extend')) return Response.json(call);
      renewals += 1;
      const refusal = { code: 'not_found', detail: 'No.' };
      return renewals < 3 ? Response.json(call) : Response.json(refusal, { status: 404 });
    },
  });
  await answering.call({ pipeline, lease_seconds: 1 }, async () => {
    await new Promise((resolve) => { setTimeout(resolve, 1700); });
  });

  assert.equal(renewals, 3); // not known to the server then
});
