/** A distributor's own page: key and limits, pipelines with prices, use down to the single call, statements. */

import { dataOf } from '../../core/answer_data.js';
import { build } from '../../core/build.js';
import { ask } from '../../core/request.js';
import { fillNode, h } from '../../core/dom.js';
import { t } from '../../core/i18n.js';
import { badge, tool } from '../common/nodes.js';
import { PageTabs } from '../common/page_tabs.js';
import { refusalPage } from '../common/refusal.js';
import { openWindow } from '../common/window.js';
import { editDistributor } from './edit_dialog.js';
import { KeysTab } from './keys_tab.js';
import { PipelinesTab } from './pipelines_tab.js';
import { OverviewTab } from './overview_tab.js';
import { StatementTab } from './statement_tab.js';
import { UsageTab } from './usage_tab.js';

/** @type {Record<string, [string, string]>} */
const STATES = { active: ['正常', 'good'], suspended: ['暂停', 'warn'], closed: ['关闭', 'bad'] };

export class DistributorPage {
  /** @param {Widget} owner */
  constructor(owner) {
    this.owner = owner;
    this.id = owner.opts.distributor_id;
    this.mayEdit = owner.opts.may_edit === true;
    this.mayClose = owner.opts.may_close === true;
    this.head = h('header', { class: 'page-head' });
    this.element = h('article', { class: 'distributor-page' }, this.head);
  }

  async start() {
    const answer = await this.load();
    if (!answer.ok) {
      fillNode(this.element, await refusalPage(this.owner, answer));
      return;
    }
    this.tabs = new PageTabs([
      { name: 'overview', label: 'Key and limits', make: () => new OverviewTab(this) },
      { name: 'keys', label: 'API keys', make: () => new KeysTab(this) },
      { name: 'lines', label: 'Lines and prices', make: () => new PipelinesTab(this) },
      { name: 'usage', label: 'Usage', make: () => new UsageTab(this) },
      { name: 'statement', label: 'Statement', make: () => new StatementTab(this) },
    ]);
    this.drawHead();
    this.element.append(this.tabs.element);
    this.tabs.showFromAddress();
  }

  /** @param {AskOptions} [how] */
  async load(how = {}) {
    const answer = await ask(this.owner.app, '/pipeline_dist/api/distributor_overview.dspy', { params: { id: this.id }, ...how });
    if (answer.ok) this.data = dataOf(answer);
    return answer;
  }

  get record() {
    return this.data.distributor;
  }

  drawHead() {
    const { record } = this;
    const [state, tone] = STATES[record.status] ?? [record.status, ''];
    document.title = `${record.name} · ${t('Pipeline')}`;
    fillNode(this.head,
      h('nav', { class: 'crumbs', 'aria-label': t('Where you are') }, h('a', { href: '#/pipeline_dist/distributors' }, t('Distributors')), ' / ', h('span', {}, record.code)),
      h('div', { class: 'page-title' }, h('h1', {}, record.name), badge(t(state), tone),
        this.data.key_count ? null : badge(t('no key yet'), 'warn'), h('span', { class: 'spring' }),
        tool('refresh', 'refresh', 'Refresh', () => this.reload(), { isSmall: true }),
        this.mayEdit ? tool('edit_distributor', 'update', 'Edit', () => this.edit()) : null));
  }

  async edit() {
    if (await editDistributor(this.owner, this.record)) await this.reload();
  }

  /** A form of its own in a window; what it changed is read again. @param {string} title @param {string} form @param {Data} [params] */
  async openWindow(title, form, params = { id: this.id }) {
    const box = await openWindow(this.owner, { title, cwidth: 32 });
    const options = { url: `/pipeline_dist/${form}.ui`, method: 'POST', params };
    for (const widget of await build({ widgettype: 'urlwidget', options }, box)) box.add_widget(widget);
    box.bind('dismissed', () => this.reload());
  }

  /** Read the distributor again and draw what is in view. @param {AskOptions} [how] */
  async reload(how) {
    const answer = await this.load(how);
    if (!answer.ok) {
      if (!how?.anonymous) await this.owner.app.showAnswer(answer);
      return;
    }
    this.drawHead();
    this.tabs?.render();
  }

  render() {
    return this.tabs ? this.reload() : this.start();
  }

  stop() {
    this.tabs?.stop();
  }
}

export { DistributorPage as Page };
