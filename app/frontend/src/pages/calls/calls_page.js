/** The calls of all distributors: a filter, one row a call, what they come to, one call beside. */

import { dataOf } from '../../core/answer_data.js';
import { fillNode, h } from '../../core/dom.js';
import { countText } from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { ask } from '../../core/request.js';
import { read } from '../common/answers.js';
import { notLoaded, tool } from '../common/nodes.js';
import { readAddress, writeAddress } from './address.js';
import { amountText } from '../../core/amounts.js';
import { CallPanel } from './call_panel.js';
import { CallTable } from './call_table.js';
import { FilterBar } from './filter_bar.js';
import { voidCalls } from './void_dialog.js';

const API = '/pipeline_ops/api';
const ROWS = 50;

export class CallsPage {
  /** @param {Widget} owner */
  constructor(owner) {
    this.owner = owner;
    const { may_void: mayVoid, may_open_distributor: mayOpenDistributor } = /** @type {CallsPageOptions} */ (owner.opts);
    const { filter, call } = readAddress();
    this.filter = filter;
    this.call = call;
    this.bar = new FilterBar(owner, filter, (changed) => this.choose(changed));
    this.table = new CallTable({ mayVoid, read: (callNo) => this.story(callNo), show: (row) => this.show(row.call_no), tellMarks: () => this.drawBulk() });
    this.panel = new CallPanel({ mayVoid, mayOpenDistributor, close: () => this.closePanel(), voidCall: (callNo) => this.voidCalls([callNo]) });
    this.more = h('div', { class: 'calls-more' });
    this.total = h('div', { class: 'calls-total', 'aria-live': 'polite' });
    this.bulk = h('div', { class: 'bulk-bar', hidden: true });
    this.list = h('section', { class: 'card calls-list' }, this.table.element, this.more, this.bulk, this.total);
    this.element = h('article', { class: 'calls-page' }, h('header', { class: 'page-title' }, h('h1', {}, t('All calls')), h('span', { class: 'spring' }), tool('refresh', 'refresh', 'Refresh', () => this.render(), { isSmall: true })),
    this.bar.element, h('div', { class: 'calls-body' }, this.list, this.panel.element));
  }

  async start() {
    await Promise.all([this.load(), this.call ? this.show(this.call) : null]);
  }

  async render() {
    await Promise.all([this.load(), this.call ? this.drawPanel() : null]);
  }

  /** @param {Record<string, string>} filter */
  choose(filter) {
    this.filter = filter;
    writeAddress(filter, this.call);
    return this.load();
  }

  /** The rows, then what all of them come to; a late answer to another filter is nothing here. */
  async load() {
    const ticket = Symbol('load');
    this.ticket = ticket;
    this.list.setAttribute('aria-busy', 'true');
    const answer = await ask(this.owner.app, `${API}/usage_calls.dspy`, { params: { ...this.filter, rows: ROWS } });
    if (this.ticket !== ticket) return;
    this.list.removeAttribute('aria-busy');
    if (!answer.ok) {
      await this.failed(answer);
      return;
    }
    const page = /** @type {CallPage} */ (dataOf(answer));
    this.bar.tell(page);
    this.table.draw(page.rows, this.filter);
    this.table.markOpen(this.call);
    this.drawMore(page.next);
    await this.loadTotal(ticket);
  }

  /** @param {Answer} answer */
  async failed(answer) {
    fillNode(this.table.body, h('tr', { class: 'call-none' }, h('td', { colspan: 7 }, notLoaded(() => this.load()))));
    fillNode(this.more);
    fillNode(this.total);
    await this.owner.app.showAnswer(answer);
  }

  /** @param {CallPage['next']} next */
  drawMore(next) {
    fillNode(this.more, next ? h('button', { type: 'button', 'data-tool': 'more', on: { click: () => this.loadMore(next) } }, t('Show more calls')) : null);
  }

  /** @param {NonNullable<CallPage['next']>} next */
  async loadMore(next) {
    const { ticket } = this;
    const page = /** @type {CallPage | null} */ (await read(this.owner, `${API}/usage_calls.dspy`, { ...this.filter, ...next, rows: ROWS }));
    if (!page || this.ticket !== ticket) return;
    const { length } = this.table.rows;
    this.table.add(page.rows);
    this.drawMore(page.next);
    this.table.node(this.table.rows[length]?.call_no)?.querySelector('a')?.focus();
  }

  /** @param {symbol} ticket */
  async loadTotal(ticket) {
    fillNode(this.total, h('span', { class: 'muted' }, t('Adding up …')));
    const answer = await ask(this.owner.app, `${API}/usage_calls_total.dspy`, { params: this.filter });
    if (this.ticket !== ticket) return;
    if (answer.ok) this.drawTotal(/** @type {CallTotal} */ (dataOf(answer)));
    else fillNode(this.total, h('span', { class: 'bad' }, t(answer.error?.options?.message ?? 'This could not be loaded.')));
  }

  /** @param {CallTotal} total */
  drawTotal({ count, capped, sums }) {
    fillNode(this.total, h('span', { 'data-name': 'listed' }, t(capped ? 'More than ${count} calls listed' : '${count} calls listed', { count: countText(count) })),
      h('span', { class: 'spring' }), sums.map(({ currency, calls, amount }) => h('span', { class: 'calls-sum', 'data-currency': currency },
        t('${count} calls counted', { count: countText(calls) }), h('strong', {}, amountText(amount)), h('span', { class: 'currency' }, currency))));
  }

  /** @param {string} callNo @returns {Promise<CallStory|null>} */
  story(callNo) {
    return read(this.owner, `${API}/usage_call.dspy`, { call_no: callNo });
  }

  /** @param {string} callNo */
  async show(callNo) {
    this.call = callNo;
    writeAddress(this.filter, callNo);
    this.element.classList.add('has-panel');
    this.table.markOpen(callNo);
    this.panel.waiting();
    await this.drawPanel();
    if (this.call === callNo) this.panel.heading.focus();
  }

  async drawPanel() {
    const { call } = this;
    const story = await this.story(call);
    // Another one was opened, or this one closed, meanwhile.
    if (this.call !== call) return;
    if (story) this.panel.draw(story);
    else this.closePanel();
  }

  closePanel() {
    const callNo = this.call;
    this.call = '';
    this.panel.element.hidden = true;
    this.element.classList.remove('has-panel');
    writeAddress(this.filter, '');
    this.table.markOpen('');
    this.table.node(callNo)?.querySelector('a')?.focus();
  }

  drawBulk() {
    const { marks } = this.table;
    this.bulk.hidden = !marks.size;
    fillNode(this.bulk, h('span', {}, t('${count} marked', { count: countText(marks.size) })), tool('void_marked', 'delete', 'Void …', () => this.voidCalls([...marks]), { css: 'danger' }));
  }

  /** @param {string[]} callNos */
  async voidCalls(callNos) {
    if (await voidCalls(this.owner, callNos)) await this.render();
  }
}

export { CallsPage as Page };
