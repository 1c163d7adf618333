/** Rows of the first sheet of an Excel file: a zip of XML, read with what the browser has. */

import { movePoint } from '../../core/format.js';

const END_OF_DIRECTORY = 0x06054b50;
const ENTRY = 0x02014b50;
const MOST_BYTES = 60_000_000;
/** So many digits Excel knows and shows; what it writes beyond them is noise of its floats. */
const NUMBER_DIGITS = 15;
/** Number formats of Excel that mean a day or a time. */
const DATE_FORMATS = new Set([14, 15, 16, 17, 18, 19, 20, 21, 22, 45, 46, 47]);
const DAY_MS = 86_400_000;
const EXCEL_EPOCH = Date.UTC(1899, 11, 30);

/** @param {ArrayBuffer} bytes @returns {Promise<string[][]>} without empty rows */
export async function readXlsx(bytes) {
  const files = entriesOf(new DataView(bytes));
  const read = async (name) => (files.has(name) ? parse(await textOf(bytes, files.get(name))) : null);
  const sheetName = firstSheet(await read('xl/workbook.xml'), await read('xl/_rels/workbook.xml.rels'), files);
  if (!sheetName) throw new Error('no sheet');
  const shared = sharedTexts(await read('xl/sharedStrings.xml'));
  const dates = dateStyles(await read('xl/styles.xml'));
  const sheet = await read(sheetName);
  return [...sheet.getElementsByTagName('row')]
    .map((row) => cellsOf(row, shared, dates))
    .filter((row) => row.some((cell) => cell !== ''));
}

/** The first in the order of the workbook that can be seen; its file may have any name. */
function firstSheet(workbook, relations, files) {
  const targets = new Map([...relations?.getElementsByTagName('Relationship') ?? []]
    .map((one) => [one.getAttribute('Id'), one.getAttribute('Target') ?? '']));
  const inOrder = [...workbook?.getElementsByTagName('sheet') ?? []]
    .filter((sheet) => !/hidden/i.test(sheet.getAttribute('state') ?? ''))
    .map((sheet) => targets.get([...sheet.attributes].find(({ localName }) => localName === 'id')?.value) ?? '')
    .map((target) => (target.startsWith('/') ? target.slice(1) : `xl/${target}`));
  return [...inOrder, ...[...files.keys()].sort()].find((name) => /^xl\/worksheets\/[^/]+\.xml$/.test(name) && files.has(name));
}

function entriesOf(view) {
  let at = view.byteLength - 22;
  while (at >= 0 && view.getUint32(at, true) !== END_OF_DIRECTORY) at -= 1;
  if (at < 0) throw new Error('no zip');
  const files = new Map();
  let entry = view.getUint32(at + 16, true);
  for (let left = view.getUint16(at + 10, true); left > 0 && view.getUint32(entry, true) === ENTRY; left -= 1) {
    const nameLength = view.getUint16(entry + 28, true);
    const name = new TextDecoder().decode(new Uint8Array(view.buffer, entry + 46, nameLength));
    files.set(name, {
      method: view.getUint16(entry + 10, true), size: view.getUint32(entry + 20, true),
      whole: view.getUint32(entry + 24, true), offset: view.getUint32(entry + 42, true),
    });
    entry += 46 + nameLength + view.getUint16(entry + 30, true) + view.getUint16(entry + 32, true);
  }
  return files;
}

async function textOf(bytes, { method, size, whole, offset }) {
  if (whole > MOST_BYTES) throw new Error('too large');
  const view = new DataView(bytes);
  const start = offset + 30 + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
  const packed = new Blob([bytes.slice(start, start + size)]);
  if (method === 0) return packed.text();
  return unpacked(packed.stream().pipeThrough(new DecompressionStream('deflate-raw')));
}

/** A small file may claim to hold little and hold much. */
async function unpacked(stream) {
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    text += decoder.decode(value, { stream: true });
    if (text.length > MOST_BYTES) throw new Error('too large');
  }
}

function parse(text) {
  const document = new DOMParser().parseFromString(text, 'application/xml');
  if (document.getElementsByTagName('parsererror').length) throw new Error('no XML');
  return document;
}

const textIn = (node) => [...node.getElementsByTagName('t')].map((one) => one.textContent).join('');

function sharedTexts(document) {
  return document ? [...document.getElementsByTagName('si')].map(textIn) : [];
}

/** Numbers of the cell styles that show a day or a time. */
function dateStyles(document) {
  if (!document) return new Set();
  const own = new Set([...document.getElementsByTagName('numFmt')]
    .filter((one) => /[ymdhs]/i.test((one.getAttribute('formatCode') ?? '').replace(/"[^"]*"|\[[^\]]*\]/g, '')))
    .map((one) => Number(one.getAttribute('numFmtId'))));
  const styles = document.getElementsByTagName('cellXfs')[0]?.getElementsByTagName('xf') ?? [];
  return new Set([...styles].flatMap((style, i) => {
    const format = Number(style.getAttribute('numFmtId'));
    return DATE_FORMATS.has(format) || own.has(format) ? [String(i)] : [];
  }));
}

function cellsOf(row, shared, dates) {
  const cells = [];
  for (const cell of row.getElementsByTagName('c')) {
    const place = columnOf(cell.getAttribute('r')) ?? cells.length;
    while (cells.length < place) cells.push('');
    cells[place] = valueOf(cell, shared, dates);
  }
  return cells;
}

/** `BC7` is column 54, counted from 0. */
function columnOf(reference) {
  const letters = /^[A-Z]{1,3}/.exec(reference ?? '')?.[0];
  return letters ? [...letters].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 64, 0) - 1 : undefined;
}

function valueOf(cell, shared, dates) {
  const type = cell.getAttribute('t');
  if (type === 'inlineStr') return textIn(cell);
  const text = cell.getElementsByTagName('v')[0]?.textContent ?? '';
  if (type === 's') return shared[Number(text)] ?? '';
  if (type && type !== 'n') return text;
  return text && dates.has(cell.getAttribute('s')) ? dateText(Number(text)) : numberText(text);
}

/** Excel writes 1.1 as 1.1000000000000001 and a tenth of a million as 1E-7; read is what it shows. */
export function numberText(text) {
  if (/^-?\d*$/.test(text) || !Number.isFinite(Number(text))) return text;
  const [digits, power] = String(Number(Number(text).toPrecision(NUMBER_DIGITS))).split('e');
  return power ? movePoint(digits, Number(power)) : digits;
}

function dateText(days) {
  const moment = new Date(EXCEL_EPOCH + Math.round(days * DAY_MS / 1000) * 1000).toISOString();
  return days % 1 ? moment.slice(0, 19).replace('T', ' ') : moment.slice(0, 10);
}
