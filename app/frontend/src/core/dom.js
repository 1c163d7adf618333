/** Making DOM nodes. Text is always a text node: what comes from the database is never HTML. */

const PROPERTIES = new Set([
  'value', 'checked', 'disabled', 'hidden', 'open', 'multiple', 'indeterminate', 'selected', 'readOnly',
]);

/**
 * One element.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Props} [props] `class`, `on` ({event: handler}), a few DOM properties, else
 *   attributes; null, undefined and false leave an attribute out
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  const properties = /** @type {Data} */ (/** @type {unknown} */ (node));
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (name === 'on') {
      for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
    } else if (name === 'class') {
      node.className = [value].flat().filter(Boolean).join(' ');
    } else if (PROPERTIES.has(name)) {
      properties[name] = value;
    } else if (value !== false) {
      // An empty `aria-…` counts as not said.
      node.setAttribute(name, value === true && !name.startsWith('aria-') ? '' : String(value));
    }
  }
  append(node, children);
  return node;
}

/** @param {Child} children @returns {Exclude<Child, Child[]>[]} */
function flat(children) {
  return Array.isArray(children) ? children.flatMap(flat) : [children];
}

/** Append nodes and texts, leaving out null, undefined and false. @param {Element} node @param {Child} children */
export function append(node, children) {
  for (const child of flat(children)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : String(child));
  }
}

/** Replace everything inside *node*. @param {Element} node @param {...Child} children */
export function fillNode(node, ...children) {
  node.replaceChildren();
  append(node, children);
}

let lastNumber = 0;

/** A DOM id that nothing else has. */
export function uniqueId(prefix = 'b') {
  lastNumber += 1;
  return `${prefix}-${lastNumber}`;
}

/**
 * Run *work* once calls have stopped for *delayMs*.
 * @param {(...args: any[]) => unknown} work
 * @param {number} delayMs
 */
export function debounce(work, delayMs) {
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  let timer;
  return (/** @type {any[]} */ ...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...args), delayMs);
  };
}
