import assert from 'node:assert/strict';
import test from 'node:test';
import { csvText, readCsv, writeCsv } from '../../app/frontend/src/tabular/import/read_csv.js';

test('quotes, line breaks in cells, and whichever separator there is', () => {
  assert.deepEqual(readCsv('\ufeffa,b\r\n"x ""y""","1\n2"\r\n\r\n'), [['a', 'b'], ['x "y"', '1\n2']]);
  assert.deepEqual(readCsv('a;b\n1;"2;3"'), [['a', 'b'], ['1', '2;3']]);
  assert.deepEqual(readCsv('a\tb\n\t2\n'), [['a', 'b'], ['', '2']]);
  assert.deepEqual(readCsv(''), []);
});

test('what is written is read again, and no cell runs', () => {
  const rows = [['name', 'note'], ['a,b', 'say "hi"'], ['=1+1', '-5']];
  const text = writeCsv(rows);
  assert.match(text, /^\ufeff/);
  assert.deepEqual(readCsv(text), [rows[0], rows[1], ["'=1+1", '-5']]);
});

test('a file of Chinese Windows is read in its encoding', () => {
  assert.equal(csvText(new Uint8Array([0xb2, 0xfa, 0xcf, 0xdf]).buffer), '产线');
  assert.equal(csvText(new TextEncoder().encode('产线').buffer), '产线');
});
