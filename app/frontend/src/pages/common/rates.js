/** Shares in words. */

/** `99.53 %`; less than all is never rounded up to 100 %. @param {Decimal | null | undefined} rate */
export function rateText(rate) {
  if (rate === null || rate === undefined) return '–';
  const hundredths = Math.min(Math.round(Number(rate) * 10_000), Number(rate) < 1 ? 9999 : 10_000);
  return `${(hundredths / 100).toFixed(2).replace(/\.?0+$/, '')} %`;
}
