/** "From when": at once, from the first of the next month, or from a day that one chooses. */

import { h, uniqueId } from '../core/dom.js';
import { isoFromLocal, localDateTime, localFromIso, zoneLabel } from '../core/format.js';
import { t } from '../core/i18n.js';

const NOW = 'now';
const OTHER = 'other';

export class WhenChoice {
  /**
   * @param {string} name what it is called in a request
   * @param {string} label
   * @param {string|undefined} nextMonth when the next month of bills begins
   * @param {unknown} [day] a day that is said already
   */
  constructor(name, label, nextMonth, day) {
    this.nextMonth = nextMonth;
    const group = uniqueId('when');
    /** @param {string} value @param {...Child} words */
    const choice = (value, ...words) => h('label', { class: 'check-label' },
      h('input', { type: 'radio', name: group, value, checked: value === (day ? OTHER : nextMonth ? 'next' : NOW) }), h('span', {}, ...words));
    this.day = h('input', {
      type: 'datetime-local', step: '1', value: localFromIso(day ?? nextMonth).slice(0, 16), 'aria-label': t(label),
      on: { focus: () => this.choose(OTHER), input: () => this.choose(OTHER) },
    });
    this.error = h('p', { class: 'field-error', id: uniqueId('error'), role: 'alert', hidden: true });
    this.day.setAttribute('aria-describedby', this.error.id);
    this.element = h('fieldset', { class: 'when-choice field', 'data-field': name }, h('legend', { class: 'field-label' }, t(label)),
      nextMonth ? choice('next', t('From the first of next month'), ' ', h('span', { class: 'muted' }, localDateTime(nextMonth, { seconds: false }))) : null,
      choice(NOW, t('At once')), choice(OTHER, t('At another time'), ' '), this.day, this.error,
      h('p', { class: 'field-tip' }, t('Your time zone: ${zone}', { zone: zoneLabel() })));
    this.element.addEventListener('input', () => this.setError(''));
  }

  /** @param {string} value */
  choose(value) {
    const radio = /** @type {HTMLInputElement|null} */ (this.element.querySelector(`input[value=${value}]`));
    if (radio) radio.checked = true;
  }

  /** @param {string} message '' takes it away */
  setError(message) {
    this.error.textContent = message;
    this.error.hidden = !message;
    this.element.classList.toggle('has-error', Boolean(message));
    this.day.setAttribute('aria-invalid', String(Boolean(message)));
  }

  /** `now`, or a time with its zone. Null where a day was to be chosen and is none: that is said here, and nothing is to be sent. */
  answer() {
    const choice = /** @type {HTMLInputElement|null} */ (this.element.querySelector('input[type=radio]:checked'))?.value;
    if (choice !== OTHER) return choice === 'next' ? this.nextMonth ?? NOW : NOW;
    const day = isoFromLocal(this.day.value);
    this.setError(day ? '' : t('Give the day and the time.'));
    if (!day) this.day.focus();
    return day;
  }

  focus() {
    /** @type {HTMLElement|null} */ (this.element.querySelector('input[type=radio]:checked'))?.focus();
  }
}
