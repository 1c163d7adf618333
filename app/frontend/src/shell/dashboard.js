/** Dashboard: what to do first while something is missing, then how much the lines are used. */

import { ask } from '../core/request.js';
import { append, h } from '../core/dom.js';
import { countText, decimalText } from '../core/format.js';
import { icon } from '../core/icons.js';
import { register } from '../core/registry.js';
import { t } from '../core/i18n.js';
import { Widget } from '../core/widget.js';
import { dayBars } from './day_bars.js';

class Dashboard extends Widget {
  constructor(opts, context) {
    super(opts, context);
    this.dom_element.classList.add('dashboard');
    this.dom_element.append(h('h1', {}, t('Overview')));
  }

  async built(isAgain = false) {
    // Nobody is asked to sign in because a page refreshed itself.
    this.how = { anonymous: isAgain };
    const [stats, counts] = await Promise.all([this.stats(), this.counts()]);
    if (isAgain) this.dom_element.replaceChildren(h('h1', {}, t('Overview')));
    append(this.dom_element, [this.firstSteps(counts, stats), this.countCards(counts), this.usage(stats)]);
    if (this.opts.refresh_seconds > 0) {
      this.timer = setTimeout(() => this.again(), this.opts.refresh_seconds * 1000);
    }
  }

  /** What nobody looks at is not refreshed. */
  again() {
    if (!this.dom_element.isConnected) return;
    if (document.hidden) {
      this.timer = setTimeout(() => this.again(), this.opts.refresh_seconds * 1000);
      return;
    }
    this.built(true);
  }

  /** @returns {Promise<object|null>} null when the figures cannot be had */
  async stats() {
    const answer = await ask(this.app, this.opts.stats_url, this.how);
    if (!answer.ok) return null;
    const { value } = answer;
    return value?.data ?? value?.options?.user_data ?? value;
  }

  /** How many records each list has; null for one that cannot be read. */
  async counts() {
    const entries = await Promise.all((this.opts.counts ?? []).map(async (one) => {
      const answer = await ask(this.app, one.data_url, {
        ...this.how, params: { page: 1, rows: 1, ...(one.params ?? {}) },
      });
      return [one.name, answer.ok ? Number(answer.value?.total ?? 0) : null];
    }));
    return Object.fromEntries(entries);
  }

  /** The way from nothing to the first call; gone when all of it is done. */
  firstSteps(counts) {
    const steps = this.opts.first_steps ?? [];
    const isDone = (step) => (counts[step.count] ?? 1) > 0;
    if (steps.every(isDone)) return null;
    return h('section', { class: 'card first-steps' }, h('h2', {}, t('First steps')),
      h('ol', {}, steps.map((step) => h('li', { class: isDone(step) && 'done' },
        h('span', { class: 'step-mark' }, isDone(step) ? icon('check') : null),
        h('div', {}, h('a', { href: `#${step.url}` }, t(step.label)), h('p', { class: 'muted' }, t(step.help))),
        isDone(step) ? h('span', { class: 'visually-hidden' }, t('done')) : null))));
  }

  countCards(counts) {
    const cards = (this.opts.counts ?? []).filter(({ label, name }) => label && counts[name] !== null);
    return h('section', { class: 'cards', 'aria-label': t('Counts') }, cards.map((one) => h('a', { class: 'card count-card', href: `#${one.url}` },
      icon(one.icon), h('strong', {}, countText(counts[one.name])), h('span', {}, t(one.label)))));
  }

  usage(stats) {
    if (!stats || typeof stats !== 'object') return null;
    return [
      h('section', { class: 'cards', 'aria-label': t('Usage') },
        this.period('Today', stats.today), this.period('This month', stats.month)),
      Array.isArray(stats.by_day) && stats.by_day.length ? h('section', { class: 'card' }, h('h2', {}, t('Calls per day')), dayBars(stats.by_day)) : null,
      this.topLines(stats.top_pipelines),
    ];
  }

  period(title, figures) {
    if (!figures) return null;
    const amounts = amountTexts(figures.amounts ?? figures.amount);
    return h('div', { class: 'card period-card' }, h('h2', {}, t(title)),
      h('p', {}, h('strong', {}, countText(figures.calls)), ` ${t('calls')}`),
      amounts.length ? amounts.map((text) => h('p', { class: 'amount' }, text)) : h('p', { class: 'muted' }, t('No amount yet')));
  }

  topLines(lines) {
    if (!Array.isArray(lines) || !lines.length) return null;
    return h('section', { class: 'card' }, h('h2', {}, t('Busiest lines')), h('div', { class: 'scroll-x' }, h('table', { class: 'plain-table' },
      h('thead', {}, h('tr', {}, h('th', {}, t('Line')), h('th', { class: 'align-end' }, t('Calls')), h('th', { class: 'align-end' }, t('Amount')))),
      h('tbody', {}, lines.map((line) => h('tr', {}, h('td', {}, line.name ?? line.pipeline_id_text ?? line.code ?? line.pipeline_id ?? ''),
        h('td', { class: 'align-end' }, countText(line.calls)),
        h('td', { class: 'align-end' }, amountTexts(line.amounts ?? line.amount, line.currency).join(' · '))))))));
  }

  released() {
    clearTimeout(this.timer);
    super.released();
  }
}

/** Amounts of different currencies are never added: one text each. */
function amountTexts(amounts, currency = '') {
  if (amounts === null || amounts === undefined || amounts === '') return [];
  if (Array.isArray(amounts)) return amounts.map((one) => `${decimalText(short(one.amount))} ${one.currency ?? ''}`.trim());
  if (typeof amounts === 'object') return Object.entries(amounts).map(([name, value]) => `${decimalText(short(value))} ${name}`);
  return [`${decimalText(short(amounts))} ${currency}`.trim()];
}

/** Ten decimals are for the books; an overview shows four, cut and not rounded. */
function short(amount) {
  return String(amount).replace(/(\.\d{4})\d+$/, '$1');
}

register('Dashboard', Dashboard);
