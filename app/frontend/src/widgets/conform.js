/** Conform: asks yes or no. The spelling is the format's. */

import { h } from '../core/dom.js';
import { icon } from '../core/icons.js';
import { register } from '../core/registry.js';
import { t } from '../core/i18n.js';
import { isOn, Overlay } from './overlay.js';

export class Conform extends Overlay {
  static css = 'box conform-box';

  makeFrame() {
    this.dom_element.setAttribute('role', 'alertdialog');
    const no = h('button', { type: 'button', on: { click: () => this.requestDismiss() } },
      t(this.opts.no_label ?? 'Cancel'));
    const yes = h('button', {
      type: 'button', class: isOn(this.opts.danger) ? 'danger' : 'primary', autofocus: true,
      on: { click: () => this.sayYes() },
    }, t(this.opts.yes_label ?? 'Yes'));
    this.contentBox = h('div', { class: 'overlay-content' },
      h('div', { class: 'box-body' }, icon(isOn(this.opts.danger) ? 'alert' : 'info'),
        h('div', { class: 'box-text' }, h('p', {}, t(this.opts.message ?? '')))),
      h('div', { class: 'box-buttons' }, no, yes));
    this.dom_element.append(this.titleBar(), this.contentBox);
  }

  titleText() {
    return t(this.opts.title || 'Please confirm');
  }

  sayYes() {
    this.dispatch('conformed', {});
    this.dispatch('on_conform', {});
    this.saidYes = true;
    this.dismiss();
  }

  dismiss() {
    if (!this.saidYes && this.isOpen) this.dispatch('discard', {});
    super.dismiss();
  }
}

register('Conform', Conform);
