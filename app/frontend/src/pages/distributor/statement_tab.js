/** The statement of a month: looked at, compared, closed, printed, kept as a file, sent. */

import { ask } from '../../core/request.js';
import { dataOf } from '../../core/answer_data.js';
import { fillNode, h } from '../../core/dom.js';
import { icon } from '../../core/icons.js';
import { language, t } from '../../core/i18n.js';
import { printDocument } from '../../core/print.js';
import { read, rowsOf } from '../common/answers.js';
import { emptyNote, notLoaded, tool } from '../common/nodes.js';
import { monthBefore, monthChoice } from './months.js';
import { comparison, comparisonLine } from './statement_comparison.js';
import { openMail } from './statement_mail.js';
import { statementView, STATES } from './statement_view.js';

const API = '/pipeline_dist/api';

export class StatementTab {
  /** @param {DistributorPage} page */
  constructor(page) {
    this.page = page;
    this.month = new URLSearchParams(location.hash.split('?')[1]).get('month') ?? '';
    this.months = /** @type {StatementMonth[]} */ ([]);
    this.monthInView = '';
    this.choice = monthChoice((month) => this.choose(month));
    this.tools = h('span', { class: 'toolbar statement-tools' });
    this.figures = h('div', { class: 'statement-figures' });
    this.comparison = h('div', {});
    this.element = h('div', {});
    this.card = h('section', { class: 'card page-card' },
      h('div', { class: 'toolbar' }, this.choice.element, h('span', { class: 'spring' }), this.tools), this.figures);
  }

  /** @param {string} month */
  choose(month) {
    this.month = month;
    const [path, query] = location.hash.split('?');
    const params = new URLSearchParams(query);
    params.set('month', month);
    if (path.startsWith('#/')) history.replaceState(history.state, '', `${path}?${params}`);
    return this.draw();
  }

  async render() {
    const months = await rowsOf(this.page.owner, `${API}/statement_list.dspy`, { distributor_id: this.page.id, sort: 'month desc' });
    if (!months) return; // said already; the tab offers to try again
    this.months = /** @type {StatementMonth[]} */ (/** @type {unknown} */ (months));
    if (!this.month) this.month = this.months[0]?.month ?? '';
    if (!this.month) {
      fillNode(this.element, h('section', { class: 'card page-card' }, emptyNote('usage', 'No month has anything in it yet: the first call makes the first statement.'), this.creditTools()));
      return;
    }
    this.fillMonths();
    await this.draw();
  }

  /** Only months with something in them, and the one that the address names. */
  fillMonths() {
    const options = this.months.map(({ month, state, number }) => ({ month, text: [month, t(STATES[state][0]), number].filter(Boolean).join(' · ') }));
    if (!this.months.some(({ month }) => month === this.month)) options.unshift({ month: this.month, text: this.month });
    this.choice.fill(options, this.month);
  }

  async draw() {
    const { month } = this;
    const statement = await read(this.page.owner, `${API}/distributor_statement.dspy`, { distributor_id: this.page.id, month });
    // A late answer about another month than the one that is chosen now says nothing here.
    if (month !== this.month) return;
    if (statement) this.drawStatement(statement);
    else if (this.monthInView !== month) this.drawFailure();
    if (this.card.parentNode !== this.element) fillNode(this.element, this.card, this.comparison);
    if (statement) await this.compare(statement);
  }

  drawFailure() {
    this.monthInView = '';
    fillNode(this.tools);
    fillNode(this.comparison);
    fillNode(this.figures, notLoaded(() => this.draw()));
  }

  /** @param {Statement} statement */
  drawStatement(statement) {
    if (this.monthInView !== this.month) fillNode(this.comparison);
    this.monthInView = this.month;
    this.change = h('span', { class: 'statement-change' });
    fillNode(this.tools, this.closeTool(statement), this.creditTools(), this.printLink(statement),
      this.file('csv', 'Download CSV'), this.file('xlsx', 'Download Excel'),
      tool('statement_mail', 'mail', 'Send …', () => openMail(this.page, this.month)));
    fillNode(this.figures, statementView(statement, this.page.id, this.change));
  }

  /** What it was in the month before, if there was anything. @param {Statement} statement */
  async compare(statement) {
    const { month, change } = this;
    const before = monthBefore(month);
    if (!change || !this.months.some((row) => row.month === before)) return;
    const answer = await ask(this.page.owner.app, `${API}/distributor_statement.dspy`, { params: { distributor_id: this.page.id, month: before } });
    if (!answer.ok || month !== this.month) return;
    const earlier = /** @type {Statement} */ (dataOf(answer));
    fillNode(change, comparisonLine(statement, earlier, () => this.choose(before)));
    fillNode(this.comparison, comparison(statement, earlier, this.page.id));
  }

  /** @param {Statement} statement */
  closeTool({ status }) {
    if (status !== 'ended' || !this.page.mayClose) return null;
    const { id, record } = this.page;
    const params = { distributor_id: id, distributor: record.name, month: this.month };
    return tool('statement_close', 'check', 'Close the month …', () => this.page.openWindow('Close the month', 'statement_close', params), { css: 'primary' });
  }

  creditTools() {
    const { record, mayEdit, id } = this.page;
    if (!mayEdit) return [];
    return [tool('adjust', 'update', '调整', () => this.page.openWindow('调整', 'distributor_adjust', { id })),
      record.billing_mode === 'prepaid' ? tool('topup', 'add', '充值', () => this.page.openWindow('充值', 'distributor_topup', { id })) : null];
  }

  /** The document for A4; the browser's own dialog prints it or keeps it as PDF. @param {Statement} statement */
  printLink(statement) {
    const href = `${API}/distributor_statement_page.dspy?${this.query({})}`;
    return h('a', {
      class: 'button tool', href, target: '_blank', rel: 'noopener', 'data-tool': 'statement_print', on: { click: (event) => print(event, href) },
      title: t('Opens the print dialog, which also keeps it as a PDF file'), 'data-month': statement.month,
    }, icon('print'), h('span', {}, t('Print / PDF')));
  }

  /** @param {string} format @param {string} label */
  file(format, label) {
    return h('a', { class: 'button tool', href: `${API}/distributor_statement_file.dspy?${this.query({ format })}`, download: '', 'data-tool': `statement_${format}` }, icon('download'), t(label));
  }

  /** @param {Record<string, string>} more */
  query(more) {
    return new URLSearchParams({ distributor_id: this.page.id, month: this.month, ...more, _lang: language() });
  }
}

/** A plain click prints at once; others open the document, as of any link. @param {At<MouseEvent>} event @param {string} href */
function print(event, href) {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  if (printDocument(href)) event.preventDefault(); // else the link opens it
}
