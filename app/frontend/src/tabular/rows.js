/** The rows of a list, as the server is asked for them. */

import { ask } from '../core/request.js';
import { fillDeep } from '../core/template.js';
import { wordsOfNow } from '../core/zones.js';
import { sortName } from './columns.js';
import { dataFilter } from './filters.js';

/** Which rows, in which order: what a page of them and a file of all have in common. @param {Tabular} table */
export function listParams(table) {
  const { sort } = table;
  const params = /** @type {Data} */ ({ ...table.params, ...table.query });
  const filter = dataFilter(table.columnsIn(params), table.conditions, quickFilter(table));
  return {
    ...params,
    sort: sort ? `${sortName(sort.column)}${sort.isDescending ? ' desc' : ''}` : undefined,
    data_filter: filter ? JSON.stringify(filter) : undefined,
    q: table.searchText || undefined,
  };
}

/** What the quick filter asks for, `${day}` and its like filled for now in the zone of quota days. @param {Tabular} table @returns {ServerFilter[]} */
function quickFilter(table) {
  const quick = table.chips.filters.find(({ name }) => name === table.quick);
  return quick ? [fillDeep(quick.filter, wordsOfNow(table.app.zone))] : [];
}

/** A page of them; null when they cannot be had. @param {Tabular} table @param {PagePlace} place @param {Partial<ReadAgain>} [how] @returns {Promise<ListPage|null>} */
export async function fetchPage(table, place, { rows = table.pageRows, isQuiet = false } = {}) {
  await table.inline.settled();
  if (table.misfits.length) return { total: 0, rows: [] };
  const answer = await ask(table.app, table.opts.data_url, {
    method: table.opts.data_method, baseUri: table.baseUri,
    params: { ...listParams(table), ...placeParams(place), rows },
  });
  return isQuiet && !answer.ok ? null : readPage(table, answer);
}

/** @param {PagePlace} place */
function placeParams({ page, after, before, isLast }) {
  if (isLast) return { _last: 1 };
  if (after) return { _after: after };
  return before ? { _before: before } : { page };
}

/** @param {Tabular} table @param {Answer} answer */
async function readPage(table, answer) {
  if (!answer.ok || answer.value?.widgettype) {
    // In the place of rows a failure needs no window; what the server wants to be opened is.
    const isSaid = table.note.showFailure(answer.error?.options);
    if (!answer.aborted && (answer.value || !isSaid)) await table.app.showAnswer(answer);
    return null;
  }
  const { value } = answer;
  const rows = /** @type {Row[]} */ ([value, value?.rows].find(Array.isArray) ?? []);
  table.marks.renew(rows);
  table.large.take(value?.large);
  if (Array.isArray(value)) return { total: rows.length, rows };
  const { total, capped, next, previous } = value ?? {};
  return { total: Number(total) || 0, rows, isCapped: capped === true, next, previous };
}
