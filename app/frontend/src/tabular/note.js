/** What stands in the place of rows: that they are being loaded, that there are none, or why not. */

import { h } from '../core/dom.js';
import { icon } from '../core/icons.js';
import { t } from '../core/i18n.js';
import { misfitNote } from './misfits.js';

export class Note {
  /** @param {Tabular} table */
  constructor(table) {
    this.table = table;
    this.element = h('div', { class: 'table-note', hidden: true });
  }

  /** @param {...(Node | string)} content */
  show(...content) {
    this.element.hidden = false;
    this.element.replaceChildren(...content);
  }

  showLoading() {
    this.show(h('div', { class: 'loading' }, t('Loading …')));
  }

  /**
   * Say why there are no rows; rows that are there stay.
   * @param {ErrorOptions | undefined} options
   * @returns {boolean} whether it is said
   */
  showFailure(options) {
    if (this.table.pages.bodies.some((body) => body.rows.length)) return false;
    this.show(icon('alert'), h('p', { role: 'alert' }, t(options?.message ?? 'The list cannot be loaded.')),
      options?.request_id ? h('p', { class: 'request-number' }, `${t('Request')} `, h('code', {}, options.request_id)) : '',
      h('button', { type: 'button', on: { click: () => this.table.render({}) } }, icon('refresh'), t('Try again')));
    return true;
  }

  /** After rows have come, or none. */
  showEmpty() {
    const { table } = this;
    if (table.pages.total > 0) {
      this.element.hidden = true;
    } else if (table.misfits.length) {
      this.show(...misfitNote(table));
    } else if (table.conditions.length || table.searchText || table.quick) {
      this.show(icon('filter'), h('p', {}, t('Nothing matches the filter.')),
        h('button', { type: 'button', on: { click: () => table.clearFilter() } }, t('Clear the filter')));
    } else {
      const add = table.editing.canAdd
        ? h('button', { type: 'button', class: 'primary', on: { click: () => table.editing.add() } }, icon('add'), t('Add'))
        : '';
      this.show(icon('node'), h('p', {}, t('No records yet.')), add);
    }
  }
}
