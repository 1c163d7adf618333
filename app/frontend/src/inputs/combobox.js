/** A text box with a list below: type to search, arrows to choose. The ARIA combobox pattern. */

import { debounce, h, uniqueId } from '../core/dom.js';
import { t } from '../core/i18n.js';

const SEARCH_DELAY_MS = 180;

export class Combobox {
  /**
   * @param {{id: string, name: string, isRequired: boolean, find: (text: string) => Promise<Choice[]>,
   *   localChoices: () => Choice[], onPick: (option: Choice|null) => void, emptyText?: string}} how
   *   `localChoices`: without asking; `emptyText`: what no choice is called
   */
  constructor({ id, name, isRequired, find, localChoices, onPick, emptyText }) {
    this.find = find;
    this.localChoices = localChoices;
    this.onPick = onPick;
    this.options = /** @type {Choice[]} */ ([]);
    this.active = -1;
    this.choiceText = '';
    const listId = uniqueId('list');
    this.input = h('input', {
      id, name, type: 'text', role: 'combobox', autocomplete: 'off', 'aria-autocomplete': 'list',
      'aria-expanded': 'false', 'aria-controls': listId, 'aria-required': isRequired || undefined,
      placeholder: t(emptyText ?? 'Type to search'),
      on: {
        input: () => { this.isTyping = true; this.search(); }, click: () => this.open(), keydown: (event) => this.key(event),
        blur: () => this.leave(),
        // What was typed is no value yet; a choice tells itself.
        change: (event) => event.stopImmediatePropagation(),
      },
    });
    this.list = h('ul', { id: listId, role: 'listbox', class: 'combobox-list', hidden: true });
    this.list.addEventListener('pointerdown', (event) => event.preventDefault());
    this.element = h('div', { class: 'combobox' }, this.input, this.list);
    this.search = debounce(() => this.isTyping && this.open(this.input.value.trim()), SEARCH_DELAY_MS);
  }

  /** Show the text of the current value. @param {string} text */
  show(text) {
    this.choiceText = text ?? '';
    this.input.value = this.choiceText;
  }

  async open(text = '') {
    const ticket = Symbol('search');
    this.ticket = ticket;
    const choices = await this.find(text);
    if (this.ticket !== ticket || document.activeElement !== this.input) return;
    this.options = choices;
    this.active = -1;
    this.list.replaceChildren(...(choices.length ? choices.map((option, i) => this.item(option, i))
      : [h('li', { class: 'muted', role: 'presentation' }, t('Nothing found'))]));
    this.list.hidden = false;
    this.input.setAttribute('aria-expanded', 'true');
  }

  /** @param {Choice} option @param {number} i */
  item(option, i) {
    return h('li', {
      id: `${this.list.id}-${i}`, role: 'option', 'aria-selected': String(option.text === this.choiceText),
      on: { click: () => this.pick(option) },
    }, option.text || option.value);
  }

  close() {
    this.ticket = null;
    this.isTyping = false;
    this.list.hidden = true;
    this.input.setAttribute('aria-expanded', 'false');
    this.input.removeAttribute('aria-activedescendant');
  }

  /** @param {Choice | null} option */
  pick(option) {
    this.show(option?.text ?? '');
    this.close();
    this.onPick(option);
  }

  /**
   * Other text that was typed and not chosen does not count: the choice is seen again. Where only the
   * window has gone to the back, it is still being typed.
   */
  leave() {
    if (document.activeElement === this.input) {
      this.ticket = null;
      return;
    }
    this.commit();
    this.input.value = this.choiceText;
  }

  /** Take the one choice that was typed, and none for an emptied box. @returns {boolean} whether it is clear what is meant */
  commit() {
    this.close();
    const text = this.input.value.trim();
    if (text === this.choiceText.trim()) return true;
    const option = text === '' ? null : this.choiceNamed(text);
    if (option !== undefined) this.pick(option);
    return option !== undefined;
  }

  /** The only choice of that name; capitals count where only they differ. @param {string} text */
  choiceNamed(text) {
    const all = [...this.localChoices(), ...this.options].filter(({ value }, i, list) => list.findIndex((one) => one.value === value) === i);
    /** @type {((word: string) => string)[]} */
    const forms = [(word) => word, (word) => word.toLowerCase()];
    const [same, alike] = forms
      .map((form) => all.filter((option) => form(option.text.trim()) === form(text)));
    const choices = same.length ? same : alike;
    return choices.length === 1 ? choices[0] : undefined;
  }

  /** @param {At<KeyboardEvent>} event */
  key(event) {
    const isOpen = !this.list.hidden;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      if (isOpen) this.move(event.key === 'ArrowDown' ? 1 : -1);
      else this.open();
    } else if (event.key === 'Enter' && isOpen && this.active >= 0) {
      event.preventDefault();
      this.pick(this.options[this.active]);
    } else if (event.key === 'Enter' && !this.commit()) {
      // Nothing is sent that is not what is seen.
      event.preventDefault();
      this.open(this.input.value.trim());
    } else if (event.key === 'Escape' && isOpen) {
      event.preventDefault();
      event.stopPropagation();
      this.close();
    }
  }

  /** @param {number} step */
  move(step) {
    if (!this.options.length) return;
    this.list.children[this.active]?.classList.remove('active');
    this.active = (this.active + step + this.options.length) % this.options.length;
    const item = this.list.children[this.active];
    item.classList.add('active');
    item.scrollIntoView({ block: 'nearest' });
    this.input.setAttribute('aria-activedescendant', item.id);
  }
}
