/** The statement of a month: looked at here, kept as a file. */

import { fillNode, h } from '../../core/dom.js';
import { icon } from '../../core/icons.js';
import { countText, decimalText, localDateTime } from '../../core/format.js';
import { language, t } from '../../core/i18n.js';
import { read } from '../common/answers.js';
import { callsFigure, itemParams } from '../common/calls_link.js';
import { badge, emptyNote, notLoaded, plainTable } from '../common/nodes.js';
import { priceText } from '../common/price_text.js';
import { monthField } from './months.js';

const API = '/pipeline_dist/api';

export class StatementTab {
  /** @param {DistributorPage} page */
  constructor(page) {
    this.page = page;
    this.month = page.data.days.last.slice(0, 7);
    this.files = h('span', { class: 'toolbar' });
    this.figures = h('div', {});
    this.element = h('div', {});
    // Made once: who goes through the months by keyboard stays in it.
    this.card = h('section', { class: 'card page-card' },
      h('div', { class: 'toolbar' }, monthField(this.month, (month) => this.choose(month)), h('span', { class: 'spring' }), this.files),
      this.figures);
  }

  /** @param {string} month */
  choose(month) {
    this.month = month;
    return this.render();
  }

  async render() {
    const { month } = this;
    const statement = await read(this.page.owner, `${API}/distributor_statement.dspy`, { distributor_id: this.page.id, month });
    // A late answer about another month than the one that is chosen now says nothing here.
    if (month !== this.month) return;
    if (statement) this.draw(statement);
    else if (this.monthInView !== month) this.drawFailure();
    if (this.card.parentNode !== this.element) fillNode(this.element, this.card);
  }

  drawFailure() {
    this.monthInView = '';
    fillNode(this.files);
    fillNode(this.figures, notLoaded(() => this.render()));
  }

  /** @param {Statement} statement */
  draw(statement) {
    this.monthInView = this.month;
    fillNode(this.files, this.printLink(), this.file('csv', 'Download CSV'), this.file('xlsx', 'Download Excel'));
    fillNode(this.figures, h('p', { class: 'quote-total' }, t('To be paid'), ' ', h('strong', {}, `${decimalText(statement.total)} ${statement.currency}`), ' ',
      statusBadge(statement)),
    h('p', { class: 'muted' }, [...statement.number ? [statement.number] : [], t('${count} calls', { count: countText(statement.calls) }), t('${count} still running', { count: countText(statement.running) }),
      `${localDateTime(statement.from, { seconds: false })} – ${localDateTime(statement.to, { seconds: false })}`].join(' · ')),
    statement.lines.length ? lines(statement.lines, { distributor_id: this.page.id, month: this.month }) : emptyNote('usage', 'Nothing was called in this month.'),
    ...corrections(statement), ...adjustments(statement));
  }

  printLink() {
    const query = new URLSearchParams({ distributor_id: this.page.id, month: this.month, _lang: language() });
    return h('a', { class: 'button tool', href: `${API}/distributor_statement_page.dspy?${query}`, target: '_blank', rel: 'noopener', 'data-tool': 'statement_print' }, t('Print page'));
  }

  /** @param {string} format @param {string} label */
  file(format, label) {
    const query = new URLSearchParams({ distributor_id: this.page.id, month: this.month, format, _lang: language() });
    return h('a', { class: 'button tool', href: `${API}/distributor_statement_file.dspy?${query}`, download: '', 'data-tool': `statement_${format}` }, icon('download'), t(label));
  }
}

/** @param {Statement} statement */
function statusBadge({ status }) {
  if (status === 'closed') return badge(t('closed'), 'good');
  return badge(status === 'ended' ? t('not closed yet') : t('the month runs'), 'warn');
}

/** What belongs to closed months, under a heading if there is any. @param {Statement} statement */
function corrections({ corrections: rows }) {
  if (!rows.length) return [];
  const headings = [{ label: 'Month' }, { label: 'Call' }, { label: 'Line' }, { label: 'Step' }, { label: 'Model' }, { label: 'Unit' }, { label: 'Reason' },
    { label: 'Quantity', isNumber: true }, { label: 'Amount', isNumber: true }];
  return [h('h3', { class: 'statement-part' }, t('Corrections of closed months')), plainTable('Corrections of closed months', headings, rows.map((row) => [row.month, callsFigure(row.call_no, 1, { call: row.call_no, q: row.call_no }),
    row.pipeline_name, row.step_key || '–', row.model || '–', row.unit || '–', row.reason || '–', decimalText(row.quantity, 0), decimalText(row.amount)]))];
}

/** What was adjusted by hand, under a heading if there is any. @param {Statement} statement */
function adjustments({ adjustments: rows }) {
  if (!rows.length) return [];
  const headings = [{ label: 'Booked' }, { label: 'Reason' }, { label: 'Reference' }, { label: 'Amount', isNumber: true }];
  return [h('h3', { class: 'statement-part' }, t('Adjustments')), plainTable('Adjustments', headings,
    rows.map((row) => [localDateTime(row.booked_at, { seconds: false }), row.reason, row.reference ?? '–', decimalText(row.amount)]))];
}

/** @param {StatementLine[]} rows @param {Record<string, string>} statement whose and of which month */
function lines(rows, statement) {
  return plainTable('Statement', [{ label: 'Line' }, { label: 'Step' }, { label: 'Model' }, { label: 'Unit' }, { label: 'Price' },
    { label: 'Calls', isNumber: true }, { label: 'Quantity', isNumber: true }, { label: 'Amount', isNumber: true }],
  rows.map((row) => [row.pipeline_name, row.step_key || '–', row.model || '–', row.unit, priceText(row), callsFigure(countText(row.calls), row.calls, { ...statement, pipeline: row.pipeline, ...itemParams(row) }), decimalText(row.quantity, 0), decimalText(row.amount)]));
}
