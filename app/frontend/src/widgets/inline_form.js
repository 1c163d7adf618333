/** InlineForm: the fields of a form in one row, with a button at the end. */

import { h } from '../core/dom.js';
import { register } from '../core/registry.js';
import { t } from '../core/i18n.js';
import { Form } from './form.js';

export class InlineForm extends Form {
  /** @param {FormOptions} opts @param {WidgetContext} context */
  constructor(opts, context) {
    super(opts, context);
    this.dom_element.classList.add('inline-form');
  }

  /** What is looked for is no work. */
  holdsWork() {
    return false;
  }

  fieldsElement() {
    return h('div', { class: 'fields fields-row' }, this.fields.map(({ element }) => element));
  }

  buttons() {
    this.submitButton = h('button', { type: 'submit', class: this.opts.submit_css ?? 'primary' },
      t(this.opts.submit_label ?? 'OK'));
    return h('div', { class: 'form-buttons' }, this.submitButton);
  }
}

register('InlineForm', InlineForm);
