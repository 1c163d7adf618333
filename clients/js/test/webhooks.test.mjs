/** Webhooks are verified as Standard Webhooks says. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { verifyWebhook, WebhookError } from '../dist/index.js';

// The example of the specification's own libraries.
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const OTHER = 'whsec_YW5vdGhlciBzZWNyZXQgb2YgMjQgYnl0ZQ==';
const MOMENT = 1614265330;
const CONTENT = '{"test": 2432232314}';
const SIGNATURE = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=';
const headers = {
  'Webhook-Id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  'Webhook-Timestamp': String(MOMENT),
  'Webhook-Signature': `v1,bm90IHRoaXM= v2,x ${SIGNATURE}`,
};

test('takes a message that is signed', async () => {
  assert.deepEqual(await verifyWebhook(CONTENT, headers, SECRET, MOMENT), { test: 2432232314 });
  const bytes = new TextEncoder().encode(CONTENT);
  await verifyWebhook(bytes, new Headers(headers), [OTHER, SECRET], MOMENT + 299);
});

test('refuses what is not', async () => {
  const withoutId = Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'Webhook-Id'));
  const other = { ...headers, 'Webhook-Signature': 'v1,!! v1, x' };
  await assert.rejects(verifyWebhook(`${CONTENT} `, headers, SECRET, MOMENT), WebhookError);
  await assert.rejects(verifyWebhook(CONTENT, headers, OTHER, MOMENT), WebhookError);
  await assert.rejects(verifyWebhook(CONTENT, headers, SECRET, MOMENT + 301), WebhookError);
  await assert.rejects(verifyWebhook(CONTENT, headers, SECRET, MOMENT - 301), WebhookError);
  await assert.rejects(verifyWebhook(CONTENT, withoutId, SECRET, MOMENT), WebhookError);
  await assert.rejects(verifyWebhook(CONTENT, other, SECRET, MOMENT), WebhookError);
});
