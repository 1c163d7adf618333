/** What stands on the page of a one-time link. */

import { ask } from '../core/request.js';
import { fillNode, h } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { Form } from '../widgets/form.js';
import { logo } from './logo.js';

const URL_OF_LINK = '/welcome.dspy';

/** @param {App} app @param {HTMLElement} card @param {string} token */
export async function welcome(app, card, token) {
  const brand = h('div', { class: 'login-brand' }, logo(), h('h1', {}, t('Pipeline')));
  const answer = await ask(app, URL_OF_LINK, { method: 'POST', anonymous: true, params: { token } });
  if (!answer.ok) {
    fillNode(card, brand, h('p', { class: 'form-summary', role: 'alert' }, answer.error?.options?.message ?? ''), signInLink());
    return;
  }
  const { username } = answer.value.data;
  const form = new Form({
    fields: [
      { name: 'new_password', label: 'New password', uitype: 'password', required: true, length: 100 },
      { name: 'again', label: 'The same again', uitype: 'password', required: true, length: 100 },
    ],
    cols: 1, submit_label: 'Set the password', toolbar: { tools: [{ name: 'submit', label: 'Set the password' }] },
    save: (values) => ask(app, URL_OF_LINK, { method: 'POST', anonymous: true, params: { token, new_password: values.new_password } }),
  }, { app, baseUri: location.href, parent: null });
  sameTwice(form, 'new_password', 'again');
  fillNode(card, brand, h('p', { class: 'muted' }, t('Choose a password for ${username}. You sign in with it from now on.', { username })), form.dom_element);
  form.bind('submitted', () => {
    history.replaceState(null, '', location.pathname); // the link is used up
    fillNode(card, brand, h('p', { role: 'status' }, t('The password is set. Sign in as ${username}.', { username })), signInLink());
  });
  form.focusFirst();
}

function signInLink() {
  return h('p', {}, h('a', { class: 'button primary', href: '/login.ui' }, t('Sign in')));
}

/** Two fields that have to say the same. @param {Form} form @param {string} first @param {string} second */
export function sameTwice(form, first, second) {
  const again = form.name_inputs[second];
  const problem = again.problem.bind(again);
  again.problem = () => problem() || (again.resultValue() === form.name_inputs[first].resultValue() ? '' : t('This is not the same.'));
}
