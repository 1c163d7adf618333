/** ErrorPage: what is wrong and what one can do, in the place of a page. */

import { append, h } from '../core/dom.js';
import { icon } from '../core/icons.js';
import { register } from '../core/registry.js';
import { t } from '../core/i18n.js';
import { Widget } from '../core/widget.js';

/** @type {Record<number, string>} */
const TITLES = {
  401: 'Please sign in', 403: 'No permission', 404: 'This page does not exist', 429: 'Too many requests',
  503: 'Not available right now',
};
/** @type {Record<number, string>} */
const HELP = {
  401: 'Sign in to see this page.',
  403: 'Your role does not allow this page. Ask an administrator for the permission, or go on with another page.',
  404: 'The address may be mistyped, or the page was moved. The menu leads to every page there is.',
  503: 'The server or its database is being started or looked after. Try again in a moment.',
};

/** The description of the page for a refused answer. @param {Answer} answer */
export function errorPage(answer) {
  const { message, request_id: requestId, code, title } = answer.error?.options ?? {};
  return { widgettype: 'ErrorPage', options: { status: answer.status, message, request_id: requestId, code, title } };
}

// What the server says to these is the same in other words.
const SAID_ONCE = new Set([401, 403]);

class ErrorPage extends Widget {
  static isPage = true;

  /** @param {Data} opts @param {WidgetContext} context */
  constructor(opts, context) {
    super(opts, context);
    const status = Number(opts.status) || 0;
    this.dom_element.classList.add('error-page');
    append(this.dom_element, [icon('alert'),
      status ? h('p', { class: 'error-status' }, String(status)) : h('p', {}),
      h('h1', {}, t(TITLES[status] ?? (opts.title || 'Something went wrong'))),
      h('p', { class: 'error-message' }, t(opts.message ?? '')),
      HELP[status] && !(opts.message && SAID_ONCE.has(status)) ? h('p', { class: 'muted' }, t(HELP[status])) : null,
      opts.request_id ? h('p', { class: 'request-number' }, `${t('Request')} `, h('code', {}, opts.request_id)) : null,
      h('div', { class: 'error-actions' },
        h('button', { type: 'button', on: { click: () => this.again() } }, icon('refresh'), t('Try again')),
        h('a', { class: 'button primary', href: status === 401 ? '/login.ui' : '/' },
          t(status === 401 ? 'Sign in' : 'To the start page')))]);
  }

  again() {
    if (this.parent?.render) this.parent.render();
    else location.reload();
  }
}

register('ErrorPage', ErrorPage);
