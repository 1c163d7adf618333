/** One entry of the audit trail: what was done, field by field before and after, with ways back. */

import { h } from '../../core/dom.js';
import { localDateTime } from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { send, tell } from '../common/answers.js';
import { facts } from '../common/nodes.js';

const PUT_BACK = '/appbase/audit_put_back.dspy';
/** @typedef {{text?: string, time?: string} | null} Cell */
/** @typedef {{name: string, label: string, before: Cell, after: Cell, put_back: boolean}} Field */

export class AuditEntry {
  /** @param {Widget} owner options: as the server's `entry_view` makes them */
  constructor(owner) {
    this.owner = owner;
    const { heading, time, who, address, request, further, row, fields } = owner.opts;
    const back = row ? this.button(t('Put this record back'), t('Put ${what} back as it was?', { what: heading }), {}) : null;
    back?.classList.add('primary');
    this.element = h('div', { class: 'audit-entry' },
      h('h2', {}, heading),
      facts([
        ['Time', localDateTime(time)], ['Who', who], ['Address', address], ['Request id', request],
        .../** @type {({label: string} & NonNullable<Cell>)[]} */ (further).map((one) => /** @type {[string, string]} */ ([one.label, textOf(one)])),
      ]),
      back,
      fields.length ? this.table(fields) : null);
  }

  /** @param {Field[]} fields */
  table(fields) {
    const hasBefore = fields.some(({ before }) => before);
    const hasAfter = fields.some(({ after }) => after);
    const heads = ['Field', hasBefore && 'Before', hasAfter && 'After'].filter((one) => typeof one === 'string');
    return h('div', { class: 'scroll-x', tabindex: '0', role: 'region', 'aria-label': t('Fields') }, h('table', { class: 'plain-table' },
      h('caption', { class: 'visually-hidden' }, t('Fields')),
      h('thead', {}, h('tr', {}, heads.map((label) => h('th', { scope: 'col' }, t(label))), h('td', {}))),
      h('tbody', {}, fields.map((field) => h('tr', {},
        h('th', { scope: 'row', title: field.name }, field.label),
        hasBefore ? h('td', { class: 'audit-value' }, textOf(field.before)) : null,
        hasAfter ? h('td', { class: 'audit-value' }, textOf(field.after)) : null,
        h('td', { class: 'align-end' }, field.put_back ? this.fieldButton(field) : null))))));
  }

  /** @param {Field} field */
  fieldButton({ name, label, before }) {
    const question = t('Put ${field} back to “${value}”, as it was before this change?', { field: label, value: textOf(before) });
    return this.button(t('Put back'), question, { field: name });
  }

  /** @param {string} label @param {string} question @param {Data} params @returns {HTMLButtonElement} */
  button(label, question, params) {
    /** @type {HTMLButtonElement} */
    const button = h('button', { type: 'button', title: question, on: { click: () => this.putBack(button, label, question, params) } }, label);
    return button;
  }

  /** @param {HTMLButtonElement} button @param {string} label @param {string} question @param {Data} params */
  async putBack(button, label, question, params) {
    const { owner } = this;
    if (!await owner.app.confirm({ title: label, message: question, yes_label: label })) return;
    if (button.disabled) return;
    button.disabled = true;
    const answer = await send(owner, PUT_BACK, { id: owner.opts.id, ...params });
    const isDone = await tell(owner, answer);
    button.disabled = isDone;
    if (!isDone) return;
    button.textContent = t('It is back');
    // The list behind has another entry now.
    for (const list of document.querySelectorAll('#main .tabular')) /** @type {*} */ (list).bricks_widget?.render?.({});
  }
}

/** @param {Cell} cell */
function textOf(cell) {
  return cell?.time ? localDateTime(cell.time) : (cell?.text ?? '');
}

export { AuditEntry as Page };
