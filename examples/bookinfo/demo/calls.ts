import { isMeshError, meshErrorOf } from 'inmesh';

/**
 * `ok`: a complete answer. `broken`: the answer had begun when it broke off; nobody can call that back. `failed`: everything
 * else, and what a mesh is there to prevent.
 */
export type CallOutcome = 'ok' | 'broken' | 'failed';

/** One call as its caller saw it. */
export interface CallRecord {
  readonly caller: string;
  /** What the demo was doing when the call began. */
  readonly tag: string;
  readonly service: string;
  readonly cluster: string | null;
  /** Name of the endpoint that answered, or its address where it did not come to that; null where there was none. */
  readonly endpoint: string | null;
  /** Milliseconds to the last byte. */
  readonly ms: number;
  readonly outcome: CallOutcome;
  /** Name of the endpoint whose answer broke off, here or in a call further down. */
  readonly brokenAt: string | null;
  readonly why: string | null;
}

export type Fetch = (url: string) => Promise<Response>;

/** Headers by which the services of the demo say who they are, and what became of the calls that an answer needed. */
export const SERVED_BY = 'x-served-by';
export const CLUSTER = 'x-cluster';
export const PART_BROKEN_AT = 'x-part-broken-at';

type Result = Pick<CallRecord, 'cluster' | 'endpoint' | 'outcome' | 'brokenAt' | 'why'>;

/** Makes calls and tells what became of each. */
export class Caller {
  readonly #name: string;
  readonly #fetch: Fetch;
  readonly #onCall: (record: CallRecord) => void;
  #tag: string;
  readonly #active = new Map<string, number>();
  #waiting: (() => void)[] = [];

  constructor(name: string, tag: string, fetch: Fetch, onCall: (record: CallRecord) => void) {
    this.#name = name;
    this.#tag = tag;
    this.#fetch = fetch;
    this.#onCall = onCall;
  }

  /** Gives the calls from now on another tag; resolves when all calls under other tags have ended. */
  async retag(tag: string): Promise<void> {
    this.#tag = tag;
    while ([...this.#active.keys()].some((other) => other !== tag)) await this.#oneEnds();
  }

  async call(service: string, url: string): Promise<CallRecord> {
    const tag = this.#tag;
    this.#active.set(tag, (this.#active.get(tag) ?? 0) + 1);
    const start = performance.now();
    const result = await this.#outcome(url);
    const record = { caller: this.#name, tag, service, ms: performance.now() - start, ...result };
    const left = (this.#active.get(tag) ?? 1) - 1;
    if (left > 0) this.#active.set(tag, left);
    else this.#active.delete(tag);
    this.#onCall(record);
    for (const wake of this.#waiting.splice(0)) wake();
    return record;
  }

  #oneEnds(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async #outcome(url: string): Promise<Result> {
    let response: Response;
    try {
      response = await this.#fetch(url);
    } catch (error) {
      return { cluster: null, endpoint: null, outcome: 'failed', brokenAt: null, why: reason(error) };
    }
    const local = meshErrorOf(response);
    const cluster = response.headers.get(CLUSTER) ?? local?.place.cluster ?? null;
    const endpoint = response.headers.get(SERVED_BY) ?? local?.place.endpoint ?? null;
    const from = { cluster, endpoint };
    let text: string;
    try {
      text = await response.text();
      if (response.ok) JSON.parse(text);
    } catch (error) {
      return { ...from, outcome: 'broken', brokenAt: endpoint, why: reason(error) };
    }
    if (response.ok) return { ...from, outcome: 'ok', brokenAt: null, why: null };
    const brokenAt = response.headers.get(PART_BROKEN_AT);
    const why = local === null ? `${response.status} ${text.slice(0, 200)}` : local.message;
    return { ...from, outcome: brokenAt === null ? 'failed' : 'broken', brokenAt, why };
  }
}

/** fetch says "fetch failed" or "terminated"; what happened is in the cause. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (isMeshError(error) || error.cause === undefined) return error.message;
  return `${error.message}: ${reason(error.cause)}`;
}
