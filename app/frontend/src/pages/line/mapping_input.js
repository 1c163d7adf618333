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
      h('button', { type: 'button', class: 'icon-button', 'aria-label': t('Remove'), on: { click: () => { row.remove(); this.addButton.focus(); } } }, icon('close')));
    this.rows.append(row);
    return row;
  }

  /** JSON, so that it compares as the text it is; '' without a pair. */
  resultValue() {
    const pairs = [...this.rows.children].map((row) => [...row.querySelectorAll('input')].map(({ value }) => value.trim()));
    const named = pairs.filter(([name]) => name);
    return named.length ? JSON.stringify(Object.fromEntries(named)) : '';
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
