/**
 * code: a drop-down; with a search box as soon as the list is long or the server searches.
 * `empty_text` is what no value is called, where that means something.
 */

import { h } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { Combobox } from './combobox.js';
import { Input } from './input.js';
import { isSearched, loadOptions, optionText, optionValue } from './options.js';
import { registerInput } from './registry.js';

/** From this many choices on a list gets a search box. */
const LONG_LIST = 12;

export class CodeInput extends Input {
  makeControl() {
    this.holder = h('div', { class: 'code-holder' });
    this.select = h('select', { ...this.commonAttributes(), maxlength: undefined, placeholder: undefined });
    this.holder.append(this.select);
    this.options = Array.isArray(this.field.data) ? this.read(this.field.data) : [];
    this.extra = {};
    if (isSearched(this.field) || this.options.length > LONG_LIST) this.useCombobox();
    if (!isSearched(this.field)) this.loading = this.load();
    return this.holder;
  }

  get focusElement() {
    return this.combobox?.input ?? this.select;
  }

  setReadonly() {
    this.isReadonly = true;
    this.select.disabled = true;
    if (this.combobox) this.combobox.input.disabled = true;
  }

  /** Load the choices again, with more parameters; the old `get_data` of scripts. @param {Data} [extra] */
  get_data(extra) {
    this.extra = extra ?? {};
    this.loading = this.load();
    return this.loading;
  }

  async load() {
    this.options = this.read(await loadOptions(this, this.extra));
    if (this.options.length > LONG_LIST && !this.combobox) this.useCombobox();
    if (this.combobox) this.showCurrent();
    else this.fillSelect();
  }

  /** Choices as the description or the server writes them. @param {Option[]} options */
  read(options) {
    return options.map((option) => ({
      value: String(optionValue(option, this.field) ?? ''), text: String(optionText(option, this.field) ?? ''),
    }));
  }

  fillSelect() {
    const hasEmpty = this.options.some(({ value }) => value === '');
    const empty = hasEmpty || (this.field.required && this.selection) ? [] : [h('option', { value: '' }, t(this.field.empty_text ?? ''))];
    this.select.replaceChildren(...empty,
      ...this.options.map(({ value, text }) => h('option', { value }, text || value)));
    this.showCurrent();
  }

  /** In the place of the drop-down, with its names and with the focus if it has it. */
  useCombobox() {
    const hadFocus = document.activeElement === this.select;
    this.combobox = new Combobox({
      id: this.controlId,
      name: this.field.name,
      isRequired: this.field.required,
      emptyText: this.field.empty_text,
      find: (text) => this.find(text),
      localChoices: () => this.options,
      onPick: (option) => {
        this.selection = option?.value ?? '';
        this.selectionText = option?.text ?? '';
        this.changed();
      },
    });
    const { input } = this.combobox;
    for (const name of ['aria-label', 'aria-describedby', 'aria-invalid']) {
      if (this.select.hasAttribute(name)) input.setAttribute(name, this.select.getAttribute(name) ?? '');
    }
    if (this.isReadonly) input.disabled = true;
    this.holder.append(this.combobox.element);
    // Before the drop-down goes: a cell that loses the focus is closed.
    if (hadFocus) input.focus();
    this.select.remove();
  }

  /** @param {string} [text] */
  async find(text) {
    if (!isSearched(this.field)) {
      const words = (text ?? '').toLowerCase();
      return this.options.filter((option) => option.text.toLowerCase().includes(words));
    }
    const matches = await loadOptions(this, { ...this.extra, q: text || undefined });
    return this.read(matches).filter(({ value }) => value !== '');
  }

  /** @param {unknown} value @param {string} [text] */
  setValue(value, text) {
    this.selection = value === null || value === undefined ? '' : String(value);
    this.selectionText = text;
    this.showCurrent();
  }

  /**
   * The record knows the text of its own code, also when the list does not hold it (any more).
   * @param {Row} record
   */
  setRecord(record) {
    const { field } = this;
    const text = record[field.textField ?? ''] ?? record[`${field.name}_text`];
    this.setValue(record[field.name], text);
  }

  showCurrent() {
    const choice = this.options?.find(({ value }) => value === this.selection);
    const text = choice?.text ?? this.selectionText ?? this.selection;
    if (this.combobox) {
      this.combobox.show(this.selection ? text : '');
      return;
    }
    if (this.selection && this.select) this.addMissing(text);
    if (this.select) this.select.value = this.selection ?? '';
  }

  /** A choice that the list does not have, or not yet. @param {string} text */
  addMissing(text) {
    if ([...this.select.options].some((option) => option.value === this.selection)) return;
    this.select.append(h('option', { value: this.selection }, text || this.selection));
  }

  changed() {
    if (!this.combobox) this.selection = this.select.value;
    super.changed();
  }

  resultValue() {
    const value = this.combobox ? this.selection : this.select.value || '';
    return value === '' ? null : value;
  }

  /** What the chosen value is called. */
  chosenText() {
    return this.combobox ? this.selectionText ?? '' : this.select.selectedOptions[0]?.textContent ?? '';
  }

  patternProblem() {
    return '';
  }

  /**
   * Never `record[valueField]`: altered fields name the row's own id there.
   * @param {unknown} value
   * @param {Field} field
   * @param {Row} [record]
   */
  static cellText(value, field, record = {}) {
    const text = record[field.textField ?? ''] ?? record[`${field.name}_text`];
    if (text !== null && text !== undefined && text !== '') return String(text);
    if (Array.isArray(field.data)) {
      const choice = field.data.find((one) => String(optionValue(one, field)) === String(value));
      if (choice) return optionText(choice, field);
    }
    return value === null || value === undefined || value === '' ? t(field.empty_text ?? '') : String(value);
  }
}

registerInput('code', CodeInput, 'UiCode');
