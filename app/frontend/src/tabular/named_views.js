/**
 * The views of a list by name: on the server, each user's own and those of the team, where the list's
 * description brings them along; else in the browser's memory.
 */

import { ask } from '../core/request.js';

/** @typedef {{id: string, name: string, content: ShortView, is_default?: boolean}} NamedView */
/** @typedef {{mine: NamedView[], team: NamedView[], may_share?: boolean}} ViewsOfList */

const PLACES = {
  mine: { save: '/appbase/view_save.dspy', drop: '/appbase/view_delete.dspy' },
  team: { save: '/appbase/team_view_save.dspy', drop: '/appbase/team_view_delete.dspy' },
};

export class NamedViews {
  /** @param {Tabular} table */
  constructor(table) {
    this.table = table;
    this.isLocal = !table.opts.list;
    this.all = table.opts.views ?? { mine: [], team: [] };
    if (this.isLocal) this.readMemory();
  }

  readMemory() {
    const mine = this.table.memory.views.map(({ name, view }) => ({ id: name, name, content: view }));
    this.all = { mine, team: [] };
  }

  get mayShare() {
    return this.all.may_share === true;
  }

  /** The view that the list opens with, or null: one's own goes before the team's. */
  get first() {
    return [...this.all.mine, ...this.all.team].find((one) => one.is_default) ?? null;
  }

  /** The view with exactly this content, or null. @param {ShortView} content */
  find(content) {
    const text = spelling(content);
    return [...this.all.mine, ...this.all.team].find((one) => spelling(one.content) === text) ?? null;
  }

  /**
   * @param {string} name
   * @param {ShortView} content
   * @param {{place?: 'mine' | 'team', isDefault?: boolean, isOnlyNew?: boolean}} [how]
   * @returns {Promise<boolean>}
   */
  async keep(name, content, { place = 'mine', isDefault = false, isOnlyNew = false } = {}) {
    const { table } = this;
    if (this.isLocal) {
      table.memory.keepView(name, content);
      this.readMemory();
      return true;
    }
    const params = { list: table.opts.list, name, content: JSON.stringify(content), is_default: isDefault ? 1 : 0, if_new: isOnlyNew ? 1 : 0 };
    const answer = await ask(table.app, PLACES[place].save, { method: 'POST', params, baseUri: table.baseUri });
    if (!answer.ok) {
      await table.app.showAnswer(answer);
      return false;
    }
    const view = answer.value.data;
    const others = this.all[place].filter((one) => one.id !== view.id).map((one) => (isDefault ? { ...one, is_default: false } : one));
    this.all[place] = [...others, view].sort((a, b) => a.name.localeCompare(b.name));
    return true;
  }

  /** @param {NamedView} view @param {'mine' | 'team'} place @returns {Promise<boolean>} */
  async drop(view, place) {
    const { table } = this;
    if (this.isLocal) {
      table.memory.dropView(view.name);
      this.readMemory();
      return true;
    }
    const answer = await ask(table.app, PLACES[place].drop, { method: 'POST', params: { id: view.id }, baseUri: table.baseUri });
    // What is gone already is what was wanted.
    if (!answer.ok && answer.status !== 404) {
      await table.app.showAnswer(answer);
      return false;
    }
    this.all[place] = this.all[place].filter((one) => one.id !== view.id);
    return true;
  }

  /** Views that this browser has kept from before go to the server once. */
  async takeOver() {
    const { memory } = this.table;
    if (this.isLocal) return;
    for (const { name, view } of memory.views) {
      if (!await this.keep(name.slice(0, MAX_NAME), view, { isOnlyNew: true })) return;
      memory.dropView(name);
    }
  }
}

/** As many characters as a name of a view may have. */
export const MAX_NAME = 60;

/** A text that is the same for the same content. @param {ShortView} content */
function spelling(content) {
  return JSON.stringify(Object.entries(content ?? {}).filter(([key]) => key !== 'p').sort(([a], [b]) => (a < b ? -1 : 1)));
}
