/** How long something took. */

/** `340 ms`, `2.4 s`, `3 min 20 s`. @param {Decimal | null} ms */
export function durationText(ms) {
  if (ms === null || ms === undefined) return '';
  const value = Number(ms);
  if (value < 1000) return `${Math.round(value)} ms`;
  if (value < 60_000) return `${(value / 1000).toFixed(1)} s`;
  return `${Math.floor(value / 60_000)} min ${Math.round((value % 60_000) / 1000)} s`;
}
