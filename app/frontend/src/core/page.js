/** The description that came with the page. */

import { messageOf } from './failure.js';
import { widgetClass } from './registry.js';

/**
 * Read the JSON in `<script type="application/json" id="bricks-page">`. One that cannot be read
 * is asked for again the runtime's way, which also says what is wrong with it.
 * @param {Document} document
 */
export function readPage(document) {
  const text = document.getElementById('bricks-page')?.textContent ?? '';
  try {
    const page = JSON.parse(text);
    if (page?.widgettype || Array.isArray(page)) return page;
  } catch (error) {
    console.error(`page description: ${messageOf(error)}`);
  }
  return { widgettype: 'urlwidget', options: { url: location.pathname + location.search } };
}

/**
 * True for pages that are whole by themselves: the shell, sign-in, an error, a window that opens
 * itself, and what says so by `options.standalone`.
 * @param {any} page
 */
export function standsAlone(page) {
  const Class = widgetClass(page?.widgettype);
  return Class?.isPage === true || Class?.isOverlay === true || page?.options?.standalone === true;
}
