/** Users: who there is, what roles they have, when they signed in; invite, disable, roles. */

import { dataOf } from '../../core/answer_data.js';
import { debounce, fillNode, h } from '../../core/dom.js';
import { localDateTime } from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { ask } from '../../core/request.js';
import { showOnce } from '../../shell/factor_setup.js';
import { send } from '../common/answers.js';
import { badge, emptyNote, notLoaded, plainTable, tool } from '../common/nodes.js';
import { openForm } from '../common/window.js';
import { inSage } from './in_sage.js';
import { roleText } from './role_names.js';

const API = '/appbase/user';
const SEARCH_DELAY_MS = 200;
/** @type {Record<UserEntry['state'], [string, string]>} */
const STATES = { usable: ['Active', 'good'], invited: ['Invited', 'warn'], disabled: ['Disabled', 'bad'] };

export class UsersPage {
  /** @param {Widget} owner */
  constructor(owner) {
    this.owner = owner;
    this.data = /** @type {UserList|null} */ (null);
    this.search = h('input', { type: 'search', 'aria-label': t('Search by name'), placeholder: t('Search by name'), on: { input: debounce(() => this.start(), SEARCH_DELAY_MS) } });
    this.tools = h('span', { class: 'row-tools' });
    this.body = h('div', {});
    this.element = h('article', { class: 'users-page' },
      h('header', { class: 'page-title' }, h('h1', {}, t('Users')), h('span', { class: 'spring' }), this.search, this.tools,
        tool('refresh', 'refresh', 'Refresh', () => this.start(), { isSmall: true })),
      this.body);
  }

  async start() {
    const query = this.search.value.trim();
    const answer = await ask(this.owner.app, `${API}_list.dspy`, { params: query ? { q: query } : {} });
    if (query !== this.search.value.trim()) return;
    if (!answer.ok) {
      fillNode(this.body, notLoaded(() => this.start()));
      return;
    }
    this.data = /** @type {UserList} */ (dataOf(answer));
    const { ours, sage_url: sageUrl, users, more } = this.data;
    fillNode(this.tools, ours ? tool('invite', 'add', 'Invite', () => this.invite(), { css: 'primary' }) : null);
    fillNode(this.body, ours ? null : inSage('Users and their roles are kept in Sage; here they are only shown.', sageUrl),
      users.length ? h('section', { class: 'card page-card' }, plainTable('Users', [{ label: 'User' }, { label: 'Roles' }, { label: 'Status' }, { label: 'Last sign-in' }, { label: 'Second factor' }, { label: '' }],
        users.map((user) => this.cells(user)))) : emptyNote('user', 'No user has this name.'),
      more ? h('p', { class: 'muted' }, t('There are more. Search by name.')) : null);
  }

  render() {
    return this.start();
  }

  /** @param {UserEntry} user @returns {Child[]} */
  cells(user) {
    const [state, tone] = STATES[user.state];
    return [
      h('strong', { 'data-user': user.username }, user.username),
      user.roles.length ? h('span', { class: 'badges' }, user.roles.map((role) => h('span', { class: 'badge', title: role }, roleText(role)))) : h('span', { class: 'muted' }, t('none')),
      [badge(t(state), tone), user.link_until ? h('div', { class: 'muted' }, t('link until ${when}', { when: localDateTime(user.link_until, { seconds: false }) })) : null],
      user.last_sign_in ? localDateTime(user.last_sign_in, { seconds: false }) : h('span', { class: 'muted' }, t('not yet')),
      user.second_factor ? badge(t('On'), 'good') : h('span', { class: 'muted' }, t('Off')),
      h('span', { class: 'row-tools' }, this.toolsOf(user)),
    ];
  }

  /** @param {UserEntry} user */
  toolsOf(user) {
    const { ours, me } = /** @type {UserList} */ (this.data);
    const reset = user.second_factor ? tool('reset_factor', 'unlock', 'Take the second factor away', () => this.resetFactor(user), { isSmall: true }) : null;
    if (!ours) return reset;
    const isDisabled = user.state === 'disabled';
    return [
      tool('roles', 'update', 'Change roles', () => this.changeRoles(user), { isSmall: true }),
      isDisabled ? null : tool('link', 'key', 'Link for a new password', () => this.makeLink(user), { isSmall: true }),
      reset,
      user.id === me ? null : tool(isDisabled ? 'enable' : 'disable', isDisabled ? 'check' : 'close', isDisabled ? 'Enable' : 'Disable', () => this.setState(user, !isDisabled), { isSmall: true }),
    ];
  }

  /** @param {string[]} present */
  roleFields(present) {
    return (this.data?.roles ?? []).map((role) => ({ name: `role_${role}`, label: roleText(role), tip: role, uitype: 'check', type: 'tinyint(1)', value: present.includes(role) ? 1 : 0 }));
  }

  async invite() {
    let link = /** @type {{token: string}|null} */ (null);
    let username = '';
    const { done } = await openForm(this.owner, { title: 'Invite a user', cwidth: 30, above: [h('p', { class: 'muted window-part' }, t('You get a link to hand over; by it the user chooses a password, once, within 72 hours.'))] }, {
      cols: 1, submit_label: 'Invite',
      fields: [{ name: 'username', label: 'User name', uitype: 'str', length: 64, required: true }, ...this.roleFields(['owner.viewer'])],
      save: async (values) => {
        username = String(values.username);
        const answer = await send(this.owner, `${API}_invite.dspy`, { username, roles: rolesIn(values) });
        if (answer.ok) link = dataOf(answer);
        return answer;
      },
    });
    if (!await done || !link) return;
    await this.showLink(username, link);
    await this.start();
  }

  /** @param {UserEntry} user */
  async changeRoles(user) {
    const { done } = await openForm(this.owner, { title: t('Roles of ${name}', { name: user.username }), cwidth: 30 }, {
      cols: 1, submit_label: 'Save', fields: this.roleFields(user.roles),
      save: (values) => send(this.owner, `${API}_roles.dspy`, { id: user.id, roles: rolesIn(values) }),
    });
    if (await done) await this.start();
  }

  /** @param {UserEntry} user */
  async makeLink(user) {
    const isSure = await this.owner.app.confirm({
      title: 'Link for a new password', yes_label: 'Make the link',
      message: t('By the link ${name} chooses another password, once, within 72 hours. Until then the present one is valid. Links made before end.', { name: user.username }),
    });
    if (!isSure) return;
    const answer = await send(this.owner, `${API}_link.dspy`, { id: user.id });
    if (answer.ok) await this.showLink(user.username, dataOf(answer));
    else await this.owner.app.showAnswer(answer);
    await this.start();
  }

  /** @param {UserEntry} user */
  async resetFactor(user) {
    const isSure = await this.owner.app.confirm({
      title: 'Take the second factor away', yes_label: 'Take away', danger: true,
      message: t('${name} signs in with the password alone then, and is signed out everywhere. Make sure that nobody else asks for it.', { name: user.username }),
    });
    if (isSure) await this.change(`${API}_second_factor_reset.dspy`, { id: user.id });
  }

  /** @param {UserEntry} user @param {boolean} isOff */
  async setState(user, isOff) {
    const isSure = !isOff || await this.owner.app.confirm({
      title: 'Disable the user', yes_label: 'Disable', danger: true,
      message: t('${name} is signed out at once and cannot sign in. What was made by this user stays.', { name: user.username }),
    });
    if (isSure) await this.change(`${API}_state.dspy`, { id: user.id, disabled: isOff });
  }

  /** @param {string} url @param {Data} params */
  async change(url, params) {
    const answer = await send(this.owner, url, params);
    if (!answer.ok) await this.owner.app.showAnswer(answer);
    await this.start();
  }

  /** @param {string} username @param {{token: string}} link */
  showLink(username, { token }) {
    return showOnce(this.owner.app, {
      title: t('Link for ${name}', { name: username }), label: 'Link', api_key: `${location.origin}/welcome.ui#${token}`,
      warning: 'This link is shown once. Hand it over on a safe way: whoever has it chooses the password.',
    });
  }
}

/** The names of the present roles, with commas. @param {Data} values */
function rolesIn(values) {
  return Object.keys(values).filter((name) => name.startsWith('role_') && Number(values[name])).map((name) => name.slice('role_'.length)).join(',');
}

export { UsersPage as Page };
