/** Where a URL of a description points to. */

/**
 * @param {string|undefined} url absolute, from the server root, or relative to the page it stands in
 * @param {string} base address of that page; a last segment without a dot counts as a folder,
 *   as the server sees it
 * @returns {string} absolute URL
 */
export function resolveUrl(url, base) {
  const folder = new URL(base, 'http://localhost');
  const last = folder.pathname.split('/').pop();
  if (last && !last.includes('.')) folder.pathname += '/';
  folder.search = '';
  folder.hash = '';
  return new URL(url ?? '', folder).href;
}

/** True when both addresses belong to one origin. @param {string} url */
export function sameOrigin(url, other = globalThis.location?.href) {
  try {
    return new URL(url, other).origin === new URL(other).origin;
  } catch {
    return false;
  }
}

/** Take the query out of a URL: the bare address and its parameters. @param {string} url */
export function splitQuery(url) {
  const target = new URL(url);
  const params = /** @type {Data} */ ({});
  for (const [key, value] of target.searchParams) {
    params[key] = key in params ? [params[key], value].flat() : value;
  }
  target.search = '';
  target.hash = '';
  return { address: target.href, params };
}
