/** Webhooks: is it really the system that sends, and is it new? As Standard Webhooks says. */

import { PipelineError } from './problems.js';

const TOLERANCE_SECONDS = 300;
const SECRET_PREFIX = 'whsec_';

/** The message is not one that the system has sent just now: answer 400 and do nothing. */
export class WebhookError extends PipelineError {
  override readonly name = 'WebhookError';
}

/**
 * Returns what a message says. `content` is the body as it came, byte for byte; `secrets` is one, or
 * several while one replaces another. Throws WebhookError. A message may come twice: keep
 * `webhook-id` to tell.
 */
export async function verifyWebhook(
  content: string | Uint8Array,
  headers: Headers | Record<string, string | string[] | undefined>,
  secrets: string | string[],
  now = Date.now() / 1000,
): Promise<unknown> {
  const id = header(headers, 'webhook-id');
  const timestamp = header(headers, 'webhook-timestamp');
  const signatures = header(headers, 'webhook-signature').split(' ');
  if (!/^\d{1,12}$/.test(timestamp)) throw new WebhookError('webhook-timestamp is no time');
  if (Math.abs(now - Number(timestamp)) > TOLERANCE_SECONDS) {
    throw new WebhookError('The message is too old, or the clock of this computer is wrong');
  }
  const encoder = new TextEncoder();
  const body = typeof content === 'string' ? encoder.encode(content) : content;
  const message = concat(encoder.encode(`${id}.${timestamp}.`), body);
  let isOne = false;
  for (const secret of [secrets].flat()) {
    const key = await keyOf(secret);
    for (const signature of signatures) isOne = await fits(key, signature, message) || isOne;
  }
  if (!isOne) throw new WebhookError('No signature fits: another secret, or a message that was changed');
  return JSON.parse(new TextDecoder().decode(body));
}

// WebCrypto compares in constant time.
async function fits(key: CryptoKey, signature: string, message: Uint8Array<ArrayBuffer>): Promise<boolean> {
  const [version, text] = signature.split(',', 2);
  if (version !== 'v1' || !text) return false;
  let value: Uint8Array<ArrayBuffer>;
  try {
    value = bytesOf(text);
  } catch {
    return false;
  }
  return crypto.subtle.verify('HMAC', key, value, message);
}

function keyOf(secret: string): Promise<CryptoKey> {
  const text = secret.startsWith(SECRET_PREFIX) ? secret.slice(SECRET_PREFIX.length) : secret;
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  return crypto.subtle.importKey('raw', bytesOf(text), algorithm, false, ['verify']);
}

function header(headers: Headers | Record<string, string | string[] | undefined>, name: string): string {
  const value = headers instanceof Headers
    ? headers.get(name)
    : Object.entries(headers).find(([one]) => one.toLowerCase() === name)?.[1];
  const text = [value].flat()[0];
  if (!text) throw new WebhookError(`The header ${name} is missing`);
  return text;
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
