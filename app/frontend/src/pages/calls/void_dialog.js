/** Voiding calls: what is voided, what it gives back, and why; then what became of each. */

import { dataOf } from '../../core/answer_data.js';
import { h } from '../../core/dom.js';
import { countText, decimalText, localDateTime } from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { ask } from '../../core/request.js';
import { Report } from '../../tabular/marks.js';
import { facts, plainTable } from '../common/nodes.js';
import { openForm, openWindow } from '../common/window.js';
import { amountText } from '../../core/amounts.js';

const API = '/pipeline_ops/api';
/** @type {Answer} */
const AGREED = { ok: true, status: 200, url: '' };

/**
 * Say what is voided and what it gives back, ask for the reason, and void.
 * @param {Widget} owner
 * @param {string[]} callNos
 * @returns {Promise<boolean>} whether anything was voided
 */
export async function voidCalls(owner, callNos) {
  const answer = await ask(owner.app, `${API}/usage_void_preview.dspy`, { method: 'POST', params: { call_nos: JSON.stringify(callNos) } });
  if (!answer.ok) {
    await owner.app.showAnswer(answer);
    return false;
  }
  const preview = /** @type {VoidPreview} */ (dataOf(answer));
  const calls = preview.calls.filter(({ refusal }) => !refusal);
  if (!calls.length) {
    await openWindow(owner, { title: 'Void calls', cwidth: 34 }, refusedList(preview.calls));
    return false;
  }
  return callNos.length === 1 ? voidOne(owner, calls[0]) : voidMany(owner, preview, calls);
}

/** @param {Widget} owner @param {VoidedCall} call */
async function voidOne(owner, call) {
  let final = /** @type {Answer | null} */ (null);
  const above = h('div', { class: 'window-part void-facts' }, facts([
    ['Call', h('code', {}, call.call_no)], ['Client reference', call.client_ref], ['Distributor', call.distributor ?? t('Calls of our own')], ['Line', call.pipeline],
    ['Began', localDateTime(call.started_at)], ['Charged', money(call.charge, call.currency)], ['Given back', h('strong', {}, money(call.refund, call.currency))],
  ]), packageWords([call]), h('p', { class: 'muted' }, t('The whole call is voided: its rows stay, rows with minus reverse them, and its quota is given back.')));
  const { done } = await openForm(owner, { title: 'Void call', cwidth: 38, above: [above] }, reasonForm(async (reason) => {
    final = await voidCall(owner, call, reason);
    return final;
  }));
  if (!await done || !final) return false;
  await owner.app.showAnswer(final);
  return true;
}

/** @param {Widget} owner @param {VoidPreview} preview @param {VoidedCall[]} calls */
async function voidMany(owner, preview, calls) {
  const refused = preview.calls.filter(({ refusal }) => refusal);
  const refunds = preview.refunds.map(({ amount, currency }) => money(amount, currency)).join(' · ');
  const above = h('div', { class: 'window-part void-facts' },
    h('p', {}, h('strong', {}, t('${count} calls are voided, ${amount} given back.', { count: countText(calls.length), amount: refunds }))),
    callTable(calls), packageWords(calls), ...(refused.length ? [refusedList(refused)] : []),
    h('p', { class: 'muted' }, t('Whole calls are voided: their rows stay, rows with minus reverse them, and their quota is given back.')));
  let reason = '';
  const { done } = await openForm(owner, { title: 'Void calls', cwidth: 48, above: [above] }, reasonForm(async (text) => {
    reason = text;
    return AGREED;
  }));
  if (!await done) return false;
  const report = new Report(owner, calls.length);
  await report.open();
  for (const call of calls) {
    if (report.isStopped) break;
    report.add(`${nameOf(call)} · ${money(call.refund, call.currency)}`, await voidCall(owner, call, reason));
  }
  report.finish();
  return report.count > report.failures;
}

/** @param {(reason: string) => Promise<Answer>} save @returns {FormOptions} */
function reasonForm(save) {
  return {
    cols: 1, fields: [{ name: 'reason', label: '原因', uitype: 'str', required: true, length: 500 }],
    toolbar: { tools: [{ name: 'cancel', label: 'Cancel' }, { name: 'submit', label: '作废', css: 'danger' }] },
    save: (/** @type {Values} */ { reason }) => save(String(reason ?? '')),
  };
}

/** @param {Widget} owner @param {VoidedCall} call @param {string} reason */
function voidCall(owner, call, reason) {
  return ask(owner.app, `${API}/pipeline_usage_log_delete.dspy`, { method: 'POST', params: { id: call.id, lock_version: call.lock_version, reason } });
}

/** @param {VoidedCall[]} calls */
function callTable(calls) {
  return plainTable('Void calls', [{ label: 'Call' }, { label: 'Began' }, { label: 'Distributor' }, { label: 'Line' }, { label: 'Charged', isNumber: true }, { label: 'Given back', isNumber: true }],
    calls.map((call) => [nameOf(call), localDateTime(call.started_at), call.distributor ?? t('Calls of our own'), call.pipeline, money(call.charge, call.currency), money(call.refund, call.currency)]));
}

/** What becomes of packages: units come back, and what is paid for stays paid for while others use it. @param {VoidedCall[]} calls */
function packageWords(calls) {
  const lines = calls.flatMap((call) => call.packages.map((one) => [
    t('${units} ${unit} come back into packages, ${left} are left for later calls.', { units: decimalText(one.units, 0), unit: one.unit, left: decimalText(one.units_left, 0) }),
    one.taken_back > 0 ? t('${count} packages of ${size} are taken back for ${amount}.', { count: countText(one.taken_back), size: countText(one.package_size), amount: money(one.amount, call.currency) })
      : t('No package is taken back: other calls use it, so it stays paid for.'),
  ].join(' ')));
  return h('ul', { class: 'package-words', hidden: !lines.length }, lines.map((line) => h('li', {}, line)));
}

/** @param {VoidedCall[]} calls */
function refusedList(calls) {
  return h('ul', { class: 'bulk-results' }, calls.map((call) => h('li', { class: 'bad' }, h('span', {}, nameOf(call)), ' ', call.refusal ?? '')));
}

/** @param {VoidedCall} call */
function nameOf(call) {
  return call.client_ref ? `${call.client_ref} (${call.call_no})` : call.call_no;
}

/** @param {Decimal} amount @param {string} currency */
function money(amount, currency) {
  return `${amountText(amount)} ${currency}`;
}
