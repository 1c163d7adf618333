/** A statement sent by the reader's own mail program: as a draft with the files in it, or shared. */

import { fillNode, h } from '../../core/dom.js';
import { icon } from '../../core/icons.js';
import { language, t } from '../../core/i18n.js';
import { download, fetchFile, refuse } from '../../core/download.js';
import { openWindow } from '../common/window.js';

const API = '/pipeline_dist/api';
/** @type {{name: string, label: string, isChosen: boolean, url: string, params: Record<string, string>, ending: string}[]} */
const FILES = [
  { name: 'with_page', label: 'The statement as a page (HTML)', isChosen: true, url: 'distributor_statement_page.dspy', params: {}, ending: 'html' },
  { name: 'with_xlsx', label: 'Excel', isChosen: true, url: 'distributor_statement_file.dspy', params: { format: 'xlsx' }, ending: 'xlsx' },
  { name: 'with_csv', label: 'CSV', isChosen: false, url: 'distributor_statement_file.dspy', params: { format: 'csv' }, ending: 'csv' },
];

/** @param {DistributorPage} page @param {string} month */
export async function openMail(page, month) {
  const box = new MailBox(page, month);
  await openWindow(page.owner, { title: t('Send the statement ${month}', { month }), cwidth: 34 }, box.element);
}

class MailBox {
  /** @param {DistributorPage} page @param {string} month */
  constructor(page, month) {
    this.page = page;
    this.month = month;
    this.to = h('input', { type: 'email', name: 'to', value: page.record.email ?? '', autocomplete: 'off' });
    this.checks = FILES.map(({ name, isChosen }) => h('input', { type: 'checkbox', name, checked: isChosen }));
    this.status = h('p', { class: 'muted', role: 'status' });
    this.element = h('div', { class: 'mail-box' },
      h('p', { class: 'muted' }, t('Your mail program opens the file as a draft with the statement in it; you send it from there. A PDF is kept by “Print / PDF” and can be attached too.')),
      h('label', { class: 'mail-to' }, t('To'), this.to),
      h('fieldset', {}, h('legend', {}, t('Attached')), FILES.map(({ label }, at) => h('label', { class: 'check-label' }, this.checks[at], ' ', t(label)))),
      h('div', { class: 'toolbar' },
        h('button', { type: 'button', class: 'primary', 'data-tool': 'mail_draft', on: { click: () => this.save() } }, icon('mail'), h('span', {}, t('Open as a mail draft'))),
        canShare() ? h('button', { type: 'button', 'data-tool': 'mail_share', on: { click: () => this.share() } }, icon('upload'), h('span', {}, t('Share the files …'))) : null),
      this.status);
  }

  /** @param {string} url @param {Record<string, string>} params */
  fetch(url, params) {
    const query = new URLSearchParams({ distributor_id: this.page.id, month: this.month, ...params, _lang: language() });
    return fetchFile(this.page.owner.app, `${API}/${url}?${query}`);
  }

  async save() {
    const { to } = this;
    if (!to.reportValidity()) return;
    const choices = Object.fromEntries(FILES.map(({ name }, at) => [name, String(Number(this.checks[at].checked))]));
    const file = await this.fileOf(this.fetch('distributor_statement_mail.dspy', { ...choices, to: to.value }), 'statement.eml');
    if (!file) return;
    download(file.name, file);
    fillNode(this.status, t('${name} is saved. Open it to send it.', { name: file.name }));
  }

  async share() {
    const choices = FILES.filter((_, at) => this.checks[at].checked);
    const files = [];
    for (const { url, params, ending } of choices) {
      const file = await this.fileOf(this.fetch(url, params), `statement-${this.page.record.code}-${this.month}.${ending}`);
      if (!file) return;
      files.push(file);
    }
    if (!files.length) return;
    // Given up in the system's own window: nothing to say.
    await navigator.share({ files, title: t('Statement ${month}', { month: this.month }) }).catch(() => {});
  }

  /** The file of an answer, named as the server names it; null where there is none, which is said. @param {Promise<Response>} answer @param {string} otherName */
  async fileOf(answer, otherName) {
    const response = await answer;
    if (!response.ok) {
      await refuse(this.page.owner, response);
      return null;
    }
    const name = /filename="([^"]+)"/.exec(response.headers.get('Content-Disposition') ?? '')?.[1] ?? otherName;
    const content = await response.blob();
    return new File([content], name, { type: content.type.split(';')[0] });
  }
}

/** Whether this browser hands files on to other programs. */
function canShare() {
  const probe = new File(['x'], 'statement.html', { type: 'text/html' });
  return typeof navigator.canShare === 'function' && navigator.canShare({ files: [probe] });
}
