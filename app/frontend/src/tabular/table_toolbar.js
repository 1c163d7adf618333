/** The buttons above a table: editing, the description's own tools, filter and reload. */

import { h } from '../core/dom.js';
import { icon, iconOf } from '../core/icons.js';
import { resolveUrl } from '../core/urls.js';
import { t } from '../core/i18n.js';

export class TableToolbar {
  /** @param {import('./tabular.js').Tabular} table */
  constructor(table) {
    this.table = table;
    this.buttons = [];
    const { editing } = table;
    const own = [
      editing.canAdd && this.button('add', 'Add', 'add', () => editing.add(), { css: 'primary' }),
      editing.canUpdate && this.button('update', 'Edit', 'update', () => editing.updateSelected(), { needsRow: true }),
      editing.canDelete && this.button('delete', 'Delete', 'delete', () => editing.removeSelected(), { needsRow: true }),
    ];
    const tools = (table.opts.toolbar?.tools ?? []).map((tool) => this.descriptionTool(tool));
    this.filterButton = this.button('filter', 'Filter', 'filter', () => table.filterPanel.toggle());
    const reload = this.button('refresh', 'Reload', 'refresh', () => table.render({}), { isSmall: true });
    this.element = h('div', { class: 'table-tools', role: 'toolbar', 'aria-label': t('Tools') },
      h('div', { class: 'toolbar' }, own, tools), h('div', { class: 'toolbar view-tools' }, this.filterButton, reload));
  }

  button(name, label, iconName, click, { css = '', needsRow = false, isSmall = false, iconNode = null } = {}) {
    const text = t(label);
    const button = h('button', {
      type: 'button', class: ['tool', css, isSmall && 'tool-small'], 'data-tool': name, title: text, on: { click },
    }, iconNode ?? (iconName ? icon(iconName) : null), h('span', { class: isSmall ? 'visually-hidden' : 'tool-label' }, text));
    if (needsRow) this.buttons.push(button);
    return button;
  }

  descriptionTool(tool) {
    const needsRow = tool.selected_row === true || tool.selected_row === 'true';
    const iconNode = iconOf(tool.icon, (url) => resolveUrl(url, this.table.baseUri));
    return this.button(tool.name, tool.label ?? tool.name, null, () => this.table.tool(tool), {
      needsRow, css: tool.css, iconNode,
    });
  }

  /** Tools that need a row look so while none is selected; a click then says why. */
  update() {
    const isWaiting = !this.table.selectedRecord;
    for (const button of this.buttons) button.classList.toggle('waiting', isWaiting);
    const count = this.table.conditions.length;
    this.filterButton.classList.toggle('active', count > 0);
    this.filterButton.querySelector('.tool-label').textContent = count ? `${t('Filter')} (${count})` : t('Filter');
    this.filterButton.setAttribute('aria-expanded', String(!this.table.filterPanel.element.hidden));
  }
}
