/** SearchBar: a text and a button; fires `search` with {keyword}. */

import { h } from '../core/dom.js';
import { icon } from '../core/icons.js';
import { register } from '../core/registry.js';
import { t } from '../core/i18n.js';
import { Widget } from '../core/widget.js';

class SearchBar extends Widget {
  /** @param {Data} opts @param {WidgetContext} context */
  constructor(opts, context) {
    super(opts, context);
    this.dom_element.classList.add('search-bar');
    this.input = h('input', {
      type: 'search', value: opts.value ?? '', placeholder: t(opts.placeholder ?? 'Search'),
      'aria-label': t(opts.placeholder ?? 'Search'),
      on: { search: (event) => event.stopPropagation(), keydown: (event) => event.key === 'Enter' && this.search() },
    });
    const clear = h('button', {
      type: 'button', class: 'icon-button', 'aria-label': t(opts.clear_label ?? 'Clear'), on: { click: () => this.clear() },
    }, icon('close'));
    this.dom_element.setAttribute('role', 'search');
    this.dom_element.append(this.input, clear, h('button', {
      type: 'button', class: 'primary', on: { click: () => this.search() },
    }, icon('search'), t(opts.search_label ?? 'Search')));
  }

  getValue() {
    return { keyword: this.input.value.trim() };
  }

  search() {
    this.dispatch('search', this.getValue());
  }

  clear() {
    this.input.value = '';
    this.input.focus();
    this.search();
  }
}

register('SearchBar', SearchBar);
