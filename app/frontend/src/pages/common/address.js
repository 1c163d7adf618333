/** What of a page's state stands in its address, so that it can be reloaded, kept and sent on. */

/** The parameters of the present page. */
export function readParams() {
  return new URLSearchParams(location.hash.split('?')[1]);
}

/** Put *values* into the address in the place of what was there; an empty one goes out. @param {Record<string, string|undefined>} values */
export function writeParams(values) {
  const [path, query = ''] = location.hash.split('?');
  if (!path.startsWith('#/')) return;
  const params = new URLSearchParams(query);
  for (const [name, value] of Object.entries(values)) {
    if (value) params.set(name, value);
    else params.delete(name);
  }
  history.replaceState(history.state, '', `${path}${params.size ? `?${params}` : ''}`);
}
