/** A view: search, filter, sort, columns and page size of a list, as a short object for the URL. */

import { h } from '../core/dom.js';
import { icon } from '../core/icons.js';
import { popoverBelow } from '../core/popover.js';
import { t } from '../core/i18n.js';
import { misfitOf } from './filters.js';
import { MAX_NAME } from './named_views.js';

/** @typedef {import('./named_views.js').NamedView} NamedView */

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
  if (table.quick) view.k = table.quick;
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
    quick: typeof view.k === 'string' ? view.k : null,
    page: Number.isInteger(view.p) && view.p > 1 ? view.p : null,
  };
}

/** Put the view into the address, where a reload, a bookmark or a colleague finds it. @param {Tabular} table @param {number} [page] where it is not the one in view */
export function showInAddress(table, page = table.pages.bodies.length ? table.pages.currentPage : 1) {
  const shell = table.parent;
  if (!shell?.constructor.isPage) return;
  const [path] = location.hash.split('?');
  const rest = new URLSearchParams(location.hash.split('?')[1] ?? '');
  const view = viewOf(table);
  if (page > 1) view.p = page;
  // Where another view opens first, none has to be said.
  if (Object.keys(view).length || table.namedViews.first) rest.set(VIEW_PARAMETER, JSON.stringify(view));
  else rest.delete(VIEW_PARAMETER);
  const query = rest.toString();
  const hash = `${path}${query ? `?${query}` : ''}`;
  if (hash === location.hash || !path) return;
  history.replaceState(history.state, '', hash);
  /** @type {AppShell} */ (shell).shownHash = location.hash;
}

/** The button with the list's views. @param {Tabular} table @param {HTMLButtonElement} button */
export function viewsButton(table, button) {
  const menu = popoverBelow(button, () => content(table, () => menu.close()), t('Views'));
}

/** @param {Tabular} table @param {() => void} close */
function content(table, close) {
  const { namedViews } = table;
  const all = h('button', { type: 'button', class: 'plain', on: { click: () => { close(); table.showView(readView({}, [])); } } }, t('Everything, as at first'));
  const hasTeam = namedViews.all.team.length > 0;
  return [
    all,
    hasTeam && namedViews.all.mine.length > 0 && h('p', { class: 'popover-heading' }, t('My views')),
    ...namedViews.all.mine.map((view) => viewRow(table, view, 'mine', close)),
    hasTeam && h('p', { class: 'popover-heading' }, t('Views of the team')),
    ...namedViews.all.team.map((view) => viewRow(table, view, 'team', close)),
    saveForm(table, close),
  ].filter((node) => node instanceof Node);
}

/** @param {Tabular} table @param {NamedView} view @param {'mine' | 'team'} place @param {() => void} close */
function viewRow(table, view, place, close) {
  const { namedViews } = table;
  const isActive = namedViews.find(viewOf(table)) === view;
  const forget = (place === 'mine' || namedViews.mayShare) && h('button', {
    type: 'button', class: 'icon-button', 'aria-label': t('Forget the view "${name}"', { name: view.name }),
    on: {
      click: async (event) => {
        const row = event.currentTarget.parentElement;
        if (await namedViews.drop(view, place)) row?.remove();
        table.toolbar.update();
      },
    },
  }, icon('close'));
  return h('div', { class: 'popover-row' },
    h('button', {
      type: 'button', class: 'plain', 'aria-current': isActive ? 'true' : null,
      on: { click: () => { close(); table.showView(readView(view.content, table.filterFields())); } },
    }, view.name),
    view.is_default && h('span', { class: 'muted' }, t('opens first')), forget);
}

/** @param {Tabular} table @param {() => void} close */
function saveForm(table, close) {
  const { namedViews } = table;
  const name = h('input', { type: 'text', maxlength: MAX_NAME, 'aria-label': t('Name of the view'), placeholder: t('Name of the view') });
  const ofTeam = h('input', { type: 'checkbox' });
  const first = h('input', { type: 'checkbox' });
  /** @param {HTMLInputElement} box @param {string} label */
  const choice = (box, label) => h('label', { class: 'check-label' }, box, h('span', {}, t(label)));
  return h('form', {
    class: 'popover-save',
    on: {
      submit: async (event) => {
        event.preventDefault();
        event.stopPropagation();
        const text = name.value.trim();
        if (!text) return;
        close();
        const place = ofTeam.checked ? 'team' : 'mine';
        if (!await namedViews.keep(text, viewOf(table), { place, isDefault: first.checked })) return;
        table.toolbar.update();
        table.app.show_message({ title: namedViews.isLocal ? 'The view is kept in this browser.' : place === 'team' ? 'The view is kept for the team.' : 'The view is kept.' });
      },
    },
  }, h('div', { class: 'popover-form' }, name, h('button', { type: 'submit' }, t('Keep'))),
  namedViews.isLocal ? null : choice(first, 'Open the list with it'), namedViews.mayShare && choice(ofTeam, 'For the whole team'));
}
