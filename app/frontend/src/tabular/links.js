/** Where the rows of a list lead: their own pages, and those of the records they name. */

import { pageHash } from '../core/page_link.js';
import { mapParams } from '../core/params.js';
import { NAMES } from './editing.js';

/** The address of a record's own page, or null: what the list's bind `open` shows. @param {Tabular} table @param {Row} record */
export function recordHref(table, record) {
  const entry = table.boundActions.get('open')?.find(({ bind }) => bind.rfname === 'open_page');
  return entry ? pageHash({ ...entry.bind.params, ...mapParams(record, entry.bind.params_mapping) }) : null;
}

/** The column whose words are the record's name: the first in view that says one, else the first. @param {Tabular} table */
export function nameColumn({ columns }) {
  return NAMES.map((name) => columns.find((column) => column.name === name)).find(Boolean) ?? columns[0];
}

/**
 * The address that a cell leads to, or null.
 * @param {Tabular} table
 * @param {Row} record
 * @param {Column} column
 */
export function cellHref(table, record, column) {
  if (column === nameColumn(table)) {
    const own = recordHref(table, record);
    if (own) return own;
  }
  const value = record[column.name];
  const item = value && column.references ? table.app.recordPages.get(column.references) : undefined;
  return item ? pageHash({ url: item.record_page, param: item.record_key, id: value }) : null;
}
