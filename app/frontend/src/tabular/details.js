/** What opens below a row: the page's `content_view`, filled from the record; one at a time. */

import { build } from '../core/build.js';
import { h } from '../core/dom.js';
import { fillDeep } from '../core/template.js';

export class Details {
  /** @param {Tabular} table */
  constructor(table) {
    this.table = table;
    this.widgets = /** @type {Widget[]} */ ([]);
  }

  /** @param {Row} record @param {RecordRow} row */
  async toggle(record, row) {
    const { table } = this;
    const isOpen = row.nextElementSibling?.classList.contains('detail-row');
    this.close();
    if (isOpen) return;
    const cell = h('td', { role: 'gridcell', colspan: row.cells.length });
    row.after(h('tr', { role: 'row', class: 'detail-row' }, cell));
    row.querySelector('.expander')?.setAttribute('aria-expanded', 'true');
    for (const widget of await build(fillDeep(table.opts.content_view ?? [], record), table)) {
      if (!cell.isConnected) widget.released(); // closed meanwhile
      else this.widgets.push(table.add_widget_at(cell, widget));
    }
  }

  close() {
    for (const widget of this.widgets.splice(0)) this.table.remove_widget(widget);
    const detail = this.table.grid.element.querySelector('.detail-row');
    detail?.previousElementSibling?.querySelector('.expander')?.setAttribute('aria-expanded', 'false');
    detail?.remove();
  }
}
