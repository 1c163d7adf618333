/** LoginPage: the sign-in page. LoginWindow: the same in a window when a session has ended. */

import { h } from '../core/dom.js';
import { register } from '../core/registry.js';
import { t } from '../core/i18n.js';
import { Overlay } from '../widgets/overlay.js';
import { Widget } from '../core/widget.js';
import { languageChooser, themeChooser } from './choosers.js';
import { loginForm } from './login_form.js';
import { logo } from './logo.js';

class LoginPage extends Widget {
  static tag = 'main';
  static isPage = true;

  /** @param {Data} opts @param {WidgetContext} context */
  constructor(opts, context) {
    super(opts, context);
    document.title = `${t('Sign in')} · ${t('Pipeline')}`;
    this.dom_element.classList.add('login-page');
    const form = loginForm(this.app, () => this.goOn());
    this.dom_element.append(
      h('div', { class: 'login-switches' }, languageChooser(this.app), themeChooser()),
      h('div', { class: 'login-card' }, h('div', { class: 'login-brand' }, logo(), h('h1', {}, t('Pipeline'))),
        h('p', { class: 'muted' }, t('Sign in to manage production lines, prices and distributors.')), form));
    this.app.isSigningInPage = true;
    queueMicrotask(() => form.querySelector('input')?.focus());
  }

  /** Back to where one was: `?next=` of the server, and the hash that the browser kept. */
  goOn() {
    const next = new URLSearchParams(location.search).get('next') ?? '/';
    location.replace(safePath(next) + location.hash);
  }
}

/**
 * *next* as a path of this server, or `/`. `//host` and `/\host` lead elsewhere, and a path may become
 * one when its dots are taken out (`/.//host`): what is answered is looked at again as a browser will.
 * @param {string} next
 */
export function safePath(next) {
  const { origin } = location;
  try {
    const { pathname, search, origin: first } = new URL(next, origin);
    const path = `${pathname}${search}`;
    const isOurs = next.startsWith('/') && first === origin && new URL(path, origin).href === `${origin}${path}`;
    return isOurs && !/^\/login\./.test(pathname) ? path : '/';
  } catch {
    return '/';
  }
}

export class LoginWindow extends Overlay {
  static css = 'box login-window';

  makeFrame() {
    const user = this.app.user?.username;
    this.contentBox = h('div', { class: 'overlay-content' },
      h('p', { class: 'muted' }, t('Your session has ended. Sign in again to go on where you were.')),
      loginForm(this.app, (who) => this.signedInAs(who), { username: user ?? '' }));
    this.dom_element.append(this.titleBar(), this.contentBox);
  }

  titleText() {
    return t('Please sign in');
  }

  show() {
    super.show();
    const [name, password] = this.contentBox.querySelectorAll('input');
    (name.value ? password : name).focus();
  }

  /** @param {User} who */
  signedInAs(who) {
    const isOther = this.app.user?.username && who.username && who.username !== this.app.user.username;
    if (isOther) {
      // What is on the page, and what waits to be sent, belongs to the one who was here before.
      this.app.isAbandoned = true;
      location.reload();
      return;
    }
    this.signedIn = true;
    this.app.dispatch('user_logined', who);
    this.dismiss();
  }
}

/** Whoever has a one-time link gives himself a password; the link's token is behind the `#`, where no server sees it. */
class WelcomePage extends Widget {
  static tag = 'main';
  static isPage = true;

  /** @param {Data} opts @param {WidgetContext} context */
  constructor(opts, context) {
    super(opts, context);
    document.title = `${t('Your password')} · ${t('Pipeline')}`;
    this.token = location.hash.slice(1);
    this.dom_element.classList.add('login-page');
    this.card = h('div', { class: 'login-card' });
    this.dom_element.append(h('div', { class: 'login-switches' }, languageChooser(this.app), themeChooser()), this.card);
    this.app.isSigningInPage = true;
  }

  async built() {
    const { welcome } = await import('./welcome.js');
    await welcome(this.app, this.card, this.token);
  }
}

register('WelcomePage', WelcomePage);
register('LoginPage', LoginPage);
register('LoginWindow', LoginWindow);
