import assert from 'node:assert/strict';
import test from 'node:test';
import { Pieces } from '../../app/frontend/src/tabular/pieces.js';

/** @param {number} rows @param {string} text */
function piece(rows, text) {
  const body = new TextEncoder().encode(text);
  const head = new DataView(new ArrayBuffer(8));
  head.setUint32(0, rows);
  head.setUint32(4, body.length);
  return [...new Uint8Array(head.buffer), ...body];
}

const SENT = Uint8Array.from([...piece(0, ''), ...piece(500, 'first '), ...piece(70_001, ''), ...piece(70_002, 'last')]);

test('a file is the same however the network cuts it', async () => {
  for (let size = 1; size <= SENT.length; size += 1) {
    const pieces = new Pieces();
    for (let at = 0; at < SENT.length; at += size) pieces.add(SENT.subarray(at, at + size));
    assert.equal(await new Blob(pieces.parts).text(), 'first last');
    assert.equal(pieces.rows, 70_002);
    assert.ok(pieces.isWhole);
  }
});

test('the rows that are done are known while the file comes, and so is that it broke off', () => {
  const pieces = new Pieces();
  pieces.add(SENT.subarray(0, 20));
  assert.equal(pieces.rows, 500);
  assert.ok(!pieces.isWhole);
  pieces.add(SENT.subarray(20, 24));
  assert.ok(!pieces.isWhole);
});
