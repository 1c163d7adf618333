/** What is done with one row: behind its button "⋯", and Shift with F10 on the row. */

import { copyText } from '../core/clipboard.js';
import { h } from '../core/dom.js';
import { icon, iconOf } from '../core/icons.js';
import { many, t } from '../core/i18n.js';
import { sharedPopover } from '../core/popover.js';
import { resolveUrl } from '../core/urls.js';
import { isTrue } from '../inputs/check_inputs.js';
import { recordHref } from './links.js';

/** Whether a tool of a description is about one row. @param {Tool} tool */
export function needsRow(tool) {
  return isTrue(tool.selected_row);
}

export class RowMenu {
  /** @param {Tabular} table */
  constructor(table) {
    this.table = table;
    this.tools = (table.opts.toolbar?.tools ?? []).filter(needsRow);
    this.popover = sharedPopover(t('What to do with the row'));
    this.popover.box.classList.add('row-menu');
  }

  get element() {
    return this.popover.box;
  }

  /** Without anything to do there is no button. */
  get isUseful() {
    const { editing } = this.table;
    return this.tools.length > 0 || editing.canUpdate || editing.canDelete;
  }

  /** @param {Row} record @param {HTMLElement} button where it opens */
  open(record, button) {
    this.popover.openAt(button, () => this.entries(record));
  }

  /** @param {Row} record */
  entries(record) {
    const { editing } = this.table;
    const href = recordHref(this.table, record);
    const [often, seldom] = [false, true].map((isSeldom) => this.tools.filter((tool) => isTrue(tool.more) === isSeldom));
    return [
      ...often.map((tool) => this.toolEntry(tool, record, href)),
      href && this.entry('copy_link', 'copy', t('Copy the link'), () => this.copyLink(href)),
      editing.canUpdate && this.entry('update', 'update', t('Edit'), () => editing.update(record)),
      seldom.length && h('hr'),
      ...seldom.map((tool) => this.toolEntry(tool, record, null)),
      editing.canDelete && h('hr'),
      editing.canDelete && this.entry('delete', 'delete', t(editing.removal.label), () => editing.remove(record), 'danger-text'),
    ].filter((node) => node instanceof Node);
  }

  /** @param {Tool} tool @param {Row} record @param {string | null} href */
  toolEntry(tool, record, href) {
    const label = many(tool.label ?? tool.name);
    const picture = iconOf(tool.icon, (url) => resolveUrl(url, this.table.baseUri));
    if (tool.name === 'open' && href) {
      return h('a', { href, class: 'menu-entry', 'data-tool': 'open', on: { click: () => this.popover.close() } }, picture ?? icon('right'), h('span', {}, label));
    }
    return this.entry(tool.name, picture, label, () => this.table.tool(tool, record));
  }

  /**
   * @param {string} name
   * @param {string | Element | null} picture
   * @param {string} label
   * @param {() => unknown} run
   * @param {string} [css]
   */
  entry(name, picture, label, run, css = '') {
    const node = typeof picture === 'string' ? icon(picture) : picture;
    return h('button', {
      type: 'button', class: ['plain', 'menu-entry', css], 'data-tool': name, on: { click: () => { this.popover.close(); run(); } },
    }, node ?? h('span', { class: 'icon' }), h('span', {}, label));
  }

  /** @param {string} href */
  async copyLink(href) {
    const isCopied = await copyText(new URL(href, location.href).href);
    this.table.app.show_message({ title: isCopied ? 'The link is copied.' : 'The link could not be copied.' });
  }
}
