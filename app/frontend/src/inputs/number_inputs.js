/**
 * Numbers: int, float, decimal. All are text inputs with the fitting keyboard: a browser's number
 * input loses digits, turns the wheel into edits, and hides what it cannot read. Values stay texts.
 */

import { h } from '../core/dom.js';
import { decimalText, movePoint, shareText } from '../core/format.js';
import { t } from '../core/i18n.js';
import { typedNumber } from '../core/typed_number.js';
import { Input } from './input.js';
import { registerInput } from './registry.js';

export class NumberInput extends Input {
  static align = 'end';
  static pattern = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;
  static keyboard = 'decimal';
  static isWhole = false;
  static wrong = 'Please enter a number.';

  /** @returns {HTMLElement} */
  makeControl() {
    return h('input', {
      ...this.commonAttributes(), type: 'text', inputmode: this.constructor.keyboard, maxlength: undefined,
    });
  }

  /** @returns {FieldValue} */
  resultValue() {
    return typedNumber(this.control.value, { isWhole: this.constructor.isWhole });
  }

  valueProblem() {
    const text = this.resultValue();
    if (!this.constructor.pattern.test(text)) return this.noNumber(text);
    const { minimum, maximum } = this.field;
    if (minimum !== undefined && Number(text) < Number(minimum)) {
      return t('At least ${minimum}.', { minimum });
    }
    if (maximum !== undefined && Number(text) > Number(maximum)) {
      return t('At most ${maximum}.', { maximum });
    }
    return '';
  }

  /** @param {string} text */
  noNumber(text) {
    return text.includes(',') ? t('Please write the decimal point as . and use no commas.') : t(this.constructor.wrong);
  }

  patternProblem() {
    return '';
  }
}

class IntInput extends NumberInput {
  static pattern = /^[+-]?\d+$/;
  static keyboard = 'numeric';
  static isWhole = true;
  static wrong = 'Please enter a whole number.';

  /** @param {unknown} value */
  static cellText(value) {
    return value === null || value === undefined ? '' : decimalText(value);
  }
}

class FloatInput extends NumberInput {
  /** @param {unknown} value @param {Field} field */
  static cellText(value, field) {
    if (value === null || value === undefined || value === '') return '';
    const number = Number(value);
    return Number.isFinite(number) && field.decimals !== undefined
      ? number.toFixed(field.decimals) : String(value);
  }
}

/** Money and other exact amounts: the text that was typed is the text that is sent. */
class DecimalInput extends NumberInput {
  static pattern = /^[+-]?(\d+(\.\d*)?|\.\d+)$/;

  /** @param {unknown} value */
  setValue(value) {
    super.setValue(decimalText(value).replaceAll(',', ''));
  }

  valueProblem() {
    const digits = this.resultValue().split('.')[1]?.replace(/0+$/, '').length ?? 0;
    if (this.field.decimals !== undefined && digits > this.field.decimals) {
      return t('At most ${decimals} digits after the point.', { decimals: this.field.decimals });
    }
    return super.valueProblem();
  }

  /** @param {unknown} value */
  static cellText(value) {
    return decimalText(value);
  }
}

/** A decimal with its unit behind it: `field.currency`, for instance CNY. */
export class MoneyInput extends DecimalInput {
  makeControl() {
    this.text = /** @type {HTMLInputElement} */ (super.makeControl());
    return h('div', { class: 'with-unit' }, this.text, h('span', {}, this.field.currency ?? ''));
  }

  get focusElement() {
    return this.text;
  }

  /** @param {unknown} value */
  setValue(value) {
    this.text.value = decimalText(value).replaceAll(',', '');
  }

  resultValue() {
    return typedNumber(this.text.value);
  }
}

/**
 * A share of a price: 0.85 in the database is 85 % for the reader, who may type 8.5 折 as well. The
 * point moves; nothing is rounded.
 */
export class PercentInput extends DecimalInput {
  /** @param {FieldDescription} opts @param {WidgetContext} context */
  constructor(opts, context) {
    super(opts, context);
    if (this.field.decimals !== undefined) this.field = { ...this.field, decimals: Math.max(0, this.field.decimals - 2) };
  }

  makeControl() {
    this.text = /** @type {HTMLInputElement} */ (super.makeControl());
    return h('div', { class: 'with-unit' }, this.text, h('span', {}, '%'));
  }

  get focusElement() {
    return this.text ?? super.focusElement;
  }

  /** @param {unknown} value */
  setValue(value) {
    this.text.value = value === null || value === undefined || value === '' ? ''
      : decimalText(movePoint(value, 2), 0).replaceAll(',', '');
  }

  /** What is typed, for the checks; what is sent is a share. */
  get percentText() {
    const text = this.text.value.normalize('NFKC').trim();
    const number = text.replace(/[%折]$/, '').trim();
    if (number === '') return null;
    return text.endsWith('折') ? movePoint(number, 1) : number;
  }

  resultValue() {
    return this.percentText === null ? null : movePoint(this.percentText, -2);
  }

  valueProblem() {
    const text = this.percentText ?? '';
    if (!this.constructor.pattern.test(text)) return this.noNumber(text);
    const digits = text.split('.')[1]?.replace(/0+$/, '').length ?? 0;
    const { decimals, minimum, maximum } = this.field;
    if (decimals !== undefined && digits > decimals) return t('At most ${decimals} digits after the point.', { decimals });
    if (minimum !== undefined && Number(this.resultValue()) < Number(minimum)) {
      return t('At least ${minimum}.', { minimum: `${movePoint(minimum, 2)}%` });
    }
    if (maximum !== undefined && Number(this.resultValue()) > Number(maximum)) {
      return t('At most ${maximum}.', { maximum: `${movePoint(maximum, 2)}%` });
    }
    return '';
  }

  /** @param {unknown} value */
  static cellText(value) {
    return shareText(value);
  }
}

registerInput('money', MoneyInput, 'UiMoney');
registerInput('percent', PercentInput, 'UiPercent');
registerInput('int', IntInput, 'UiInt');
registerInput('float', FloatInput, 'UiFloat');
registerInput('decimal', DecimalInput, 'UiDecimal');
