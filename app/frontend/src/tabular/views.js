/** A view: search, filter, sort, columns and page size of a list, as a short object for the URL. */

import { h } from '../core/dom.js';
import { icon } from '../core/icons.js';
import { popoverBelow } from '../core/popover.js';
import { t } from '../core/i18n.js';
import { misfitOf } from './filters.js';

/** The parameter of a page's address; the server hands it back in `data_params`. */
export const VIEW_PARAMETER = '_view';

/** @param {Tabular} table */
export function viewOf(table) {
  const view = /** @type {ShortView} */ ({});
  if (table.searchText) view.q = table.searchText;
  const own = table.conditions.map(({ field, op, value }) => (value === undefined ? [field.name, op] : [field.name, op, value]));
  const conditions = [...own, ...table.misfits.map(({ source }) => source)];
  if (conditions.length) view.f = conditions;
  if (table.sort) view.s = `${table.sort.column.name}${table.sort.isDescending ? ' desc' : ''}`;
  if (table.hasOwnColumns) view.c = table.columns.map(({ name }) => name);
  if (table.pageRows !== table.defaultPageRows) view.r = table.pageRows;
  return view;
}

const UNREADABLE = 'The view in the address cannot be read. Was it cut off?';

/** @param {unknown} source */
function parseView(source) {
  if (typeof source !== 'string' || source === '') return source || {};
  try {
    return JSON.parse(source);
  } catch {
    return null;
  }
}

/**
 * What of a view this table can show, and the conditions of it that it cannot ask (`misfits`):
 * anybody may write anything into an address.
 * @param {unknown} source
 * @param {Column[]} fields
 * @returns {View}
 */
export function readView(source, fields) {
  const view = parseView(source);
  if (!view || typeof view !== 'object') return { misfits: [{ source, reason: UNREADABLE }] };
  const byName = new Map(fields.map((field) => [field.name, field]));
  const conditions = /** @type {Condition[]} */ ([]);
  const misfits = /** @type {Misfit[]} */ ([]);
  for (const one of [].concat(view.f ?? [])) {
    const [name, op, value] = /** @type {any[]} */ (Array.isArray(one) ? one : []);
    const field = byName.get(name);
    const reason = Array.isArray(one) ? misfitOf({ field, op, value }) : UNREADABLE;
    if (!field || reason) misfits.push({ source: one, reason, label: field?.label });
    else conditions.push({ field, op, value });
  }
  const [sortName, direction] = String(view.s ?? '').split(' ');
  const column = byName.get(sortName);
  return {
    searchText: typeof view.q === 'string' ? view.q : '',
    conditions,
    misfits,
    sort: column ? { column, isDescending: direction === 'desc' } : null,
    columns: Array.isArray(view.c) ? view.c.filter((/** @type {string} */ name) => byName.has(name)) : null,
    pageRows: Number.isInteger(view.r) && view.r > 0 && view.r <= 1000 ? view.r : null,
  };
}

/** Put the view into the address, where a reload, a bookmark or a colleague finds it. @param {Tabular} table */
export function showInAddress(table) {
  const shell = table.parent;
  if (!shell?.constructor.isPage) return;
  const [path] = location.hash.split('?');
  const rest = new URLSearchParams(location.hash.split('?')[1] ?? '');
  const view = viewOf(table);
  if (Object.keys(view).length) rest.set(VIEW_PARAMETER, JSON.stringify(view));
  else rest.delete(VIEW_PARAMETER);
  const query = rest.toString();
  const hash = `${path}${query ? `?${query}` : ''}`;
  if (hash === location.hash || !path) return;
  history.replaceState(history.state, '', hash);
  /** @type {AppShell} */ (shell).shownHash = location.hash;
}

/** The button with the views that this browser keeps. @param {Tabular} table @param {HTMLButtonElement} button */
export function viewsButton(table, button) {
  const menu = popoverBelow(button, () => content(table, () => menu.close()), t('Views'));
}

/** @param {Tabular} table @param {() => void} close */
function content(table, close) {
  const { memory } = table;
  const name = h('input', { type: 'text', maxlength: 60, 'aria-label': t('Name of the view'), placeholder: t('Name of the view') });
  const save = h('form', {
    class: 'popover-form',
    on: {
      submit: (event) => {
        event.preventDefault();
        event.stopPropagation();
        if (!name.value.trim()) return;
        memory.keepView(name.value.trim(), viewOf(table));
        close();
        table.app.show_message({ title: 'The view is kept in this browser.' });
      },
    },
  }, name, h('button', { type: 'submit' }, t('Keep')));
  const items = memory.views.map((one) => h('div', { class: 'popover-row' },
    h('button', { type: 'button', class: 'plain', on: { click: () => { close(); table.showView(readView(one.view, table.filterFields())); } } }, one.name),
    h('button', {
      type: 'button', class: 'icon-button', 'aria-label': t('Forget the view "${name}"', { name: one.name }),
      on: { click: (event) => { memory.dropView(one.name); event.currentTarget.parentElement?.remove(); } },
    }, icon('close'))));
  const all = h('button', { type: 'button', class: 'plain', on: { click: () => { close(); table.showView(readView({}, [])); } } }, t('Everything, as at first'));
  return [all, ...items, save];
}
