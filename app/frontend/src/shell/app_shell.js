/** AppShell: top bar, menu, and the page that the URL's hash names. */

import { ask, setPageUser } from '../core/request.js';
import { build, pageOf } from '../core/build.js';
import { h } from '../core/dom.js';
import { icon, iconOf } from '../core/icons.js';
import { isOverlay } from '../core/placing.js';
import { register } from '../core/registry.js';
import { sameOrigin } from '../core/urls.js';
import { t } from '../core/i18n.js';
import { Widget } from '../core/widget.js';
import { languageChooser, themeChooser } from './choosers.js';
import { logo } from './logo.js';
import { Palette } from './palette.js';
import { popoverBelow } from '../core/popover.js';
import { errorPage } from './error_page.js';

const WHO_URL = '/whoami.dspy';

export class AppShell extends Widget {
  static isPage = true;

  /** @param {ShellOptions & Data} opts @param {WidgetContext} context */
  constructor(opts, context) {
    super(opts, context);
    this.dom_element.classList.add('shell');
    this.pages = (opts.menu ?? []).flatMap((group) => group.items ?? [group]);
    if (opts.time_zone) this.app.zone = opts.time_zone;
    this.app.recordPages = new Map(this.pages.filter((item) => item.record_page).map((item) => [(item.url ?? '').split('/').pop(), item]));
    this.palette = new Palette(this);
    this.content = h('main', { class: 'shell-content', id: 'main', tabindex: '-1' });
    this.menu = this.menuElement();
    this.dom_element.append(
      h('a', { class: 'skip-link', href: '#main', on: { click: (event) => this.skip(event) } }, t('Skip to content')),
      this.topBar(), h('div', { class: 'shell-body' }, this.menu, h('div', { class: 'shell-shade', on: { click: () => this.drawer(false) } }),
        this.content));
    this.userBox = popoverBelow(this.userButton, () => this.userMenu(), t('Signed in as'));
    this.hashChanged = () => this.leaveFor(location.hash);
    window.addEventListener('hashchange', this.hashChanged);
    this.dom_element.addEventListener('keydown', (event) => event.key === 'Escape' && this.drawer(false));
  }

  get contentElement() {
    return this.content;
  }

  built() {
    this.showUser();
    this.showPage();
  }

  topBar() {
    this.drawerButton = h('button', {
      type: 'button', class: 'bar-button drawer-button', 'aria-label': t('Menu'), 'aria-expanded': 'false',
      'aria-controls': 'shell-menu', on: { click: () => this.drawer(!this.dom_element.classList.contains('drawer-open')) },
    }, icon('menu'));
    this.userName = h('span', { class: 'user-name' });
    this.userButton = h('button', { type: 'button', class: 'bar-button user', title: t('Signed in as'), 'aria-label': t('Signed in as') },
      icon('user'), this.userName);
    return h('header', { class: 'top-bar' }, this.drawerButton,
      h('a', { class: 'brand', href: '#/' }, logo(), h('span', {}, t('Pipeline'))), h('span', { class: 'spring' }), this.palette.button,
      languageChooser(this.app), themeChooser(), this.userButton);
  }

  menuElement() {
    /** @param {MenuItem} item */
    const entry = (item) => h('li', {}, h('a', { href: `#${item.url}`, 'data-url': item.url, 'data-record-page': item.record_page },
      iconOf(item.icon), h('span', {}, t(item.label))));
    const groups = (this.opts.menu ?? []).map((group) => (group.items
      ? h('section', {}, group.label ? h('h2', {}, t(group.label)) : null, h('ul', {}, group.items.map(entry)))
      : h('ul', {}, entry(group))));
    return h('nav', { class: 'shell-menu', id: 'shell-menu', 'aria-label': t('Main menu') }, groups,
      this.opts.version ? h('footer', { class: 'shell-footer' }, this.opts.version) : null);
  }

  async showUser() {
    const answer = await ask(this.app, this.opts.who_url ?? WHO_URL, {});
    const user = answer.ok ? answer.value?.data ?? {} : {};
    this.app.user = user;
    setPageUser(user.user_id);
    this.userName.textContent = user.username ?? '';
    if (user.username) this.userButton.setAttribute('aria-label', `${t('Signed in as')} ${user.username}`);
  }

  userMenu() {
    /** @param {string} label @param {boolean} everywhere */
    const entry = (label, everywhere) => h('button', { type: 'button', class: 'plain', on: { click: () => this.signOut(everywhere) } }, t(label));
    const roles = (this.app.user?.roles ?? []).join(', ');
    return [h('p', { class: 'user-menu-name' }, h('strong', {}, this.app.user?.username ?? ''), roles ? h('span', { class: 'muted' }, roles) : null),
      h('a', { class: 'button plain', href: '#/account.ui', on: { click: () => this.userBox.close() } }, t('My account')),
      entry('Sign out', false), entry('Sign out on all devices', true)];
  }

  /** @param {boolean} [everywhere] ends the user's sessions in other browsers too */
  async signOut(everywhere = false) {
    const answer = await ask(this.app, '/logout.dspy', { method: 'POST', anonymous: true, params: everywhere ? { everywhere: 1 } : {} });
    if (!answer.ok && answer.status !== 401) {
      await this.app.showAnswer(answer);
      return;
    }
    location.assign('/login.ui');
  }

  /** @param {boolean} isOpen */
  drawer(isOpen) {
    const hadFocus = this.menu.contains(document.activeElement);
    const wasOpen = this.dom_element.classList.contains('drawer-open');
    this.dom_element.classList.toggle('drawer-open', isOpen);
    this.drawerButton.setAttribute('aria-expanded', String(isOpen));
    if (isOpen) this.menu.querySelector('a')?.focus();
    // Out of view it would have the focus still.
    else if (wasOpen && hadFocus) this.drawerButton.focus();
  }

  /** The hash belongs to the page, so the jump is made by hand. @param {Event} event */
  skip(event) {
    event.preventDefault();
    this.content.focus();
  }

  /** Address of the page that the hash names; the first of the menu without one. */
  get pageUrl() {
    const address = location.hash.slice(1);
    // `//host` and `/\host` would lead elsewhere.
    return address.startsWith('/') && address.length > 1 && sameOrigin(address) ? address
      : this.opts.home ?? this.pages[0]?.url ?? '/dashboard.ui';
  }

  /** Windows belong to the page they were opened on; one with unsaved work may keep us here. @param {string} hash */
  async leaveFor(hash) {
    if (hash === this.shownHash) return;
    for (const dialog of [...document.querySelectorAll('dialog[open]')].reverse()) {
      if (!await dialog.bricks_widget?.requestDismiss?.()) {
        this.goBack();
        return;
      }
    }
    await this.showPage();
  }

  /** Number the entries of the browser's history, so that one can go back to the page that is shown. */
  notePlace() {
    const { place } = history.state ?? {};
    this.place = place ?? (this.place ?? 0) + 1;
    if (place === undefined) history.replaceState({ ...history.state, place: this.place }, '');
  }

  /** The address is of another page, and this one stays: back to its entry, so that none is lost. */
  goBack() {
    const { place } = history.state ?? {};
    // An entry without a number was made by a link just now.
    const steps = place === undefined ? -1 : this.place - place;
    if (steps) history.go(steps);
    else history.replaceState(history.state, '', this.shownHash || '#/');
  }

  /** Show the page at *url*; the same one anew. @param {string} url */
  async goTo(url) {
    const hash = `#${url}`;
    if (location.hash !== hash) history.pushState(null, '', hash);
    await this.showPage();
  }

  async showPage() {
    const url = this.pageUrl;
    // The first page has an address too, into which it puts what was chosen.
    if (!location.hash) history.replaceState(history.state, '', `#${url}`);
    this.shownHash = location.hash;
    this.notePlace();
    this.markCurrent(url);
    this.drawer(false);
    this.content.setAttribute('aria-busy', 'true');
    const ticket = this.app.tickets.take(this);
    const answer = await ask(this.app, url, {});
    if (!ticket.isCurrent()) return;
    try {
      await this.fill(answer, ticket);
    } finally {
      if (ticket.isCurrent()) this.content.removeAttribute('aria-busy');
    }
  }

  /**
   * A page that cannot be shown is said in its place; a box would leave the old page standing.
   * @param {Answer} answer
   * @param {{isCurrent: () => boolean}} ticket whether no other page was asked for meanwhile
   */
  async fill(answer, ticket) {
    const page = pageOf(answer);
    const description = !answer.ok && isOverlay(page) ? errorPage(answer) : page;
    const widgets = await build(description, this, { baseUri: answer.url });
    if (!ticket.isCurrent()) {
      for (const widget of widgets) widget.released();
      return;
    }
    if (!widgets.length && isOverlay(description)) return;
    this.clear_widgets();
    for (const widget of widgets) this.add_widget(widget);
    this.content.scrollTop = 0;
  }

  /** @param {string} url */
  markCurrent(url) {
    const path = url.replace(/[?].*$/, '').replace(/\/$/, '');
    let title = '';
    for (const link of this.menu.querySelectorAll('a')) {
      const isCurrent = (link.dataset.url ?? '').replace(/\/$/, '') === path;
      // A record's own page belongs to its list.
      const isPartOf = link.dataset.recordPage === path;
      if (isCurrent || isPartOf) {
        link.setAttribute('aria-current', isCurrent ? 'page' : 'true');
        title = link.textContent;
      } else link.removeAttribute('aria-current');
    }
    document.title = title ? `${title} · ${t('Pipeline')}` : t('Pipeline');
  }

  /** Show the current page again. */
  render() {
    return this.showPage();
  }

  released() {
    window.removeEventListener('hashchange', this.hashChanged);
    this.palette.released();
    super.released();
  }
}

register('AppShell', AppShell);
