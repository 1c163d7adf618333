/** The client of the distributor API. Amounts and quantities are strings, as the API sends them. */

import { RunningCall } from './call.js';
import { type ApiRequest, DEFAULT_RETRIES, exchange, jsonOf, type Query, type Retries, type Wire } from './exchange.js';
import type {
  BatchItem, BatchResult, Call, Ending, FinishedCall, Line, Me, NewCall, operations, Pipeline,
  PipelineDetail, Quote, QuoteRequest, Statement, StatementSummary, UsageLine, UsageSums,
} from './schema.js';

/** How to make a client. */
export interface ClientOptions {
  /** Where the system answers; else the environment's PIPELINE_URL. */
  url?: string;
  /** The API key; else the environment's PIPELINE_KEY. Not for browsers: it is a secret. */
  key?: string;
  retries?: Partial<Retries>;
  /** The language of refusals. */
  language?: 'en' | 'zh';
  timeoutSeconds?: number;
  fetch?: typeof fetch;
  signal?: AbortSignal;
}

/** What happened, of servers that have an events feed. */
export interface Event { event_no: number; type: string; created_at: string; data?: unknown }

/** Where there is an environment, as in Node. */
interface NodeLike { process?: { env: Record<string, string | undefined> } }

/** A call that is over or begins, as `begin`, `book` and `call` take it. */
type Keyed<T> = T & { idempotencyKey?: string };
type QueryOf<N extends keyof operations> = operations[N]['parameters'] extends { query?: infer Q } ? NonNullable<Q> : never;
interface Page<T> { rows: T[]; next?: string | null }

const API_PATH = '/pipeline_dist/v1/';
const DEFAULT_LEASE_SECONDS = 300;
const ROWS_A_PAGE = 500;

export class Client {
  readonly #wire: Wire;

  constructor(options: ClientOptions = {}) {
    const env: Record<string, string | undefined> = (globalThis as NodeLike).process?.env ?? {};
    const url = options.url ?? env['PIPELINE_URL'];
    const key = options.key ?? env['PIPELINE_KEY'];
    if (!url || !key) throw new TypeError('Give url and key, or set PIPELINE_URL and PIPELINE_KEY');
    this.#wire = {
      root: url.replace(/\/+$/, '') + API_PATH,
      headers: { authorization: `Bearer ${key}`, 'accept-language': options.language ?? 'en' },
      fetch: options.fetch ?? fetch,
      retries: { ...DEFAULT_RETRIES, ...options.retries },
      timeoutSeconds: options.timeoutSeconds ?? 60,
      signal: options.signal,
    };
  }

  /** Who the key belongs to, and what is left. */
  me(): Promise<Me> {
    return this.#get('me');
  }

  /** The pipelines that may be called. */
  pipelines(query: { q?: string; rows?: number } = {}): AsyncGenerator<Pipeline> {
    return this.#rows('pipelines', { rows: 100, ...query });
  }

  /** One pipeline with its live version. */
  pipeline(code: string): Promise<PipelineDetail> {
    return this.#get('pipelines', { code });
  }

  /** What a call would cost now. Books nothing. */
  quote(body: QuoteRequest): Promise<Quote> {
    return this.#post('quote', body);
  }

  /** Begins a call. */
  begin(body: Keyed<Omit<NewCall, 'status' | 'lines' | 'error'>>): Promise<Call> {
    return this.#newCall(body);
  }

  /** Books a call that is over, in one go. */
  book(body: Keyed<Omit<BatchItem, 'idempotency_key' | 'lease_seconds'>>): Promise<FinishedCall> {
    return this.#newCall(body);
  }

  /**
   * Begins a call, renews its lease while `work` runs, and ends it: as it said, else as succeeded;
   * where it throws, as cancelled.
   */
  async call(
    begin: Keyed<Omit<NewCall, 'status' | 'lines' | 'error'>>,
    work: (call: RunningCall) => Promise<void> | void,
  ): Promise<FinishedCall> {
    const leaseSeconds = begin.lease_seconds ?? DEFAULT_LEASE_SECONDS;
    const running = new RunningCall(this, await this.begin(begin), leaseSeconds);
    void running.renew();
    try {
      await work(running);
    } catch (error) {
      await running.finish(error ?? new Error()).catch(() => undefined); // it will expire
      throw error;
    }
    return running.finish();
  }

  /** Ends a call that was begun. */
  finish(body: Ending): Promise<FinishedCall> {
    return this.#post('calls/finish', body);
  }

  /** Lets a call that runs hold its slot for so many seconds from now on. */
  extend(call_no: string, lease_seconds: number): Promise<Call> {
    return this.#post('calls/extend', { call_no, lease_seconds });
  }

  /** One call with its lines. */
  readCall(call_no: string): Promise<FinishedCall> {
    return this.#get('calls', { call_no });
  }

  /** The calls that fit, also those that run; of servers that list them. */
  calls(query: Query = {}): AsyncGenerator<FinishedCall> {
    return this.#rows('calls', { rows: 100, ...query });
  }

  /** Books up to 1,000 calls that are over, each with its `idempotency_key`. */
  bookBatch(calls: BatchItem[]): Promise<BatchResult> {
    return this.#post('calls/batch', { calls });
  }

  /** All that was settled, line by line, in the order in which it was. */
  usage(query: Omit<QueryOf<'usage'>, 'group_by' | 'next'> = {}): AsyncGenerator<UsageLine> {
    return this.#rows('usage', { rows: ROWS_A_PAGE, ...query }, { isEndless: true });
  }

  /** Sums of what was used. */
  usageSums(query: Omit<QueryOf<'usage'>, 'rows' | 'next'>): Promise<UsageSums> {
    return this.#get('usage', query);
  }

  /** The statement of a month (by default this one), or the one of a number. */
  statement(query: { month?: string; number?: string } = {}): Promise<Statement> {
    return this.#get('statement', query);
  }

  /** A statement as a file, csv or xlsx. */
  async statementFile(kind: 'csv' | 'xlsx', query: { month?: string; number?: string } = {}): Promise<ArrayBuffer> {
    return (await exchange(this.#wire, { method: 'GET', path: `statement.${kind}`, query })).arrayBuffer();
  }

  /** The statements of closed months, the newest first. */
  statements(rows = 50): AsyncGenerator<StatementSummary> {
    return this.#rows('statements', { rows });
  }

  /** What has happened after the event number `after`, in order; of servers that have a feed. */
  async* events(after = 0, rows = ROWS_A_PAGE): AsyncGenerator<Event> {
    for (let last = after; ;) {
      const page: { rows: Event[]; next_after: number } = await this.#get('events', { after: last, rows });
      yield* page.rows;
      if (page.rows.length < rows) return;
      last = page.next_after;
    }
  }

  async* #rows<T>(
    path: string,
    query: Query,
    { isEndless = false } = {},
  ): AsyncGenerator<T> {
    for (let rest: Query = query; ;) {
      const page: Page<T> = await this.#get(path, rest);
      yield* page.rows;
      const isLast = isEndless && page.rows.length < Number(query['rows']);
      if (isLast || page.next === null || page.next === undefined) return;
      rest = { next: page.next };
    }
  }

  #newCall<T>({ idempotencyKey = crypto.randomUUID(), ...body }: Keyed<object>): Promise<T> {
    return this.#send({ method: 'POST', path: 'calls', body, idempotencyKey });
  }

  #get<T>(path: string, query: Query = {}): Promise<T> {
    return this.#send({ method: 'GET', path, query });
  }

  #post<T>(path: string, body: unknown): Promise<T> {
    return this.#send({ method: 'POST', path, body });
  }

  async #send<T>(request: ApiRequest): Promise<T> {
    return jsonOf<T>(await exchange(this.#wire, request));
  }
}

export type { Line };
