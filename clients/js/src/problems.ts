/** What can go wrong, as errors. */

import type { ProblemCode } from './problemCodes.js';
import type { Problem as ProblemDocument, Refusal } from './schema.js';

/** Fields that the message of a problem names; all of them are in its `document`. */
const MAX_SHOWN_FIELDS = 3;

/** Everything that this package throws on purpose. */
export class PipelineError extends Error {
  override readonly name: string = 'PipelineError';
}

/**
 * No answer came, after all tries: whether the request was carried out is not known. Repeat it with
 * the same idempotency key; nothing is booked twice.
 */
export class NoAnswer extends PipelineError {
  override readonly name = 'NoAnswer';
}

/** What answered is not the API, or not a version of it that this package knows. */
export class BadAnswer extends PipelineError {
  override readonly name = 'BadAnswer';
}

/** What a message tells of single fields: the first of them, and how many more. */
function ofFields(errors: { pointer: string; detail: string }[]): string {
  const first = errors.slice(0, MAX_SHOWN_FIELDS).map((one) => ` [${one.pointer}: ${one.detail}]`);
  const more = errors.length - MAX_SHOWN_FIELDS;
  return first.join('') + (more > 0 ? ` … +${more}` : '');
}

/** The API refused. Go by `code`, which is stable; one that is not known here, by `status`. */
export class Problem extends PipelineError {
  override readonly name = 'Problem';
  readonly code: string;
  readonly detail: string;
  readonly requestId: string;

  constructor(
    readonly status: number,
    readonly document: Partial<ProblemDocument> & Refusal,
    /** In how many seconds it helps to try again; undefined where that is not said. */
    readonly retryAfter?: number,
  ) {
    super(`${status} ${document.code}: ${document.detail}${ofFields(document.errors ?? [])}`);
    this.code = document.code;
    this.detail = document.detail;
    this.requestId = document.request_id ?? '';
  }

  /** Whether this is the refusal of one of these codes. */
  is(...codes: ProblemCode[]): boolean {
    return (codes as string[]).includes(this.code);
  }

  /** Whether the same request may be taken later without anybody's doing. */
  get passesByItself(): boolean {
    if (this.status === 429) return this.retryAfter !== undefined;
    return [408, 500, 502, 503, 504].includes(this.status);
  }
}
