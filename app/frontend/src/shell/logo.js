/** The product's sign: stages of a pipeline, joined. */

const SVG = 'http://www.w3.org/2000/svg';

export function logo() {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 32 32');
  svg.setAttribute('class', 'logo');
  svg.setAttribute('aria-hidden', 'true');
  /** @type {['rect'|'path'|'circle', Record<string, string|number>][]} */
  const shapes = [
    ['rect', { x: 0, y: 0, width: 32, height: 32, rx: 7, class: 'logo-ground' }],
    ['path', { d: 'M8 16h5M19 16c-3 0-3-6-0-6h1M19 16c-3 0-3 6 0 6h1M13 16h6', class: 'logo-line' }],
    ['circle', { cx: 8, cy: 16, r: 3, class: 'logo-dot' }],
    ['circle', { cx: 23, cy: 10, r: 3, class: 'logo-dot' }],
    ['circle', { cx: 23, cy: 22, r: 3, class: 'logo-dot' }],
  ];
  for (const [tag, attributes] of shapes) {
    const shape = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, String(value));
    svg.append(shape);
  }
  return svg;
}
