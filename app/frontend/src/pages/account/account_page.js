/** One's own account: password, second factor, and the places where one is signed in. */

import { dataOf } from '../../core/answer_data.js';
import { fillNode, h } from '../../core/dom.js';
import { localDateTime } from '../../core/format.js';
import { t } from '../../core/i18n.js';
import { ask } from '../../core/request.js';
import { setupNodes, showRecoveryCodes } from '../../shell/factor_setup.js';
import { sameTwice } from '../../shell/welcome.js';
import { send } from '../common/answers.js';
import { badge, card, facts, notLoaded, plainTable, tool } from '../common/nodes.js';
import { openForm } from '../common/window.js';
import { deviceText } from './devices.js';
import { inSage } from './in_sage.js';
import { roleText } from './role_names.js';

const API = '/appbase/account';
/** @type {FieldDescription} */
const PASSWORD = { name: 'password', label: 'Your password now', uitype: 'password', required: true, length: 255 };
/** @type {FieldDescription} */
const CODE = { name: 'code', label: 'Code', uitype: 'str', required: true, length: 64, tip: 'The six digits of your authenticator app, or a recovery code.' };

export class AccountPage {
  /** @param {Widget} owner */
  constructor(owner) {
    this.owner = owner;
    this.body = h('div', { class: 'account-body' });
    this.element = h('article', { class: 'account-page' }, h('header', { class: 'page-title' }, h('h1', {}, t('My account')), h('span', { class: 'spring' }),
      tool('refresh', 'refresh', 'Refresh', () => this.start(), { isSmall: true })), this.body);
  }

  async start() {
    const answer = await ask(this.owner.app, `${API}.dspy`, {});
    if (!answer.ok) {
      fillNode(this.body, notLoaded(() => this.start()));
      return;
    }
    const account = /** @type {Account} */ (dataOf(answer));
    fillNode(this.body, h('div', { class: 'page-grid' }, this.passwordCard(account), this.factorCard(account)), this.sessionsCard(account));
  }

  render() {
    return this.start();
  }

  /** @param {Account} account */
  passwordCard({ username, roles, ours, sage_url: sageUrl }) {
    return card('Sign-in', facts([['User name', username], ['Roles', roles.map(roleText).join(', ')]]), ours
      ? tool('change_password', 'key', 'Change the password', () => this.changePassword()) : inSage('Your password is kept in Sage.', sageUrl));
  }

  /** @param {Account} account */
  factorCard({ second_factor: { on, required, codes_left: left } }) {
    const state = h('p', {}, on ? badge(t('On'), 'good') : badge(t('Off'), required ? 'bad' : 'warn'), ' ',
      required ? badge(t('required for your role')) : null);
    const about = h('p', { class: 'muted' }, t('Besides the password, a code of an app on your telephone is asked for. Whoever learns your password cannot sign in with it alone.'));
    if (!on) return card('Second factor', state, about, tool('turn_on', 'check', 'Set up', () => this.turnOn(), { css: 'primary' }));
    return card('Second factor', state, about,
      h('p', { class: left < 3 && 'bad' }, t('${count} recovery codes are left.', { count: left })),
      h('div', { class: 'toolbar' }, tool('renew_codes', 'refresh', 'New recovery codes', () => this.renewCodes()),
        required ? null : tool('turn_off', 'close', 'Turn off', () => this.turnOff())));
  }

  /** @param {Account} account */
  sessionsCard({ sessions }) {
    const rows = sessions.map((session) => [
      h('span', { title: session.user_agent }, deviceText(session.user_agent)),
      session.address,
      localDateTime(session.created_at, { seconds: false }),
      session.is_current ? badge(t('this one'), 'good') : localDateTime(session.seen_at, { seconds: false }),
      session.is_current ? '' : h('span', { class: 'row-tools' }, tool('end_session', 'logout', 'End', () => this.endSessions(session.id), { isSmall: true })),
    ]);
    return h('section', { class: 'card page-card' },
      h('div', { class: 'toolbar' }, h('h2', {}, t('Where you are signed in')), h('span', { class: 'spring' }),
        sessions.length > 1 ? tool('end_others', 'logout', 'End all others', () => this.endSessions()) : null),
      plainTable('Where you are signed in', [{ label: 'Device' }, { label: 'Address' }, { label: 'Signed in' }, { label: 'Last use' }, { label: '' }], rows));
  }

  async changePassword() {
    const { form, done } = await openForm(this.owner, { title: 'Change the password', cwidth: 30 }, {
      cols: 1, submit_label: 'Change',
      fields: [PASSWORD, { name: 'new_password', label: 'New password', uitype: 'password', required: true, length: 100, tip: 'At least 8 characters' },
        { name: 'again', label: 'The same again', uitype: 'password', required: true, length: 100 }],
      save: ({ password, new_password: newPassword }) => send(this.owner, `${API}_password.dspy`, { password, new_password: newPassword }),
    });
    sameTwice(form, 'new_password', 'again');
    if (await done) await this.changed('The password is changed. All your other sessions are ended.');
  }

  async turnOn() {
    let start = /** @type {{password: string, setup: FactorSetup}|null} */ (null);
    const { done } = await openForm(this.owner, { title: 'Set up a second factor', cwidth: 30 }, {
      cols: 1, submit_label: 'Go on', fields: [PASSWORD],
      save: async ({ password }) => {
        const answer = await send(this.owner, `${API}_second_factor_begin.dspy`, { password });
        if (answer.ok) start = { password: String(password), setup: dataOf(answer) };
        return answer;
      },
    });
    if (await done && start) await this.confirm(start);
  }

  /** @param {{password: string, setup: FactorSetup}} start */
  async confirm({ password, setup }) {
    let codes = /** @type {string[]} */ ([]);
    const { done } = await openForm(this.owner, { title: 'Set up a second factor', cwidth: 30, above: [h('div', { class: 'window-part factor-setup' }, setupNodes(setup))] }, {
      cols: 1, submit_label: 'Turn on', fields: [{ ...CODE, tip: 'The six digits that the app shows now' }],
      save: async ({ code }) => {
        const answer = await send(this.owner, `${API}_second_factor_confirm.dspy`, { password, code });
        if (answer.ok) codes = dataOf(answer).recovery_codes;
        return answer;
      },
    });
    if (!await done) return;
    await showRecoveryCodes(this.owner.app, codes);
    await this.changed('The second factor is on. All your other sessions are ended.');
  }

  async renewCodes() {
    let codes = /** @type {string[]} */ ([]);
    const { done } = await openForm(this.owner, { title: 'New recovery codes', cwidth: 30, above: [h('p', { class: 'muted window-part' }, t('Those of before end.'))] }, {
      cols: 1, submit_label: 'Make', fields: [PASSWORD, CODE],
      save: async (values) => {
        const answer = await send(this.owner, `${API}_recovery_codes.dspy`, values);
        if (answer.ok) codes = dataOf(answer).recovery_codes;
        return answer;
      },
    });
    if (!await done) return;
    await showRecoveryCodes(this.owner.app, codes);
    await this.start();
  }

  async turnOff() {
    const { done } = await openForm(this.owner, { title: 'Turn the second factor off', cwidth: 30, above: [h('p', { class: 'muted window-part' }, t('The password alone signs you in then.'))] }, {
      cols: 1, submit_label: 'Turn off', fields: [PASSWORD, CODE],
      save: (values) => send(this.owner, `${API}_second_factor_end.dspy`, values),
    });
    if (await done) await this.changed('The second factor is off.');
  }

  /** @param {string} [id] none: all but this one */
  async endSessions(id) {
    const answer = await send(this.owner, `${API}_session_end.dspy`, id ? { id } : {});
    if (!answer.ok) await this.owner.app.showAnswer(answer);
    await this.start();
  }

  /** @param {string} words */
  async changed(words) {
    await this.owner.app.show_message({ title: 'My account', message: t(words) });
    await this.start();
  }
}

export { AccountPage as Page };
