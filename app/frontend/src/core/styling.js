/** The layout options that every widget understands. Values go through `element.style`. */

const SAME_NAME = [
  'width', 'height', 'margin', 'padding', 'textAlign', 'overflow', 'overflowX', 'overflowY', 'color',
  'border', 'borderRadius', 'borderTop', 'borderBottom', 'borderLeft', 'borderRight', 'cursor',
  'alignItems', 'alignSelf', 'justifyContent', 'marginTop', 'marginBottom', 'marginLeft', 'marginRight',
  'paddingTop', 'paddingBottom', 'paddingLeft', 'paddingRight', 'fontSize', 'fontWeight', 'lineHeight',
  'flex', 'flexGrow', 'flexShrink', 'minWidth', 'minHeight', 'maxWidth', 'maxHeight', 'gap', 'zIndex',
  'background', 'backgroundColor', 'opacity', 'whiteSpace', 'gridTemplateColumns', 'boxShadow',
];
/** @type {Record<string, string>} */
const OTHER_NAME = {
  x: 'left', y: 'top', align: 'textAlign', bgcolor: 'background', 'z-index': 'zIndex',
  'overflow-x': 'overflowX', 'overflow-y': 'overflowY', 'opveflow-y': 'overflowY', spacing: 'gap',
  cfontsize: 'fontSize',
};
const UNITLESS = new Set(['flex', 'flexGrow', 'flexShrink', 'zIndex', 'fontWeight', 'lineHeight', 'opacity']);
/** Titles of windows and tables use these names for something else. */
const NOT_CSS_VALUE = /url\s*\(|expression|;/i;

/** @param {string} property @param {unknown} value */
function cssValue(property, value) {
  if (typeof value === 'number' && !UNITLESS.has(property)) return `${value}px`;
  return String(value);
}

/**
 * One allowed style; a value that loads something or breaks out is refused.
 * @param {HTMLElement} element
 * @param {string} name
 * @param {unknown} value
 */
export function setStyle(element, name, value) {
  const property = OTHER_NAME[name] ?? (SAME_NAME.includes(name) ? name : null);
  if (!property || value === null || value === undefined || typeof value === 'object') return;
  if (NOT_CSS_VALUE.test(String(value))) return;
  Object.assign(element.style, { [property]: cssValue(property, value) });
}

/**
 * Apply layout options to an element.
 * @param {HTMLElement} element
 * @param {Data} options
 * @param {number} charSizePx what one character unit of `cwidth` and `cheight` is
 */
export function applyCommonOptions(element, options, charSizePx) {
  for (const name of [...SAME_NAME, ...Object.keys(OTHER_NAME)]) {
    if (Object.hasOwn(options, name)) setStyle(element, name, options[name]);
  }
  if (Number(options.cwidth) > 0) element.style.width = `${options.cwidth * charSizePx}px`;
  if (Number(options.cheight) > 0) element.style.height = `${options.cheight * charSizePx}px`;
  addClasses(element, options.css);
  addClasses(element, options.csses);
  if (typeof options.tooltip === 'string') element.title = options.tooltip;
}

/** Add the class names of a space-separated text. @param {HTMLElement} element @param {unknown} names */
export function addClasses(element, names) {
  if (typeof names !== 'string') return;
  element.classList.add(...names.split(/\s+/).filter(Boolean));
}
