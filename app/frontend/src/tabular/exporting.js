/** The whole filtered list as a file, with progress; closing the window gives it up. */

import { fillNode, h } from '../core/dom.js';
import { download, fetchFile, refuse } from '../core/download.js';
import { isAbort } from '../core/failure.js';
import { countText } from '../core/format.js';
import { ownParams } from '../core/request.js';
import { resolveUrl, splitQuery } from '../core/urls.js';
import { t } from '../core/i18n.js';
import { toQuery } from '../core/params.js';
import { Pieces } from './pieces.js';
import { listParams } from './rows.js';

const TYPES = { csv: 'text/csv', xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet' };

/**
 * @param {Tabular} table
 * @param {'csv'|'xlsx'} kind
 */
export async function exportList(table, kind) {
  if (table.misfits.length) {
    // A file of all rows would hold what the view does not mean.
    table.app.show_message({ title: 'Remove the condition that does not fit first.' });
    return;
  }
  const control = new AbortController();
  const progress = await progressWindow(table, control);
  try {
    const response = await fetchFile(table.app, address(table, kind), control.signal);
    if (!response.ok || /json/.test(response.headers.get('Content-Type') ?? '')) {
      progress.close();
      await refuse(table, response);
      return;
    }
    const blob = await receive(response, kind, progress);
    progress.close();
    download(fileName(response, kind), blob);
  } catch (error) {
    progress.close();
    if (!isAbort(error)) await table.app.show_error({ title: 'Error', message: 'The answer broke off. Try again.' });
  }
}

/** @param {Tabular} table @param {FileKind} kind */
function address(table, kind) {
  const { address: bare, params } = splitQuery(resolveUrl(table.opts.data_url, table.baseUri));
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const columns = table.columns.map(({ name }) => name).join(',');
  return `${bare}?${toQuery({ ...params, ...listParams(table), _export: kind, _progress: 1, _zone: zone, _columns: columns, ...ownParams() })}`;
}

/** @param {Response} response @param {FileKind} kind @param {ProgressWindow} progress */
async function receive(response, kind, progress) {
  const total = Number(response.headers.get('X-Total-Rows')) || 0;
  if (!response.body) throw new TypeError('there is no file');
  const reader = response.body.getReader();
  const pieces = new Pieces();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    pieces.add(value);
    progress.show(pieces.rows, total);
  }
  if (!pieces.isWhole) throw new TypeError('the file broke off');
  return new Blob(pieces.parts, { type: TYPES[kind] });
}

/** @param {Tabular} table @param {AbortController} control */
async function progressWindow(table, control) {
  const bar = h('progress', { 'aria-label': t('Progress') });
  const words = h('p', { role: 'status' }, t('The list is being read …'));
  const cancel = h('button', { type: 'button', on: { click: () => control.abort() } }, t('Cancel'));
  const box = await table.app.buildOverlay({ widgettype: 'PopupWindow', options: { title: 'Export', cwidth: 26 } });
  box.contentElement.append(h('div', { class: 'bulk-report' }, bar, words, h('div', { class: 'box-buttons' }, cancel)));
  let isOver = false;
  box.bind('dismissed', () => { if (!isOver) control.abort(); });
  return {
    close: () => {
      isOver = true;
      if (box.dom_element.isConnected) box.dismiss();
    },
    show: (/** @type {number} */ rows, /** @type {number} */ total) => {
      if (total) Object.assign(bar, { max: total, value: rows });
      fillNode(words, t('${rows} of ${total} rows', { rows: countText(rows), total: countText(total) }));
    },
  };
}

/** @param {Response} response @param {FileKind} kind */
function fileName(response, kind) {
  const match = /filename\*=UTF-8''([^;]+)/.exec(response.headers.get('Content-Disposition') ?? '');
  return match ? decodeURIComponent(match[1]) : `list.${kind}`;
}
