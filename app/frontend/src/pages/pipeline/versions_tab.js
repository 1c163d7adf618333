/** The versions as a timeline, newest first: when each went live, by whom, why; any two compared; rolling back. */

import { fillNode, h } from '../../core/dom.js';
import { localDateTime } from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { badge, emptyNote, tool } from '../common/nodes.js';
import { readParams, writeParams } from '../common/address.js';
import { differenceView } from './difference.js';
import { loadIntoDraft, rollBackTo } from './publish_dialog.js';
import { showVersion } from './version_text.js';

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
    this.comparison = h('section', { class: 'card comparison', hidden: true, tabindex: '-1', 'aria-label': t('Compare'), 'aria-live': 'polite' });
    this.versions = /** @type {Version[]} */ ([]);
  }

  async render() {
    const versions = /** @type {Version[]|null} */ (await this.page.data.versions());
    if (!versions) return;
    this.versions = versions;
    fillNode(this.element, versions.length ? this.comparison : null, versions.length
      ? h('ol', { class: 'timeline', 'aria-label': t('Versions') }, versions.map((version) => this.entry(version)))
      : emptyNote('versions', 'There is no version yet. Publishing makes the first.'));
    await this.showFromAddress();
  }

  /** What the address names: two to compare, a version to look at or to go back to. */
  async showFromAddress() {
    const params = readParams();
    const [from, to] = [params.get('from'), params.get('to')];
    if (from && to) await this.compare(from, to);
    for (const [name, work] of /** @type {[string, (version: Version) => unknown][]} */ ([
      ['version', (version) => this.show(version)], ['rollback', (version) => this.rollBack(version)],
    ])) {
      const version = this.versions.find(({ version_no: number }) => String(number) === params.get(name));
      writeParams({ [name]: '' });
      if (version) work(version);
    }
  }

  /**
   * Show what differs between two of draft, live and the versions, above the timeline.
   * @param {string} from
   * @param {string} to
   */
  async compare(from, to) {
    if ([from, to].includes('live') && !this.page.data.isLive) {
      this.closeComparison();
      return;
    }
    writeParams({ from, to });
    const difference = await this.page.data.difference(from, to);
    if (!difference) return;
    const first = this.choice('Before', from, (value) => this.compare(value, to));
    const second = this.choice('After', to, (value) => this.compare(from, value));
    fillNode(this.comparison,
      h('header', { class: 'timeline-head' }, h('label', {}, t('Before'), ' ', first), h('label', {}, t('After'), ' ', second), h('span', { class: 'spring' }),
        tool('close_comparison', 'close', 'Close', () => this.closeComparison(), { isSmall: true })),
      differenceView(difference));
    this.comparison.hidden = false;
  }

  closeComparison() {
    writeParams({ from: '', to: '' });
    this.comparison.hidden = true;
    this.comparison.replaceChildren();
  }

  /** @param {string} label @param {string} value @param {(value: string) => unknown} changed */
  choice(label, value, changed) {
    const options = [['draft', t('the draft')], ...(this.page.data.isLive ? [['live', t('the live version')]] : []),
      ...this.versions.map(({ version_no: number, notes }) => [String(number), `v${number}${notes ? ` · ${notes.slice(0, 30)}` : ''}`])];
    const select = /** @type {HTMLSelectElement} */ (h('select', { 'aria-label': t(label), on: { change: () => changed(select.value) } },
      options.map(([one, text]) => h('option', { value: one }, text))));
    select.value = value;
    return select;
  }

  /** Bring a comparison into view. @param {string} from @param {string} to */
  async compareAndShow(from, to) {
    await this.compare(from, to);
    this.comparison.scrollIntoView({ block: 'start' });
    this.comparison.focus({ preventScroll: true });
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
    const { data } = this.page;
    /** @param {HTMLButtonElement} button */
    const withNumber = (button) => {
      button.setAttribute('aria-label', `${button.textContent}: v${number}`);
      return button;
    };
    return h('div', { class: 'toolbar' },
      withNumber(tool('show_version', 'eye', 'Show', () => this.show(version))),
      withNumber(tool('compare_version', 'versions', 'Compare with the draft', () => this.compareAndShow(number, 'draft'))),
      data.mayEdit ? withNumber(tool('load_version', 'copy', 'Load into the draft', () => this.load(version))) : null,
      version.status === 'superseded' && data.mayEdit
        ? withNumber(tool('rollback', 'rollback', 'Roll back', () => this.rollBack(version))) : null);
  }

  /** @param {Version} version */
  async rollBack(version) {
    if (await rollBackTo(this.page.owner, this.page.data, version)) await this.page.reload();
  }

  /** @param {Version} version */
  async load(version) {
    if (await this.page.data.load() && await loadIntoDraft(this.page.owner, this.page.data, version)) await this.page.reload();
  }

  /** The address names it while its window is open. @param {Version} version */
  async show(version) {
    const box = await showVersion(this.page.owner, version);
    writeParams({ version: String(version.version_no) });
    box.bind('dismissed', () => writeParams({ version: '' }));
  }
}

/** What happened to a version, newest first; being saved is the first of it. @param {Version} version */
function events(version) {
  const log = /** @type {Row[]} */ (JSON.parse(version.event_log || '[]')).reverse();
  return [...log.map((one) => h('li', {},
    h('time', { datetime: one.at }, localDateTime(one.at)), h('strong', {}, one.username ?? one.by ?? ''),
    h('span', {}, t(EVENTS[one.event] ?? one.event)), one.why ? h('q', {}, one.why) : null,
    one.approved_by ? h('span', {}, t('approved by ${who}', { who: one.approved_by })) : null)),
  h('li', {}, h('time', { datetime: version.created_at }, localDateTime(version.created_at)), h('span', {}, t('saved')))];
}

/** @param {Version['contributors']} list */
function contributors(list) {
  const people = /** @type {any[]} */ (typeof list === 'string' ? JSON.parse(list || '[]') : list ?? []);
  const names = people.map((one) => one.username ?? one.name ?? one);
  return names.length ? h('p', { class: 'muted' }, t('Edited by ${names}', { names: names.join(', ') })) : null;
}
