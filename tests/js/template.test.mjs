import assert from 'node:assert/strict';
import test from 'node:test';
import { fillDeep, fillText } from '../../app/frontend/src/core/template.js';

test('placeholders give the value, key=value, key:value, or nothing', () => {
  assert.equal(fillText('${a}|${a=}|${a:}|${b}', { a: 1 }), '1|a=1|a:1|');
});

test('what is filled in is not filled again', () => {
  assert.equal(fillText('${a}', { a: '${b}', b: 'secret' }), '${b}');
});

test('inherited names are not data', () => {
  assert.equal(fillText('[${constructor}]', {}), '[]');
});

test('a lone placeholder keeps the type, a URL is encoded', () => {
  assert.deepEqual(fillDeep({ url: '/x/${id}', params: { n: '${n}' }, list: ['a${n}'] }, { id: 'a/b?c', n: 3 }),
    { url: '/x/a%2Fb%3Fc', params: { n: 3 }, list: ['a3'] });
});
