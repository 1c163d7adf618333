/** Requests to the server: own parameters, one retry after a new login, errors as descriptions. */

import { parseExact } from './exact_json.js';
import { isAbort, messageOf } from './failure.js';
import { language, t } from './i18n.js';
import { resolveUrl, splitQuery } from './urls.js';
import { toBody, toQuery } from './params.js';

/** Below this width pages are laid out for a hand. */
export const MOBILE_WIDTH_PX = 720;

/** The parameters that every request of the runtime carries. Integers only: the server casts them. */
export function ownParams() {
  return {
    _webbricks_: 1,
    _is_mobile: window.innerWidth < MOBILE_WIDTH_PX ? 1 : 0,
    _width: Math.round(window.innerWidth),
    _height: Math.round(window.innerHeight),
    _lang: language(),
  };
}

let pageUser = '';

/** Whose page this is: each request says so. @param {string|undefined} userId */
export function setPageUser(userId) {
  pageUser = userId ?? '';
}

/** What each request of the page says in its head. @returns {Record<string, string>} */
export function pageHeaders() {
  return { 'Accept-Language': language(), ...(pageUser ? { 'X-Page-User': pageUser } : {}) };
}

/**
 * Whether an answer is the refusal of a page whose person is not the one who is signed in now; says so.
 * @param {App} app
 * @param {{code?: string, detail?: string, message?: string, signed_in_as?: string}|undefined} problem
 */
export function isOfOtherUser(app, problem) {
  if (problem?.code !== 'other_user') return false;
  app.tellOtherUser(problem.detail ?? problem.message ?? '', problem.signed_in_as ?? '');
  return true;
}

/**
 * Ask the server. Never throws for what the server or the network does: look at `ok`.
 * @param {App} app
 * @param {string|undefined} url may be relative to *baseUri*
 * @param {AskOptions} [how]
 * @returns {Promise<Answer>}
 */
export async function ask(app, url, how = {}) {
  const address = resolveUrl(url, how.baseUri ?? location.href);
  let answer = /** @type {Answer} */ (await send(address, how));
  if (answer.status === 401 && !how.anonymous) {
    const signedIn = await app.signInAgain();
    if (signedIn) answer = await send(address, how);
  }
  return isOfOtherUser(app, answer.problem ?? answer.error?.options) ? { ...answer, error: undefined, aborted: true } : answer;
}

/** @param {string} address @param {AskOptions} how */
async function send(address, how) {
  const { address: bare, params: fromUrl } = splitQuery(address);
  const method = (how.method ?? 'GET').toUpperCase();
  const params = { ...fromUrl, ...(how.params ?? {}), ...ownParams() };
  const request = requestOf(method, bare, params, how);
  let response;
  try {
    response = await fetch(request.url, request.init);
  } catch (error) {
    if (isAbort(error)) return { ok: false, status: 0, aborted: true, url: bare };
    return failure(0, bare, t('The server cannot be reached. Check the connection and try again.'));
  }
  return read(response, bare, how);
}

/** @param {string} method @param {string} bare @param {Data} params @param {AskOptions} how */
function requestOf(method, bare, params, how) {
  /** @type {RequestInit & {headers: Record<string, string>}} */
  const init = {
    method,
    credentials: 'same-origin',
    signal: how.signal,
    headers: {
      Accept: how.text ? 'text/plain, text/markdown, */*' : 'application/json',
      ...pageHeaders(),
    },
  };
  if (method === 'GET' || method === 'DELETE') {
    return { url: `${bare}?${toQuery(params)}`, init };
  }
  if (how.contentType === 'json') {
    init.headers['Content-Type'] = 'application/json';
    init.body = JSON.stringify(params);
  } else {
    init.body = toBody(params);
  }
  return { url: bare, init };
}

/** @param {Response} response @param {string} url @param {AskOptions} how */
async function read(response, url, how) {
  const requestId = response.headers.get('X-Request-Id') ?? '';
  let text;
  try {
    text = await response.text();
  } catch {
    return failure(response.status, url, t('The answer broke off. Try again.'), { requestId });
  }
  if (!response.ok) return problemAnswer(response, url, text, requestId);
  if (response.redirected && /\/login\.ui$/.test(new URL(response.url).pathname)) {
    return { ...failure(401, url, t('Please sign in.')), url };
  }
  if (how.text) return { ok: true, status: response.status, value: text, url };
  return readValue(response.status, url, text, requestId, how);
}

/**
 * @param {number} status
 * @param {string} url
 * @param {string} text
 * @param {string} requestId
 * @param {AskOptions} how
 */
function readValue(status, url, text, requestId, how) {
  if (!text.trim()) return failure(status, url, t('The server sent an empty answer.'), { requestId });
  let value;
  try {
    value = how.exact ? parseExact(text) : JSON.parse(text);
  } catch (error) {
    console.error(`${url}: ${messageOf(error)}`);
    const where = `${new URL(url).pathname}: ${messageOf(error)}`;
    return failure(status, url, `${t('The answer of the server cannot be read.')} ${where}`, { requestId });
  }
  const refusal = errorIn(value);
  return { ok: !refusal, status, value, error: refusal, url };
}

/** An Error widget, or `{status: "error"}` without a widget, in an answer with status 200. @param {any} value */
function errorIn(value) {
  if (!value || typeof value !== 'object') return undefined;
  if (value.widgettype === 'Error' || value.widgettype === 'BError') return value;
  if (!value.widgettype && value.status === 'error') {
    return errorDescription(t('Error'), value.data?.message ?? t('That did not work.'), {});
  }
  return undefined;
}

/** @type {Record<number, string>} */
const STATUS_TITLES = {
  401: 'Please sign in',
  403: 'No permission',
  404: 'Not found',
  413: 'Too large',
  429: 'Too many requests',
  503: 'Not available right now',
};
/** @type {Record<number, string>} */
const STATUS_MESSAGES = {
  401: 'You are signed out. Sign in and try again.',
  403: 'Your role does not allow this. Ask an administrator for the permission.',
  404: 'This page does not exist, or no longer.',
};

/** @param {Response} response @param {string} url @param {string} text @param {string} requestId */
function problemAnswer(response, url, text, requestId) {
  const problem = problemIn(response, text);
  const status = response.status;
  const title = t(STATUS_TITLES[status] ?? 'Error');
  const message = problem.detail || t(STATUS_MESSAGES[status]
    ?? 'The server answered with an error (${status}).', { status });
  const answer = failure(status, url, message, {
    title, requestId: problem.request_id || requestId, code: problem.code,
  });
  const retryAfter = Number(response.headers.get('Retry-After'));
  return { ...answer, problem, retryAfterSeconds: retryAfter > 0 ? retryAfter : null };
}

/**
 * RFC 9457 documents only: a 401 or 500 of the framework is plain text.
 * @param {Response} response
 * @param {string} text
 */
function problemIn(response, text) {
  if (!/json/.test(response.headers.get('Content-Type') ?? '')) return {};
  try {
    const problem = JSON.parse(text);
    return problem && typeof problem === 'object' ? problem : {};
  } catch {
    return {};
  }
}

/**
 * @param {number} status
 * @param {string} url
 * @param {string} message
 * @param {{title?: string, requestId?: string, code?: string}} [more]
 */
function failure(status, url, message, { title = t('Error'), requestId = '', code = '' } = {}) {
  const error = errorDescription(title, message, { request_id: requestId, code, status });
  return { ok: false, status, value: null, error, url };
}

/** Description of an Error widget. @param {string} title @param {string} message @param {ErrorOptions} more */
export function errorDescription(title, message, more) {
  return { widgettype: 'Error', options: { title, message, ...more } };
}
