/** Above the rows: quick filters, and a chip for each condition. */

import { fillNode, h } from '../core/dom.js';
import { icon } from '../core/icons.js';
import { t } from '../core/i18n.js';
import { shareText } from '../core/format.js';
import { optionText, optionValue } from '../inputs/options.js';
import { kindOf, OP_LABELS } from './filters.js';

export class Chips {
  /** @param {Tabular} table */
  constructor(table) {
    this.table = table;
    this.filters = table.opts.toolbar?.quick ?? [];
    this.quick = h('div', { class: 'quick-filters', role: 'group', 'aria-label': t('Quick filters') });
    this.list = h('ul', { class: 'filter-chips', 'aria-label': t('Filter') });
    this.element = h('div', { class: 'chip-line' }, this.quick, this.list);
  }

  /** Whether the list has a quick filter of that name. @param {unknown} name */
  has(name) {
    return this.filters.some((filter) => filter.name === name);
  }

  /** As the list is filtered now. */
  show() {
    const { table } = this;
    const all = { name: '', label: 'All' };
    fillNode(this.quick, this.filters.length > 0 && [all, ...this.filters].map(({ name, label }) => h('button', {
      type: 'button', class: 'list-chip', 'data-quick': name, 'aria-pressed': String((table.quick ?? '') === name),
      on: { click: () => this.choose(name) },
    }, t(label))));
    fillNode(this.list, table.conditions.map((condition) => this.chip(condition)));
    this.list.hidden = table.conditions.length === 0;
    this.element.hidden = this.list.hidden && !this.filters.length;
  }

  /** @param {string} name */
  choose(name) {
    const { table } = this;
    table.quick = name === table.quick ? null : name || null;
    table.changed();
    /** @type {HTMLElement | null} */ (this.quick.querySelector(`[data-quick="${CSS.escape(table.quick ?? '')}"]`))?.focus();
  }

  /** @param {Condition} condition */
  chip(condition) {
    const words = [t(condition.field.label), t(OP_LABELS[condition.op]), this.valueText(condition)].filter(Boolean).join(' ');
    return h('li', { class: 'list-chip' },
      h('button', { type: 'button', class: 'link-button', title: t('Change the filter'), on: { click: () => this.table.filterPanel.toggle(true) } }, words),
      h('button', {
        type: 'button', class: 'icon-button', 'aria-label': t('Remove "${words}"', { words }), on: { click: () => this.remove(condition) },
      }, icon('close')));
  }

  /** @param {Condition} condition */
  remove(condition) {
    const { table } = this;
    const at = table.conditions.indexOf(condition);
    const rest = table.conditions.filter((one) => one !== condition);
    table.filterPanel.setConditions(rest);
    table.filterBy(rest);
    const next = this.list.children[Math.min(at, rest.length - 1)];
    (next?.querySelector('.icon-button') ?? table.toolbar.filterButton).focus();
  }

  /** @param {Condition} condition */
  valueText({ field, value }) {
    if (value === undefined) return '';
    const kind = kindOf(field);
    if (kind === 'check') return t(Number(value) ? 'Yes' : 'No');
    if (kind === 'percent') return shareText(value);
    if (kind !== 'code') return String(value);
    const choice = Array.isArray(field.data) ? field.data.find((one) => String(optionValue(one, field)) === String(value)) : undefined;
    if (choice) return optionText(choice, field);
    // The name that a row has for it, or that the panel's choice shows.
    const row = this.table.grid.rows().find(({ record }) => String(record[field.name]) === String(value));
    return row?.record[`${field.name}_text`] ?? this.table.filterPanel.textOf(field.name, value) ?? String(value);
  }
}
