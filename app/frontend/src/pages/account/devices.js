/** What a browser says of itself, in words. */

/** @type {[RegExp, string][]} */
const BROWSERS = [[/Edg\//, 'Edge'], [/OPR\//, 'Opera'], [/Firefox\//, 'Firefox'], [/Chrom(e|ium)\//, 'Chrome'], [/Safari\//, 'Safari']];
/** @type {[RegExp, string][]} */
const SYSTEMS = [[/iPhone|iPad/, 'iOS'], [/Android/, 'Android'], [/Windows/, 'Windows'], [/Mac OS X/, 'macOS'], [/Linux/, 'Linux']];

/** Browser and system; what a program calls itself stays as it is. @param {string} userAgent */
export function deviceText(userAgent) {
  const names = [BROWSERS, SYSTEMS].map((kinds) => kinds.find(([pattern]) => pattern.test(userAgent))?.[1]).filter(Boolean);
  return names.join(' · ') || userAgent.slice(0, 60);
}
