/** The client of Pipeline-App's distributor API. */

export { RunningCall } from './call.js';
export { Client, type ClientOptions, type Event } from './client.js';
export type { Retries } from './exchange.js';
export { type ProblemCode, problemCodes } from './problemCodes.js';
export { BadAnswer, NoAnswer, PipelineError, Problem } from './problems.js';
export type * from './schema.js';
export { verifyWebhook, WebhookError } from './webhooks.js';
