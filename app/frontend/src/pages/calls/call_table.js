/** One row a call, with its items below it where it is opened; the amounts of both line up. */

import { fillNode, h } from '../../core/dom.js';
import { decimalText, localDateTime } from '../../core/format.js';
import { icon } from '../../core/icons.js';
import { t } from '../../core/i18n.js';
import { callsLink } from '../common/calls_link.js';
import { durationText } from '../common/duration.js';
import { emptyNote } from '../common/nodes.js';
import { priceText } from '../../core/price_words.js';
import { AmountColumn } from '../../core/amounts.js';
import { statusBadge } from './status.js';

const COLUMNS = 7;

export class CallTable {
  /**
   * @param {{mayVoid: boolean, read: (callNo: string) => Promise<CallStory|null>, show: (row: CallRow) => unknown, tellMarks: () => unknown}} how
   */
  constructor(how) {
    this.how = how;
    this.amounts = new AmountColumn();
    this.rows = /** @type {CallRow[]} */ ([]);
    this.marks = /** @type {Set<string>} */ (new Set());
    this.openCall = '';
    this.body = h('tbody', {});
    this.all = h('input', { type: 'checkbox', 'aria-label': t('Mark all calls of this page'), on: { change: () => this.markAll() } });
    this.table = h('table', { class: 'call-table', on: { keydown: (event) => this.key(event) } }, h('caption', { class: 'visually-hidden' }, t('Calls')),
      h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, how.mayVoid ? this.all : null, h('span', { class: 'call-began' }, t('Began'))), ['Distributor', 'Line', 'Client reference', 'Status'].map((label) => h('th', { scope: 'col' }, t(label))),
        h('th', { scope: 'col', class: 'call-duration align-end' }, t('Duration')), h('th', { scope: 'col', class: 'align-end' }, t('Amount')))), this.body);
    this.element = h('div', { class: 'scroll-x call-scroll', tabindex: '0', role: 'region', 'aria-label': t('Calls') }, this.table);
  }

  /** @param {CallRow[]} rows @param {Record<string, string>} filter */
  draw(rows, filter) {
    this.rows = [];
    this.filter = filter;
    this.marks.clear();
    this.amounts.clear();
    fillNode(this.body, rows.length ? null : h('tr', { class: 'call-none' }, h('td', { colspan: COLUMNS }, emptyNote('usage', 'No call fits this filter.'))));
    this.add(rows);
  }

  /** What comes behind. @param {CallRow[]} rows */
  add(rows) {
    this.rows.push(...rows);
    for (const row of rows) this.body.append(this.rowOf(row));
    this.tellMarks();
  }

  /** @param {CallRow} row */
  rowOf(row) {
    const isOff = row.amount !== row.charge;
    const node = h('tr', { class: ['call-row', `is-${row.status}`], 'data-call': row.call_no, 'aria-current': row.call_no === this.openCall ? 'true' : undefined },
      h('th', { scope: 'row' }, this.how.mayVoid ? this.check(row) : null, this.chevron(row), this.link(row)),
      h('td', { class: 'call-distributor', title: row.distributor ?? '' }, row.distributor ?? h('span', { class: 'muted' }, t('Calls of our own'))),
      h('td', { class: 'call-pipeline', title: row.pipeline ?? '' }, row.pipeline ?? '–', row.version_no ? h('span', { class: 'muted' }, ` v${row.version_no}`) : null),
      h('td', { class: 'call-ref', title: row.client_ref ?? '' }, row.client_ref ?? ''),
      h('td', { class: 'call-status' }, statusBadge(row.status)),
      h('td', { class: 'call-duration align-end' }, durationText(row.duration_ms)),
      h('td', { class: 'call-amount align-end' }, isOff ? h('s', { title: t('Charged'), class: 'muted' }, decimalText(row.charge), ' ') : null, this.amounts.cell(row.amount, row.currency)));
    return node;
  }

  /** @param {CallRow} row */
  check(row) {
    /** @type {HTMLInputElement} */
    const box = h('input', { type: 'checkbox', 'aria-label': t('Mark call ${call}', { call: row.client_ref || row.call_no }), on: { change: () => this.mark(row, box.checked) } });
    return box;
  }

  /** @param {CallRow} row */
  chevron(row) {
    return h('button', {
      type: 'button', class: 'expander plain', 'aria-expanded': 'false', 'aria-label': t('Items of call ${call}', { call: row.client_ref || row.call_no }), disabled: !Number(row.items) && !row.archived,
      on: { click: () => this.toggle(row) },
    }, icon('right'));
  }

  /** A link with an address of its own; a plain click opens the panel beside. @param {CallRow} row */
  link(row) {
    return h('a', {
      class: 'call-began', href: callsLink({ ...this.filter, call: row.call_no }), title: row.call_no,
      on: { click: (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
        event.preventDefault();
        this.how.show(row);
      } },
    }, localDateTime(row.started_at));
  }

  /** @param {string} callNo @returns {HTMLElement | null} */
  node(callNo) {
    return this.body.querySelector(`tr[data-call="${CSS.escape(callNo)}"]`);
  }

  /** @param {CallRow} row @param {boolean} [isOpen] the other way round unless it is told */
  async toggle(row, isOpen) {
    const node = this.node(row.call_no);
    const button = node?.querySelector('.expander');
    if (!node || !button || /** @type {HTMLButtonElement} */ (button).disabled) return;
    const goal = isOpen ?? button.getAttribute('aria-expanded') !== 'true';
    if (goal === (button.getAttribute('aria-expanded') === 'true')) return;
    button.setAttribute('aria-expanded', String(goal));
    if (!goal) {
      for (const item of this.body.querySelectorAll(`[data-of="${CSS.escape(row.call_no)}"]`)) item.remove();
      return;
    }
    const story = await this.how.read(row.call_no);
    // It was closed again, or other rows are shown, meanwhile.
    if (button.getAttribute('aria-expanded') !== 'true' || !node.isConnected) return;
    if (!story) button.setAttribute('aria-expanded', 'false');
    else node.after(...this.itemRows(story));
  }

  /** @param {CallStory} story @returns {HTMLElement[]} */
  itemRows({ call, items, reversals }) {
    const of = { 'data-of': call.call_no };
    if (call.archived) return [h('tr', { class: 'item-row', ...of }, h('td', { colspan: COLUMNS }, t('The month is archived: its items stand in the archive file.')))];
    const rows = items.map((item) => this.itemRow(of, item, priceText({ ...item, unit_price: item.price, package_price: item.price })));
    return [...rows, ...reversals.map((row) => this.itemRow(of, row, t('reversed')))];
  }

  /** @param {Record<string, string>} of @param {CallItem | CallReversal} item @param {string} words */
  itemRow(of, item, words) {
    return h('tr', { class: 'item-row', ...of },
      h('td', { class: 'item-name', colspan: 2 }, [item.step_key, item.model].filter(Boolean).join(' · ') || '–'),
      h('td', { colspan: 2, class: 'item-price' }, `${decimalText(item.quantity, 0)} ${item.unit}`, h('span', { class: 'muted' }, ` · ${words}`)), h('td', {}), h('td', { class: 'call-duration' }),
      h('td', { class: 'call-amount align-end' }, this.amounts.cell(item.amount, item.currency)));
  }

  /** Which call the panel shows. @param {string} callNo */
  markOpen(callNo) {
    this.node(this.openCall)?.removeAttribute('aria-current');
    this.openCall = callNo;
    this.node(callNo)?.setAttribute('aria-current', 'true');
  }

  /** @param {CallRow} row @param {boolean} isMarked */
  mark(row, isMarked) {
    if (isMarked) this.marks.add(row.call_no);
    else this.marks.delete(row.call_no);
    this.tellMarks();
  }

  markAll() {
    for (const row of this.rows) {
      const box = /** @type {HTMLInputElement | null | undefined} */ (this.node(row.call_no)?.querySelector('input[type=checkbox]'));
      if (box) box.checked = this.all.checked;
      if (this.all.checked) this.marks.add(row.call_no);
      else this.marks.delete(row.call_no);
    }
    this.tellMarks();
  }

  tellMarks() {
    this.all.checked = this.rows.length > 0 && this.marks.size === this.rows.length;
    this.all.indeterminate = this.marks.size > 0 && !this.all.checked;
    this.how.tellMarks();
  }

  /** Up and down go from call to call, right and left open and close its items. @param {At<KeyboardEvent>} event */
  key(event) {
    const at = /** @type {Element} */ (event.target).closest('tr.call-row');
    const row = this.rows.find(({ call_no: callNo }) => callNo === at?.getAttribute('data-call'));
    if (!at || !row || /** @type {Element} */ (event.target).matches('input')) return;
    if (event.key === 'ArrowRight' || event.key === 'ArrowLeft') this.toggle(row, event.key === 'ArrowRight');
    else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') this.step(row, event.key === 'ArrowDown' ? 1 : -1);
    else return;
    event.preventDefault();
  }

  /** @param {CallRow} row @param {number} by */
  step(row, by) {
    const next = this.rows[this.rows.indexOf(row) + by];
    if (next) this.node(next.call_no)?.querySelector('a')?.focus();
  }
}
