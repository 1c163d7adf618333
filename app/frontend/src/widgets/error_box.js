/** Error: says what went wrong, stays until closed, and shows the number to look for in the log. */

import { h } from '../core/dom.js';
import { icon } from '../core/icons.js';
import { register } from '../core/registry.js';
import { t } from '../core/i18n.js';
import { copyText } from '../core/clipboard.js';
import { Overlay } from './overlay.js';

export class ErrorBox extends Overlay {
  static css = 'box error-box';

  makeFrame() {
    this.dom_element.setAttribute('role', 'alertdialog');
    const close = h('button', {
      type: 'button', class: 'primary', autofocus: true, on: { click: () => this.dismiss() },
    }, t('Close'));
    this.contentBox = h('div', { class: 'overlay-content' },
      h('div', { class: 'box-body' }, icon('alert'), h('div', { class: 'box-text' },
        h('p', {}, t(this.opts.message ?? '')), this.details(), this.requestNumber())),
      h('div', { class: 'box-buttons' }, close));
    this.dom_element.append(this.titleBar(), this.contentBox);
  }

  titleText() {
    return t(this.opts.title || 'Error');
  }

  /** Field by field what is wrong, and what stands in the way of a deletion. */
  details() {
    const lines = [...fieldLines(this.opts.fields), ...referrerLines(this.opts.referrers),
      ...problemLines(this.opts.problems)];
    return lines.length ? h('ul', { class: 'details' }, lines.map((line) => h('li', {}, line))) : null;
  }

  requestNumber() {
    const number = this.opts.request_id;
    if (!number) return null;
    const copy = h('button', {
      type: 'button', class: 'icon-button', 'aria-label': t('Copy'), title: t('Copy'),
      on: { click: () => copyText(number) },
    }, icon('copy'));
    return h('p', { class: 'request-number' }, `${t('Request')} `, h('code', {}, number), copy);
  }
}

/** @param {ErrorOptions['fields']} fields */
function fieldLines(fields) {
  if (!fields || typeof fields !== 'object') return [];
  return Object.entries(fields).map(([name, message]) => (name ? `${t(name)}: ${t(message)}` : t(message)));
}

/** @param {ErrorOptions['referrers']} referrers */
function referrerLines(referrers) {
  return (Array.isArray(referrers) ? referrers : []).map((one) => (typeof one === 'string' ? one
    : [t(one.title ?? one.table ?? ''), one.label ?? one.name ?? one.id, one.count > 1 ? `×${one.count}` : null]
      .filter((part) => part !== undefined && part !== null && part !== '').join(' · ')));
}

/** @param {ErrorOptions['problems']} problems */
function problemLines(problems) {
  return (Array.isArray(problems) ? problems : []).map((one) => (typeof one === 'string' ? one
    : [one.step_key, one.field, one.message ?? one.detail].filter(Boolean).join(' · ')));
}

register(['Error', 'BError'], ErrorBox);
