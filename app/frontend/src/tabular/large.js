/**
 * A list of so many records that the server sorts and searches only by what an index carries: the
 * list says so before somebody tries.
 */

import { fillNode, h, uniqueId } from '../core/dom.js';
import { countText } from '../core/format.js';
import { t } from '../core/i18n.js';
import { sortName } from './columns.js';

export class LargeList {
  /** @param {Tabular} table */
  constructor(table) {
    this.table = table;
    this.words = /** @type {LargeWords | null} */ (null);
    this.element = h('p', { class: 'table-hint', id: uniqueId('hint'), hidden: true });
  }

  /** What an answer says of the list; of a list like others, nothing. @param {LargeWords | undefined} words */
  take(words) {
    if (JSON.stringify(words ?? null) === JSON.stringify(this.words)) return;
    this.words = words ?? null;
    this.element.hidden = !words;
    if (words) fillNode(this.element, this.sentence(words));
    const { search } = this.table.toolbar;
    if (words) search?.setAttribute('aria-describedby', this.element.id);
    else search?.removeAttribute('aria-describedby');
    this.showHeadings();
  }

  /** Somebody may be on one of them. */
  showHeadings() {
    const { head } = this.table.grid;
    const cells = () => [...(head.firstElementChild?.children ?? [])];
    const place = cells().findIndex((cell) => cell.contains(document.activeElement));
    this.table.showSort();
    cells()[place]?.querySelector('button')?.focus();
  }

  /** @param {LargeWords} words */
  sentence({ searchable, limit }) {
    const labels = this.table.allFields.filter(({ name }) => searchable.includes(name)).map(({ label }) => t(label));
    const rest = t('Sort by the headings that can be clicked. Filtered to fewer than ${count} records, the list is searched and sorted by everything.', {
      count: countText(limit),
    });
    if (!labels.length || !this.table.toolbar.search) return `${t('There are very many records.')} ${rest}`;
    const search = t('There are very many records: the search finds those whose ${columns} begins with it.', {
      columns: labels.join(t(' or ')),
    });
    return `${search} ${rest}`;
  }

  /** @param {Column} column */
  canSort(column) {
    const names = this.words?.sortable;
    return !names || names.includes(sortName(column));
  }

  /** What the rows are sorted by where their reader has not said it. */
  get sort() {
    const [name, direction] = (this.words?.order ?? '').split(',')[0].split(' ');
    return name ? { name, isDescending: direction === 'desc' } : null;
  }
}
