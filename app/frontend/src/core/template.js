/** `${key}` in texts of a description, filled from the data of an event or a row. */

const PLACEHOLDER = /\$\{\s*([\w.]+)\s*([=:]?)\s*\}/g;

/**
 * Fill one text: `${k}` the value, `${k=}` "k=value", `${k:}` "k:value"; unknown keys are empty.
 * @param {string} text
 * @param {Data|null|undefined} data
 * @param {(value: string) => string} [encode] applied to each value, for instance for a URL
 */
export function fillText(text, data, encode = (value) => value) {
  return text.replace(PLACEHOLDER, (_all, key, mark) => {
    const hasValue = data && Object.hasOwn(data, key) && data[key] !== null && data[key] !== undefined;
    const value = hasValue ? encode(plainText(data[key])) : '';
    return mark ? `${key}${mark}${value}` : value;
  });
}

/** The text of one value, as a person would write it. @param {unknown} value */
export function plainText(value) {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/**
 * A copy of a description with every text in it filled. A text that is nothing but one
 * placeholder keeps the value's type. Values are not filled again.
 * @template Thing
 * @param {Thing} thing
 * @param {Data|null|undefined} data
 * @returns {Thing}
 */
export function fillDeep(thing, data) {
  return /** @type {Thing} */ (fillThing(thing, data));
}

/** @param {unknown} thing @param {Data|null|undefined} data @returns {unknown} */
function fillThing(thing, data) {
  if (typeof thing === 'string') return fillWhole(thing, data);
  if (Array.isArray(thing)) return thing.map((entry) => fillThing(entry, data));
  if (thing && typeof thing === 'object') {
    return Object.fromEntries(
      Object.entries(thing).map(([key, value]) => [
        key, key === 'url' && typeof value === 'string'
          ? fillText(value, data, encodeURIComponent) : fillThing(value, data),
      ]),
    );
  }
  return thing;
}

/** @param {string} text @param {Data|null|undefined} data */
function fillWhole(text, data) {
  const whole = /^\$\{\s*([\w.]+)\s*\}$/.exec(text);
  if (whole && data && Object.hasOwn(data, whole[1])) return data[whole[1]];
  return fillText(text, data);
}
