/** Which role may do what, as the permissions say it now. */

import { dataOf } from '../../core/answer_data.js';
import { fillNode, h } from '../../core/dom.js';
import { icon } from '../../core/icons.js';
import { t } from '../../core/i18n.js';
import { ask } from '../../core/request.js';
import { notLoaded, plainTable } from '../common/nodes.js';
import { roleText } from './role_names.js';

export class RoleMatrix {
  /** @param {Widget} owner */
  constructor(owner) {
    this.owner = owner;
    this.element = h('article', { class: 'role-matrix' });
  }

  async start() {
    const answer = await ask(this.owner.app, '/appbase/role_matrix.dspy', {});
    const heading = h('header', { class: 'page-title' }, h('h1', {}, t('Rights')));
    if (!answer.ok) {
      fillNode(this.element, heading, notLoaded(() => this.start()));
      return;
    }
    const { deeds, roles } = /** @type {{deeds: string[], roles: RoleRights[]}} */ (dataOf(answer));
    fillNode(this.element, heading, h('p', { class: 'muted' }, t('What each role may do, as the permissions say it now. A user with several roles may do what any of them may.')),
      h('section', { class: 'card page-card' }, plainTable('Rights', [{ label: 'Right' }, ...roles.map(({ role }) => ({ label: roleText(role) }))], [
        ...deeds.map((deed, at) => [t(deed), ...roles.map(({ may }) => mark(may[at]))]),
        [h('span', { class: 'muted' }, t('Users')), ...roles.map(({ users }) => h('span', { class: 'muted' }, String(users)))],
      ])));
  }

  render() {
    return this.start();
  }
}

/** @param {boolean} may */
function mark(may) {
  return may ? h('span', { class: 'good' }, icon('check'), h('span', { class: 'visually-hidden' }, t('yes')))
    : h('span', { class: 'muted' }, h('span', { 'aria-hidden': 'true' }, '–'), h('span', { class: 'visually-hidden' }, t('no')));
}

export { RoleMatrix as Page };
