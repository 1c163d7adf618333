/** What a chart or a table shows, as a file: a picture, or values for a spreadsheet. */

import { download } from '../../core/download.js';
import { svg } from './svg.js';

/** The styles of the page that a picture of its own must carry along. */
const STYLES = ['fill', 'stroke', 'font-size', 'font-family', 'text-anchor'];
const SCALE = 2;
const HEAD_PX = 34;
const EDGE_PX = 12;
/**
 * Where a spreadsheet may begin a cell, whichever separator it goes by, with what makes a formula of
 * it: as the server's files have it (app/records/cell_texts.py).
 */
const FORMULA = /(?<=^|[,;\t\r\n])(?=[\s"']*[=+\-@＝＋－＠])|^(?=[\s"']*[\t\r])/g;
const NUMBER = /^-?\d+(\.\d+)?$/;

/**
 * Values for a spreadsheet, of which Excel knows that they are UTF-8; numbers stay as exact as they are.
 * @param {string} name
 * @param {string[]} head
 * @param {(string|number)[][]} rows
 */
export function keepCsv(name, head, rows) {
  const lines = [head, ...rows].map((cells) => cells.map(csvCell).join(','));
  download(`${name}.csv`, new Blob([`\ufeff${lines.join('\r\n')}\r\n`], { type: 'text/csv;charset=utf-8' }));
}

/** @param {string|number} value */
function csvCell(value) {
  const text = String(value);
  const safe = NUMBER.test(text) ? text : text.replaceAll(FORMULA, "'");
  return `"${safe.replaceAll('"', '""')}"`;
}

/**
 * A chart as it looks in the page, with a line above that says what it is.
 * @param {string} name
 * @param {SVGSVGElement} chart
 * @param {string} title
 */
export async function keepPicture(name, chart, title) {
  const { width, height } = chart.viewBox.baseVal;
  const size = { width: width + 2 * EDGE_PX, height: height + HEAD_PX + EDGE_PX };
  const look = getComputedStyle(chart.closest('.card') ?? document.body);
  const words = svg('text', { x: EDGE_PX, y: 22, fill: look.color, 'font-family': look.fontFamily, 'font-size': 13, 'font-weight': 600 }, title);
  const picture = svg('svg', { ...size, viewBox: `0 0 ${size.width} ${size.height}` },
    svg('rect', { ...size, fill: look.backgroundColor }), words, svg('g', { transform: `translate(${EDGE_PX} ${HEAD_PX})` }, styledCopy(chart)));
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(picture))}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = size.width * SCALE;
  canvas.height = size.height * SCALE;
  canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise((/** @type {(blob: Blob|null) => void} */ resolve) => { canvas.toBlob(resolve, 'image/png'); });
  if (blob) download(`${name}.png`, blob);
}

/** @param {SVGSVGElement} chart */
function styledCopy(chart) {
  const copy = /** @type {SVGSVGElement} */ (chart.cloneNode(true));
  const originals = [chart, ...chart.querySelectorAll('*')];
  [copy, ...copy.querySelectorAll('*')].forEach((node, at) => {
    const style = getComputedStyle(originals[at]);
    for (const name of STYLES) node.setAttribute(name, style.getPropertyValue(name));
    node.removeAttribute('href');
  });
  return copy;
}
