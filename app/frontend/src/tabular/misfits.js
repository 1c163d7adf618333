/**
 * Conditions of a view that this list cannot ask: a column or a choice is gone, or somebody wrote
 * something else into the address. To leave one out would show rows that the view does not mean, so
 * nothing is shown until it is removed.
 */

import { h } from '../core/dom.js';
import { icon } from '../core/icons.js';
import { t } from '../core/i18n.js';
import { OP_LABELS } from './filters.js';

/** What is shown in the place of rows. @param {Tabular} table */
export function misfitNote(table) {
  const list = h('ul', { class: 'misfits' }, table.misfits.map((misfit) => h('li', {},
    h('strong', {}, wordsOf(misfit)), h('span', {}, t(misfit.reason)),
    h('button', { type: 'button', on: { click: () => remove(table, misfit) } }, icon('close'), t('Remove condition')))));
  return [icon('alert'), h('div', { role: 'alert' },
    h('p', {}, t('A condition of this view does not fit the list any more. Nothing is shown until it is removed.')), list)];
}

/** @param {Misfit} misfit */
function wordsOf({ source, label }) {
  if (!Array.isArray(source)) return t('Unreadable');
  const [name, op, value] = source.map((part) => (part !== null && typeof part === 'object' ? JSON.stringify(part) : String(part ?? '')));
  return [t(label ?? name), t(OP_LABELS[op] ?? op ?? ''), value].filter(Boolean).join(' ');
}

/** The next one's button gets the focus, or else the rows. @param {Tabular} table @param {Misfit} misfit */
async function remove(table, misfit) {
  table.misfits = table.misfits.filter((one) => one !== misfit);
  await table.changed();
  (table.note.element.querySelector('.misfits button') ?? table.scroller).focus();
}
