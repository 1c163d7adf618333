/** A pipeline's own page: its steps, how it goes, versions, prices and capacity. */

import { build } from '../../core/build.js';
import { fillNode, h } from '../../core/dom.js';
import { localDateTime } from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { tell } from '../common/answers.js';
import { badge, tool } from '../common/nodes.js';
import { PageTabs } from '../common/page_tabs.js';
import { refusalPage } from '../common/refusal.js';
import { openWindow } from '../common/window.js';
import { readParams, writeParams } from '../common/address.js';
import { changeApproval, publishPipeline } from './publish_dialog.js';
import { publicationsPanel } from './publications_panel.js';
import { PipelineData } from './pipeline_data.js';
import { OverviewTab } from './overview_tab.js';
import { StepsTab } from './steps_tab.js';
import { VersionsTab } from './versions_tab.js';
import { PricesTab } from './prices_tab.js';
import { CapacityTab } from './capacity_tab.js';

/** @type {Record<string, [string, string]>} */
const STATES = { draft: ['草稿', 'warn'], published: ['已发布', 'good'], offline: ['已下架', 'warn'], archived: ['已归档', ''] };

export class PipelinePage {
  /** @param {Widget} owner */
  constructor(owner) {
    this.owner = owner;
    this.data = new PipelineData(owner, owner.opts.pipeline_id, owner.opts.may_edit === true);
    this.head = h('header', { class: 'page-head' });
    this.element = h('article', { class: 'pipeline-page' }, this.head);
  }

  async start() {
    if (!await this.data.load()) {
      fillNode(this.element, await refusalPage(this.owner, this.data.refusal));
      return;
    }
    this.tabs = new PageTabs([
      { name: 'steps', label: 'Steps', make: () => new StepsTab(this) },
      ...(this.owner.opts.may_see_calls ? [{ name: 'overview', label: 'Overview', make: () => new OverviewTab(this) }] : []),
      { name: 'versions', label: 'Versions', make: () => new VersionsTab(this) },
      { name: 'prices', label: 'Prices', make: () => new PricesTab(this) },
      { name: 'capacity', label: 'Capacity', make: () => new CapacityTab(this) },
    ]);
    this.drawHead();
    this.element.append(this.tabs.element);
    this.tabs.showFromAddress();
    if (readParams().get('action') !== 'publish') return;
    writeParams({ action: '' });
    if (this.data.mayEdit) await this.publish();
  }

  compareWithLive() {
    writeParams({ from: 'live', to: 'draft' });
    this.tabs?.show('versions');
  }

  drawHead() {
    const { pipeline, live, draft_differs: isChanged, mayEdit, isEditor } = this.data;
    const [state, tone] = STATES[pipeline.status] ?? [pipeline.status, ''];
    document.title = `${pipeline.name} · ${t('Pipeline')}`;
    fillNode(this.head,
      h('nav', { class: 'crumbs', 'aria-label': t('Where you are') }, h('a', { href: '#/pipeline_core/pipelines' }, t('Lines')), ' / ', h('span', {}, pipeline.code)),
      h('div', { class: 'page-title' }, h('h1', {}, pipeline.name), badge(t(state), tone),
        live ? badge(t('live: v${number}', { number: live.version_no })) : null,
        live && isChanged ? badge(t('unpublished changes'), 'warn') : null,
        pipeline.needs_approval ? badge(t('needs approval')) : null,
        h('span', { class: 'spring' }),
        h('div', { class: 'toolbar' },
          tool('refresh', 'refresh', 'Refresh', () => this.reload(), { isSmall: true }),
          live ? tool('compare', 'versions', 'Compare with live', () => this.compareWithLive()) : null,
          tool('export', 'download', 'Export', () => this.exportPipeline()),
          mayEdit ? tool('approval', 'user', 'Approval', () => this.changeApproval()) : null,
          isEditor ? tool('change_status', 'eye', 'On and off sale', () => this.changeStatus()) : null,
          mayEdit ? tool('publish', 'publish', 'Publish', () => this.publish(), { css: 'primary' }) : null)),
      pipeline.description ? h('p', { class: 'muted page-words' }, pipeline.description) : null,
      h('p', { class: 'muted page-note' }, t('Draft last changed ${when}', { when: localDateTime(pipeline.draft_changed_at ?? pipeline.updated_at, { seconds: false }) })),
      publicationsPanel(this));
  }

  async changeApproval() {
    if (await this.data.load() && await changeApproval(this.owner, this.data)) await this.reload();
  }

  /** It makes this page reload. */
  changeStatus() {
    return this.showPage('On and off sale', 'pipeline_status.ui', { referer_widget: this.owner.uid });
  }

  exportPipeline() {
    const { code, status } = this.data.pipeline;
    return this.showPage('Export', 'pipeline_export.ui', { code, status });
  }

  /**
   * A page that the list of pipelines uses too, in a window.
   * @param {string} title
   * @param {string} url
   * @param {Data} more
   */
  async showPage(title, url, more) {
    const box = await openWindow(this.owner, { title, cwidth: 36 });
    const params = { pipeline_id: this.data.id, ...more };
    const page = { widgettype: 'urlwidget', options: { url: `/pipeline_core/${url}`, method: 'POST', params } };
    for (const widget of await build(page, box)) box.add_widget(widget);
  }

  async publish() {
    await this.data.load();
    if (await publishPipeline(this.owner, this.data)) await this.reload();
  }

  /** Read the pipeline again and draw what is in view. */
  async reload() {
    if (!await this.data.load()) {
      await tell(this.owner, this.data.refusal);
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

export { PipelinePage as Page };
