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

/** @param {string} address */
async function fetchJson(address) {
  const answer = await fetch(`${address}?_lang=${lang}`);
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

/**
 * Loads JSON at the first use; again at the next one where that failed.
 * @param {string} address
 * @returns {() => Promise<any>}
 */
export function loader(address) {
  /** @type {Promise<any> | undefined} */
  let value;
  return () => (value ??= fetchJson(address).catch((error) => {
    value = undefined;
    throw error;
  }));
}

/** @param {unknown} error */
export function failure(error) {
  const reason = error instanceof Error ? error.message : String(error);
  return words.unanswered?.replace('{reason}', reason) ?? reason;
}

/**
 * The element that an event comes from, where it is one.
 * @param {Event} event
 */
export function origin(event) {
  return event.target instanceof Element ? event.target : null;
}
