// What the scripts of the API's pages share: the page's words, elements, what they ask the server for.

/** @type {Record<string, string>} */
export const words = JSON.parse(document.body.dataset.words ?? '');
export const lang = document.body.dataset.lang ?? '';

/**
 * Makes an element with properties and children; text is set as text.
 * @template {keyof HTMLElementTagNameMap} N
 * @param {N} name
 * @param {Partial<HTMLElementTagNameMap[N]>} properties
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[N]}
 */
export function element(name, properties = {}, ...children) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children);
  return node;
}

/**
 * Finds what the page has for certain.
 * @template {HTMLElement} E
 * @param {string} id
 * @param {new () => E} kind
 * @returns {E}
 */
export function byId(id, kind) {
  const node = document.getElementById(id);
  if (!(node instanceof kind)) throw new Error(id);
  return node;
}

/**
 * @template T
 * @param {() => T} make
 * @returns {() => T}
 */
export function once(make) {
  /** @type {T | undefined} */
  let value;
  return () => (value ??= make());
}

/** @param {string} address */
export async function fetchJson(address) {
  const answer = await fetch(`${address}?_lang=${lang}`);
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

/**
 * The element that an event comes from, where it is one.
 * @param {Event} event
 */
export function origin(event) {
  return event.target instanceof Element ? event.target : null;
}
