import assert from 'node:assert/strict';
import test from 'node:test';
import { numberText } from '../../app/frontend/src/tabular/import/read_xlsx.js';

test('a number is read as Excel shows it, without the noise of its floats', () => {
  for (const [written, read] of [
    ['1.1000000000000001', '1.1'], ['0.30000000000000004', '0.3'], ['-2.2999999999999998', '-2.3'], ['0.85', '0.85'],
    ['1E-3', '0.001'], ['1.0000000000000001E-7', '0.0000001'], ['-1.5E-9', '-0.0000000015'], ['1.5E+22', '15000000000000000000000'],
    ['123456789012345', '123456789012345'], ['12345678901234567', '12345678901234567'], ['12.50', '12.5'], ['', ''], ['TRUE', 'TRUE'],
  ]) assert.equal(numberText(written), read);
});
