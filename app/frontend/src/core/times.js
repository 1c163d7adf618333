/** Times in the words of somebody who reads them now. */

import { localDateTime, parseTime } from './format.js';
import { language, t } from './i18n.js';

const MINUTE = 60_000;
/** The longest unit first. @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [['day', 1440 * MINUTE], ['hour', 60 * MINUTE], ['minute', MINUTE]];
const MOST_RELATIVE_MS = 7 * 1440 * MINUTE;

/**
 * `3 hours ago`, `in 2 days`; what is further than a week is a day: `11-24`, of another year `2025-11-24`.
 * @param {unknown} iso
 * @param {number} [now]
 */
export function relativeTime(iso, now = Date.now()) {
  const date = parseTime(iso);
  if (!date) return localDateTime(iso);
  const away = date.getTime() - now;
  if (Math.abs(away) >= MOST_RELATIVE_MS) return dayText(iso, now);
  if (Math.abs(away) < MINUTE) return t('just now');
  const [unit, size] = UNITS.find(([, ms]) => Math.abs(away) >= ms) ?? UNITS[UNITS.length - 1];
  return new Intl.RelativeTimeFormat(language() === 'zh' ? 'zh-CN' : 'en-GB', { numeric: 'always' }).format(Math.trunc(away / size), unit);
}

/** `12-01`, of another year `2027-01-01`; with the time of day where it is not midnight. @param {unknown} iso @param {number} [now] */
function dayText(iso, now = Date.now()) {
  const text = localDateTime(iso, { seconds: false });
  return text.startsWith(`${new Date(now).getFullYear()}-`) ? text.slice(5, 10) : text.slice(0, 10);
}

/**
 * From when to when: `12-01 起`, `至 12-31`, `12-01 – 12-31`, `长期`.
 * @param {unknown} from
 * @param {unknown} to
 */
export function validityText(from, to) {
  const [start, end] = [from, to].map((one) => (parseTime(one) ? dayText(one) : ''));
  if (start && end) return `${start} – ${end}`;
  if (start) return t('from ${day}', { day: start });
  return end ? t('until ${day}', { day: end }) : t('always');
}

/** What of a span of time is now. @param {unknown} from @param {unknown} to @param {number} [now] @returns {'coming' | 'in_force' | 'ended'} */
export function phaseOf(from, to, now = Date.now()) {
  const [start, end] = [from, to].map((one) => parseTime(one)?.getTime());
  if (end !== undefined && end <= now) return 'ended';
  return start !== undefined && start > now ? 'coming' : 'in_force';
}
