/** An input for pairs of name and text: headers, and where a step's inputs come from. */

import { fillNode, h, uniqueId } from '../../core/dom.js';
import { icon } from '../../core/icons.js';
import { t } from '../../core/i18n.js';
import { withBreaks } from '../../core/line_breaks.js';
import { Input } from '../../inputs/input.js';
import { registerInput } from '../../inputs/registry.js';

const NOTHING = { recordText: '', boxText: '' };

export class MappingInput extends Input {
  makeControl() {
    this.originals = new WeakMap(); // what each row began with
    this.listId = uniqueId('sources');
    this.rows = h('div', { class: 'mapping-rows' });
    this.addButton = h('button', {
      type: 'button', class: 'mapping-add', id: this.controlId, on: { click: () => this.add('', '').querySelector('input')?.focus() },
    }, icon('add'), t('Add a pair'));
    const sources = this.field.suggestions ?? [];
    return h('div', { class: 'mapping' }, this.rows, this.addButton,
      sources.length ? h('datalist', { id: this.listId }, sources.map((value) => h('option', { value }))) : null);
  }

  get focusElement() {
    return this.addButton;
  }

  /** @param {unknown} value */
  setValue(value) {
    const pairs = typeof value === 'string' && value ? JSON.parse(value) : value ?? {};
    fillNode(this.rows);
    this.atFirst = null;
    for (const [name, text] of Object.entries(pairs)) this.add(name, text);
    this.atFirst = { text: typeof value === 'string' ? value : null, pairs: this.pairsText() };
  }

  /** @param {string} name @param {string} text */
  add(name, text) {
    /** @param {string} label */
    const attributes = (label) => ({ 'aria-label': t(label), placeholder: t(label), autocomplete: 'off' });
    const nameBox = h('input', { ...attributes('Name'), type: 'text', value: name });
    // An input of one line would lose the breaks.
    const textBox = /[\r\n]/.test(text) ? h('textarea', { ...attributes('Value'), rows: 2, value: text })
      : h('input', { ...attributes('Value'), type: 'text', value: text, list: this.field.suggestions?.length ? this.listId : undefined });
    /** @type {HTMLElement} */
    const row = h('div', { class: 'mapping-row' }, nameBox,
      h('span', { 'aria-hidden': 'true' }, '←'), textBox,
      h('button', { type: 'button', class: 'icon-button', 'aria-label': t('Remove'), on: { click: () => this.remove(row) } }, icon('close')));
    this.originals.set(row, { name: { recordText: name, boxText: nameBox.value }, text: { recordText: text, boxText: textBox.value } });
    this.rows.append(row);
    return row;
  }

  /** @param {HTMLElement} row */
  remove(row) {
    row.remove();
    this.addButton.focus();
    this.changed();
  }

  /** @returns {{name: string, text: string, box: HTMLInputElement}[]} rows with something in them */
  pairs() {
    const pairs = [...this.rows.children].map((row) => {
      const [box, textBox] = /** @type {NodeListOf<HTMLInputElement>} */ (row.querySelectorAll('input, textarea'));
      const { name, text } = this.originals.get(row) ?? { name: NOTHING, text: NOTHING };
      return { name: pairText(name, box.value), text: pairText(text, textBox.value), box };
    });
    return pairs.filter(({ name, text }) => name || text);
  }

  /** JSON, so that it compares as the text it is; '' without a pair. */
  resultValue() {
    const text = this.pairsText();
    return text === this.atFirst?.pairs ? this.atFirst.text ?? text : text;
  }

  pairsText() {
    const pairs = this.pairs();
    return pairs.length ? JSON.stringify(Object.fromEntries(pairs.map(({ name, text }) => [name, text]))) : '';
  }

  /** The first pair that would be lost: without a name, or with one that another has already. */
  lostPair() {
    const pairs = this.pairs();
    return pairs.find(({ name }, at) => !name || pairs.findIndex((one) => one.name === name) < at);
  }

  problem() {
    const pair = this.lostPair();
    if (!pair) return super.problem();
    return pair.name ? t('"${name}" stands there twice.', { name: pair.name }) : t('Give this pair a name, or remove it.');
  }

  focus() {
    (this.lostPair()?.box ?? this.addButton).focus();
  }
}

/**
 * Blanks around what was typed go; what was not touched stays as it was.
 * @param {TextInBox} texts
 * @param {string} newText
 */
function pairText({ recordText, boxText }, newText) {
  return newText === boxText ? recordText : withBreaks(recordText, boxText, newText).trim();
}

registerInput('mapping', MappingInput);

/** @param {Option} option */
function suggestion(option) {
  const { value, text = '' } = typeof option === 'object' ? option : { value: option };
  return h('option', { value }, text);
}

/** One line of text with suggestions. */
export class SuggestInput extends Input {
  makeControl() {
    this.listId = uniqueId('suggest');
    this.line = h('input', { ...this.commonAttributes(), type: 'text', list: this.listId });
    return h('div', {}, this.line, h('datalist', { id: this.listId }, (this.field.suggestions ?? []).map(suggestion)));
  }

  get focusElement() {
    return this.line;
  }

  /** @param {unknown} value */
  setValue(value) {
    this.recordText = value === null || value === undefined ? '' : String(value);
    this.line.value = this.recordText;
    this.boxText = this.line.value;
  }

  resultValue() {
    return withBreaks(this.recordText ?? '', this.boxText ?? '', this.line.value);
  }
}

registerInput('suggest', SuggestInput);
