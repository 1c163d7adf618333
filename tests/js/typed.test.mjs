import assert from 'node:assert/strict';
import test from 'node:test';
import { parseExact, writeExact } from '../../app/frontend/src/core/exact_json.js';
import { withBreaks } from '../../app/frontend/src/core/line_breaks.js';
import { typedNumber } from '../../app/frontend/src/core/typed_number.js';
import { lineOfBadByte, textOf } from '../../app/frontend/src/inputs/file_source.js';

test('a comma is a digit group only where it cannot be a decimal one', () => {
  /** @type {[string, string|null][]} */
  const cases = [['1,234.50', '1234.50'], ['1,234,567', '1234567'], [' 12 ', '12'], ['', null], ['-1,000.5', '-1000.5'], ['－１２．５', '-12.5'], ['１，２３４．５', '1234.5']];
  for (const [text, value] of cases) {
    assert.equal(typedNumber(text), value, text);
  }
  for (const text of ['0,125', '1,250', '0,125.5', '1,2', '12,34.5', '1,234,56', '1 200', '١٢', '1.234,50', '--5', '5-', ',5', '1,,000.0', '0,000,000']) {
    assert.equal(typedNumber(text), text);
  }
  assert.equal(typedNumber('1,250', { isWhole: true }), '1250');
  for (const text of ['0,125', '1,25', '1,250,5', '01,250']) assert.equal(typedNumber(text, { isWhole: true }), text);
});

test('numbers in JSON keep their digits', () => {
  for (const text of ['{"seed":9007199254740993,"t":1.0,"e":1E3,"z":-0}', '[0.1000000000000000055511151231257827,1e400]', '{"__proto__":{"a":1.0}}']) {
    assert.equal(writeExact(parseExact(text)), text);
  }
  assert.throws(() => parseExact('{"a":1,"a":2}'), /Duplicate key 'a'/);
});

test('line breaks that were not touched stay as they were', () => {
  const inBox = (/** @type {string} */ text) => text.replace(/\r\n|\r/g, '\n');
  const crlf = 'one\r\ntwo\r\nthree';
  assert.equal(withBreaks(crlf, inBox(crlf), inBox(crlf)), crlf);
  assert.equal(withBreaks(crlf, inBox(crlf), 'one\ntwo\nand a half\nthree'), 'one\r\ntwo\r\nand a half\r\nthree');
  assert.equal(withBreaks(crlf, inBox(crlf), ''), '');
  assert.equal(withBreaks(crlf, inBox(crlf), 'one\nthree'), 'one\r\nthree');
  const mixed = 'a\rb\nc\r\nd\r\n';
  assert.equal(withBreaks(mixed, inBox(mixed), 'a\nb\nc!\nd\n'), 'a\rb\nc!\r\nd\r\n');
  assert.equal(withBreaks(mixed, inBox(mixed), 'a\nb\nc\nd\n\n'), 'a\rb\nc\r\nd\r\n\r\n');
  assert.equal(withBreaks('a\nb', 'a\nb', 'a\nc'), 'a\nc');
  // An input of one line has no breaks at all; what was typed there is the text.
  assert.equal(withBreaks('a\r\nb', 'ab', 'abc'), 'abc');
  assert.equal(withBreaks('a\r\nb', 'ab', 'ab'), 'a\r\nb');
});

test('a file that is not UTF-8 is told with the line of its first bad byte', async () => {
  const bytes = (/** @type {string} */ text) => new Uint8Array([...text].map((letter) => letter.charCodeAt(0)));
  /** @type {[string, number][]} */
  const cases = [['\xe9', 1], ['a\nb\xff\nc', 2], ['a\n\n\xc3', 3], ['a\n\xc3\nb', 2], ['\xe4\xb8\xad\n\xd6\xd0\n', 2], ['a\n\xed\xa0\x80', 2]];
  for (const [text, line] of cases) {
    assert.equal(lineOfBadByte(bytes(text)), line, JSON.stringify(text));
    await assert.rejects(textOf(new File([bytes(text)], 'x.yaml')));
  }
  assert.equal(await textOf(new File(['中\r\n'], 'x.yaml')), '中\r\n');
});
