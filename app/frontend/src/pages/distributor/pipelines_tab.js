/** The pipelines a distributor may call, at which prices, with how much of each quota used. */

import { build } from '../../core/build.js';
import { fillNode, h } from '../../core/dom.js';
import { localDateTime, shareText } from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { gauge } from '../common/gauge.js';
import { badge, emptyNote, plainTable, tool } from '../common/nodes.js';
import { openWindow } from '../common/window.js';
import { priceText } from '../../core/price_words.js';
import { openOwnPrices } from './own_prices.js';

/** @type {Record<string, string>} */
const MODES = { inherit: 'the line\'s prices', discount: 'discount', fixed: 'prices of its own' };
/** @type {Record<string, string>} */
const LABELS = { day: 'Today', month: 'This month' };

export class PipelinesTab {
  /** @param {DistributorPage} page */
  constructor(page) {
    this.page = page;
    this.element = h('div', {});
  }

  render() {
    const { lines: pipelines } = this.page.data;
    const manage = tool('manage_pipelines', 'links', this.page.mayEdit ? 'Allow and change lines' : 'All lines', () => this.manage());
    if (!pipelines.length) fillNode(this.element, emptyNote('links', 'This distributor may not call any line yet. Allow one, and say at what price.', manage));
    else fillNode(this.element, h('div', { class: 'toolbar' }, manage), h('div', { class: 'page-grid' }, pipelines.map((pipeline) => pipelineCard(pipeline, this.page.mayEdit ? () => this.ownPrices(pipeline) : null))));
  }

  /** @param {DistributorPipeline} pipeline */
  async ownPrices(pipeline) {
    if (await openOwnPrices(this.page.owner, { distributor_id: this.page.id, pipeline_id: pipeline.pipeline_id })) await this.page.reload();
  }

  async manage() {
    const { owner, id } = this.page;
    const box = await openWindow(owner, { title: 'Lines of distributors', width: '80%', height: '80%' });
    const list = { widgettype: 'urlwidget', options: { url: '/pipeline_dist/distributor_pipeline', method: 'POST', params: { distributor_id: id } } };
    for (const widget of await build(list, box)) box.add_widget(widget);
    box.bind('dismissed', () => this.page.reload());
  }
}

/** @param {DistributorPipeline} pipeline @param {(() => unknown)|null} editOwn */
function pipelineCard(pipeline, editOwn) {
  const limits = pipeline.gauges.filter(({ limit }) => limit !== null);
  const until = [pipeline.valid_from ? t('from ${when}', { when: localDateTime(pipeline.valid_from, { seconds: false }) }) : '',
    pipeline.valid_to ? t('until ${when}', { when: localDateTime(pipeline.valid_to, { seconds: false }) }) : ''].filter(Boolean).join(' ');
  return h('section', { class: 'card page-card', 'data-pipeline': pipeline.code },
    h('h2', {}, h('a', { href: `#/pipeline_core/line.ui?pipeline_id=${encodeURIComponent(pipeline.pipeline_id)}` }, pipeline.name),
      pipeline.callable ? badge(t('callable'), 'good') : badge(t('not callable now'), 'warn')),
    h('p', { class: 'muted' }, h('code', {}, pipeline.code), ' · ', t(MODES[pipeline.pricing_mode]),
      pipeline.pricing_mode === 'discount' ? ` ${shareText(pipeline.discount_rate)}` : '', until ? ` · ${until}` : ''),
    pipeline.prices.length ? plainTable('Prices', [{ label: 'Unit' }, { label: 'For' }, { label: 'Price', isNumber: true }],
      pipeline.prices.map((price) => [price.unit, [[price.step_key, price.model].filter(Boolean).join(' · ') || t('every step and model'),
        price.price_scope === 'own' ? t('own price') : ''].filter(Boolean).join(' · '), priceText(price)]))
      : h('p', { class: 'bad' }, t('No price is in force; calls cannot be priced.')),
    editOwn ? h('div', { class: 'toolbar' }, tool('own_prices', 'prices', 'Own prices', editOwn)) : null,
    limits.length ? h('div', { class: 'gauges card-foot' }, limits.map((one) => gauge({ ...one, label: t(LABELS[one.scope]), unit: t('calls') }))) : null);
}
