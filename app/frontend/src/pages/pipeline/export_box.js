/** A pipeline as a file: our own format, to bring it in elsewhere, or one that other programs read. */

import { fillNode, h } from '../../core/dom.js';
import { icon } from '../../core/icons.js';
import { language, t } from '../../core/i18n.js';
import { download, fetchFile, refuse } from '../../core/download.js';

const API = '/pipeline_core/api';
/** @typedef {{name: string, label: string, url: string, params: Record<string, string>, ending: string}} ExportFormat */

/** @type {ExportFormat[]} */
const OWN = [
  { name: 'json', label: 'JSON', url: 'pipeline_export.dspy', params: { format: 'json' }, ending: 'json' },
  { name: 'yaml', label: 'YAML', url: 'pipeline_export.dspy', params: { format: 'yaml' }, ending: 'yaml' },
];
/** @type {ExportFormat[]} */
const OTHERS = [
  { name: 'workflow', label: 'Serverless Workflow', url: 'pipeline_workflow.dspy', params: { format: 'yaml' }, ending: 'workflow.yaml' },
  { name: 'mermaid', label: 'Mermaid diagram', url: 'pipeline_diagram.dspy', params: {}, ending: 'mmd' },
];

export class ExportBox {
  /** @param {Widget} owner options: pipeline_id, code, is_live */
  constructor(owner) {
    this.owner = owner;
    const { is_live: isLive } = owner.opts;
    this.source = h('select', {}, isLive ? h('option', { value: 'live' }, t('Live version')) : null, h('option', { value: 'draft' }, t('Draft')));
    this.withPrices = h('input', { type: 'checkbox', checked: true });
    this.withCapacity = h('input', { type: 'checkbox', checked: true });
    this.status = h('p', { class: 'muted', role: 'status' });
    this.element = h('div', { class: 'export-box' },
      h('label', { class: 'export-source' }, t('What'), ' ', this.source),
      h('fieldset', {}, h('legend', {}, t('To be imported again')),
        h('label', {}, this.withPrices, ' ', t('With its prices')),
        h('label', {}, this.withCapacity, ' ', t('With its capacity')),
        h('div', { class: 'toolbar' }, OWN.map((one) => this.button(one)))),
      h('fieldset', {}, h('legend', {}, t('For other programs')), h('div', { class: 'toolbar' }, OTHERS.map((one) => this.button(one)))),
      this.status);
  }

  /** @param {ExportFormat} format */
  button(format) {
    return h('button', { type: 'button', 'data-tool': `export_${format.name}`, on: { click: () => this.save(format) } }, icon('download'), h('span', {}, t(format.label)));
  }

  /** @param {ExportFormat} format */
  async save({ url, params, ending }) {
    const { pipeline_id: id, code } = this.owner.opts;
    /** @type {Record<string, string>} */
    const own = url === 'pipeline_export.dspy' ? { with_prices: String(Number(this.withPrices.checked)), with_capacity: String(Number(this.withCapacity.checked)) } : {};
    const query = new URLSearchParams({ pipeline_id: id, from: this.source.value, ...params, ...own, _lang: language() });
    const name = `${code}.${ending}`;
    fillNode(this.status, t('Please wait …'));
    try {
      const response = await fetchFile(this.owner.app, `${API}/${url}?${query}`);
      fillNode(this.status);
      if (response.ok) {
        download(name, await response.blob());
        fillNode(this.status, t('${name} is saved.', { name }));
      } else {
        await refuse(this.owner, response);
      }
    } catch {
      fillNode(this.status);
      await this.owner.app.show_error({ title: 'Error', message: 'The answer broke off. Try again.' });
    }
  }
}

export { ExportBox as Page };
