/**
 * The command palette: Ctrl K (⌘ K) anywhere. Pages and actions of the menu, and records by what the
 * server finds; arrows choose, Enter opens, Ctrl Enter opens in a new window.
 */

import { ask } from '../core/request.js';
import { debounce, h, uniqueId } from '../core/dom.js';
import { icon } from '../core/icons.js';
import { localDateTime } from '../core/format.js';
import { t } from '../core/i18n.js';

const SEARCH_DELAY_MS = 150;

export class Palette {
  /** @param {AppShell} shell */
  constructor(shell) {
    this.shell = shell;
    this.entries = /** @type {PaletteEntry[]} */ ([]);
    this.active = 0;
    this.ticket = 0;
    this.hasMoved = false;
    this.listId = uniqueId('palette');
    this.search = debounce(() => this.askServer(), SEARCH_DELAY_MS);
    this.listener = (/** @type {KeyboardEvent} */ event) => this.globalKey(event);
    document.addEventListener('keydown', this.listener);
    this.button = h('button', {
      type: 'button', class: 'bar-button palette-button', title: t('Search everything'), on: { click: () => this.open() },
    }, icon('search'), h('span', {}, t('Search')), h('kbd', {}, 'Ctrl K'));
  }

  /** @param {KeyboardEvent} event */
  globalKey(event) {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey || event.key.toLowerCase() !== 'k') return;
    event.preventDefault();
    // In front of a window with work in it there is nothing to go to.
    if (!this.dialog && !document.querySelector('dialog[open]')) this.open();
  }

  open() {
    this.input = h('input', {
      type: 'text', role: 'combobox', autocomplete: 'off', spellcheck: 'false', 'aria-expanded': 'true', 'aria-controls': this.listId,
      'aria-label': t('Search everything'), placeholder: t('Pages, actions, lines, distributors, calls'), autofocus: true,
      on: { input: () => this.changed(), keydown: (event) => this.key(event) },
    });
    this.list = h('ul', { id: this.listId, role: 'listbox', 'aria-label': t('Search everything') });
    this.status = h('p', { class: 'muted palette-status', role: 'status' });
    const dialog = h('dialog', {
      class: 'palette', 'aria-label': t('Search everything'),
      on: { close: () => this.closed(), click: (event) => { if (event.target === dialog) dialog.close(); } },
    }, h('div', { class: 'palette-box' }, this.input, this.list, this.status));
    this.dialog = dialog;
    document.body.append(dialog);
    dialog.showModal();
    this.show(this.localEntries(''));
  }

  closed() {
    this.ticket += 1;
    this.dialog?.remove();
    this.dialog = null;
  }

  get text() {
    return this.input?.value.trim() ?? '';
  }

  changed() {
    this.hasMoved = false;
    this.ticket += 1; // an answer to what stood there before is no answer
    this.show(this.localEntries(this.text));
    this.search();
  }

  /** Pages and actions with all the words that were typed. @param {string} text @returns {PaletteEntry[]} */
  localEntries(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    /** @param {PaletteEntry} entry */
    const matches = ({ text: label }) => words.every((word) => label.toLowerCase().includes(word));
    /** @param {MenuItem} item @param {string} group @returns {PaletteEntry} */
    const entry = ({ label, icon: picture, url = '' }, group) => ({ group, text: t(label), icon: picture, url });
    const pages = this.shell.pages.map((page) => entry(page, t('Go to')));
    const actions = (this.shell.opts.actions ?? []).map((action) => ({ ...entry(action, t('Actions')), isAdding: true }));
    return [...pages, ...actions].filter(matches);
  }

  async askServer() {
    const { text } = this;
    const url = this.shell.opts.search_url;
    this.ticket += 1;
    const { ticket } = this;
    if (!text || !url || !this.dialog) return;
    const answer = await ask(this.shell.app, url, { params: { q: text } });
    if (ticket !== this.ticket || !this.dialog) return;
    if (!answer.ok) {
      this.say(answer.error?.options?.message ?? t('That did not work.'));
      return;
    }
    const records = answer.value.data.flatMap((/** @type {SearchAnswer} */ { name, hits }) => hits.map((hit) => ({
      group: t(KINDS[name] ?? name), icon: ICONS[name], url: hit.url, text: hit.text, detail: [hit.detail, localDateTime(hit.at, { seconds: false })].filter(Boolean).join(' · '),
    })));
    this.show([...records, ...this.localEntries(text)]);
    const slow = /** @type {string[]} */ (answer.value.too_slow ?? []).map((name) => t(KINDS[name] ?? name));
    if (slow.length) this.say(t('Left out, since it took too long: ${kinds}', { kinds: slow.join(', ') }));
  }

  /** @param {PaletteEntry[]} entries */
  show(entries) {
    // What one has gone to stays chosen when records come before it.
    const current = this.hasMoved ? this.entries[this.active]?.url : undefined;
    this.entries = entries;
    this.active = Math.max(0, entries.findIndex(({ url }) => url === current));
    let group = '';
    this.list?.replaceChildren(...entries.flatMap((entry, i) => {
      const heading = entry.group === group ? [] : [h('li', { class: 'palette-group', role: 'presentation' }, entry.group)];
      group = entry.group;
      return [...heading, this.item(entry, i)];
    }));
    this.say(entries.length ? t('${count} results', { count: entries.length }) : t('Nothing found'));
    this.mark();
  }

  /** @param {string} words */
  say(words) {
    if (this.status) this.status.textContent = words;
  }

  /** @param {PaletteEntry} entry @param {number} i */
  item(entry, i) {
    return h('li', { id: `${this.listId}-${i}`, role: 'option', 'aria-selected': 'false' },
      h('a', { href: `#${entry.url}`, tabindex: '-1', on: { click: (event) => this.clicked(event, entry) } },
        icon(entry.icon ?? 'right'), h('span', {}, entry.text), entry.detail ? h('span', { class: 'muted' }, entry.detail) : null));
  }

  mark() {
    const items = [...this.list?.querySelectorAll('[role=option]') ?? []];
    items.forEach((one, i) => one.setAttribute('aria-selected', String(i === this.active)));
    const item = items[this.active];
    item?.scrollIntoView({ block: 'nearest' });
    if (item) this.input?.setAttribute('aria-activedescendant', item.id);
    else this.input?.removeAttribute('aria-activedescendant');
  }

  /** @param {At<KeyboardEvent>} event */
  key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && this.entries.length) {
      event.preventDefault();
      this.hasMoved = true;
      this.active = (this.active + step + this.entries.length) % this.entries.length;
      this.mark();
    } else if (event.key === 'Enter' && this.entries[this.active]) {
      event.preventDefault();
      const entry = this.entries[this.active];
      if (event.ctrlKey || event.metaKey) window.open(`#${entry.url}`, '_blank');
      else this.go(entry);
    }
  }

  /** Links are links: a middle click and Ctrl open another window. @param {MouseEvent} event @param {PaletteEntry} entry */
  clicked(event, entry) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.go(entry);
  }

  /** @param {PaletteEntry} entry */
  async go(entry) {
    this.dialog?.close();
    await this.shell.goTo(entry.url);
    const list = /** @type {Tabular|undefined} */ (this.shell.content.querySelector('.tabular')?.bricks_widget);
    if (entry.isAdding && list?.editing.canAdd) await list.editing.add();
  }

  released() {
    document.removeEventListener('keydown', this.listener);
    this.dialog?.close();
  }
}

/** @type {Record<string, string>} */
const ICONS = { pipelines: 'lines', distributors: 'distributors', calls: 'usage' };
/** @type {Record<string, string>} */
const KINDS = { pipelines: 'Lines', distributors: 'Distributors', calls: 'Calls' };
