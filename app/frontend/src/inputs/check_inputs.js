/** check: one box; checkbox: several. */

import { h } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { Input } from './input.js';
import { loadOptions, optionText, optionValue } from './options.js';
import { registerInput } from './registry.js';

/** True for what databases and forms write for yes. @param {unknown} value */
export function isTrue(value) {
  return value === true || value === 1 || value === '1' || value === 'true' || value === 'on';
}

class CheckInput extends Input {
  makeControl() {
    return h('input', { id: this.controlId, name: this.field.name, type: 'checkbox' });
  }

  setReadonly() {
    this.isReadonly = true;
    this.control.disabled = true;
  }

  /** @param {unknown} value */
  setValue(value) {
    this.control.checked = isTrue(value);
  }

  /** A column of the database holds 1 or 0; elsewhere the format says true or false. */
  resultValue() {
    const { checked } = this.control;
    const isColumn = Boolean(this.field.datatype ?? this.field.type ?? this.field.boolean);
    return isColumn ? Number(checked) : checked;
  }

  problem() {
    return '';
  }

  /** @param {unknown} value */
  static cellText(value) {
    if (value === null || value === undefined || value === '') return '';
    return isTrue(value) ? t('Yes') : t('No');
  }
}

export class CheckBoxInput extends Input {
  makeControl() {
    this.boxes = [];
    const group = h('div', { role: 'group', id: this.controlId, tabindex: '-1', class: 'check-group' });
    loadOptions(this).then((options) => this.fill(group, options));
    return group;
  }

  /** @param {HTMLElement} group @param {Option[]} options */
  fill(group, options) {
    this.boxes = options.map((option) => h('input', {
      type: 'checkbox', value: String(optionValue(option, this.field)), disabled: this.isReadonly === true,
    }));
    group.replaceChildren(...options.map((option, i) => h('label', { class: 'check-label' },
      this.boxes[i], optionText(option, this.field))));
    this.setValue(this.selection);
  }

  /** The boxes come later. */
  setReadonly() {
    this.isReadonly = true;
    for (const box of this.boxes) box.disabled = true;
  }

  /** @param {unknown} value */
  setValue(value) {
    this.selection = [value ?? []].flat().map(String);
    for (const box of this.boxes) box.checked = this.selection.includes(box.value);
  }

  resultValue() {
    return this.boxes.length ? this.boxes.filter((box) => box.checked).map((box) => box.value) : this.selection;
  }

  isEmpty() {
    return this.resultValue().length === 0;
  }
}

registerInput('check', CheckInput, 'UiCheck');
registerInput('checkbox', CheckBoxInput, 'UiCheckBox');
