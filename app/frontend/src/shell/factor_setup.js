/** Setting a second factor up: the picture and the secret for an app, and the recovery codes, shown once. */

import { h } from '../core/dom.js';
import { t } from '../core/i18n.js';

const SVG = 'http://www.w3.org/2000/svg';
const MARGIN = 3;

/**
 * What an authenticator app takes the secret from.
 * @param {FactorSetup} setup
 * @returns {Node[]}
 */
export function setupNodes({ secret, address, picture }) {
  return [
    h('p', { class: 'muted' }, t('Scan the picture with an authenticator app, or type the secret into it. Then enter the code that it shows.')),
    pictureOf(picture),
    h('p', { class: 'factor-secret' }, h('span', { class: 'muted' }, t('Secret')), ' ', h('code', { 'data-name': 'secret' }, secret.match(/.{1,4}/g)?.join(' ') ?? secret)),
    h('p', {}, h('a', { href: address }, t('Open it in an app on this device'))),
  ];
}

/** Dark squares on white in every theme, as cameras want them. @param {string[]} rows */
function pictureOf(rows) {
  const size = rows.length + 2 * MARGIN;
  const svg = document.createElementNS(SVG, 'svg');
  for (const [name, value] of Object.entries({ viewBox: `0 0 ${size} ${size}`, class: 'factor-picture', role: 'img', 'shape-rendering': 'crispEdges', 'aria-label': t('Picture for an authenticator app') })) {
    svg.setAttribute(name, value);
  }
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', rows.flatMap((row, y) => [...row].map((square, x) => (square === '1' ? `M${x + MARGIN} ${y + MARGIN}h1v1h-1z` : ''))).join(''));
  svg.append(path);
  return svg;
}

/**
 * The codes that let one in without the app; the window stays until they were copied or it is closed all the same.
 * @param {App} app
 * @param {string[]} codes
 * @returns {Promise<void>}
 */
export async function showRecoveryCodes(app, codes) {
  await showOnce(app, {
    title: 'Recovery codes', label: 'Recovery codes', api_key: codes.join('\n'),
    warning: 'Each of these lets you in once without the app. They are shown only now: keep them in a safe place.',
  });
}

/**
 * Something that is shown once, until it was copied or the window is closed all the same.
 * @param {App} app
 * @param {Data} options of an ApiKey
 * @returns {Promise<void>}
 */
export async function showOnce(app, options) {
  const box = await app.buildOverlay({ widgettype: 'ApiKey', options }, app.body);
  await new Promise((resolve) => {
    box.bind('dismissed', () => resolve(undefined));
  });
}
