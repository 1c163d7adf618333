/** The panel beside the list: one call, how each line came to its amount, and what became of it. */

import { fillNode, h } from '../../core/dom.js';
import { copyText } from '../../core/clipboard.js';
import { countText, decimalText, localDateTime, movePoint } from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { callsLink } from '../common/calls_link.js';
import { durationText } from '../common/duration.js';
import { badge, facts, tool } from '../common/nodes.js';
import { amountText } from '../../core/amounts.js';
import { statusBadge } from './status.js';

/** @type {Record<string, string>} */
const SOURCES = { api: '接口', manual: '人工', import: '导入' };
/** @type {Record<string, string>} */
const MATCHES = { 'step+model': 'for this step and model', step: 'for this step', model: 'for this model', all: 'for every step and model' };

export class CallPanel {
  /** @param {{mayVoid: boolean, mayOpenDistributor: boolean, close: () => unknown, voidCall: (callNo: string) => unknown}} how */
  constructor(how) {
    this.how = how;
    this.content = h('div', { class: 'call-panel-content' });
    this.heading = h('h2', { tabindex: '-1' }, t('Call'));
    this.tools = h('span', { class: 'toolbar' });
    this.element = h('aside', { class: 'card call-panel', 'aria-label': t('Call'), hidden: true, on: { keydown: (event) => this.key(event) } },
      h('header', { class: 'call-panel-head' }, this.heading, h('span', { class: 'spring' }), this.tools, tool('close_call', 'close', 'Close', () => how.close(), { isSmall: true })), this.content);
  }

  /** @param {At<KeyboardEvent>} event */
  key(event) {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    this.how.close();
  }

  waiting() {
    this.element.hidden = false;
    fillNode(this.tools);
    fillNode(this.content, h('div', { class: 'loading' }, t('Loading …')));
  }

  /** @param {CallStory} story */
  draw(story) {
    const { call } = story;
    this.element.hidden = false;
    const address = `${location.origin}${location.pathname}${callsLink({ call: call.call_no })}`;
    fillNode(this.heading, localDateTime(call.started_at), ' ', statusBadge(call.status));
    const mayVoid = this.how.mayVoid && ['succeeded', 'failed', 'expired'].includes(call.status) && !call.archived;
    fillNode(this.tools, mayVoid ? tool('void', 'delete', 'Void …', () => this.how.voidCall(call.call_no)) : null, tool('copy_link', 'copy', 'Copy the link', () => copyText(address), { isSmall: true }));
    fillNode(this.content, amountHead(story), voidStory(story), items(story), this.facts(call));
  }

  /** @param {CallStory['call']} call */
  facts(call) {
    const distributor = call.distributor ?? t('Calls of our own');
    const isRunning = call.status === 'reserved';
    return facts([
      ['Call', h('code', {}, call.call_no)],
      ['Distributor', call.distributor_id && this.how.mayOpenDistributor ? h('a', { href: `#/pipeline_dist/distributor.ui?id=${encodeURIComponent(call.distributor_id)}` }, distributor) : distributor],
      ['Line', h('a', { href: `#/pipeline_core/line.ui?pipeline_id=${encodeURIComponent(call.pipeline_id)}` }, call.pipeline)],
      ['Version', call.version_no ? h('a', { href: `#/pipeline_core/line.ui?pipeline_id=${encodeURIComponent(call.pipeline_id)}&tab=versions` }, `v${call.version_no}`) : ''],
      ['Client reference', call.client_ref], ['Ended', localDateTime(call.finished_at)], ['Duration', durationText(call.duration_ms)],
      ['Lease ends', isRunning ? localDateTime(call.lease_expires_at) : ''], ['Estimate', isRunning && call.estimate !== null ? `${amountText(call.estimate)} ${call.currency}` : ''],
      ['Source', t(SOURCES[call.source] ?? call.source)], ['Booked by', call.source === 'manual' ? call.created_by_text ?? call.created_by : ''],
      ['Tags', Object.keys(call.tags).length ? Object.entries(call.tags).map(([name, value]) => badge(`${name}: ${value}`)) : ''],
      ['Request number', call.request_id ? h('code', {}, call.request_id) : ''],
      ['Idempotency key', call.idempotency_key ? h('code', {}, call.idempotency_key) : ''], ['Quota day', call.day_key], ['Statement', call.month_key], ['No. of settlement', call.entry_no],
      ['Error', call.error], ['Remark', call.remark],
    ]);
  }
}

/** @param {CallStory} story */
function amountHead({ call, amount, charge }) {
  return h('p', { class: 'call-total' }, amount === charge ? null : h('s', { class: 'muted' }, amountText(charge), ' '), h('strong', {}, amountText(amount)), h('span', { class: 'currency' }, ` ${call.currency}`));
}

/** @param {CallStory} story */
function items({ call, items: rows, amount, charge }) {
  const heading = h('h3', {}, t('How the amount came about'));
  if (call.archived) return [heading, h('p', { class: 'muted' }, t('The month is archived: its items stand in the archive file.'))];
  if (!rows.length) return [heading, h('p', { class: 'muted' }, t('Nothing is booked for this call.'))];
  return [heading, h('ol', { class: 'call-items' }, rows.map(itemOf)), rows.length > 1 ? h('p', { class: 'call-sum' }, t('Together'), ' ', h('strong', {}, `${amountText(amount === charge ? amount : charge)} ${call.currency}`)) : null];
}

/** @param {CallItem} item */
function itemOf(item) {
  const name = [item.step_key, item.model].filter(Boolean).join(' · ');
  return h('li', { class: 'call-item' },
    h('div', { class: 'call-item-head' }, h('strong', {}, item.unit), h('span', { class: 'spring' }), h('span', { class: 'amount' }, `${amountText(item.amount)} ${item.currency}`)),
    name ? h('p', { class: 'muted' }, name) : null,
    h('p', { class: 'call-sum-of' }, item.pricing_type === 'package' ? packageSum(item) : unitSum(item)),
    ...notes(item).map((words) => h('p', { class: 'muted' }, words)));
}

/** `500 × 7.20 ÷ 1,000,000 = 0.0036`. @param {CallItem} item */
function unitSum(item) {
  const size = Number(item.unit_size) === 1 ? '' : ` ÷ ${countText(item.unit_size)}`;
  return `${decimalText(item.quantity, 0)} × ${decimalText(item.price)}${size} = ${item.exact ? `${item.exact} ≈ ` : ''}${decimalText(item.amount)} ${item.currency}`;
}

/** `90 − 70 left = 20 → 1 package of 100 × 21.25 = 21.25`. @param {CallItem} item */
function packageSum(item) {
  const { packages } = item;
  if (!packages) return t('${quantity} out of packages of ${size} at ${price} each: ${amount}', { quantity: decimalText(item.quantity, 0), size: countText(item.package_size), price: decimalText(item.price), amount: `${decimalText(item.amount)} ${item.currency}` });
  const words = { quantity: decimalText(item.quantity, 0), before: decimalText(packages.before, 0), count: countText(packages.packages), size: countText(item.package_size), price: decimalText(item.price), amount: `${decimalText(item.amount)} ${item.currency}` };
  return packages.packages > 0 ? t('${quantity} used, ${before} were left: ${count} packages of ${size} bought × ${price} = ${amount}', words)
    : t('${quantity} used, ${before} were left of packages that are paid for: ${amount}', words);
}

/** How the price was found, and what happened to it. @param {CallItem} item */
function notes(item) {
  const isOwn = item.price_scope === 'own';
  const origin = t(isOwn ? 'The distributor\'s own price ${how}' : 'The line\'s price ${how}', { how: t(MATCHES[item.matched ?? 'all'] ?? item.matched ?? '') });
  const since = item.effective_from ? t('since ${when}', { when: localDateTime(item.effective_from, { seconds: false }) }) : '';
  return [
    [origin, since].filter(Boolean).join(' · '),
    item.discount_rate ? t('${list} × ${rate} % (discount) = ${price}', { list: decimalText(item.list_price), rate: movePoint(item.discount_rate, 2), price: decimalText(item.price) }) : '',
    item.exact ? t('Rounded half up to ten decimals.') : '',
    item.packages ? t('${left} left for later calls.', { left: `${decimalText(item.packages.after, 0)} ${item.unit}` }) : '',
  ].filter(Boolean);
}

/** Who voided it, when, why, from which request, and what was reversed. @param {CallStory} story */
function voidStory({ call, reversals }) {
  if (call.status !== 'voided') return null;
  return h('section', { class: 'void-story' }, h('h3', {}, t('Voided')), facts([
    ['When', localDateTime(call.voided_at)], ['By', call.voided_by_text ?? call.voided_by], ['Reason', call.void_reason], ['Request number', call.void_request_id ? h('code', {}, call.void_request_id) : ''],
  ]), h('ul', { class: 'call-items' }, reversals.map((row) => h('li', { class: 'call-item' },
    h('div', { class: 'call-item-head' }, h('strong', {}, row.unit || t('Call')), h('span', { class: 'muted' }, row.unit ? decimalText(row.quantity, 0) : ''), h('span', { class: 'spring' }), h('span', { class: 'amount' }, `${amountText(row.amount)} ${row.currency}`)),
    row.packages ? h('p', { class: 'muted' }, row.packages.packages < 0 ? t('${count} packages taken back', { count: countText(-row.packages.packages) }) : t('No package is taken back: other calls use it, so it stays paid for.'), ' ', t('${left} left for later calls.', { left: decimalText(row.packages.after, 0) })) : null,
    row.month_key !== call.month_key ? h('p', { class: 'muted' }, t('Stands in the statement ${month}', { month: row.month_key })) : null))));
}
