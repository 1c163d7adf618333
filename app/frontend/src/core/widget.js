/** The base of every widget: one DOM element, children, events. */

import { uniqueId } from './dom.js';
import { applyCommonOptions, setStyle } from './styling.js';
import { language } from './i18n.js';

export class Widget {
  /** Overlays live in a layer of the page, never inside the target of an action. */
  static isOverlay = false;
  /** True for pages that are whole by themselves. */
  static isPage = false;
  /** @type {string} */
  static tag = 'div';
  /** False for widgets for which width, css and the like mean something of their own. */
  static commonOptions = true;

  /**
   * @param {Data} opts the description's `options`
   * @param {WidgetContext} context
   */
  constructor(opts, context) {
    this.opts = opts ?? {};
    this.app = context.app;
    this.baseUri = context.baseUri;
    this.parent = /** @type {Widget|null} */ (context.parent ?? null);
    this.children = /** @type {Widget[]} */ ([]);
    this.uid = uniqueId('w');
    this.dom_element = /** @type {HTMLElement} */ (this.createElement());
    this.dom_element.bricks_widget = this;
    this.boundActions = /** @type {Map<string, BoundAction[]>} */ (new Map());
    this.endings = /** @type {(() => void)[]} */ ([]);
    this.language = language();
    this.exposeOptions();
    if (this.constructor.commonOptions) {
      applyCommonOptions(this.dom_element, this.opts, this.app.charSizePx);
    }
  }

  /** Pages read options as plain properties (`this.kb_id`); own members win. */
  exposeOptions() {
    for (const [name, value] of Object.entries(this.opts)) {
      if (!(name in this)) Object.assign(this, { [name]: value });
    }
  }

  createElement() {
    return document.createElement(this.constructor.tag);
  }

  /** Where children's elements go. */
  get contentElement() {
    return this.dom_element;
  }

  get id() {
    return this.dom_element.id;
  }

  /** @param {string} id */
  set_id(id) {
    this.dom_element.id = id;
  }

  /** @param {Widget} widget @param {number} [index] */
  add_widget(widget, index) {
    if (!(widget instanceof Widget)) return;
    widget.parent = this;
    const at = index === undefined ? this.children.length : index;
    const before = this.children[at]?.dom_element ?? null;
    this.children.splice(at, 0, widget);
    this.contentElement.insertBefore(widget.dom_element, before);
    this.app?.widgetAdded();
  }

  /**
   * Add a child whose element has a place of its own in this widget.
   * @param {Element} place
   * @param {Widget} widget
   */
  add_widget_at(place, widget) {
    widget.parent = this;
    this.children.push(widget);
    place.append(widget.dom_element);
    this.app.widgetAdded();
    return widget;
  }

  /** @param {Widget} widget */
  remove_widget(widget) {
    const at = this.children.indexOf(widget);
    if (at < 0) return;
    this.children.splice(at, 1);
    widget.dom_element.remove();
    widget.released();
    widget.parent = null;
  }

  clear_widgets() {
    for (const child of [...this.children]) this.remove_widget(child);
    this.contentElement.replaceChildren();
  }

  /**
   * Run *work* when the widget leaves the page: whatever lives longer must let go of it.
   * @param {() => void} work
   */
  whenReleased(work) {
    this.endings.push(work);
  }

  /** Called when the widget leaves the page, for timers and the like. */
  released() {
    for (const work of this.endings.splice(0)) work();
    for (const child of this.children) child.released();
  }

  destroy() {
    if (this.parent) this.parent.remove_widget(this);
    else this.dom_element.remove();
  }

  /** @param {string} event @param {(event: WidgetEvent) => unknown} handler */
  bind(event, handler) {
    this.dom_element.addEventListener(event, /** @type {EventListener} */ (handler));
  }

  /** @param {string} event @param {(event: WidgetEvent) => unknown} handler */
  unbind(event, handler) {
    this.dom_element.removeEventListener(event, /** @type {EventListener} */ (handler));
  }

  /**
   * Fire an event whose `params` the handlers read; it does not bubble.
   * @param {string} name
   * @param {Data} [params]
   * @returns {Promise<WidgetEvent>} the event, when the actions bound to it are done; `event.failed` tells
   *   that one of them was refused
   */
  dispatch(name, params = {}) {
    const work = /** @type {Promise<unknown>[]} */ ([]);
    const event = /** @type {WidgetEvent & Data} */ (
      Object.assign(new Event(name, { bubbles: false, cancelable: true }), { params, work }));
    if (params && typeof params === 'object') {
      for (const [key, value] of Object.entries(params)) {
        if (!(key in event)) event[key] = value;
      }
    }
    this.dom_element.dispatchEvent(event);
    return Promise.all(work).then(() => event);
  }

  show() {
    this.dom_element.hidden = false;
  }

  hide() {
    this.dom_element.hidden = true;
  }

  /** @param {string} name */
  set_css(name, remove = false) {
    this.dom_element.classList.toggle(name, !remove);
  }

  /** @param {string} name @param {unknown} value */
  set_style(name, value) {
    setStyle(this.dom_element, name, value);
  }
}
