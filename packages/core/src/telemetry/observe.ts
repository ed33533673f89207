import type { Duplex } from 'node:stream';
import type { Call } from '../call.ts';
import { countStatus } from '../cluster/stats.ts';
import { type Handler, type Layer, PassHandler } from '../dispatch.ts';
import { isMeshError } from '../errors.ts';
import type { Headers } from '../headers.ts';
import { answersFailure, errorReply } from '../local-reply.ts';
import type { Clock } from '../util/clock.ts';

/** Counters of the mesh as a whole, as Envoy's `http.<stat_prefix>.downstream_*`. */
export class MeshStats {
  downstream_rq_total = 0;
  downstream_rq_active = 0;
  downstream_rq_completed = 0;
  downstream_rq_2xx = 0;
  downstream_rq_3xx = 0;
  downstream_rq_4xx = 0;
  downstream_rq_5xx = 0;
  /** Calls that the caller gave up. */
  downstream_rq_rx_reset = 0;
  /** Responses that broke off after they had begun. */
  downstream_rq_tx_reset = 0;
  /** Calls whose callers asked for something over what the feed says. */
  overridden = 0;
  /** Calls that were none of the mesh's. */
  passed_through = 0;
  /** Local replies and errors by response flag. */
  readonly flags: Record<string, number> = Object.create(null);
}

export interface ObserveParts {
  readonly clock: Clock;
  readonly stats: MeshStats;
  /** Hears of each local reply: how a caller finds the error behind a response. */
  readonly onLocalReply: (call: Call, headers: Headers, error: Error) => void;
  /** The last call in flight has ended. */
  readonly onIdle: () => void;
}

/**
 * Sees a call as its caller does: what came of it in the end, and under which response flag. It also turns a failure
 * before the response into the local reply of a sidecar, where the caller has not asked for errors, and lets a call go
 * that is none of the mesh's.
 */
export function observe(parts: ObserveParts): Layer {
  const { stats } = parts;
  return (next) => (call, handler) => {
    stats.downstream_rq_total++;
    stats.downstream_rq_active++;
    if (call.overrides !== null) stats.overridden++;
    const observed = new ObserveHandler(parts, call, handler);
    if (call.controller.reason !== null) observed.onResponseError(call.controller.reason);
    else next(call, observed);
  };
}

class ObserveHandler extends PassHandler {
  readonly #parts: ObserveParts;
  readonly #call: Call;
  #started = false;
  #informed = false;
  #over = false;

  constructor(parts: ObserveParts, call: Call, handler: Handler) {
    super(handler);
    this.#parts = parts;
    this.#call = call;
  }

  override onInformational(status: number, headers: Headers): void {
    const { cluster } = this.#call;
    // Of several, Envoy notes the first.
    if (cluster !== null && !this.#informed) countStatus(cluster.stats, status);
    this.#informed = true;
    this.next.onInformational(status, headers);
  }

  override onUpgrade(status: number, headers: Headers, socket: Duplex): void {
    if (this.#call.cluster !== null) countStatus(this.#call.cluster.stats, status);
    this.#end();
    this.#call.body?.cancel(new Error('the protocol changed before the request was sent'));
    this.next.onUpgrade(status, headers, socket);
  }

  override onResponseStart(status: number, headers: Headers, message: string): void {
    this.#started = true;
    const { stats } = this.#parts;
    if (status < 300) stats.downstream_rq_2xx++;
    else if (status < 400) stats.downstream_rq_3xx++;
    else if (status < 500) stats.downstream_rq_4xx++;
    else stats.downstream_rq_5xx++;
    const { failure, cluster } = this.#call;
    // What the call came to, not each attempt; the mesh's own answer for the cluster counts as well.
    if (cluster !== null) countStatus(cluster.stats, status);
    if (failure !== null) {
      this.#count(failure.flag);
      this.#parts.onLocalReply(this.#call, headers, failure);
    }
    this.next.onResponseStart(status, headers, message);
  }

  override onResponseEnd(trailers: Headers): void {
    this.#parts.stats.downstream_rq_completed++;
    this.#end();
    // A server may answer without reading on: the caller's stream ends with the call.
    this.#call.body?.cancel(new Error('the response ended before the request was sent'));
    this.next.onResponseEnd(trailers);
  }

  override onResponseError(error: Error): void {
    const { controller, context, body, passes } = this.#call;
    if (passes) {
      this.#end();
      context.passThrough?.(this.#call);
      return;
    }
    const failure = body?.failure ?? null;
    if (failure !== null && !controller.aborted) {
      // The caller's own doing: no sidecar would answer, and the error is the caller's.
      this.#parts.stats.downstream_rq_rx_reset++;
      this.#end();
      this.next.onResponseError(failure);
      return;
    }
    if (!this.#started && answersFailure(this.#call, error)) {
      errorReply(this.#call, this.#parts.clock, this, error);
      return;
    }
    if (isMeshError(error)) this.#count(error.flag);
    if (controller.aborted) this.#parts.stats.downstream_rq_rx_reset++;
    else if (this.#started) this.#parts.stats.downstream_rq_tx_reset++;
    body?.cancel(error);
    this.#end();
    this.next.onResponseError(error);
  }

  #count(flag: string): void {
    const { flags } = this.#parts.stats;
    flags[flag] = (flags[flag] ?? 0) + 1;
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    for (const flag of this.#call.flags ?? []) this.#count(flag);
    if (--this.#parts.stats.downstream_rq_active === 0) this.#parts.onIdle();
  }
}
