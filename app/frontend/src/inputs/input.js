/**
 * The base of all inputs. Two directions, two methods: `setValue` is record -> page,
 * `resultValue` is page -> request. A changed input fires `changed` with {name: value}.
 */

import { h, uniqueId } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { withBreaks } from '../core/line_breaks.js';
import { Widget } from '../core/widget.js';
import { defaultOf, normaliseField } from './fields.js';

export class Input extends Widget {
  static commonOptions = false;
  static align = 'start';

  /** @param {FieldDescription} opts @param {WidgetContext} context */
  constructor(opts, context) {
    super(opts, context);
    this.field = normaliseField(opts);
    this.name = this.field.name;
    this.controlId = uniqueId('field');
    // Whoever wraps it reads and writes elsewhere.
    this.control = /** @type {HTMLInputElement} */ (this.makeControl());
    this.dom_element.classList.add('input', `input-${this.field.uitype.replace(/\W+/g, '-')}`);
    this.dom_element.append(this.control);
    if (!this.tellsItself) this.focusElement.addEventListener('change', () => this.changed());
    this.setValue(defaultOf(this.field));
    if (this.field.readonly) this.setReadonly();
  }

  /** The editable element; subclasses that need more wrap it. @returns {HTMLElement} */
  makeControl() {
    return h('input', { ...this.commonAttributes(), type: 'text' });
  }

  commonAttributes() {
    const { field } = this;
    return {
      id: this.controlId,
      name: field.name,
      maxlength: field.maxLength || undefined,
      minlength: field.minlength || undefined,
      'aria-required': field.required || undefined,
      placeholder: field.placeholder ? t(field.placeholder) : undefined,
      autocomplete: 'off',
    };
  }

  /** @returns {FocusElement} */
  get focusElement() {
    return this.control;
  }

  focus() {
    this.focusElement.focus();
  }

  setReadonly() {
    this.isReadonly = true;
    this.focusElement.readOnly = true;
    this.focusElement.setAttribute('aria-readonly', 'true');
  }

  /** Names the input where no visible label stands beside it. @param {string} text */
  setAriaLabel(text) {
    this.focusElement.setAttribute('aria-label', text);
  }

  /** @param {...string} ids */
  describedBy(...ids) {
    this.focusElement.setAttribute('aria-describedby', ids.join(' '));
  }

  /** @param {boolean} isInvalid */
  setInvalid(isInvalid) {
    if (isInvalid) this.focusElement.setAttribute('aria-invalid', 'true');
    else this.focusElement.removeAttribute('aria-invalid');
  }

  get value() {
    return this.resultValue();
  }

  /** @param {unknown} value */
  set value(value) {
    this.setValue(value);
  }

  /** @param {unknown} value */
  setValue(value) {
    this.recordText = value === null || value === undefined ? '' : String(value);
    this.control.value = this.recordText;
    this.boxText = this.control.value;
  }

  /** Told in another way than by a `change` of the element. */
  get tellsItself() {
    return false;
  }

  /** @returns {FieldValue} What is submitted. A field shows some texts otherwise than they are; untouched they stay. */
  resultValue() {
    return withBreaks(this.recordText ?? '', this.boxText ?? '', this.control.value);
  }

  getValue() {
    return { [this.name]: this.resultValue() };
  }

  isEmpty() {
    const value = this.resultValue();
    return value === null || value === undefined || value === '';
  }

  /** @returns {string} what is wrong with the value, in the reader's language; '' when all is well */
  problem() {
    if (this.field.required && this.isEmpty()) return t('Please fill this in.');
    if (this.isEmpty()) return '';
    return this.patternProblem() || this.valueProblem();
  }

  patternProblem() {
    const { pattern } = this.field;
    if (!pattern || typeof this.resultValue() !== 'string') return '';
    try {
      if (new RegExp(`^(?:${pattern})$`, 'u').test(this.resultValue())) return '';
    } catch {
      return ''; // a pattern the browser cannot read is the server's to check
    }
    const { hint } = this.field;
    return hint ? t(hint) : t('This does not have the expected form: ${pattern}', { pattern });
  }

  valueProblem() {
    return '';
  }

  changed() {
    this.dispatch('changed', { [this.name]: this.resultValue() });
  }

  /**
   * Text of a value in a table cell; a server that knows what an id stands for says so.
   * @param {unknown} value
   * @param {Field} field
   * @param {Row} [record]
   */
  static cellText(value, field, record) {
    const text = record?.[`${field?.name}_text`] ?? value;
    return text === null || text === undefined ? '' : String(text);
  }
}
