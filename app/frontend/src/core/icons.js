/** The built-in icons: strokes on a grid of 24. */

import { h } from './dom.js';

const SVG = 'http://www.w3.org/2000/svg';
/** @type {Record<string, string>} */
const PATHS = {
  add: 'M12 5v14M5 12h14',
  update: 'M4 20l1-4L16 5l3 3L8 19zM14 7l3 3',
  delete: 'M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5',
  filter: 'M3 5h18l-7 8v6l-4-2v-4z',
  refresh: 'M20 11a8 8 0 1 0-2.3 6.3M20 5v6h-6',
  close: 'M6 6l12 12M18 6L6 18',
  left: 'M15 5l-7 7 7 7',
  right: 'M9 5l7 7-7 7',
  up: 'M5 15l7-7 7 7',
  down: 'M5 9l7 7 7-7',
  first: 'M18 5l-7 7 7 7M6 5v14',
  last: 'M6 5l7 7-7 7M18 5v14',
  menu: 'M4 6h16M4 12h16M4 18h16',
  more: 'M5 12h.01M12 12h.01M19 12h.01',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M19 5l-2 2M7 17l-2 2',
  moon: 'M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z',
  system: 'M3 4h18v12H3zM8 20h8M12 16v4',
  language: 'M3 5h10M8 3v2M11 5c-1 4-4 7-8 8M5 8c1.500 3 4 5 7 6M13 21l4-10 4 10M14.500 18h5',
  user: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21c1-4 4-6 8-6s7 2 8 6',
  unlock: 'M6 11h12v9H6zM9 11V8a3 3 0 0 1 5.800-1M12 15v2',
  logout: 'M14 4h5v16h-5M3 12h11M10 8l4 4-4 4',
  dashboard: 'M4 4h7v9H4zM13 4h7v5h-7zM13 11h7v9h-7zM4 15h7v5H4z',
  lines: 'M5 4v10a4 4 0 0 0 4 4h2M19 20V10a4 4 0 0 0-4-4h-2M5 2.500h.01M19 21.500h.01M11 16l3 2-3 2M13 8l-3-2 3-2',
  model: 'M12 3l7.500 4.500v9L12 21l-7.500-4.500v-9zM4.500 7.500L12 12l7.500-4.500M12 12v9',
  script: 'M8 7l-5 5 5 5M16 7l5 5-5 5M14 4l-4 16',
  steps: 'M4 6h4v4H4zM16 3h4v4h-4zM16 12h4v4h-4zM8 8h4M12 5v9M12 5h4M12 14h4',
  versions: 'M12 7v5l3 3M4 12a8 8 0 1 0 2.500-5.800M3 4v4h4',
  prices: 'M3 12V4h8l10 10-8 8zM7.500 8.500h.01',
  capacity: 'M4 18a9 9 0 1 1 16 0M12 14l4-5M12 14h.01',
  usage: 'M4 4v16h16M8 16v-4M12 16V8M16 16v-6',
  distributors: 'M9 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2 20c.600-4 3-6 7-6s6.400 2 7 6M16 5a3 3 0 0 1 0 6M18 14c2.500.700 3.700 2.700 4 6',
  links: 'M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  check: 'M5 12l5 5 9-10',
  alert: 'M12 3l10 18H2zM12 10v4M12 17h.01',
  info: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 11v5M12 8h.01',
  search: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l5 5',
  key: 'M15 4a5 5 0 1 0 0 10 5 5 0 0 0 0-10zM11.500 12.500L3 21M6 18l3 3M15 8.500h.01',
  home: 'M3 11l9-8 9 8M6 9v11h12V9',
  publish: 'M12 16V4M7 9l5-5 5 5M4 20h16',
  rollback: 'M4 8h10a6 6 0 1 1 0 12H8M8 4L4 8l4 4',
  node: 'M7 3h7l5 5v13H7zM14 3v5h5',
  folder: 'M3 6h6l2 3h10v10H3z',
  columns: 'M4 4h16v16H4zM9.500 4v16M14.500 4v16',
  views: 'M6 3h12v18l-6-4-6 4z',
  print: 'M7 9V3h10v6M7 17H4V9h16v8h-3M7 14h10v7H7z',
  mail: 'M3 5h18v14H3zM3 7l9 6 9-6',
  download: 'M12 4v12M7 11l5 5 5-5M4 20h16',
  upload: 'M12 16V4M7 9l5-5 5 5M4 20h16',
  help: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM9.500 9.500a2.500 2.500 0 1 1 3.600 2.200c-.700.400-1.100.900-1.100 1.800M12 17h.01',
  eye: 'M2 12c3-5 6-7 10-7s7 2 10 7c-3 5-6 7-10 7s-7-2-10-7zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z',
};

const aliases = /** @type {Map<string, string>} */ (new Map());

/**
 * Let pictures that the ecosystem asks for by name be built-in ones: {name: built-in name}.
 * @param {Record<string, string>} names
 */
export function aliasIcons(names) {
  for (const [name, builtIn] of Object.entries(names)) aliases.set(name, builtIn);
}

/** `/imgs/<name>.svg` and `/appbase/get_icon.dspy?id=<name>` of generated pages. @param {string} url */
function aliased(url) {
  const match = /\/imgs\/(\w+)\.svg$/.exec(url) ?? /\/get_icon\.dspy\?id=(\w+)$/.exec(url);
  return match ? aliases.get(match[1]) : undefined;
}

/** True when a built-in icon has that name. @param {string} name */
export function hasIcon(name) {
  return Object.hasOwn(PATHS, name);
}

/** A built-in icon; decoration only, so a screen reader skips it. @param {string} name */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('focusable', 'false');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', PATHS[name] ?? PATHS.info);
  svg.append(path);
  return svg;
}

/**
 * The icon a description names: a built-in one, or a picture by URL that hides itself when it
 * does not exist, as many of the ecosystem do not.
 * @param {string|undefined} name
 * @param {Resolve} resolve makes the address absolute
 * @returns {Element|null}
 */
export function iconOf(name, resolve = (url) => url) {
  if (typeof name !== 'string' || !name) return null;
  if (hasIcon(name)) return icon(name);
  if (!/[./]/.test(name)) return null;
  const builtIn = aliased(name);
  if (builtIn) return icon(builtIn);
  const image = h('img', { class: 'icon', alt: '', loading: 'lazy', on: { error: () => { image.remove(); } } });
  image.src = resolve(name);
  return image;
}
