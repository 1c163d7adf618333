/** Form: fields, checks, submit; what the server finds wrong is shown at the fields. */

import { ask } from '../core/request.js';
import { fillNode, h } from '../core/dom.js';
import { register } from '../core/registry.js';
import { runAction } from '../core/actions.js';
import { t } from '../core/i18n.js';
import { Widget } from '../core/widget.js';
import { FormField } from './form_field.js';

export class Form extends Widget {
  /** @param {FormOptions & Data} opts @param {WidgetContext} context */
  constructor(opts, context) {
    super(opts, context);
    this.dom_element.classList.add('form');
    this.fields = (opts.fields ?? []).map((field) => new FormField(field, this, {
      showLabel: opts.show_label !== false,
    }));
    this.name_inputs = Object.fromEntries(this.fields.map(({ field, input }) => [field.name, input]));
    this.summary = h('div', { class: 'form-summary', role: 'alert', tabindex: '-1', hidden: true });
    this.formElement = h('form', {
      novalidate: true, class: 'form-body',
      on: {
        // Native events bubble to the widget's element, where binds wait for the form's own.
        submit: (event) => { event.preventDefault(); event.stopPropagation(); this.submit(); },
        reset: (event) => { event.preventDefault(); event.stopPropagation(); this.reset(); },
      },
    }, this.heading(), this.summary, this.fieldsElement(), this.buttons());
    this.dom_element.append(this.formElement);
    this.addNotes();
    if (opts.record) this.setValue(opts.record);
    this.watchApplies();
    this.markClean();
    if (opts.dataurl) this.loadRecord();
    this.leaving = (/** @type {Event} */ event) => { if (this.isUnsaved()) event.preventDefault(); };
    window.addEventListener('beforeunload', this.leaving);
  }

  /** Only a form that saves a record can lose something; a search has nothing to lose. */
  isUnsaved() {
    return !this.app.isAbandoned && this.dom_element.isConnected && Boolean(this.opts.save || this.opts.submit_url) && !this.isBusy && this.isDirty();
  }

  /** Asked before the window that the form stands in closes. */
  holdsWork() {
    return this.isDirty();
  }

  released() {
    window.removeEventListener('beforeunload', this.leaving);
    super.released();
  }

  heading() {
    const { title, description } = this.opts;
    if (!title && !description) return null;
    return h('div', { class: 'form-heading' }, title ? h('h2', {}, t(title)) : null,
      description ? h('p', { class: 'muted' }, t(description)) : null);
  }

  fieldsElement() {
    const columns = Number(this.opts.cols) || (this.fields.length > 5 ? 2 : 1);
    return h('div', { class: ['fields', columns > 1 && 'fields-columns'] }, this.fields.map(({ element }) => element));
  }

  buttons() {
    if (this.opts.notoolbar) return null;
    /** @type {Tool[]} */
    const tools = this.opts.toolbar?.tools ?? [
      { name: 'cancel', label: 'Cancel' }, { name: 'submit', label: this.opts.submit_label ?? 'Save' },
    ];
    return h('div', { class: 'form-buttons' }, tools.map((tool) => this.button(tool)));
  }

  /** @param {Tool} tool */
  button(tool) {
    const isSubmit = tool.name === 'submit';
    const button = h('button', {
      type: isSubmit ? 'submit' : 'button', class: [isSubmit && 'primary', tool.css], 'data-tool': tool.name,
      on: isSubmit ? {} : { click: () => this.tool(tool) },
    }, t(tool.label ?? tool.name));
    if (isSubmit) this.submitButton = button;
    return button;
  }

  /** @param {Tool} tool */
  tool(tool) {
    if (tool.name === 'reset') this.reset();
    else if (tool.name === 'cancel') this.cancel();
    else if (tool.action) runAction(tool.action, this, { params: this.getValue() });
    else this.dispatch(tool.name, this.getValue());
  }

  cancel() {
    this.dispatch('cancel', {});
    if (!this.boundActions.has('cancel')) this.window()?.requestDismiss();
  }

  /** The window this form stands in, or null. @returns {Overlay|null} */
  window() {
    for (let widget = this.parent; widget; widget = widget.parent) {
      if (widget.constructor.isOverlay) return /** @type {Overlay} */ (widget);
    }
    return null;
  }

  async loadRecord() {
    const answer = await ask(this.app, this.opts.dataurl, {
      params: this.opts.params, baseUri: this.baseUri,
    });
    if (!answer.ok || answer.value?.widgettype) {
      await this.app.showAnswer(answer);
      return;
    }
    const { value } = answer;
    this.fillIn(value?.rows?.[0] ?? value?.data ?? (Array.isArray(value) ? value[0] : value) ?? {});
  }

  /** A record that came late: what was typed meanwhile stays, as unsaved. @param {Row} record */
  fillIn(record) {
    const before = JSON.parse(this.cleanText);
    const names = this.editedNames();
    const recordValues = Object.fromEntries(Object.entries(record).filter(([name]) => names.includes(name)));
    this.setValue(Object.fromEntries(Object.entries(record).filter(([name]) => !names.includes(name))));
    const unsaved = Object.fromEntries(names.map((name) => [name, before[name]]));
    this.cleanText = JSON.stringify({ ...this.getValue(), ...unsaved, ...recordValues });
  }

  /** @returns {Values} plain values by field name; what is undefined is not sent */
  getValue() {
    const values = /** @type {Values} */ ({});
    for (const { field, input } of this.fields) {
      if (this.isLeftOut(field, input)) continue;
      const value = input.resultValue();
      if (value !== undefined) values[field.name] = value;
    }
    return values;
  }

  /**
   * A blank password in an update would overwrite the stored one with nothing.
   * @param {Field} field
   * @param {Input} input
   */
  isLeftOut(field, input) {
    if (field.not_sent || !this.isApplying(field)) return true;
    return field.uitype === 'password' && this.opts.mode === 'update' && input.isEmpty();
  }

  /**
   * What a form sends: all of a new record, of one that exists what was edited, and hidden keys.
   * @param {string[]} [also] fields to send though they are as they were
   */
  sentValues(also = []) {
    const values = this.getValue();
    if (this.opts.mode !== 'update') return values;
    const names = new Set([...this.editedNames(), ...also]);
    return Object.fromEntries(this.fields.filter(({ field, isHidden }) => Object.hasOwn(values, field.name)
      && (names.has(field.name) || isHidden)).map(({ field }) => [field.name, values[field.name]]));
  }

  /** The fields that are not as they were when the form was filled. */
  editedNames() {
    const before = JSON.parse(this.cleanText);
    return Object.entries(this.getValue())
      .filter(([name, value]) => value instanceof Blob || JSON.stringify(value) !== JSON.stringify(before[name])).map(([name]) => name);
  }

  _getValue() {
    return this.getValue();
  }

  /** @param {Row} record */
  setValue(record) {
    for (const { field, input } of this.fields) {
      if (!record || !Object.hasOwn(record, field.name)) continue;
      if (field.uitype === 'password' && this.opts.mode === 'update') continue;
      if (typeof input.setRecord === 'function') input.setRecord(record);
      else input.setValue(record[field.name]);
    }
    this.showApplying();
  }

  /** A field that only applies with certain values of others is shown only then (`applies`). */
  watchApplies() {
    const names = new Set(this.fields.flatMap(({ field }) => Object.keys(field.applies ?? {})));
    for (const name of names) this.name_inputs[name]?.bind('changed', () => this.showApplying());
    this.showApplying();
  }

  showApplying() {
    for (const { field, element, isHidden } of this.fields) {
      if (!field.applies || isHidden) continue;
      element.hidden = !this.isApplying(field);
    }
    for (const { note } of this.fields) note?.show();
  }

  /** @param {Field} field */
  isApplying({ applies = {} }) {
    return Object.entries(applies).every(([name, value]) => !this.name_inputs[name] || this.name_inputs[name].resultValue() === value);
  }

  /** Notes below fields go along with what is typed anywhere in the form. */
  addNotes() {
    for (const entry of this.fields) entry.addNote(this);
    const show = () => { for (const { note } of this.fields) note?.show(); };
    this.dom_element.addEventListener('input', show);
    for (const { input } of this.fields) input.bind('changed', show);
  }

  markClean() {
    this.cleanText = JSON.stringify(this.getValue());
  }

  isDirty() {
    return JSON.stringify(this.getValue()) !== this.cleanText;
  }

  reset() {
    this.clearProblems();
    this.setValue(JSON.parse(this.cleanText));
    this.dispatch('reset', {});
  }

  /** Check every field, show all problems at once, focus the first. */
  check() {
    this.clearProblems();
    for (const entry of this.fields) {
      if (!entry.field.readonly && !this.isLeftOut(entry.field, entry.input)) entry.setError(entry.input.problem());
    }
    return this.focusFirstProblem();
  }

  focusFirstProblem() {
    const first = this.fields.find(({ hasError }) => hasError);
    first?.input.focus();
    return !first;
  }

  clearProblems() {
    for (const entry of this.fields) entry.setError('');
    this.summary.hidden = true;
    this.summary.classList.remove('form-question');
  }

  /**
   * Show an Error answer in the form: each field's problem at the field, the rest on top.
   * @param {ErrorDescription} error description of an Error widget
   */
  showProblems(error) {
    const { message, fields = {}, request_id: requestId } = error.options ?? {};
    const elsewhere = [];
    for (const [name, text] of Object.entries(fields)) {
      const entry = this.fields.find(({ field, isHidden }) => field.name === name && !isHidden);
      if (entry) entry.setError(t(text));
      else elsewhere.push(`${t(name)}: ${t(text)}`);
    }
    const isAllAtFields = elsewhere.length === 0 && Object.keys(fields).length > 0;
    fillNode(this.summary, h('p', {}, isAllAtFields ? t('Please check the marked fields.') : t(message)),
      elsewhere.length ? h('ul', {}, elsewhere.map((line) => h('li', {}, line))) : null,
      requestId && !isAllAtFields ? h('p', { class: 'request-number' }, `${t('Request')} ${requestId}`) : null);
    this.summary.hidden = false;
    if (this.focusFirstProblem()) this.summary.focus();
    return true;
  }

  /** @param {string[]} [also] fields to send though they are as they were */
  async submit(also = []) {
    if (this.isBusy || !this.check()) return;
    if (this.opts.mode === 'update' && !also.length && !this.isDirty()) {
      this.window()?.dismiss(); // it is saved as it stands there
      return;
    }
    this.setBusy(true);
    try {
      const values = this.getValue();
      const event = await this.dispatch('submit', values);
      if (event.changed) this.markClean();
      if (event.defaultPrevented) return;
      const answer = await this.send(this.sentValues(also));
      if (answer) await this.answered(answer);
    } finally {
      this.setBusy(false);
    }
  }

  /** Post the values; without `submit_url` the event was all. @param {Values} values */
  async send(values) {
    if (this.opts.save) return this.opts.save(values);
    if (!this.opts.submit_url) return null;
    return ask(this.app, this.opts.submit_url, {
      method: this.opts.method ?? 'POST', params: { ...(this.opts.params ?? {}), ...values },
      baseUri: this.baseUri, contentType: this.opts.content_type,
    });
  }

  /** @param {Answer} answer */
  async answered(answer) {
    if (!answer.ok) {
      const isHandled = this.opts.refused ? await this.opts.refused(answer) : false;
      if (!isHandled) await this.showRefusal(answer);
      return;
    }
    this.markClean();
    if (!this.opts.save) await this.app.showAnswer(answer);
    for (const name of ['submited', 'submitted']) this.dispatch(name, answer.value?.options?.user_data ?? {});
    if (this.opts.save) return;
    if (this.opts.referer_widget) this.app.refreshWidget(this.opts.referer_widget);
    if (this.opts.keep_open !== true) this.window()?.dismiss();
  }

  /** @param {Answer} answer */
  async showRefusal(answer) {
    if (answer.error?.options?.fields) this.showProblems(answer.error);
    else await this.app.showAnswer(answer);
  }

  /** @param {boolean} isBusy */
  setBusy(isBusy) {
    this.isBusy = isBusy;
    this.formElement.setAttribute('aria-busy', String(isBusy));
    if (this.submitButton) this.submitButton.disabled = isBusy;
  }

  focusFirst() {
    const first = this.fields.find(({ field, isHidden }) => !isHidden && !field.readonly);
    first?.input.focus();
  }
}

register('Form', Form);
