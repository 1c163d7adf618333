/** The adjustments and top-ups of a distributor: what was booked by hand, the newest first. */

import { h } from '../../core/dom.js';
import { decimalText, localDateTime } from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { rowsOf } from '../common/answers.js';
import { emptyNote, plainTable } from '../common/nodes.js';
import { openWindow } from '../common/window.js';

const LOG = '/pipeline_ops/pipeline_usage_log/get_pipeline_usage_log.dspy';
/** @type {Record<string, string>} */
const KINDS = { adjustment: '调整', topup: '充值' };

/** @param {Widget} owner @param {string} distributorId */
export async function showCredits(owner, distributorId) {
  const filter = { AND: [{ field: 'distributor_id', op: '=', const: distributorId }, { field: 'entry_type', op: 'IN', const: Object.keys(KINDS) }] };
  const rows = await rowsOf(owner, LOG, { data_filter: JSON.stringify(filter), sort: 'entry_no desc', rows: 1000 });
  if (!rows) return;
  await openWindow(owner, { title: '调整与充值', cwidth: 60 }, rows.length ? h('div', { class: 'call-lines' }, table(rows)) : emptyNote('usage', 'Nothing was booked by hand.'));
}

/** @param {Row[]} rows */
function table(rows) {
  return plainTable('调整与充值', [{ label: 'Booked' }, { label: 'Kind' }, { label: 'Amount', isNumber: true }, { label: 'Reason' }, { label: 'Reference' }],
    rows.map((row) => [localDateTime(row.created_at, { seconds: false }), t(KINDS[row.entry_type]), `${decimalText(row.amount)} ${row.currency}`, row.reason, row.reference ?? '–']));
}
