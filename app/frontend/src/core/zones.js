/** Days of a zone that is not the reader's: those by which quotas are counted. */

const DAY_MS = 86_400_000;

/** How far the clock of *zone* is ahead of UTC at a moment, in ms. @param {number} ms @param {string} zone */
function offsetAt(ms, zone) {
  const parts = new Intl.DateTimeFormat('en-CA', {
    timeZone: zone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit',
  }).formatToParts(ms);
  const [year, month, day, hour, minute, second] = ['year', 'month', 'day', 'hour', 'minute', 'second']
    .map((type) => Number(parts.find((part) => part.type === type)?.value));
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(ms / 1000) * 1000;
}

/** When a day begins in *zone*. @param {string} day `2026-12-01` @param {string} zone */
export function dayStart(day, zone) {
  const midnight = Date.parse(`${day}T00:00:00Z`);
  const guess = midnight - offsetAt(midnight, zone);
  return new Date(midnight - offsetAt(guess, zone));
}

/** The day in *zone* at a moment. @param {number} ms @param {string} zone */
export function dayAt(ms, zone) {
  return new Date(ms + offsetAt(ms, zone)).toISOString().slice(0, 10);
}

/**
 * Words for now in *zone*: the day and the month, the moments at which they begin and end, the present.
 * The present is a whole minute, so that pages read one after the other agree.
 * @param {string} zone
 * @param {number} [now]
 * @returns {Record<string, string>}
 */
export function wordsOfNow(zone, now = Date.now()) {
  const day = dayAt(now, zone);
  const next = new Date(Date.parse(day) + DAY_MS).toISOString().slice(0, 10);
  const month = day.slice(0, 7);
  const [year, number] = month.split('-').map(Number);
  const nextMonth = new Date(Date.UTC(year, number, 1)).toISOString().slice(0, 10);
  const moments = { day_start: day, day_end: next, month_start: `${month}-01`, month_end: nextMonth };
  return {
    day, month, now: new Date(Math.floor(now / 60_000) * 60_000).toISOString(),
    ...Object.fromEntries(Object.entries(moments).map(([name, start]) => [name, dayStart(start, zone).toISOString()])),
  };
}
