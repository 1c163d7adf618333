/** The parts of a page, one shown at a time; which one stands in the address. */

import { h, uniqueId } from '../../core/dom.js';
import { t } from '../../core/i18n.js';
import { notLoaded } from './nodes.js';

export class PageTabs {
  /** @param {{name: string, label: string, make: () => Part}[]} parts */
  constructor(parts) {
    this.panel = h('div', { role: 'tabpanel', class: 'page-panel', id: uniqueId('panel') });
    /** @type {TabPart[]} */
    this.parts = parts.map((part) => ({ ...part, button: this.tabButton(part), content: null }));
    this.current = /** @type {TabPart|null} */ (null);
    this.bar = h('div', { role: 'tablist', class: 'tab-bar', on: { keydown: (event) => this.key(event) } },
      this.parts.map(({ button }) => button));
    this.element = h('div', { class: 'page-tabs' }, this.bar, this.panel);
  }

  /** @param {{name: string, label: string}} part */
  tabButton(part) {
    return h('button', {
      type: 'button', role: 'tab', id: uniqueId('tab'), 'data-name': part.name, 'aria-controls': this.panel.id,
      on: { click: () => this.show(part.name) },
    }, t(part.label));
  }

  /** The part that the address names, else the first. */
  showFromAddress() {
    this.show(new URLSearchParams(location.hash.split('?')[1]).get('tab') ?? '');
  }

  /** @param {string} name */
  show(name) {
    const goal = this.parts.find((part) => part.name === name) ?? this.parts[0];
    if (this.current !== goal) {
      this.current = goal;
      for (const part of this.parts) {
        part.button.setAttribute('aria-selected', String(part === goal));
        part.button.tabIndex = part === goal ? 0 : -1;
      }
      this.panel.setAttribute('aria-labelledby', goal.button.id);
      this.bringIntoView(goal.button);
      goal.content ??= goal.make();
      this.panel.replaceChildren(goal.content.element);
      this.writeAddress(goal.name);
    }
    this.draw(goal);
  }

  /** What a part draws takes the place of the word that it is being loaded. @param {TabPart} part */
  async draw(part) {
    if (!part.content) return;
    const { element, render } = part.content;
    if (!element.childNodes.length) element.append(h('div', { class: 'loading' }, t('Loading …')));
    await render?.call(part.content);
    const again = () => {
      element.replaceChildren();
      this.draw(part);
    };
    element.querySelector(':scope > .loading')?.replaceWith(notLoaded(again));
  }

  /** On a narrow screen the bar scrolls; only the bar, not the page. @param {HTMLButtonElement} button */
  bringIntoView(button) {
    requestAnimationFrame(() => {
      const { offsetLeft, offsetWidth } = button;
      const { offsetLeft: start, scrollLeft, clientWidth } = this.bar;
      const left = offsetLeft - start;
      if (left < scrollLeft || left + offsetWidth > scrollLeft + clientWidth) this.bar.scrollLeft = left + offsetWidth - clientWidth / 2;
    });
  }

  /** @param {string} name */
  writeAddress(name) {
    const [path, query = ''] = location.hash.split('?');
    if (!path.startsWith('#/')) return;
    const params = new URLSearchParams(query);
    if (this.parts[0].name === name) params.delete('tab');
    else params.set('tab', name);
    history.replaceState(history.state, '', `${path}?${params}`);
  }

  /** @param {At<KeyboardEvent>} event */
  key(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = this.parts.findIndex((part) => part === this.current);
    const next = this.parts[(at + step + this.parts.length) % this.parts.length];
    this.show(next.name);
    next.button.focus();
  }

  render() {
    if (this.current) this.draw(this.current);
  }

  stop() {
    for (const { content } of this.parts) content?.stop?.();
  }
}
