/** Choosing a period: a word for it, or the first and the last day. */

import { debounce, fillNode, h } from '../../core/dom.js';
import { t } from '../../core/i18n.js';

/** What says of which time a list or figures are; choosing one of them ends the others. */
const TIMES = ['period', 'first_day', 'last_day', 'from', 'to', 'month'];
const TYPING_MS = 700;
const OLDEST_DAY = '2000-01-01';

export class PeriodPicker {
  /**
   * @param {[string, string][]} choices values and labels
   * @param {Record<string, string>} filter what is chosen now
   * @param {(times: Record<string, string|undefined>) => unknown} choose undefined: no longer chosen
   */
  constructor(choices, filter, choose) {
    this.filter = filter;
    this.choose = choose;
    /** The days that the server takes the period for. @type {{first_day: string|null, last_day: string|null}|undefined} */
    this.span = undefined;
    this.isOwn = Boolean(filter.first_day || filter.last_day);
    this.words = h('div', { class: 'segments', role: 'group', 'aria-label': t('Period') },
      choices.map(([value, label]) => h('button', { type: 'button', 'data-period': value, on: { click: () => this.chooseWord(value) } }, t(label))),
      h('button', { type: 'button', 'data-period': 'own', on: { click: () => this.chooseOwn() } }, t('Own period')));
    this.days = h('div', { class: 'own-days' });
    this.element = h('div', { class: 'filter-line' }, this.words, this.days);
  }

  /** @param {Record<string, string|undefined>} times */
  set(times) {
    return this.choose({ ...Object.fromEntries(TIMES.map((name) => [name, undefined])), ...times });
  }

  /** @param {string} period */
  chooseWord(period) {
    this.isOwn = false;
    return this.set({ period });
  }

  chooseOwn() {
    this.isOwn = true;
    this.set({ first_day: this.span?.first_day ?? undefined, last_day: this.span?.last_day ?? undefined });
    this.days.querySelector('input')?.focus();
  }

  /** @param {Record<string, string>} filter @param {string} current the word that is chosen; '' for none */
  show(filter, current) {
    this.filter = filter;
    // The same buttons stay: one of them may be what is clicked while a day is left.
    for (const button of this.words.querySelectorAll('button')) {
      const value = button.dataset.period;
      button.setAttribute('aria-pressed', String(value === 'own' ? this.isOwn : !this.isOwn && value === current));
    }
    this.drawDays();
  }

  drawDays() {
    if (!this.isOwn) {
      fillNode(this.days);
      return;
    }
    const inputs = ['first_day', 'last_day'].map((name) => this.days.querySelector(`[name="${name}"]`) ?? this.dayField(name));
    for (const input of inputs) /** @type {HTMLInputElement} */ (input).value = this.filter[input.getAttribute('name') ?? ''] ?? '';
    if (!this.days.childNodes.length) fillNode(this.days, inputs[0], ' – ', inputs[1]);
  }

  /**
   * A date field tells each key that makes a date: while one types, nothing is asked for that is not in
   * order, and the other day stays; when it is left, that goes along.
   * @param {string} name
   */
  dayField(name) {
    const isFirst = name === 'first_day';
    const other = isFirst ? 'last_day' : 'first_day';
    const leave = () => {
      const day = input.value;
      if (!input.isConnected || !this.isOwn) return; // another period was chosen meanwhile
      if (day === (this.filter[name] ?? '') || (day && day < OLDEST_DAY)) return;
      const otherDay = this.filter[other] ?? '';
      const isBeyond = Boolean(day && otherDay) && (isFirst ? day > otherDay : day < otherDay);
      this.choose({ [name]: day || undefined, ...(isBeyond ? { [other]: day } : {}) });
    };
    const changed = debounce(() => {
      const otherDay = this.filter[other] ?? '';
      const isInOrder = !otherDay || (isFirst ? input.value <= otherDay : input.value >= otherDay);
      if (input.value && isInOrder) leave();
    }, TYPING_MS);
    /** @type {HTMLInputElement} */
    const input = h('input', {
      type: 'date', name, min: OLDEST_DAY, 'aria-label': t(isFirst ? 'First day' : 'Last day'),
      on: { change: changed, blur: leave, keydown: (event) => event.key === 'Enter' && leave() },
    });
    return input;
  }
}
