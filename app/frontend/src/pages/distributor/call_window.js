/** A single call with its lines, each with the price that was applied. */

import { h } from '../../core/dom.js';
import { countText, decimalText, localDateTime } from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { rowsOf } from '../common/answers.js';
import { badge, facts, plainTable } from '../common/nodes.js';
import { openWindow } from '../common/window.js';
import { priceText } from '../common/price_text.js';

const LOG = '/pipeline_ops/pipeline_usage_log/get_pipeline_usage_log.dspy';
/** @type {Record<string, string>} */
export const STATUS_TONES = { succeeded: 'good', reserved: 'warn', failed: 'bad', expired: 'bad', voided: '', cancelled: '' };
/** @type {Record<string, string>} */
export const STATUS_LABELS = { succeeded: '成功', reserved: '进行中', failed: '失败', expired: '已超时', voided: '已作废', cancelled: '已取消' };

/** @param {Widget} owner @param {Row} call the call's own row (line 0) */
export async function showCall(owner, call) {
  const rows = await rowsOf(owner, LOG, { call_no: call.call_no, sort: 'line_no' });
  if (!rows) return;
  const lines = rows.filter(({ unit }) => unit);
  await openWindow(owner, { title: 'Call', cwidth: 56 }, facts([
    ['Call', h('code', {}, call.call_no)], ['Status', badge(t(STATUS_LABELS[call.status] ?? call.status), STATUS_TONES[call.status])], ['Line', call.pipeline_id_text],
    ['Version', call.version_no ? `v${call.version_no}` : ''], ['Began', localDateTime(call.started_at)], ['Ended', localDateTime(call.finished_at)],
    ['Duration', call.duration_ms === null ? '' : `${countText(call.duration_ms)} ms`], ['Client reference', call.client_ref], ['Idempotency key', call.idempotency_key],
    ['Error', call.error], ['Remark', call.remark], ['Voided', call.voided_at ? `${localDateTime(call.voided_at)} ${call.void_reason ?? ''}` : ''],
  ]), h('h3', { class: 'call-lines-head' }, t('What was used')), lines.length ? h('div', { class: 'call-lines' }, table(lines)) : h('p', { class: 'muted' }, t('Nothing is booked for this call.')));
}

/** @param {Row[]} lines */
function table(lines) {
  return plainTable('What was used', [{ label: 'Step' }, { label: 'Model' }, { label: 'Unit' }, { label: 'Quantity', isNumber: true }, { label: 'Price' }, { label: 'Amount', isNumber: true }],
    lines.map((line) => [line.step_key || '–', line.model || '–', line.unit, decimalText(line.quantity, 0), priceText(/** @type {PriceWords & Row} */ (line)), `${decimalText(line.amount)} ${line.currency}`]));
}
