/** Signing in again when the session has ended in the middle of work. */

import { ask } from './request.js';
import { build, buildOverlay, pageOf } from './build.js';
import { t } from './i18n.js';

/**
 * Open one sign-in window and wait.
 * @param {App} app
 * @returns {Promise<boolean>} false when the person gave up
 */
export async function startSignIn(app) {
  if (app.opts.login_url) return signInByPage(app, app.opts.login_url);
  const box = await buildOverlay({ widgettype: 'LoginWindow' }, app.body);
  return new Promise((resolve) => {
    whenSignedIn(app, resolve);
    box.bind('dismissed', () => resolve(/** @type {LoginWindow} */ (box).signedIn === true));
  });
}

/** @param {App} app @param {(isSignedIn: boolean) => void} resolve */
function whenSignedIn(app, resolve) {
  const onSignIn = () => {
    app.unbind('user_logined', onSignIn);
    resolve(true);
  };
  app.bind('user_logined', onSignIn);
}

/**
 * A login page of the ecosystem: a self-opening window that closes itself after success.
 * @param {App} app
 * @param {string} url
 */
async function signInByPage(app, url) {
  const answer = await ask(app, url, { anonymous: true });
  if (!answer.ok) {
    await app.show_error({ title: t('Please sign in'), message: t('The sign-in page cannot be opened.') });
    return false;
  }
  const before = new Set(document.querySelectorAll('dialog'));
  await build(pageOf(answer), app.body, { baseUri: answer.url });
  const dialog = [...document.querySelectorAll('dialog')].find((node) => !before.has(node));
  return new Promise((resolve) => {
    whenSignedIn(app, resolve);
    if (dialog?.bricks_widget) dialog.bricks_widget.bind('dismissed', () => resolve(true));
    else resolve(false);
  });
}
