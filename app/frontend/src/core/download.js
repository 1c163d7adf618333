/** Files that the server sends, for the reader to keep. */

import { h } from './dom.js';
import { t } from './i18n.js';
import { isOfOtherUser, pageHeaders } from './request.js';

/** Give the browser a file to keep. @param {string} name @param {Blob} blob */
export function download(name, blob) {
  const link = h('a', { href: URL.createObjectURL(blob), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/**
 * The answer with a file in it; asked for once more when the session had ended.
 * @param {App} app
 * @param {string} url
 * @param {AbortSignal} [signal]
 * @returns {Promise<Response>}
 */
export async function fetchFile(app, url, signal) {
  const send = () => fetch(url, { credentials: 'same-origin', signal, headers: { Accept: 'application/json', ...pageHeaders() } });
  const response = await send();
  return response.status === 401 && await app.signInAgain() ? send() : response;
}

/** Say why there is no file. @param {Widget} owner @param {Response} response */
export async function refuse(owner, response) {
  let refusal = /** @type {Data} */ ({});
  try {
    refusal = await response.json();
    if (isOfOtherUser(owner.app, refusal)) return;
  } catch {
    // no words of the server: ours
  }
  const message = refusal.options?.message ?? refusal.detail ?? (response.status === 401
    ? t('You are signed out. Sign in and try again.') : t('The server answered with an error (${status}).', { status: response.status }));
  await owner.app.show_error({ title: 'Error', message });
}
