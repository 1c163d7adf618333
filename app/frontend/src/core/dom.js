/** Making DOM nodes. Text is always a text node: what comes from the database is never HTML. */

const PROPERTIES = new Set([
  'value', 'checked', 'disabled', 'hidden', 'open', 'multiple', 'indeterminate', 'selected', 'readOnly',
]);

/**
 * One element.
 * @param {string} tag
 * @param {Object<string, *>} [props] `class`, `on` ({event: handler}), a few DOM properties, else
 *   attributes; null, undefined and false leave an attribute out
 * @param {...(Node|string|null|undefined|Array)} children
 * @returns {HTMLElement}
 */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (name === 'on') {
      for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
    } else if (name === 'class') {
      node.className = [value].flat().filter(Boolean).join(' ');
    } else if (PROPERTIES.has(name)) {
      node[name] = value;
    } else if (value !== false) {
      // An empty `aria-…` counts as not said.
      node.setAttribute(name, value === true && !name.startsWith('aria-') ? '' : String(value));
    }
  }
  append(node, children);
  return node;
}

/** Appends nodes and texts, leaving out null, undefined and false. */
export function append(node, children) {
  for (const child of [children].flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : String(child));
  }
}

/** Replaces everything inside *node*. */
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

/** Runs *work* once calls have stopped for *delayMs*. */
export function debounce(work, delayMs) {
  let timer = 0;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...args), delayMs);
  };
}
