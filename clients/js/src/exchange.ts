/** Sending a request until it is answered: which answers are tried again, how often, how long. */

import { BadAnswer, NoAnswer, Problem } from './problems.js';

/** Parameters of an address; of a list each is sent. */
export type Query = Record<string, string | number | string[] | undefined>;

/** A request to the API; `path` begins behind `/pipeline_dist/v1/`. */
export interface ApiRequest {
  method: 'GET' | 'POST';
  path: string;
  query?: Query;
  body?: unknown;
  /** Sent with each try. */
  idempotencyKey?: string;
  /** That it arrives twice does more than once; such a request is not sent again by itself. */
  isOnce?: boolean;
}

/**
 * How a request is tried again, always with the same idempotency key: at most `tries` times and for
 * `patience` seconds in all, after pauses that double from `firstPause` to `maxPause` and are never
 * alike, but not before the API's `Retry-After` is over. A wait that would be longer than the
 * patience is not begun: the refusal is thrown, with its `retryAfter`.
 */
export interface Retries {
  tries: number;
  patience: number;
  firstPause: number;
  maxPause: number;
}

export const DEFAULT_RETRIES: Retries = { tries: 8, patience: 120, firstPause: 0.2, maxPause: 30 };

/** Where requests go, and how. */
export interface Wire {
  root: string;
  headers: Record<string, string>;
  fetch: typeof fetch;
  retries: Retries;
  timeoutSeconds: number;
  signal?: AbortSignal | undefined;
}

// The first were not carried out. With the others nobody knows, as when no answer came.
const NOT_CARRIED_OUT = [429, 503];
const UNKNOWN_OUTCOME = [408, 500, 502, 504];

/** Returns the answer to a request that is no refusal; throws Problem and NoAnswer. */
export async function exchange(wire: Wire, request: ApiRequest): Promise<Response> {
  let { patience } = wire.retries;
  for (let attempt = 0; ; attempt += 1) {
    const reply = await send(wire, request);
    if (reply instanceof Response && reply.ok) return reply;
    const wait = mayRepeat(request, reply) ? pause(wire.retries, attempt, reply) : undefined;
    if (wait === undefined || wait > patience || attempt >= wire.retries.tries - 1) {
      throw reply instanceof Response ? await problemOf(reply) : reply;
    }
    patience -= wait;
    if (reply instanceof Response) await reply.body?.cancel();
    await sleep(wait, wire.signal);
  }
}

/** Waits so many seconds; throws the signal's reason where it is aborted before. */
export function sleep(seconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const timer = setTimeout(finish, seconds * 1000);
    signal?.addEventListener('abort', abort, { once: true });
    function finish(): void {
      signal?.removeEventListener('abort', abort);
      resolve();
    }
    function abort(): void {
      clearTimeout(timer);
      reject(signal?.reason);
    }
  });
}

async function send(wire: Wire, request: ApiRequest): Promise<Response | NoAnswer> {
  const url = new URL(wire.root + request.path);
  for (const [name, value] of Object.entries(request.query ?? {})) {
    for (const one of [value ?? []].flat()) url.searchParams.append(name, String(one));
  }
  const headers = { ...wire.headers };
  if (request.idempotencyKey !== undefined) headers['idempotency-key'] = request.idempotencyKey;
  const options: RequestInit = { method: request.method, headers, redirect: 'manual' };
  if (request.body !== undefined) {
    headers['content-type'] = 'application/json';
    options.body = JSON.stringify(request.body);
  }
  const timeout = AbortSignal.timeout(wire.timeoutSeconds * 1000);
  options.signal = wire.signal ? AbortSignal.any([wire.signal, timeout]) : timeout;
  try {
    const answer = await wire.fetch(url, options);
    // All of it, so that an answer that breaks off is tried again as well.
    return new Response([204, 304].includes(answer.status) ? null : await answer.arrayBuffer(), answer);
  } catch (error) {
    if (wire.signal?.aborted) throw error;
    return new NoAnswer(`No answer from ${url.origin}`, { cause: error });
  }
}

function mayRepeat(request: ApiRequest, reply: Response | NoAnswer): boolean {
  if (!(reply instanceof Response) || UNKNOWN_OUTCOME.includes(reply.status)) return !request.isOnce;
  return NOT_CARRIED_OUT.includes(reply.status);
}

function pause(retries: Retries, attempt: number, reply: Response | NoAnswer): number | undefined {
  const longest = Math.min(retries.firstPause * 2 ** attempt, retries.maxPause);
  const seconds = longest * (0.5 + Math.random() / 2);
  if (!(reply instanceof Response)) return seconds;
  const wait = retryAfter(reply);
  if (wait === undefined) return reply.status === 429 ? undefined : seconds;
  return wait + seconds;
}

function retryAfter(answer: Response): number | undefined {
  const text = answer.headers.get('retry-after');
  return text !== null && /^\d+$/.test(text) ? Number(text) : undefined;
}

async function problemOf(answer: Response): Promise<Problem> {
  const text = await answer.text();
  let document;
  try {
    document = JSON.parse(text);
  } catch {
    document = undefined;
  }
  if (typeof document?.code !== 'string') document = { code: '', detail: text.slice(0, 300) };
  return new Problem(answer.status, document, retryAfter(answer));
}

/** Returns the JSON of an answer; throws BadAnswer. */
export async function jsonOf<T>(answer: Response): Promise<T> {
  try {
    return await answer.json() as T;
  } catch (error) {
    throw new BadAnswer('The answer is not understood', { cause: error });
  }
}
