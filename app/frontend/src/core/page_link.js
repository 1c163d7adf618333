/** Addresses of pages in the shell. */

/**
 * The address of the page `url` of a record: its id as `param`, and the other values.
 * @param {{url?: string, param?: string, id?: unknown} & Data} values
 */
export function pageHash({ url = '', param = 'id', id, ...more }) {
  return `#${url}?${new URLSearchParams({ [param]: id, ...more })}`;
}
