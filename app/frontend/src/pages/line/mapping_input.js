/** An input for pairs of name and text: headers, and where a step's inputs come from. */

import { fillNode, h, uniqueId } from '../../core/dom.js';
import { icon } from '../../core/icons.js';
import { t } from '../../core/i18n.js';
import { Input } from '../../inputs/input.js';
import { registerInput } from '../../inputs/registry.js';

class MappingInput extends Input {
  makeControl() {
    this.listId = uniqueId('sources');
    this.rows = h('div', { class: 'mapping-rows' });
    this.addButton = h('button', {
      type: 'button', class: 'mapping-add', id: this.controlId, on: { click: () => this.add('', '').querySelector('input').focus() },
    }, icon('add'), t('Add a pair'));
    const sources = this.field.suggestions ?? [];
    return h('div', { class: 'mapping' }, this.rows, this.addButton,
      sources.length ? h('datalist', { id: this.listId }, sources.map((value) => h('option', { value }))) : null);
  }

  get focusElement() {
    return this.addButton;
  }

  setValue(value) {
    const pairs = typeof value === 'string' && value ? JSON.parse(value) : value ?? {};
    fillNode(this.rows);
    for (const [name, text] of Object.entries(pairs)) this.add(name, text);
  }

  add(name, text) {
    const field = (label, value, more = {}) => h('input', { type: 'text', value, 'aria-label': t(label), placeholder: t(label), autocomplete: 'off', ...more });
    const row = h('div', { class: 'mapping-row' }, field('Name', name),
      h('span', { 'aria-hidden': 'true' }, '←'), field('Value', text, { list: this.field.suggestions?.length ? this.listId : undefined }),
      h('button', { type: 'button', class: 'icon-button', 'aria-label': t('Remove'), on: { click: () => this.remove(row) } }, icon('close')));
    this.rows.append(row);
    return row;
  }

  remove(row) {
    row.remove();
    this.addButton.focus();
    this.changed();
  }

  /** @returns {{name: string, text: string, box: HTMLInputElement}[]} rows with something in them */
  pairs() {
    const pairs = [...this.rows.children].map((row) => {
      const [box, text] = row.querySelectorAll('input');
      return { name: box.value.trim(), text: text.value.trim(), box };
    });
    return pairs.filter(({ name, text }) => name || text);
  }

  /** JSON, so that it compares as the text it is; '' without a pair. */
  resultValue() {
    const pairs = this.pairs();
    return pairs.length ? JSON.stringify(Object.fromEntries(pairs.map(({ name, text }) => [name, text]))) : '';
  }

  /** The first pair that would be lost: without a name, or with one that another has already. */
  lostPair() {
    const pairs = this.pairs();
    return pairs.find(({ name }, at) => !name || pairs.findIndex((one) => one.name === name) < at);
  }

  problem() {
    const lost = this.lostPair();
    if (!lost) return super.problem();
    return lost.name ? t('"${name}" stands there twice.', { name: lost.name }) : t('Give this pair a name, or remove it.');
  }

  focus() {
    (this.lostPair()?.box ?? this.addButton).focus();
  }
}

registerInput('mapping', MappingInput);

/** One line of text with suggestions. */
class SuggestInput extends Input {
  makeControl() {
    this.listId = uniqueId('suggest');
    this.line = h('input', { ...this.commonAttributes(), type: 'text', list: this.listId });
    return h('div', {}, this.line, h('datalist', { id: this.listId }, (this.field.suggestions ?? []).map((one) => h('option', { value: one.value ?? one }, one.text ?? ''))));
  }

  get focusElement() {
    return this.line;
  }

  setValue(value) {
    this.line.value = value === null || value === undefined ? '' : String(value);
  }

  resultValue() {
    return this.line.value;
  }
}

registerInput('suggest', SuggestInput);
