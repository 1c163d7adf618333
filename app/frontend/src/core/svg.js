/** Inline SVG of a description, copied element by element so that nothing in it can run or load. */

const NAMESPACE = 'http://www.w3.org/2000/svg';
const ELEMENTS = new Set([
  'svg', 'g', 'path', 'circle', 'ellipse', 'rect', 'line', 'polyline', 'polygon', 'text', 'tspan', 'defs',
  'linearGradient', 'radialGradient', 'stop', 'clipPath', 'title', 'desc',
]);
const ATTRIBUTES = new Set([
  'd', 'cx', 'cy', 'r', 'rx', 'ry', 'x', 'y', 'x1', 'y1', 'x2', 'y2', 'width', 'height', 'points', 'viewBox', 'fill',
  'stroke', 'stroke-width', 'stroke-linecap', 'stroke-linejoin', 'stroke-dasharray', 'fill-rule', 'clip-rule',
  'opacity', 'fill-opacity', 'stroke-opacity', 'transform', 'id', 'offset', 'stop-color', 'stop-opacity',
  'gradientUnits', 'gradientTransform', 'text-anchor', 'font-size', 'font-weight', 'dx', 'dy', 'clip-path',
]);

/** @param {string} text @returns {SVGElement|null} null when the text is no SVG */
export function safeSvg(text) {
  const source = new DOMParser().parseFromString(text, 'image/svg+xml').documentElement;
  if (source.localName !== 'svg') return null;
  return copy(source);
}

/** @param {Element} source */
function copy(source) {
  if (!ELEMENTS.has(source.localName)) return null;
  const target = document.createElementNS(NAMESPACE, source.localName);
  for (const { name, value } of source.attributes) {
    const loads = /url\s*\(\s*['"]?(?!#)/i.test(value);
    if (ATTRIBUTES.has(name) && !loads) target.setAttribute(name, value);
  }
  for (const child of source.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) target.append(child.nodeValue ?? '');
    else if (child instanceof Element) {
      const inner = copy(child);
      if (inner) target.append(inner);
    }
  }
  return target;
}
