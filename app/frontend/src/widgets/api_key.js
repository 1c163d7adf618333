/** ApiKey: a new key, or another secret that is shown once (`label`, `warning`), with buttons to copy it and a `curl` line that works. */

import { copyText } from '../core/clipboard.js';
import { h } from '../core/dom.js';
import { icon } from '../core/icons.js';
import { localDateTime } from '../core/format.js';
import { register } from '../core/registry.js';
import { t } from '../core/i18n.js';
import { Overlay } from './overlay.js';

class ApiKey extends Overlay {
  static css = 'box api-key-box';

  /** @param {Data} opts @param {WidgetContext} context */
  constructor(opts, context) {
    super(opts, context);
    this.leaving = (/** @type {Event} */ event) => { if (this.holdsWork()) event.preventDefault(); };
    window.addEventListener('beforeunload', this.leaving);
  }

  makeFrame() {
    const { api_key: key, curl, expires_at: expiresAt } = this.opts;
    const closeButton = h('button', { type: 'button', class: 'primary', on: { click: () => this.keep() } }, t('I have stored it'));
    this.contentBox = h('div', { class: 'overlay-content' },
      h('div', { class: 'box-body' }, h('div', { class: 'box-text' },
        h('p', { class: 'warning' }, icon('alert'), h('span', {}, t(this.opts.warning ?? 'This key is shown once and stored nowhere. Copy it now.'))),
        this.copyLine(t(this.opts.label ?? 'API key'), key, 'key'),
        curl ? this.copyLine(t('Try it'), curl, 'curl') : null,
        expiresAt ? h('p', { class: 'muted' }, t('Valid until ${when}', { when: localDateTime(expiresAt) })) : null,
        this.opts.message ? h('p', { class: 'muted' }, t(this.opts.message)) : null)),
      h('div', { class: 'box-buttons' }, closeButton));
    this.dom_element.append(this.titleBar(), this.contentBox);
  }

  titleText() {
    return t(this.opts.title || 'New API key');
  }

  keep() {
    this.isKept = true;
    this.dismiss();
  }

  released() {
    window.removeEventListener('beforeunload', this.leaving);
    super.released();
  }

  /** Neither Escape nor leaving the page loses a key that was not copied. */
  holdsWork() {
    return this.isOpen === true && !this.isKept;
  }

  mayLoseWork() {
    return this.app.confirm({
      title: this.opts.label ? 'It was not copied' : 'The key was not copied', message: 'It is stored nowhere and cannot be shown again. Close all the same?', yes_label: 'Close', danger: true,
    });
  }

  /** @param {string} label @param {string} text @param {string} name */
  copyLine(label, text, name) {
    const status = h('span', { class: 'copied', role: 'status' });
    const button = h('button', {
      type: 'button', 'data-copy': name,
      on: {
        click: async () => {
          const isCopied = await copyText(text);
          this.isKept ||= isCopied;
          status.textContent = isCopied ? t('Copied') : t('Copying is not allowed here. Select the text.');
        },
      },
    }, icon('copy'), t('Copy'));
    return h('div', { class: 'copy-line' }, h('div', { class: 'copy-head' }, h('span', { class: 'field-label' }, label), status, button),
      h('code', { class: 'copy-text', tabindex: '0', 'data-name': name }, text));
  }
}

register('ApiKey', ApiKey);
