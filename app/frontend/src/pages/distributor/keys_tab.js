/** The keys of a distributor: which there are, what each may do, when it was used last. */

import { fillNode, h } from '../../core/dom.js';
import { localDateTime } from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { read, send, tell } from '../common/answers.js';
import { badge, emptyNote, notLoaded, plainTable, tool } from '../common/nodes.js';
import { openForm } from '../common/window.js';

const API = '/pipeline_dist/api';
/** @type {[string, string][]} */
const SCOPES = [
  ['calls', 'Calls: begin, finish and book, and quotes'], ['read', 'Read: look at all but statements'],
  ['finance', 'Finance: statements and use'], ['admin', 'Admin: look after keys'],
];
/** @type {[string, string][]} */
const COLUMNS = [['name', 'Name'], ['scopes', 'May be used for'], ['limits', 'Only'], ['expires_at', 'Valid until'], ['last_used_at', 'Used last'], ['tools', '']];

/**
 * @typedef {{id: string, name: string, prefix: string, scopes: string[], rate_limit_per_minute: number|null, pipelines: string[]|null,
 *   allowed_ips: string[], expires_at: string|null, previous_expires_at: string|null, sandbox: boolean, last_used_at: string|null,
 *   last_used_ip: string|null, created_at: string, is_default: boolean, lock_version: number}} ApiKeyRow
 */

export class KeysTab {
  /** @param {DistributorPage} page */
  constructor(page) {
    this.page = page;
    this.element = h('div', {});
  }

  async render() {
    const { owner, id } = this.page;
    const answer = /** @type {{keys: ApiKeyRow[], most: number, now: string}|null} */ (await read(owner, `${API}/distributor_keys.dspy`, { id }));
    if (!answer) {
      fillNode(this.element, notLoaded(() => this.render()));
      return;
    }
    const { keys, most, now } = answer;
    const make = this.page.mayEdit && keys.length < most
      ? tool('make_named_key', 'add', 'Make a key', () => this.make(), { css: 'primary' }) : null;
    fillNode(this.element, keys.length
      ? h('section', { class: 'card page-card keys-card' },
        h('div', { class: 'toolbar' }, h('h2', {}, t('API keys')), h('span', { class: 'muted' }, t('${count} of at most ${most}', { count: keys.length, most })), h('span', { class: 'spring' }), make),
        plainTable('API keys', COLUMNS.map(([, label]) => ({ label })), keys.map((key) => this.cells(key, now))))
      : emptyNote('key', 'This distributor has no key. Make one and hand it over; it is shown once.', make));
  }

  /** @param {ApiKeyRow} key @param {string} now @returns {Child[]} */
  cells(key, now) {
    const isOver = key.expires_at && key.expires_at <= now;
    return [
      h('div', { 'data-key': key.id }, h('strong', {}, key.name), ' ', key.sandbox ? badge(t('Sandbox'), 'warn') : null,
        h('div', { class: 'muted' }, h('code', { class: 'key-prefix' }, `${key.prefix}…`))),
      h('span', { class: 'badges' }, key.scopes.map((scope) => badge(scope))),
      limitsOf(key),
      h('span', {}, key.expires_at ? localDateTime(key.expires_at, { seconds: false }) : t('no end'), ' ', isOver ? badge(t('expired'), 'bad') : null,
        key.previous_expires_at ? h('div', { class: 'muted' }, t('the old one until ${when}', { when: localDateTime(key.previous_expires_at, { seconds: false }) })) : null),
      key.last_used_at
        ? h('span', {}, localDateTime(key.last_used_at, { seconds: false }), h('div', { class: 'muted' }, key.last_used_ip ?? '')) : t('not yet'),
      this.page.mayEdit ? h('span', { class: 'row-tools' },
        tool('change_key', 'update', 'Change', () => this.change(key), { isSmall: true }),
        tool('rotate_key', 'refresh', 'Rotate', () => this.rotate(key), { isSmall: true }),
        tool('revoke_named_key', 'delete', 'Revoke', () => this.revoke(key), { isSmall: true })) : '',
    ];
  }

  make() {
    return this.ask('Make a key', 'Make', 'The key is shown once and stored nowhere. Hand it over on a safe way.',
      [{ name: 'name', label: 'Name', uitype: 'str', length: 64, required: true }, ...scopeFields(['calls', 'read']), ...limitFields(),
        { name: 'sandbox', label: '沙箱', uitype: 'check', type: 'tinyint(1)', value: 0, tip: 'The same answers on counters of its own; nothing of it is billed.' }],
      (values) => send(this.page.owner, `${API}/distributor_key_create.dspy`, { distributor_id: this.page.id, ...withScopes(values) }));
  }

  /** @param {ApiKeyRow} key */
  change(key) {
    const name = key.is_default ? [] : [{ name: 'name', label: 'Name', uitype: 'str', length: 64, required: true, value: key.name }];
    return this.ask('Change the key', 'Save', 'It is so from the next request on.', [...name, ...scopeFields(key.scopes), ...limitFields(key)],
      (values) => send(this.page.owner, `${API}/distributor_key_update.dspy`, { id: key.id, lock_version: key.lock_version, ...withScopes(values) }));
  }

  /** @param {ApiKeyRow} key */
  rotate(key) {
    const previous = key.previous_expires_at;
    return this.ask('Rotate the key', 'Rotate', 'The new key is shown once. For the grace period both keys are valid, so that nothing stands still.', [
      { name: 'grace_hours', label: 'Grace for the old key (hours)', uitype: 'int', min: 0, max: 2160, value: 24, tip: '0: the old key ends at once' },
      { name: 'expires_at', label: 'Expires at', uitype: 'datetime', tip: key.expires_at ? 'Empty: as long as the key before was made for' : 'Empty: never' },
      ...(previous ? [{
        name: 'end_previous', label: 'End the key before now', uitype: 'check', type: 'tinyint(1)', value: 0,
        tip: t('It is valid until ${when}. Only one replaced key is kept.', { when: localDateTime(previous, { seconds: false }) }),
      }] : []),
    ], (values) => send(this.page.owner, `${API}/distributor_key_rotate.dspy`, { id: key.id, lock_version: key.lock_version, ...values }));
  }

  /**
   * A form in a window; what the server answers is told, and the page read again.
   * @param {string} title
   * @param {string} label
   * @param {string} about
   * @param {FieldDescription[]} fields
   * @param {(values: Data) => Promise<Answer>} work
   */
  async ask(title, label, about, fields, work) {
    const { owner } = this.page;
    let answer = /** @type {Answer|null} */ (null);
    const { done } = await openForm(owner, { title, cwidth: 34, above: [h('p', { class: 'muted window-part' }, t(about))] }, {
      cols: 1, submit_label: label, fields, save: async (values) => { answer = await work(values); return answer; },
    });
    if (!await done || !answer) return;
    await tell(owner, answer);
    await this.page.reload();
  }

  /** @param {ApiKeyRow} key */
  async revoke(key) {
    const { owner } = this.page;
    const isSure = await owner.app.confirm({
      title: 'Revoke the key', message: t('The key ${name} ends at once; programs that use it are refused from then on.', { name: key.name }), yes_label: 'Revoke', danger: true,
    });
    if (!isSure) return;
    await tell(owner, await send(owner, `${API}/distributor_key_revoke.dspy`, { id: key.id, lock_version: key.lock_version }));
    await this.page.reload();
  }
}

/** To what a key is limited, beside what limits its distributor. @param {ApiKeyRow} key */
function limitsOf(key) {
  const limits = [
    key.rate_limit_per_minute === null ? '' : t('${count} calls a minute', { count: key.rate_limit_per_minute }),
    key.pipelines?.join(', ') ?? '', key.allowed_ips.join(', '),
  ].filter(Boolean);
  return limits.length ? h('span', {}, limits.map((limit) => h('div', {}, limit))) : h('span', { class: 'muted' }, t('no limit'));
}

/** @param {string[]} scopes */
function scopeFields(scopes) {
  return SCOPES.map(([scope, label]) => ({
    name: `scope_${scope}`, label, uitype: 'check', type: 'tinyint(1)', value: scopes.includes(scope) ? 1 : 0,
  }));
}

/** @param {ApiKeyRow} [key] */
function limitFields(key) {
  return [
    { name: 'pipelines', label: '限定产线', uitype: 'str', tip: '产线代码，逗号分隔；空为全部', value: key?.pipelines?.join(', ') },
    { name: 'allowed_ips', label: '允许的来源地址', uitype: 'str', length: 2000, tip: 'IP 或 CIDR，逗号分隔；空为不限', value: key?.allowed_ips.join(', ') },
    { name: 'rate_limit_per_minute', label: '每分钟请求上限', uitype: 'int', min: 1, tip: '空为不限', value: key?.rate_limit_per_minute },
    { name: 'expires_at', label: 'Expires at', uitype: 'datetime', tip: 'Empty: never', value: key?.expires_at },
  ];
}

/** The values of a form with its scopes as a list. @param {Data} values */
function withScopes(values) {
  const rest = Object.fromEntries(Object.entries(values).filter(([name]) => !name.startsWith('scope_')));
  const scopes = SCOPES.map(([scope]) => scope).filter((scope) => Number(values[`scope_${scope}`]));
  return { ...rest, scopes: scopes.join(',') };
}
