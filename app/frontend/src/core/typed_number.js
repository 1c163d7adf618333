/** What a person types for a number: the one place that decides what a comma means. */

/** Groups of three that cannot be anything else: with a point behind them, or several of them. */
const GROUPS = /^[+-]?[1-9]\d{0,2}(,\d{3})+\.\d*$|^[+-]?[1-9]\d{0,2}(,\d{3}){2,}$/;
const WHOLE_GROUPS = /^[+-]?[1-9]\d{0,2}(,\d{3})+$/;

/** Full-width signs, as an input method for Chinese writes them. */
const FULL_WIDTH = /[０-９．，＋－]/g;
const WIDTH_STEP = 0xfee0;

/**
 * A typed number without its digit groups, or the text as it is where a comma might be a decimal
 * one (`0,125`, and `1,250` unless the number is whole): then it is no number to anybody.
 * @param {string} text
 * @param {{isWhole?: boolean}} [how]
 * @returns {string|null} null when nothing is typed
 */
export function typedNumber(text, { isWhole = false } = {}) {
  const bare = text.trim().replace(FULL_WIDTH, (sign) => String.fromCharCode(sign.charCodeAt(0) - WIDTH_STEP));
  if (bare === '') return null;
  return GROUPS.test(bare) || (isWhole && WHOLE_GROUPS.test(bare)) ? bare.replaceAll(',', '') : bare;
}
