/** Name and password, and the code where one is wanted, as the sign-in page and the sign-in window show them. */

import { ask } from '../core/request.js';
import { h, uniqueId } from '../core/dom.js';
import { t } from '../core/i18n.js';

const LOGIN_URL = '/login.dspy';

/** @typedef {{id: string, input: HTMLInputElement}} LineInput */
/**
 * @typedef {{app: App, name: LineInput, password: LineInput, code: LineInput, steps: {first: HTMLElement, second: HTMLElement, setup: HTMLElement},
 *   error: HTMLElement, button: HTMLButtonElement, whenSignedIn: (user: User) => void}} SignIn
 */

/**
 * @param {App} app
 * @param {(user: User) => void} whenSignedIn called after signing in
 * @param {{username?: string}} [how]
 * @returns {HTMLFormElement}
 */
export function loginForm(app, whenSignedIn, { username = '' } = {}) {
  const errorId = uniqueId('login-error');
  const name = lineInput('username', 'text', 'username', errorId);
  const password = lineInput('password', 'password', 'current-password', errorId);
  name.input.value = username;
  const error = h('p', { class: 'form-summary', id: errorId, role: 'alert', hidden: true });
  const button = h('button', { type: 'submit', class: 'primary wide' }, t('Sign in'));
  const code = lineInput('code', 'text', 'one-time-code', errorId);
  const setup = h('div', { class: 'factor-setup' });
  const steps = /** @type {SignIn['steps']} */ ({
    setup,
    first: h('div', { class: 'login-step' }, labelled(t('User name'), name), labelled(t('Password'), password)),
    second: h('div', { class: 'login-step', hidden: true }, setup, labelled(t('Code'), code),
      h('p', { class: 'muted' }, t('The six digits of your authenticator app, or a recovery code.')),
      h('button', { type: 'button', class: 'plain', 'data-name': 'back', on: { click: () => { showStep(state, 'first'); } } }, t('Another user'))),
  });
  /** @type {SignIn} */
  const state = { app, name, password, code, steps, error, button, whenSignedIn };
  return h('form', {
    class: 'login-form', novalidate: true,
    on: { submit: (event) => { event.preventDefault(); event.stopPropagation(); signIn(state); } },
  }, error, steps.first, steps.second, button);
}

/** The code is asked for when the password was right. @param {SignIn} state @param {'first'|'second'} step */
function showStep(state, step) {
  const { steps, code, password, error } = state;
  steps.first.hidden = step !== 'first';
  steps.second.hidden = step === 'first';
  error.hidden = true;
  code.input.value = '';
  if (step === 'first') password.input.value = '';
  (step === 'first' ? password : code).input.focus();
}

/** Who must have a second factor and has none sets it up here. @param {SignIn} state @param {FactorSetup|undefined} setup */
async function askForCode(state, setup) {
  state.steps.setup.replaceChildren();
  if (setup) {
    const { setupNodes } = await import('./factor_setup.js');
    state.steps.setup.append(h('p', {}, t('Your role signs in with a second factor. Set it up now.')), ...setupNodes(setup));
  }
  showStep(state, 'second');
}

/** @param {string} fieldName @param {string} type @param {string} autocomplete @param {string} errorId */
function lineInput(fieldName, type, autocomplete, errorId) {
  const id = uniqueId(fieldName);
  return {
    id,
    input: h('input', {
      id, name: fieldName, type, autocomplete, autocapitalize: 'none', spellcheck: 'false', 'aria-required': 'true',
      'aria-describedby': errorId, maxlength: 255,
    }),
  };
}

/** @param {string} text @param {LineInput} line */
function labelled(text, { id, input }) {
  return h('div', { class: 'field' }, h('label', { class: 'field-label', for: id }, text), input);
}

/** @param {SignIn} state */
async function signIn(state) {
  const { app, name, password, code, button } = state;
  const isSecond = !state.steps.second.hidden;
  const missing = (isSecond ? [code] : [name, password]).find(({ input }) => !input.value.trim());
  if (missing) {
    showError(state, t(isSecond ? 'Please fill in the code.' : 'Please fill in user name and password.'));
    missing.input.focus();
    return;
  }
  button.disabled = true;
  const answer = await ask(app, LOGIN_URL, {
    method: 'POST', anonymous: true, params: { username: name.input.value, password: password.input.value, ...(isSecond ? { code: code.input.value } : {}) },
  });
  button.disabled = false;
  if (answer.ok) {
    const user = answer.value?.data ?? answer.value?.options?.user_data ?? {};
    if (user.recovery_codes) {
      const { showRecoveryCodes } = await import('./factor_setup.js');
      await showRecoveryCodes(app, user.recovery_codes);
    }
    state.whenSignedIn(user);
    return;
  }
  showRefusal(state, answer);
}

/** @param {SignIn} state @param {Answer} answer */
function showRefusal(state, answer) {
  const options = answer.error?.options ?? {};
  const code = answer.problem?.code ?? options.code;
  const seconds = answer.retryAfterSeconds ?? answer.problem?.retry_after ?? options.retry_after;
  if (answer.status === 429 || code === 'locked_out') {
    waitFor(state, Number(seconds) || 30);
  } else if (code === 'second_factor_wanted') {
    askForCode(state, answer.problem?.setup);
  } else if (code === 'wrong_code') {
    showError(state, options.message ?? t('That did not work.'));
    state.code.input.value = '';
    state.code.input.focus();
  } else if (answer.status === 401 || code === 'bad_credentials') {
    if (state.steps.first.hidden) showStep(state, 'first'); // the password was changed meanwhile
    showError(state, t('User name or password is wrong. Please try again.'));
    state.password.input.value = '';
    state.password.input.focus();
  } else {
    showError(state, options.message ?? t('That did not work.'));
  }
}

/** After too many failures: counts down, then lets one try again. @param {SignIn} state @param {number} seconds */
function waitFor(state, seconds) {
  const until = Date.now() + seconds * 1000;
  state.button.disabled = true;
  const tick = () => {
    const left = Math.ceil((until - Date.now()) / 1000);
    if (left <= 0 || !state.button.isConnected) {
      clearInterval(timer);
      state.button.disabled = false;
      state.error.hidden = true;
      return;
    }
    showError(state, t('Too many failed tries. Please wait ${seconds} s.', { seconds: left }));
  };
  const timer = setInterval(tick, 1000);
  tick();
}

/** @param {SignIn} state @param {string} message */
function showError({ error }, message) {
  error.textContent = message;
  error.hidden = false;
}
