/** JSON whose numbers stay as they were written: a JavaScript number loses 1.0 and 2^53 + 1. */

import { parse, stringify } from 'lossless-json';

/**
 * A value whose numbers keep their digits.
 * @param {string} text
 * @returns {*} plain objects, lists and texts; numbers as LosslessNumber
 * @throws {SyntaxError} no JSON, or two values for one key
 */
export function parseExact(text) {
  return parse(text);
}

/**
 * @param {unknown} value
 * @param {number} [indent]
 * @returns {string} JSON of what `parseExact` gave, each number with its own digits
 */
export function writeExact(value, indent) {
  return /** @type {string} */ (stringify(value, null, indent));
}
