/** A call that runs: its lease is renewed until it ends. */

import type { Client } from './client.js';
import { sleep } from './exchange.js';
import { Problem } from './problems.js';
import type { Call, FinishedCall, Line } from './schema.js';

// A lease is renewed when a third of it is over: two renewals may be lost.
const RENEWALS_A_LEASE = 3;
const MIN_RENEWAL_SECONDS = 0.3;

/** What the work of `Client.call` is given. */
export class RunningCall {
  readonly lines: Line[] = [];
  #end: { status: 'succeeded' | 'failed' | 'cancelled'; error?: string } = { status: 'succeeded' };
  readonly #stop = new AbortController();

  constructor(
    private readonly client: Client,
    readonly call: Call,
    private readonly leaseSeconds: number,
  ) {}

  /** Notes that so much was used; it is charged when the call ends. */
  add(line: Line): void {
    if (typeof line.quantity === 'number' && !Number.isSafeInteger(line.quantity)) {
      throw new TypeError(`Give ${line.quantity} as a string of at most 6 decimals`);
    }
    this.lines.push(line);
  }

  /** Lets the call end as failed: what was used is charged, the quota stays used. */
  fail(error: string): void {
    this.#end = { status: 'failed', error };
  }

  /** Lets the call end as cancelled: nothing is charged, the quota comes back. */
  cancel(): void {
    this.#end = { status: 'cancelled' };
  }

  /** Renews the lease until the call ends, or that is refused, or not known to the server. */
  async renew(): Promise<void> {
    const pause = Math.max(this.leaseSeconds / RENEWALS_A_LEASE, MIN_RENEWAL_SECONDS);
    try {
      for (;;) {
        await sleep(pause, this.#stop.signal);
        await this.#extend();
      }
    } catch (error) {
      if (!this.#stop.signal.aborted && !(error instanceof Problem)) throw error;
    }
  }

  /** Ends the call as it was said to end; with `error` as cancelled. */
  finish(error?: unknown): Promise<FinishedCall> {
    this.#stop.abort();
    const { call_no } = this.call;
    if (error !== undefined) {
      // The name alone: what an error says may be nobody else's business.
      const name = error instanceof Error ? error.name : typeof error;
      return this.client.finish({ call_no, status: 'cancelled', error: name });
    }
    if (this.#end.status === 'cancelled') return this.client.finish({ call_no, ...this.#end });
    return this.client.finish({ call_no, ...this.#end, lines: this.lines });
  }

  async #extend(): Promise<void> {
    try {
      await this.client.extend(this.call.call_no, this.leaseSeconds);
    } catch (error) {
      if (error instanceof Problem && !error.passesByItself) throw error;
      // Else it is tried again after the next pause.
    }
  }
}
