/** The application object: the page's root, settings, sign-in, and the search for late widgets. */

import { ask } from './request.js';
import { build, buildOverlay, pageOf } from './build.js';
import { attachBinds } from './binds.js';
import { Body } from './body.js';
import { findWidget } from './lookup.js';
import { LANGUAGES, preferredLanguage, t, useLanguage } from './i18n.js';
import { startSignIn } from './sign_in.js';

/** @typedef {{path: WidgetPath|undefined, owner: Widget, use: (widget: Widget) => void}} Waiting */

export class App {
  /**
   * @param {AppOptions} options
   */
  constructor(options) {
    this.opts = options;
    this.charSizePx = options.charsize ?? 16;
    this.scriptsAllowed = options.allow_scripts === true;
    this.baseUri = location.href;
    this.events = new EventTarget();
    this.boundActions = /** @type {Map<string, BoundAction[]>} */ (new Map());
    this.tickets = new Tickets();
    this.waiting = /** @type {Waiting[]} */ ([]);
    this.app = this;
    this.body = new Body({}, { app: this, baseUri: this.baseUri, parent: null });
    this.root = /** @type {Widget|null} */ (null);
    this.signingIn = /** @type {Promise<boolean>|null} */ (null);
    this.user = /** @type {User|null} */ (null);
    this.recordPages = /** @type {Map<string | undefined, MenuItem>} the pages of records that the menu leads to, by table */ (new Map());
    /** By whose days the application counts; the reader's where nobody says. */
    this.zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    this.isSigningInPage = false;
    /** Somebody else has signed in: what is on the page is not his. */
    this.isAbandoned = false;
    this.isToldOfOther = false;
  }

  /** Load the dictionary, build the root description, show it. */
  async run() {
    await this.loadLanguage(this.opts.language ?? preferredLanguage());
    await this.showRoot();
  }

  async showRoot() {
    const widgets = await build(this.opts.widget, this.body, { baseUri: this.baseUri });
    this.body.clear_widgets();
    for (const widget of widgets) this.body.add_widget(widget);
    this.root = widgets[0] ?? this.body;
    document.body.dataset.ready = 'true';
  }

  /** @param {string} code */
  async loadLanguage(code) {
    await useLanguage(LANGUAGES.includes(code) ? code : 'zh', this.opts.i18nUrls?.[code]);
  }

  /** Switch the language and show the page anew in it. @param {string} code */
  async change_language(code) {
    await this.loadLanguage(code);
    this.dispatch('change_language', { language: code });
    await this.showRoot();
  }

  textsize_bigger() {
    this.setCharSize(this.charSizePx + 1);
  }

  textsize_smaller() {
    this.setCharSize(this.charSizePx - 1);
  }

  /** @param {number} px */
  setCharSize(px) {
    this.charSizePx = Math.min(28, Math.max(10, px));
    document.documentElement.style.fontSize = `${this.charSizePx}px`;
  }

  /** @param {string} event @param {(event: WidgetEvent) => unknown} handler */
  bind(event, handler) {
    this.events.addEventListener(event, /** @type {EventListener} */ (handler));
  }

  /** @param {string} event @param {(event: WidgetEvent) => unknown} handler */
  unbind(event, handler) {
    this.events.removeEventListener(event, /** @type {EventListener} */ (handler));
  }

  /** Fire an event of the application, for instance `user_logined`. @param {string} name @param {Data} [params] */
  dispatch(name, params = {}) {
    const event = Object.assign(new Event(name), { params });
    this.events.dispatchEvent(event);
  }

  /** @param {Widget} widget */
  add_widget(widget) {
    this.body.add_widget(widget);
  }

  /** For `build`: binds stand above it, since their actions build. @param {Widget} owner @param {Bind[]} [binds] */
  attachBinds(owner, binds) {
    attachBinds(owner, binds);
  }

  /** @see findWidget @param {WidgetPath} path @param {Widget} [from] */
  find(path, from) {
    return findWidget(path, from ?? this.body, this);
  }

  /** @param {Description} description @param {Widget} [owner] */
  buildOverlay(description, owner) {
    return buildOverlay(description, owner ?? this.body);
  }

  /** @param {MessageOptions} options */
  show_message(options) {
    return this.buildOverlay({ widgettype: 'Message', options: { timeout: 3, ...options } });
  }

  /** @param {ErrorOptions} options */
  show_error(options) {
    return this.buildOverlay({ widgettype: 'Error', options });
  }

  /** Show whatever an answer holds besides data: a message, an error, a window. @param {Answer} answer */
  async showAnswer(answer) {
    await build(pageOf(answer), this.body, { baseUri: answer.url });
  }

  /** Reload the table (or whatever has `render`) of that unique id: the opener of a window. @param {string} uid */
  refreshWidget(uid) {
    for (const node of document.querySelectorAll('[data-uid]')) {
      if (node.dataset.uid === uid) node.bricks_widget?.render?.({});
    }
  }

  /** Yes or no. @param {ConfirmOptions} options */
  async confirm(options) {
    const box = await this.buildOverlay({ widgettype: 'Conform', options });
    return new Promise((resolve) => {
      box.bind('conformed', () => resolve(true));
      box.bind('dismissed', () => resolve(false));
    });
  }

  /**
   * Another window of this browser has signed in as somebody else: this page sends nothing any more.
   * @param {string} message
   * @param {string} who signed in now
   */
  async tellOtherUser(message, who) {
    if (this.isToldOfOther || this.isAbandoned) return;
    this.isToldOfOther = true;
    const isReloaded = await this.confirm({
      title: 'Somebody else has signed in', message, yes_label: t('Load the page as ${who}', { who }), no_label: 'Stay here',
    });
    this.isToldOfOther = false;
    if (!isReloaded) return;
    this.isAbandoned = true;
    location.reload();
  }

  /** One sign-in window at a time; all who need it wait for the same. @returns {Promise<boolean>} */
  signInAgain() {
    if (this.isSigningInPage) return Promise.resolve(false);
    this.signingIn ??= startSignIn(this).finally(() => { this.signingIn = null; });
    return this.signingIn;
  }

  /**
   * A bind names a widget that is not there yet.
   * @param {WidgetPath | undefined} path
   * @param {Widget} owner
   * @param {(widget: Widget) => void} use
   */
  whenAdded(path, owner, use) {
    this.waiting.push({ path, owner, use });
    owner.whenReleased(() => { this.waiting = this.waiting.filter((one) => one.use !== use); });
    setTimeout(() => {
      if (this.waiting.some((one) => one.use === use)) {
        console.warn(`no widget "${path}" for a bind so far`);
      }
    }, 10_000);
  }

  widgetAdded() {
    if (!this.waiting.length) return;
    // After the current step: the widget's own children come with it.
    queueMicrotask(() => {
      this.waiting = this.waiting.filter(({ path, owner, use }) => {
        const widget = owner.dom_element.isConnected ? findWidget(path, owner, this) : null;
        if (widget) use(widget);
        return !widget;
      });
    });
  }

  /** @param {string} text @param {Data} [data] */
  t(text, data) {
    return t(text, data);
  }

  /** @param {string} url @param {AskOptions} [how] */
  ask(url, how) {
    return ask(this, url, how);
  }
}

/** Of two requests for one target the later wins, whichever answer comes first. */
class Tickets {
  constructor() {
    this.last = /** @type {WeakMap<Widget, number>} */ (new WeakMap());
  }

  /** @param {Widget | WindowKind} target */
  take(target) {
    if (typeof target === 'string') return { isCurrent: () => true };
    const number = (this.last.get(target) ?? 0) + 1;
    this.last.set(target, number);
    return { isCurrent: () => this.last.get(target) === number };
  }
}
