/**
 * The pages of rows in view: loading on, dropping what is far away, jumping.
 *
 * Pages have numbers from 1. A long list tells how it goes on from its rows (`next`, `previous`):
 * then pages are asked for by these, at any depth, and those from its end have the numbers -1, -2, …
 */

import { mergeRows } from './refresh.js';

const NEXT_AT = 0.95;
const PREVIOUS_AT = 0.02;
/** So many rows the server gives at once. */
const MAX_ROWS = 1000;

export class Pages {
  /**
   * @param {PagesParts} parts
   */
  constructor(parts) {
    Object.assign(this, parts);
    this.total = 0;
    this.isCapped = false;
    this.pageRows = 1;
    this.bodies = /** @type {HTMLTableSectionElement[]} */ ([]);
    this.ends = /** @type {WeakMap<HTMLTableSectionElement, PageEnds>} */ (new WeakMap());
    this.ticket = 0;
    this.waiting = 0;
    this.lastTop = 0;
    this.readAt = 0;
    this.scroller.addEventListener('scroll', () => this.scrolled(), { passive: true });
    // At the very top there is nothing left to scroll, though there may be pages before.
    this.scroller.addEventListener('wheel', (event) => event.deltaY < 0 && this.wantPrevious(), { passive: true });
  }

  get firstPage() {
    return Number(this.bodies[0]?.dataset.page ?? 1);
  }

  get lastPage() {
    return Number(this.bodies[this.bodies.length - 1]?.dataset.page ?? 1);
  }

  /** How many pages have a number; of a list that was not counted to its end, those that were counted. */
  get pageCount() {
    const pages = this.isCapped ? Math.floor((this.total - 1) / this.pageRows) : Math.ceil(this.total / this.pageRows);
    return Math.max(1, pages);
  }

  /** Whether there are pages behind those that are loaded. */
  get hasNext() {
    const next = this.endsOf(this.bodies.at(-1))?.next;
    return next === undefined ? this.lastPage < this.pageCount : next !== null;
  }

  /** Whether there are pages before those that are loaded. */
  get hasPrevious() {
    const previous = this.endsOf(this.bodies[0])?.previous;
    return this.firstPage !== 1 && previous !== null;
  }

  /** @param {HTMLTableSectionElement | undefined} body */
  endsOf(body) {
    return body && this.ends.get(body);
  }

  /** The page in the middle of what is seen. */
  get currentPage() {
    const middle = this.scroller.scrollTop + this.scroller.clientHeight / 2;
    const middleBody = this.bodies.filter((body) => body.offsetTop <= middle).pop();
    return Number((middleBody ?? this.bodies[0])?.dataset.page ?? 1);
  }

  /** Where the reader is. @returns {PagerState} */
  get position() {
    const { total, isCapped, pageCount, pageRows, currentPage: page } = this;
    return {
      page, total, isCapped, pageCount, pageRows, count: this.bodyOf(page)?.rows.length ?? 0,
      hasPrevious: page > this.firstPage || this.hasPrevious, hasNext: page < this.lastPage || this.hasNext,
    };
  }

  /** @param {number} page */
  bodyOf(page) {
    return this.bodies.find((one) => Number(one.dataset.page) === page);
  }

  /** How a page is asked for: again as it was, on from its neighbour, or by its number. @param {number} page @returns {PagePlace} */
  placeOf(page) {
    const place = this.endsOf(this.bodyOf(page))?.place;
    if (place && page !== 1) return place;
    if (page < 0 && (page === -1 || !this.bodies.length)) return { page: -1, isLast: true };
    const next = this.endsOf(this.bodies.at(-1))?.next;
    if (next && page === this.lastPage + 1) return { page, after: next };
    const previous = this.endsOf(this.bodies[0])?.previous;
    if (previous && page !== 1 && page === this.firstPage - 1) return { page, before: previous };
    return { page: Math.max(1, page) };
  }

  /**
   * Throw away what is in view and start at a page. Of several at a time the last counts, and the
   * rows are busy until it is there.
   * @param {number | PagePlace} goal
   * @returns {Promise<boolean>}
   */
  async reset(goal) {
    this.waiting += 1;
    this.setBusy(true);
    try {
      return await this.start(goal);
    } finally {
      this.waiting -= 1;
      this.setBusy(this.waiting > 0);
    }
  }

  /** @param {number | PagePlace} goal @returns {Promise<boolean>} */
  async start(goal) {
    this.ticket += 1;
    const { ticket } = this;
    this.isLoading = true;
    const place = typeof goal === 'number' ? this.placeOf(goal) : goal;
    const answer = await this.fetchPage(place);
    if (ticket !== this.ticket) return false;
    if (answer && await this.isHeldBack()) return ticket === this.ticket && this.start(goal);
    this.isLoading = false;
    if (!answer) return false;
    this.take(answer);
    // The rows of the page are gone.
    if (!answer.rows.length && place.page !== 1 && !place.isLast && this.total > 0) return this.start(this.lastPlace);
    // Only now: the reader may have gone from the search box to a row while this was asked for.
    this.beforeReset();
    for (const body of this.bodies) body.remove();
    this.bodies = [];
    this.put(place, this.grid.pageBody(place.page, answer.rows), answer);
    this.scroller.scrollTop = 0;
    this.lastTop = 0;
    this.onChange();
    return true;
  }

  /** @param {ListPage} answer */
  take(answer) {
    this.readAt = Date.now();
    this.total = answer.total;
    this.isCapped = answer.isCapped === true;
  }

  /** @returns {PagePlace} */
  get lastPlace() {
    return this.isCapped ? { page: -1, isLast: true } : { page: this.pageCount };
  }

  /** @param {PagePlace} place @param {HTMLTableSectionElement} body @param {ListPage} answer */
  put(place, body, { next, previous }) {
    const isBefore = this.bodies.length > 0 && place.page < this.firstPage;
    this.ends.set(body, { place, next, previous });
    // First out, then in: so the browser lays the rows out once.
    this.makeRoom(isBefore);
    if (isBefore) {
      this.grid.element.insertBefore(body, this.bodies[0]);
      this.bodies.unshift(body);
      this.scroller.scrollTop += body.offsetHeight;
    } else {
      this.grid.element.append(body);
      this.bodies.push(body);
    }
  }

  /** @param {boolean} isBefore */
  makeRoom(isBefore) {
    while (this.bodies.length >= this.cacheLimit) {
      const far = isBefore ? this.bodies.pop() : this.bodies.shift();
      if (!far) return;
      const height = far.offsetHeight;
      far.remove();
      if (!isBefore) this.scroller.scrollTop -= height;
    }
  }

  async scrolled() {
    this.onChange();
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    // What a jump to another page moves is no wish for the page before it.
    const isUp = scrollTop < this.lastTop;
    this.lastTop = scrollTop;
    if (this.isLoading || !this.bodies.length || scrollHeight <= clientHeight) return;
    if (scrollTop + clientHeight >= scrollHeight * NEXT_AT && this.hasNext) {
      await this.extend(this.lastPage + 1);
    } else if (isUp) {
      await this.wantPrevious();
    }
  }

  async wantPrevious() {
    const { scrollTop, scrollHeight } = this.scroller;
    const isNear = scrollTop <= scrollHeight * PREVIOUS_AT;
    if (isNear && !this.isLoading && this.bodies.length && this.hasPrevious) await this.extend(this.firstPage - 1);
  }

  /**
   * Rows that others have made meanwhile push those in view on into the next page: each is shown once.
   * @param {number} page
   */
  async extend(page) {
    this.isLoading = true;
    const { ticket } = this;
    const place = this.placeOf(page);
    const answer = await this.fetchPage(place);
    const rows = answer?.rows.filter((row) => !this.grid.hasRow(row)) ?? [];
    const body = answer?.rows.length ? await this.grid.pageBodyInSlices(page, rows) : null;
    if (ticket !== this.ticket) return;
    this.isLoading = false;
    if (!answer) return;
    // By numbers alone, rows have moved from one page to another meanwhile.
    const hasMoved = answer.next === undefined && answer.total !== this.total;
    this.take(answer);
    if (body) this.put(place, body, answer);
    this.onChange();
    if (hasMoved) await this.refresh();
  }

  /** The rows that are loaded, read anew in their places. @returns {Promise<boolean>} whether it was done */
  async refresh() {
    if (this.isLoading || !this.bodies.length) return false;
    this.ticket += 1;
    const { ticket } = this;
    this.isLoading = true;
    const bodies = [...this.bodies];
    const answers = await this.readAgain(bodies);
    if (ticket !== this.ticket) return false;
    this.isLoading = false;
    if (!answers || await this.isHeldBack()) return false;
    this.take(answers[answers.length - 1]);
    const anchor = this.scroller.scrollTop > 0 ? this.grid.rows().find((row) => row.offsetTop + row.offsetHeight > this.scroller.scrollTop + this.grid.head.offsetHeight) : undefined;
    const before = anchor?.offsetTop ?? 0;
    this.beforeReset();
    mergeRows(this.grid, bodies, answers.map(({ rows }) => rows));
    bodies.forEach((body, at) => {
      const place = this.endsOf(body)?.place;
      if (place) this.ends.set(body, { place, next: answers[at].next, previous: answers[at].previous });
    });
    while (this.bodies.length > 1 && !this.bodies[this.bodies.length - 1].rows.length) this.bodies.pop()?.remove();
    // The page that was looked at is gone: the last one that there is.
    if (!this.bodies[0].rows.length && this.firstPage !== 1 && this.total > 0) return this.reset(this.lastPlace);
    if (anchor?.isConnected) this.scroller.scrollTop += anchor.offsetTop - before;
    this.lastTop = this.scroller.scrollTop;
    this.onChange();
    return true;
  }

  /**
   * The pages of bodies: in one request where that is possible, so that nothing moves in between.
   * @param {HTMLTableSectionElement[]} bodies
   * @returns {Promise<ListPage[] | null>}
   */
  async readAgain(bodies) {
    const places = bodies.map((body) => this.endsOf(body)?.place ?? { page: Number(body.dataset.page) });
    const [first] = places;
    const count = bodies.length * this.pageRows;
    if ((first.page === 1 || first.after) && count <= MAX_ROWS) {
      const whole = await this.fetchPage(first, { rows: count, isQuiet: true });
      return whole && bodies.map((_body, at) => this.partOf(whole, at, bodies.length));
    }
    const answers = [];
    for (const place of places) {
      const answer = await this.fetchPage(place, { isQuiet: true });
      if (!answer) return null;
      answers.push(answer);
    }
    return answers;
  }

  /** @param {ListPage} whole @param {number} at @param {number} count @returns {ListPage} */
  partOf(whole, at, count) {
    const rows = whole.rows.slice(at * this.pageRows, (at + 1) * this.pageRows);
    const isLast = at === count - 1;
    // Between pages that are loaded nobody goes on.
    return { ...whole, rows, next: isLast ? whole.next : undefined, previous: at === 0 ? whole.previous : undefined };
  }

  /** Show a page, from what is loaded if it is there. @param {number} page */
  async go(page) {
    const isNeighbour = (page === this.lastPage + 1 && this.hasNext) || (page === this.firstPage - 1 && this.hasPrevious);
    const goal = isNeighbour || this.bodyOf(page) ? page : Math.min(this.pageCount, Math.max(1, page));
    const body = this.bodyOf(goal);
    if (!body) {
      await this.reset(goal);
      return;
    }
    this.scroller.scrollTop = body.offsetTop - this.grid.head.offsetHeight;
    this.onChange();
  }

  /** Show the last page, whose number nobody knows where not all was counted. */
  async goLast() {
    if (this.isCapped && !this.bodyOf(-1)) await this.reset(this.lastPlace);
    else await this.go(this.isCapped ? -1 : this.pageCount);
  }
}
