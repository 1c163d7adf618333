/** The pages of rows in view: loading on, dropping what is far away, jumping. */

const NEXT_AT = 0.95;
const PREVIOUS_AT = 0.02;

export class Pages {
  /**
   * @param {PagesParts} parts
   */
  constructor(parts) {
    Object.assign(this, parts);
    this.total = 0;
    this.pageRows = 1;
    this.bodies = /** @type {HTMLTableSectionElement[]} */ ([]);
    this.ticket = 0;
    this.lastTop = 0;
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

  get pageCount() {
    return Math.max(1, Math.ceil(this.total / this.pageRows));
  }

  /** The page in the middle of what is seen. */
  get currentPage() {
    const middle = this.scroller.scrollTop + this.scroller.clientHeight / 2;
    const middleBody = this.bodies.filter((body) => body.offsetTop <= middle).pop();
    return Number((middleBody ?? this.bodies[0])?.dataset.page ?? 1);
  }

  /** Throw away what is in view and start at a page. @param {number} page @returns {Promise<boolean>} */
  async reset(page) {
    this.ticket += 1;
    const { ticket } = this;
    this.isLoading = true;
    const answer = await this.fetchPage(page);
    if (ticket !== this.ticket) return false;
    this.isLoading = false;
    if (!answer) return false;
    this.total = answer.total;
    if (!answer.rows.length && page > 1 && this.total > 0) return this.reset(this.pageCount);
    for (const body of this.bodies) body.remove();
    this.bodies = [];
    this.put(page, this.grid.pageBody(page, answer.rows));
    this.scroller.scrollTop = 0;
    this.lastTop = 0;
    this.onChange();
    return true;
  }

  /** @param {number} page @param {HTMLTableSectionElement} body */
  put(page, body) {
    const isBefore = this.bodies.length > 0 && page < this.firstPage;
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
    if (scrollTop + clientHeight >= scrollHeight * NEXT_AT && this.lastPage < this.pageCount) {
      await this.extend(this.lastPage + 1);
    } else if (isUp) {
      await this.wantPrevious();
    }
  }

  async wantPrevious() {
    const { scrollTop, scrollHeight } = this.scroller;
    const isNear = scrollTop <= scrollHeight * PREVIOUS_AT;
    if (isNear && !this.isLoading && this.bodies.length && this.firstPage > 1) await this.extend(this.firstPage - 1);
  }

  /** @param {number} page */
  async extend(page) {
    this.isLoading = true;
    const { ticket } = this;
    const answer = await this.fetchPage(page);
    const body = answer?.rows.length ? await this.grid.pageBodyInSlices(page, answer.rows) : null;
    if (ticket !== this.ticket) return;
    this.isLoading = false;
    if (!answer) return;
    this.total = answer.total;
    if (body) this.put(page, body);
    this.onChange();
  }

  /** Show a page, from what is loaded if it is there. @param {number} page */
  async go(page) {
    const goal = Math.min(this.pageCount, Math.max(1, page));
    const body = this.bodies.find((one) => Number(one.dataset.page) === goal);
    if (!body) {
      await this.reset(goal);
      return;
    }
    this.scroller.scrollTop = body.offsetTop - this.grid.head.offsetHeight;
    this.onChange();
  }
}
