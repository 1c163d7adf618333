/** ModalForm, PopupForm: a form in a window of its own that closes after submit or cancel. */

import { register } from '../core/registry.js';
import { Form } from './form.js';
import { PopupWindow } from './popup_window.js';

const FORM_ONLY = ['width', 'height', 'title', 'icon', 'css'];

export class ModalForm extends PopupWindow {
  static css = 'window form-window';

  async beforeChildren() {
    await super.beforeChildren();
    const options = Object.fromEntries(Object.entries(this.opts).filter(([name]) => !FORM_ONLY.includes(name)));
    this.form = new Form({ ...options, keep_open: true }, { app: this.app, baseUri: this.baseUri, parent: this });
    this.add_widget(this.form);
    this.form.bind('cancel', () => this.cancelled());
    this.form.bind('submit', (event) => event.work.push(this.submitted(event.params)));
    this.form.bind('submitted', () => this.dismiss());
  }

  /** @param {Values} values */
  async submitted(values) {
    const event = await this.dispatch('submit', values);
    if (!this.opts.submit_url && !this.opts.save && !event.failed) this.dismiss();
  }

  cancelled() {
    this.dispatch('cancel', {});
    this.dispatch('discard', {});
  }

  open() {
    super.open();
    this.form.focusFirst();
  }

  /** @param {ErrorDescription} error */
  showProblems(error) {
    return this.form.showProblems(error);
  }

  getValue() {
    return this.form.getValue();
  }
}

register(['ModalForm', 'PopupForm'], ModalForm);
