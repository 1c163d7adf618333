/** Exact arithmetic on decimal texts, by whole numbers; never through a float. */

const DECIMAL = /^([+-]?)(\d*)\.?(\d*)$/;

/** @typedef {{units: bigint, scale: number}} Exact */

/**
 * @param {unknown} value
 * @returns {Exact | null} null for what is no decimal
 */
function exact(value) {
  const match = DECIMAL.exec(String(value ?? '').trim());
  if (!match || !(match[2] + match[3])) return null;
  const [, sign, whole, fraction] = match;
  const units = BigInt(whole + fraction);
  return { units: sign === '-' ? -units : units, scale: fraction.length };
}

/** @param {bigint} units @param {number} scale */
function text(units, scale) {
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, '0');
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, '');
  const whole = digits.slice(0, digits.length - scale);
  return `${units < 0n ? '-' : ''}${whole}${scale && fraction ? `.${fraction}` : ''}`;
}

/**
 * *price* for *size* units, times *quantity*, as the server works a line out: rounded half up to 10
 * digits behind the point.
 * @param {unknown} price
 * @param {unknown} size
 * @param {unknown} quantity
 * @returns {string} '' where one of them is no decimal, or nothing is divided by
 */
export function lineAmount(price, size, quantity) {
  const [a, b, c] = [price, size, quantity].map(exact);
  if (!a || !b || !c || b.units <= 0n) return '';
  const scale = 10;
  const numerator = a.units * c.units * 10n ** BigInt(scale + b.scale);
  const denominator = b.units * 10n ** BigInt(a.scale + c.scale);
  return text((2n * numerator + denominator) / (2n * denominator), scale);
}

/** The sum of decimal texts. @param {unknown[]} values */
export function sum(values) {
  const items = values.map(exact).filter((item) => item !== null);
  const scale = Math.max(0, ...items.map((item) => item.scale));
  return text(items.reduce((total, item) => total + item.units * 10n ** BigInt(scale - item.scale), 0n), scale);
}
