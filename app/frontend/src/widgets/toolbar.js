/** Toolbar: buttons in a row; fires `command` and an event of the tool's name. */

import { h } from '../core/dom.js';
import { icon, iconOf } from '../core/icons.js';
import { register } from '../core/registry.js';
import { resolveUrl } from '../core/urls.js';
import { t } from '../core/i18n.js';
import { Widget } from '../core/widget.js';

export class Toolbar extends Widget {
  /** @param {Data} opts @param {WidgetContext} context */
  constructor(opts, context) {
    super(opts, context);
    this.dom_element.classList.add('toolbar');
    this.dom_element.setAttribute('role', 'toolbar');
    if (opts.orientation === 'vertical') this.dom_element.classList.add('toolbar-vertical');
    this.buttons = new Map();
    for (const tool of opts.tools ?? []) this.addTool(tool);
  }

  built() {
    this.dispatch('ready', {});
  }

  /** @param {Tool} tool */
  addTool(tool) {
    const picture = iconOf(tool.icon, (url) => resolveUrl(url, this.baseUri));
    const button = h('button', {
      type: 'button', class: ['tool', tool.css], 'data-tool': tool.name, title: tool.tip ? t(tool.tip) : undefined,
      on: { click: () => this.command(tool) },
    }, picture, h('span', { class: 'tool-label' }, t(tool.label ?? tool.name)));
    const cell = h('span', { class: 'tool-cell' }, button);
    if (tool.removable) cell.append(this.removeButton(tool, cell));
    this.buttons.set(tool.name, button);
    this.dom_element.append(cell);
  }

  /** @param {Tool} tool @param {HTMLElement} cell */
  removeButton(tool, cell) {
    return h('button', {
      type: 'button', class: 'icon-button', 'aria-label': t('Remove'),
      on: { click: () => { cell.remove(); this.dispatch('remove', { ...tool }); } },
    }, icon('close'));
  }

  /** Marks one tool as the chosen one. @param {string} name */
  choose(name) {
    for (const [one, button] of this.buttons) button.classList.toggle('selected', one === name);
  }

  /** @param {Tool} tool */
  command(tool) {
    this.choose(tool.name);
    this.dispatch('command', { ...tool });
    if (tool.name && tool.name !== 'command') this.dispatch(tool.name, { ...tool });
  }
}

register('Toolbar', Toolbar);
