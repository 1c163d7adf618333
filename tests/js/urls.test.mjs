import assert from 'node:assert/strict';
import test from 'node:test';
import { resolveUrl, sameOrigin, splitQuery } from '../../app/frontend/src/core/urls.js';

const HOST = 'http://localhost:9090';

for (const [url, base, expected] of [
  ['https://example.com/a', `${HOST}/x`, 'https://example.com/a'],
  ['/b/c.dspy', `${HOST}/x/y.ui`, `${HOST}/b/c.dspy`],
  ['../userapp', `${HOST}/rbac/users`, `${HOST}/rbac/userapp`],
  ['./search.ui', `${HOST}/rbac/users/index.ui`, `${HOST}/rbac/users/search.ui`],
  ['get_x.dspy?a=1', `${HOST}/rbac/users?b=2#c`, `${HOST}/rbac/users/get_x.dspy?a=1`],
]) {
  test(`${url} on ${base} is ${expected}`, () => assert.equal(resolveUrl(url, base), expected));
}

test('a query is taken out of the address, repeated keys become a list', () => {
  assert.deepEqual(splitQuery(`${HOST}/a?x=1&y=2&x=3#h`), { address: `${HOST}/a`, params: { x: ['1', '3'], y: '2' } });
});

/** @type {[string, boolean][]} */
const PATHS = [['/a.ui?b=1', true], ['//evil.test/x.ui', false], ['/\\evil.test/x.ui', false], ['/\t/evil.test/x.ui', false], ['//', false]];
for (const [path, isOurs] of PATHS) {
  test(`${JSON.stringify(path)} is ${isOurs ? '' : 'not '}on this server`, () => assert.equal(sameOrigin(path, `${HOST}/index.ui`), isOurs));
}
