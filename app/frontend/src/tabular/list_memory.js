/** What a browser remembers of a list: columns in view, widths, named views. */

const PREFIX = 'pipeline.list.';

export class ListMemory {
  /** @param {string} address of the list's data; what follows a `?` does not count */
  constructor(address) {
    this.key = PREFIX + String(address ?? '').replace(/\?.*$/, '');
    this.content = this.read();
  }

  read() {
    try {
      const content = JSON.parse(localStorage.getItem(this.key) ?? '{}');
      return content && typeof content === 'object' ? content : {};
    } catch {
      return {}; // no storage, or somebody else's words in it
    }
  }

  /** @returns {string[]|null} names of the columns in view, null when nobody chose */
  get columns() {
    return Array.isArray(this.content.columns) ? this.content.columns : null;
  }

  /** @returns {Record<string, number>} widths in px by column */
  get widths() {
    return this.content.widths && typeof this.content.widths === 'object' ? this.content.widths : {};
  }

  /** @returns {{name: string, view: ShortView}[]} */
  get views() {
    return Array.isArray(this.content.views) ? this.content.views.filter((/** @type {Data|null} */ one) => typeof one?.name === 'string') : [];
  }

  /** Remember more; null forgets. @param {Data} more */
  keep(more) {
    this.content = { ...this.read(), ...more };
    try {
      localStorage.setItem(this.key, JSON.stringify(this.content));
    } catch {
      // it lasts as long as the page then
    }
  }

  /** @param {string} name @param {ShortView} view */
  keepView(name, view) {
    this.keep({ views: [...this.views.filter((one) => one.name !== name), { name, view }] });
  }

  /** @param {string} name */
  dropView(name) {
    this.keep({ views: this.views.filter((one) => one.name !== name) });
  }
}
