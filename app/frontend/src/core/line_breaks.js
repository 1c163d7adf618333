/** Line breaks: a browser's field knows one kind only, and an input of one line none at all. */

const BREAK = /\r\n|\r|\n/g;

/**
 * What was typed, with the line breaks that the text had before wherever it was not touched.
 * @param {string} recordText the text as it is stored
 * @param {string} boxText how the field showed it: every break a line feed
 * @param {string} newText what stands in the field now
 */
export function withBreaks(recordText, boxText, newText) {
  if (newText === boxText) return recordText;
  if (!recordText.includes('\r') || boxText !== recordText.replace(BREAK, '\n')) return newText;
  const units = recordText.match(/\r\n|[^]/g) ?? [];
  let start = 0;
  while (start < newText.length && newText[start] === boxText[start]) start += 1;
  let tail = 0;
  const most = Math.min(newText.length, boxText.length) - start;
  while (tail < most && newText.at(-1 - tail) === boxText.at(-1 - tail)) tail += 1;
  const middle = newText.slice(start, newText.length - tail).replaceAll('\n', usualBreak(recordText));
  return [...units.slice(0, start), middle, ...units.slice(units.length - tail)].join('');
}

/** The break that *text* has most of. @param {string} text */
function usualBreak(text) {
  const counts = new Map();
  for (const [one] of text.matchAll(BREAK)) counts.set(one, (counts.get(one) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a)[0][0];
}
