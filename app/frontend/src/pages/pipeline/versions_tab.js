/** The versions as a timeline, newest first: when each went live, by whom, why; rolling back. */

import { fillNode, h } from '../../core/dom.js';
import { localDateTime } from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { badge, emptyNote, tool } from '../common/nodes.js';
import { openWindow } from '../common/window.js';
import { flowPicture } from './flow_picture.js';
import { layoutOf } from './layout.js';
import { rollBackTo, showDifference } from './publish_dialog.js';

/** @type {Record<string, [string, string]>} */
const STATES = { published: ['Live', 'good'], superseded: ['Was live', ''], saved: ['Never live', 'warn'] };
/** @type {Record<string, string>} */
const EVENTS = {
  published: 'published', rolled_back: 'live again by a rollback', superseded: 'replaced', offline: 'taken off sale',
  archived: 'taken off sale and archived', back_online: 'back on sale',
};

export class VersionsTab {
  /** @param {PipelinePage} page */
  constructor(page) {
    this.page = page;
    this.element = h('div', { class: 'versions-tab' });
  }

  async render() {
    const versions = /** @type {Version[]|null} */ (await this.page.data.versions());
    if (!versions) return;
    fillNode(this.element, versions.length
      ? h('ol', { class: 'timeline', 'aria-label': t('Versions') }, versions.map((version) => this.entry(version)))
      : emptyNote('versions', 'There is no version yet. Publishing makes the first.'));
  }

  /** @param {Version} version */
  entry(version) {
    const [state, tone] = STATES[version.status] ?? [version.status, ''];
    return h('li', { class: ['timeline-entry', `timeline-${version.status}`], 'data-version': version.version_no },
      h('div', { class: 'card' },
        h('header', { class: 'timeline-head' }, h('h2', {}, `v${version.version_no}`), badge(t(state), tone), h('span', { class: 'spring' }), this.tools(version)),
        version.notes ? h('p', { class: 'timeline-notes' }, version.notes) : null,
        contributors(version.contributors),
        h('ul', { class: 'timeline-events' }, events(version)),
        h('p', { class: 'muted checksum' }, 'SHA-256 ', h('code', { title: version.checksum }, version.checksum.slice(0, 16)))));
  }

  /** @param {Version} version */
  tools(version) {
    const number = String(version.version_no);
    const { data, owner } = this.page;
    /** @param {HTMLButtonElement} button */
    const withNumber = (button) => {
      button.setAttribute('aria-label', `${button.textContent}: v${number}`);
      return button;
    };
    return h('div', { class: 'toolbar' },
      withNumber(tool('show_version', 'eye', 'Show', () => this.show(version))),
      withNumber(tool('compare_version', 'versions', 'Compare with the draft', () => showDifference(owner, data, number, 'draft'))),
      version.status === 'superseded' && data.mayEdit
        ? withNumber(tool('rollback', 'rollback', 'Roll back', () => this.rollBack(version))) : null);
  }

  /** @param {Version} version */
  async rollBack(version) {
    if (await rollBackTo(this.page.owner, this.page.data, version)) await this.page.reload();
  }

  /** @param {Version} version */
  show(version) {
    const { steps } = /** @type {{steps: StepDefinition[]}} */ (JSON.parse(version.snapshot));
    const byKey = new Map(steps.map((step) => [step.step_key, step]));
    const stages = layoutOf(steps).map((keys) => keys.map((key) => /** @type {StepDefinition} */ (byKey.get(key))));
    openWindow(this.page.owner, { title: 'Version', cwidth: 64 },
      h('p', {}, h('strong', {}, `v${version.version_no}`), ` · ${localDateTime(version.created_at, { seconds: false })}`),
      h('div', { class: 'scroll-x', tabindex: '0' }, flowPicture(stages)));
  }
}

/** What happened to a version, newest first; being saved is the first of it. @param {Version} version */
function events(version) {
  const log = /** @type {Row[]} */ (JSON.parse(version.event_log || '[]')).reverse();
  return [...log.map((one) => h('li', {},
    h('time', { datetime: one.at }, localDateTime(one.at)), h('strong', {}, one.username ?? one.by ?? ''),
    h('span', {}, t(EVENTS[one.event] ?? one.event)), one.why ? h('q', {}, one.why) : null)),
  h('li', {}, h('time', { datetime: version.created_at }, localDateTime(version.created_at)), h('span', {}, t('saved')))];
}

/** @param {Version['contributors']} list */
function contributors(list) {
  const people = /** @type {any[]} */ (typeof list === 'string' ? JSON.parse(list || '[]') : list ?? []);
  const names = people.map((one) => one.username ?? one.name ?? one);
  return names.length ? h('p', { class: 'muted' }, t('Edited by ${names}', { names: names.join(', ') })) : null;
}
