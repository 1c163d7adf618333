/** The lines a distributor may call, at which prices, with how much of each quota used. */

import { build } from '../../core/build.js';
import { fillNode, h } from '../../core/dom.js';
import { decimalText, localDateTime } from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { gauge } from '../common/gauge.js';
import { badge, emptyNote, plainTable, tool } from '../common/nodes.js';
import { openWindow } from '../common/window.js';
import { priceText } from '../line/price_text.js';

/** @type {Record<string, string>} */
const MODES = { inherit: 'the line\'s prices', discount: 'discount', fixed: 'prices of its own' };
/** @type {Record<string, string>} */
const LABELS = { day: 'Today', month: 'This month' };

export class LinesTab {
  /** @param {DistributorPage} page */
  constructor(page) {
    this.page = page;
    this.element = h('div', {});
  }

  render() {
    const { lines } = this.page.data;
    const manage = tool('manage_lines', 'links', this.page.mayEdit ? 'Allow and change lines' : 'All lines', () => this.manage());
    if (!lines.length) fillNode(this.element, emptyNote('links', 'This distributor may not call any line yet. Allow one, and say at what price.', manage));
    else fillNode(this.element, h('div', { class: 'toolbar' }, manage), h('div', { class: 'page-grid' }, lines.map((line) => lineCard(line))));
  }

  async manage() {
    const { owner, id } = this.page;
    const box = await openWindow(owner, { title: 'Lines of distributors', width: '80%', height: '80%' });
    const list = { widgettype: 'urlwidget', options: { url: '/pipeline_dist/distributor_pipeline', method: 'POST', params: { distributor_id: id } } };
    for (const widget of await build(list, box)) box.add_widget(widget);
    box.bind('dismissed', () => this.page.reload());
  }
}

/** @param {DistributorLine} line */
function lineCard(line) {
  const limited = line.gauges.filter(({ limit }) => limit !== null);
  const until = [line.valid_from ? t('from ${when}', { when: localDateTime(line.valid_from, { seconds: false }) }) : '',
    line.valid_to ? t('until ${when}', { when: localDateTime(line.valid_to, { seconds: false }) }) : ''].filter(Boolean).join(' ');
  return h('section', { class: 'card page-card', 'data-line': line.code },
    h('h2', {}, h('a', { href: `#/pipeline_core/line.ui?pipeline_id=${encodeURIComponent(line.pipeline_id)}` }, line.name),
      line.callable ? badge(t('callable'), 'good') : badge(t('not callable now'), 'warn')),
    h('p', { class: 'muted' }, h('code', {}, line.code), ' · ', t(MODES[line.pricing_mode]),
      line.pricing_mode === 'discount' ? ` × ${decimalText(line.discount_rate)}` : '', until ? ` · ${until}` : ''),
    line.prices.length ? plainTable('Prices', [{ label: 'Unit' }, { label: 'For' }, { label: 'Price', isNumber: true }],
      line.prices.map((price) => [price.unit, [price.step_key, price.model].filter(Boolean).join(' · ') || t('every step and model'), priceText(price)]))
      : h('p', { class: 'bad' }, t('No price is in force; calls cannot be priced.')),
    limited.length ? h('div', { class: 'gauges card-foot' }, limited.map((one) => gauge({ ...one, label: t(LABELS[one.scope]), unit: t('calls') }))) : null);
}
