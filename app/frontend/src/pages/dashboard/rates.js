/** Shares in words. */

/** `99.53 %`; a share is cut, never rounded up. @param {Decimal | null | undefined} rate */
export function rateText(rate) {
  if (rate === null || rate === undefined) return '–';
  return `${(Math.floor(Number(rate) * 10_000 + 1e-6) / 100).toFixed(2).replace(/\.?0+$/, '')} %`;
}
