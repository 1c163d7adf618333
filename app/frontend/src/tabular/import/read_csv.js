/** Rows of a CSV text: quotes, line breaks in quotes, comma, semicolon or tab between cells. */

const SEPARATORS = [',', ';', '\t'];

/** @param {ArrayBuffer} bytes UTF-8, else the encoding that Chinese Windows writes */
export function csvText(bytes) {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('gb18030').decode(bytes);
  }
}

/** @returns {string[][]} without empty lines */
export function readCsv(text) {
  const clean = text.replace(/^\ufeff/, '');
  const separator = separatorOf(clean);
  const rows = [];
  let row = [];
  let cell = '';
  let isQuoted = false;
  const endCell = () => { row.push(cell); cell = ''; };
  const endRow = () => { endCell(); if (row.some((one) => one !== '')) rows.push(row); row = []; };
  for (let i = 0; i < clean.length; i += 1) {
    const character = clean[i];
    if (isQuoted) {
      if (character !== '"') cell += character;
      else if (clean[i + 1] === '"') { cell += '"'; i += 1; } else isQuoted = false;
    } else if (character === '"' && cell === '') isQuoted = true;
    else if (character === separator) endCell();
    else if (character === '\n') endRow();
    else if (character !== '\r') cell += character;
  }
  if (cell !== '' || row.length) endRow();
  return rows;
}

/** The one that the first line has most of. */
function separatorOf(text) {
  const [first] = text.split('\n', 1);
  const counts = SEPARATORS.map((one) => first.split(one).length);
  return SEPARATORS[counts.indexOf(Math.max(...counts))];
}

/** Rows as CSV; a text that a spreadsheet would run gets a quote in front. */
export function writeCsv(rows) {
  const cell = (value) => {
    const text = String(value ?? '');
    const safe = /^[\s"']*[=+\-@\t\r＝＋－＠]/.test(text) && !/^-?\d+([.,]\d+)?$/.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return `\ufeff${rows.map((row) => row.map(cell).join(',')).join('\r\n')}\r\n`;
}
