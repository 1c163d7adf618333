/** One input with its label, tip and error. */

import { h, uniqueId } from '../core/dom.js';
import { inputClass } from '../inputs/registry.js';
import { normaliseField } from '../inputs/fields.js';
import { t } from '../core/i18n.js';
import { zoneLabel } from '../core/format.js';
import { noteOf } from './field_notes.js';

export class FormField {
  /**
   * @param {FieldDescription} field description of the field
   * @param {Widget} form
   * @param {{showLabel?: boolean}} [how]
   */
  constructor(field, form, { showLabel = true } = {}) {
    this.field = normaliseField(field);
    const Class = inputClass(this.field.uitype);
    this.input = new Class(this.field, { app: form.app, baseUri: form.baseUri, parent: form });
    this.isHidden = this.field.uitype === 'hide';
    this.tip = h('p', { class: 'field-tip', id: uniqueId('tip') }, this.tipText());
    this.error = h('p', { class: 'field-error', id: uniqueId('error'), role: 'alert', hidden: true });
    this.element = this.layOut(showLabel);
    this.input.describedBy(this.tip.id, this.error.id);
    if (!showLabel) this.input.setAriaLabel(t(this.field.label));
    // JSON is easily broken and hard to mend later: its faults are told when one leaves it.
    this.input.bind('changed', () => this.setError(this.field.uitype === 'json' ? this.input.problem() : ''));
    this.input.dom_element.addEventListener('input', () => this.setError(''));
  }

  tipText() {
    const tip = t(this.field.tip);
    if (!['datetime', 'timestamp'].includes(this.field.uitype)) return tip;
    return [tip, t('Your time zone: ${zone}', { zone: zoneLabel() })].filter(Boolean).join(' · ');
  }

  /** @param {boolean} showLabel */
  layOut(showLabel) {
    const { field, input } = this;
    const isWide = ['text', 'json', 'file', 'image'].includes(field.uitype) || field.wide === true;
    const label = showLabel ? h('label', { class: 'field-label', for: input.controlId }, t(field.label),
      field.required ? h('span', { class: 'required-mark', 'aria-hidden': 'true' }, ' *') : null) : null;
    return h('div', {
      class: ['field', `field-${field.uitype}`, isWide && 'field-wide'], hidden: this.isHidden,
      'data-field': field.name,
    }, label, input.dom_element, this.tip, this.error);
  }

  /** The note that the description names: what the value comes to. @param {Form} form */
  addNote(form) {
    this.note = noteOf(this, form);
    if (this.note) this.error.before(this.note.element);
  }

  /** Show what is wrong beside the input; '' takes it away. @param {string} message */
  setError(message) {
    this.error.textContent = message;
    this.error.hidden = !message;
    this.element.classList.toggle('has-error', Boolean(message));
    this.input.setInvalid(Boolean(message));
  }

  get hasError() {
    return !this.error.hidden;
  }
}
