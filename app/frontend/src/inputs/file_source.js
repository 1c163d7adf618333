/**
 * Choosing a file. What is chosen is read at once and the chooser emptied: a browser says nothing
 * when the same file is chosen again, and refuses to read one that was changed meanwhile.
 */

import { fillNode, h } from '../core/dom.js';
import { messageOf } from '../core/failure.js';
import { t } from '../core/i18n.js';

/**
 * A chooser with the names of the files beside it, and what is wrong with one. The browser's own
 * words, which are in its language and speak of a chooser that is empty, lie invisible over ours.
 * @param {Data} attributes of the `<input type="file">`
 * @param {(files: File[]) => (Promise<string|void>|string|void)} take gets copies in memory; a
 *   text it returns, or the message of what it throws, is told beside the chooser
 * @param {number} [maxBytes] of one file; a larger one is not read
 * @returns {FileSource}
 */
export function fileSource(attributes, take, maxBytes = Infinity) {
  const names = h('span', { class: 'file-names muted' }, t('No file is chosen.'));
  const problem = h('p', { class: 'field-error', role: 'alert', hidden: true });
  /** @param {string | void} text */
  const tell = (text) => {
    problem.textContent = text ?? '';
    problem.hidden = !text;
  };
  const chooser = h('input', { ...attributes, type: 'file', on: { change: async () => {
    const files = [...(chooser.files ?? [])];
    if (!files.length) return;
    tell('');
    fillNode(names, files.map(({ name }) => name).join(', '));
    try {
      const copies = await Promise.all(files.map((file) => inMemory(file, maxBytes)));
      chooser.value = '';
      tell(await take(copies));
    } catch (error) {
      chooser.value = '';
      tell(messageOf(error));
    }
  } } });
  const clear = () => {
    chooser.value = '';
    fillNode(names, t('No file is chosen.'));
    tell('');
  };
  const box = h('div', { class: 'file-box' }, h('span', { class: 'button', 'aria-hidden': 'true' }, t('Choose a file')), names, chooser);
  return { element: h('div', { class: 'file-source' }, box, problem), chooser, clear };
}

/** @param {File} file @param {number} maxBytes */
async function inMemory(file, maxBytes) {
  if (file.size > maxBytes) throw new Error(t('The file is larger than ${size} MB.', { size: maxBytes / 1_000_000 }));
  try {
    return new File([await file.arrayBuffer()], file.name, { type: file.type, lastModified: file.lastModified });
  } catch {
    throw new Error(t('${name} cannot be read. It may have been changed or moved; choose it again.', { name: file.name }));
  }
}

/**
 * The text of a file in UTF-8.
 * @param {File} file
 * @returns {Promise<string>}
 * @throws {Error} with the line of the first byte that is not UTF-8, in the reader's language
 */
export async function textOf(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Error(t('${name} is not UTF-8: line ${line} has a byte that is no letter. Save the file as UTF-8 and choose it again.', {
      name: file.name, line: lineOfBadByte(bytes),
    }));
  }
}

/** @param {Uint8Array<ArrayBuffer>} bytes with something in them that is not UTF-8 */
export function lineOfBadByte(bytes) {
  let [good, bad] = [0, bytes.length];
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (isBegunWell(bytes.subarray(0, middle))) good = middle;
    else bad = middle;
  }
  return bytes.subarray(0, bad - 1).reduce((count, byte) => count + (byte === 10 ? 1 : 0), 1);
}

/** Whether it is UTF-8 as far as it goes; it may end within a letter. @param {Uint8Array<ArrayBuffer>} bytes */
function isBegunWell(bytes) {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}
