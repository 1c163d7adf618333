/** The figures of a chart's bar, at the pointer, or above the bar that has the focus. */

import { fillNode, h } from '../../core/dom.js';

const AWAY_PX = 12;

export class ChartTip {
  /** @param {HTMLElement} figure what it stays within */
  constructor(figure) {
    this.figure = figure;
    // Whoever hears the page is told by the bar itself.
    this.element = h('div', { class: 'chart-tip', 'aria-hidden': 'true', hidden: true });
    figure.append(this.element);
    figure.addEventListener('keydown', ({ key }) => key === 'Escape' && this.hide());
  }

  /** @param {SVGElement} group a bar @param {string[]} parts what it says, a line each */
  listen(group, parts) {
    group.addEventListener('pointermove', ({ clientX, clientY }) => this.show(parts, clientX, clientY));
    group.addEventListener('pointerleave', () => this.hide());
    group.addEventListener('focus', () => {
      const { left, width, top } = (group.querySelector('.chart-fill') ?? group).getBoundingClientRect();
      this.show(parts, left + width / 2, top);
    });
    group.addEventListener('blur', () => this.hide());
  }

  /** @param {string[]} parts @param {number} x @param {number} y of the window */
  show([title, ...parts], x, y) {
    const { element, figure } = this;
    fillNode(element, h('strong', {}, title), parts.map((part) => h('span', {}, part)));
    element.hidden = false;
    const frame = figure.getBoundingClientRect();
    const { offsetWidth, offsetHeight } = element;
    const left = Math.min(Math.max(0, x - frame.left - offsetWidth / 2), Math.max(0, frame.width - offsetWidth));
    const above = y - offsetHeight - AWAY_PX;
    element.style.left = `${left}px`;
    element.style.top = `${(above < 0 ? y + AWAY_PX : above) - frame.top}px`;
  }

  hide() {
    this.element.hidden = true;
  }
}
