/** Days and times: date, time, datetime (shown in the reader's zone, sent as ISO 8601 with Z). */

import { h } from '../core/dom.js';
import { isoFromLocal, localDateTime, localFromIso } from '../core/format.js';
import { Input } from './input.js';
import { registerInput } from './registry.js';

export class NativeTimeInput extends Input {
  static type = 'date';

  makeControl() {
    return h('input', {
      ...this.commonAttributes(), type: this.constructor.type, maxlength: undefined,
      min: this.field.min_date, max: this.field.max_date,
    });
  }

  /** @returns {FieldValue} */
  resultValue() {
    return this.control.value || null;
  }

  patternProblem() {
    return '';
  }
}

class DateInput extends NativeTimeInput {
  /** @param {unknown} value */
  setValue(value) {
    super.setValue(value ? String(value).slice(0, 10) : '');
  }
}

class TimeInput extends NativeTimeInput {
  static type = 'time';

  makeControl() {
    const control = /** @type {HTMLInputElement} */ (super.makeControl());
    control.step = '1';
    return control;
  }
}

class DateTimeInput extends NativeTimeInput {
  static type = 'datetime-local';

  makeControl() {
    const control = /** @type {HTMLInputElement} */ (super.makeControl());
    control.step = '1';
    return control;
  }

  /** @param {unknown} value */
  setValue(value) {
    this.original = value;
    // An input with seconds shows whole ones only; the milliseconds of an untouched value are kept.
    this.boxText = localFromIso(value).slice(0, 19);
    super.setValue(this.boxText);
    this.boxText = this.control.value;
  }

  resultValue() {
    if (this.boxText && this.control.value === this.boxText) return this.original;
    return isoFromLocal(this.control.value);
  }

  /** @param {unknown} value */
  static cellText(value) {
    return localDateTime(value);
  }
}

registerInput('date', DateInput, 'UiDate');
registerInput('time', TimeInput, 'UiTime');
registerInput('datetime', DateTimeInput, 'UiDateTime');
registerInput('timestamp', class extends DateTimeInput {});
