/**
 * Send a file as the body of a request and tell how far it is, there and on the server, which
 * answers in JSON Lines (app/web/work_progress.py). `fetch` does not say how much has been sent.
 */

import { t } from './i18n.js';
import { isOfOtherUser, ownParams, pageHeaders } from './request.js';
import { resolveUrl } from './urls.js';
import { toQuery } from './params.js';

/**
 * @param {App} app asked to sign in again when the session has ended
 * @param {string|undefined} url may be relative to *baseUri*
 * @param {Blob} file
 * @param {UploadOptions} how
 * @returns {Promise<UploadAnswer>} never throws for what the server or the network does
 */
export async function upload(app, url, file, how) {
  const query = toQuery({ ...how.params, _progress: 1, ...ownParams() });
  const address = `${resolveUrl(url, how.baseUri ?? location.href)}?${query}`;
  let answer = await send(address, file, how);
  if (answer.status === 401 && await app.signInAgain()) answer = await send(address, file, how);
  return isOfOtherUser(app, answer.problem) ? { ...answer, aborted: true } : answer;
}

/** @param {string} address @param {Blob} file @param {UploadOptions} how */
function send(address, file, { signal, onProgress }) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    const lines = new Lines(onProgress);
    request.open('POST', address);
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    request.setRequestHeader('Accept', 'application/json');
    for (const [name, value] of Object.entries(pageHeaders())) request.setRequestHeader(name, value);
    request.upload.addEventListener('progress', ({ loaded, total }) => onProgress({ step: 'sending', done: loaded, total }));
    request.addEventListener('progress', () => { if (request.status === 200) lines.read(request.responseText); });
    request.addEventListener('load', () => resolve(outcome(request)));
    request.addEventListener('error', () => resolve(failure(t('The server cannot be reached. Check the connection and try again.'))));
    request.addEventListener('abort', () => resolve({ ok: false, aborted: true }));
    signal?.addEventListener('abort', () => request.abort());
    request.send(file);
  });
}

/** What of an answer has been read line by line. */
class Lines {
  /** @param {(progress: Progress) => void} onProgress */
  constructor(onProgress) {
    this.onProgress = onProgress;
    this.at = 0;
  }

  /** @param {string} text all that has come so far */
  read(text) {
    for (let end = text.indexOf('\n', this.at); end >= 0; end = text.indexOf('\n', this.at)) {
      const line = parseJson(text.slice(this.at, end));
      this.at = end + 1;
      if (line?.step) this.onProgress(line);
    }
  }
}

/** @param {string} text */
function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The last line counts; a refusal before the work began is one document. @param {XMLHttpRequest} request */
function outcome(request) {
  const text = request.responseText.trim();
  const last = parseJson(text.slice(text.lastIndexOf('\n') + 1)) ?? parseJson(text);
  if (request.status === 200 && last?.data) return { ok: true, status: 200, data: last.data };
  const message = last?.error?.detail ?? last?.options?.message ?? last?.detail
    ?? (request.status === 200 ? t('The answer broke off. Try again.')
      : t('The server answered with an error (${status}).', { status: request.status }));
  return { ...failure(message, request.status), problem: last ?? undefined };
}

/** @param {string} message */
function failure(message, status = 0) {
  return { ok: false, status, message };
}
