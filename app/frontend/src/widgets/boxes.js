/** Boxes that lay out their children: rows, columns, fillers, scroll panels, card grids. */

import { register } from '../core/registry.js';
import { Widget } from '../core/widget.js';

/** @param {...string} names */
function boxClass(...names) {
  return class extends Widget {
    /** @param {Data} opts @param {WidgetContext} context */
    constructor(opts, context) {
      super(opts, context);
      this.dom_element.classList.add(...names);
      if (opts.wrap) this.dom_element.style.flexWrap = 'wrap';
    }
  };
}

/** A panel tells when its end or its beginning comes into view. */
export class ScrollPanel extends Widget {
  static direction = 'vertical';
  static thresholds = { min: 0.02, max: 0.95 };

  /** @param {Data} opts @param {WidgetContext} context */
  constructor(opts, context) {
    super(opts, context);
    this.dom_element.classList.add('scroll-panel', `scroll-${this.constructor.direction}`);
    this.dom_element.tabIndex = 0;
    this.bind('scroll', () => this.scrolled());
  }

  scrolled() {
    const isVertical = this.constructor.direction === 'vertical';
    const { scrollTop, scrollHeight, clientHeight, scrollLeft, scrollWidth, clientWidth } = this.dom_element;
    const [start, size, extent] = isVertical ? [scrollTop, scrollHeight, clientHeight]
      : [scrollLeft, scrollWidth, clientWidth];
    const { min, max } = this.constructor.thresholds;
    if (size <= extent) return;
    if (start + extent >= size * max) this.dispatch('max_threshold', {});
    else if (start <= size * min) this.dispatch('min_threshold', {});
  }
}

class HScrollPanel extends ScrollPanel {
  static direction = 'horizontal';
}

/** Cards that flow into as many columns as there is room for. */
class ResponsableBox extends Widget {
  /** @param {Data} opts @param {WidgetContext} context */
  constructor(opts, context) {
    super(opts, context);
    this.dom_element.classList.add('card-grid');
    const minWidth = typeof opts.minWidth === 'number' ? `${opts.minWidth}px` : opts.minWidth;
    if (/^\d+(\.\d+)?(px|em|rem)$/.test(minWidth ?? '')) this.dom_element.style.setProperty('--card-width', minWidth);
    this.dom_element.style.minWidth = '';
  }
}

class DynamicColumn extends Widget {
  /** @param {Data} opts @param {WidgetContext} context */
  constructor(opts, context) {
    super(opts, context);
    this.dom_element.classList.add('card-grid');
    const unit = this.app.charSizePx;
    if (Number(opts.col_cwidth) > 0) {
      this.dom_element.style.setProperty('--card-width', `${opts.col_cwidth * unit}px`);
    }
    if (Number(opts.col_cgap) >= 0) this.dom_element.style.gap = `${opts.col_cgap * unit}px`;
  }
}

register('VBox', boxClass('vbox'));
register('HBox', boxClass('hbox'));
register(['Filler', 'VFiller'], boxClass('vbox', 'filler'));
register('HFiller', boxClass('hbox', 'filler'));
register('VScrollPanel', ScrollPanel);
register('HScrollPanel', HScrollPanel);
register('ResponsableBox', ResponsableBox);
register('DynamicColumn', DynamicColumn);
