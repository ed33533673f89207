import type { Call } from '../call.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { PriorityLimits } from '../cluster/limits.ts';
import type { Holder } from '../controller.ts';
import { type Dispatch, type Handler, type Layer, PassHandler } from '../dispatch.ts';
import { isMeshError } from '../errors.ts';
import type { Headers } from '../headers.ts';
import type { Clock, Timer } from '../util/clock.ts';
import { outsideContext } from '../util/outside.ts';
import type { Random } from '../util/random.ts';
import { jitteredBackoff } from './backoff.ts';
import { type CompiledRetryPolicy, isIdempotent, NO_RETRIES } from './retry-policy.ts';

export interface RetryParts {
  readonly clock: Clock;
  readonly random: Random;
}

/** Repeats attempts; whether one is worth repeating is the route's policy to say. */
export function retry(parts: RetryParts): Layer {
  return (next) => (call, handler) => {
    const { route, cluster, overrides } = call;
    if (route === null || cluster === null) {
      next(call, handler);
      return;
    }
    const policy = overrides?.retries === false ? NO_RETRIES : route.retryPolicy;
    if (!policy.fromFeed) cluster.safeRetryBudget.deposit();
    next(call, new AttemptHandler(parts, next, call, handler, cluster, policy));
  };
}

/** Hears of one attempt, and starts the next one. What comes late from an attempt that was given up goes nowhere. */
class AttemptHandler extends PassHandler {
  readonly #parts: RetryParts;
  readonly #inner: Dispatch;
  readonly #call: Call;
  readonly #cluster: Cluster;
  readonly #policy: CompiledRetryPolicy;
  /** True while this attempt is one of the cluster's retries in flight. */
  readonly #isRetry: boolean;
  #sent = false;
  /** The response goes to the caller: no way back. */
  #committed = false;
  /** Another attempt takes over. */
  #replaced = false;
  /** It does so once this one's response, which has no body, has ended: its connection is free again by then. */
  #ending = false;
  /** What stood against a retry that the policy asked for, as a response flag. */
  #refusal: 'URX' | 'UO' | null = null;
  /** True where the outcome called for another attempt. */
  #wanting = false;

  constructor(
    parts: RetryParts,
    inner: Dispatch,
    call: Call,
    handler: Handler,
    cluster: Cluster,
    policy: CompiledRetryPolicy,
  ) {
    super(handler);
    this.#parts = parts;
    this.#inner = inner;
    this.#call = call;
    this.#cluster = cluster;
    this.#policy = policy;
    this.#isRetry = call.attempt > 1;
  }

  override onRequestSent(complete: boolean): void {
    this.#sent = true;
    if (!this.#replaced) this.next.onRequestSent(complete);
  }

  override onInformational(status: number, headers: Headers): void {
    if (!this.#replaced) this.next.onInformational(status, headers);
  }

  override onResponseStart(status: number, headers: Headers, message: string): void {
    if (this.#replaced) return;
    if (this.#policy.looksAtStatus && this.#retried(status, null, hasNoBody(this.#call, status, headers))) return;
    this.#committed = true;
    this.#call.body?.commit();
    this.next.onResponseStart(status, headers, message);
  }

  override onResponseData(chunk: Uint8Array): void {
    if (!this.#replaced) this.next.onResponseData(chunk);
  }

  override onResponseEnd(trailers: Headers): void {
    if (this.#ending) {
      this.#ending = false;
      this.#again();
    }
    if (this.#replaced) return;
    // As Envoy: what the policy would not try again is a success, whatever it is.
    this.#finish(!this.#wanting);
    this.next.onResponseEnd(trailers);
  }

  override onUpgrade(...args: Parameters<Handler['onUpgrade']>): void {
    this.#finish(true);
    this.next.onUpgrade(...args);
  }

  override onResponseError(error: Error): void {
    if (this.#ending) {
      this.#ending = false;
      if (!this.#call.controller.aborted && !this.#call.expired) {
        this.#again();
        return;
      }
      this.#release();
      this.next.onResponseError(error);
      return;
    }
    if (this.#replaced) return;
    if (!this.#committed && this.#retried(0, error, true)) return;
    this.#finish(false);
    // Attempts that no feed asked for are not told: without them the caller would have seen the same as a sidecar's.
    const told = isMeshError(error) && this.#policy.fromFeed;
    this.next.onResponseError(told ? error.asLast({ retried: this.#isRetry, flag: this.#refusal }) : error);
  }

  #finish(success: boolean): void {
    if (!this.#isRetry) return;
    this.#release();
    if (!success) return;
    this.#cluster.stats.upstream_rq_retry_success++;
    const { route } = this.#call;
    if (route !== null) route.stats.upstream_rq_retry_success++;
  }

  /** Starts another attempt if the policy, the limits and the body allow; otherwise notes what stood against it. */
  #retried(status: number, error: Error | null, over: boolean): boolean {
    const call = this.#call;
    const policy = this.#policy;
    if (call.controller.aborted || call.expired) return false;
    const outcome = { status, error, sent: this.#sent, idempotent: isIdempotent(call.head.method) };
    if (!policy.shouldRetry(outcome)) return false;
    this.#wanting = true;
    const { stats } = this.#cluster;
    const routeStats = call.route?.stats;
    if (call.attempt > policy.numRetries) {
      // Also where no retry was ever allowed: Envoy tells that one would have been made.
      stats.upstream_rq_retry_limit_exceeded++;
      if (routeStats !== undefined) routeStats.upstream_rq_retry_limit_exceeded++;
      this.#refusal = 'URX';
      return false;
    }
    if (call.body !== null && !call.body.replayable) return false;
    if (!this.#allowed()) {
      stats.upstream_rq_retry_overflow++;
      if (routeStats !== undefined) routeStats.upstream_rq_retry_overflow++;
      if (policy.fromFeed) this.#refusal = 'UO';
      return false;
    }
    stats.upstream_rq_retry++;
    if (routeStats !== undefined) routeStats.upstream_rq_retry++;
    this.#replaced = true;
    if (this.#isRetry) this.#release();
    if (policy.fromFeed) this.#limits.retries++;
    if (error === null && over) {
      this.#ending = true;
      return true;
    }
    // As Envoy, resets what is still coming rather than reading a body that nobody wants.
    if (!over) call.controller.interrupt(new Error('the response is not wanted: the call is retried'));
    this.#again();
    return true;
  }

  /** The limit on retries: the feed's `max_retries` or `retry_budget` for a policy of the feed, else our own budget. */
  #allowed(): boolean {
    const cluster = this.#cluster;
    if (!this.#policy.fromFeed) return cluster.safeRetryBudget.tryWithdraw();
    const limits = this.#limits;
    // As Envoy, gives back what this attempt holds before it asks for the next: one retry takes one place, not two.
    return limits.retries - (this.#isRetry ? 1 : 0) < limits.maxRetries;
  }

  /** Gives back the place that this attempt holds among the retries of the feed's policy. */
  #release(): void {
    if (this.#policy.fromFeed) this.#limits.retries--;
  }

  get #limits(): PriorityLimits {
    return this.#cluster.limitsOf(this.#call);
  }

  #again(): void {
    const call = this.#call;
    if (call.endpoint !== null && this.#policy.avoidPreviousHosts) {
      call.previous ??= [];
      call.previous.push(call.endpoint);
    }
    const delay = jitteredBackoff(
      this.#policy.backoffBaseMs,
      this.#policy.backoffMaxMs,
      call.attempt,
      this.#parts.random,
    );
    call.attempt++;
    const attempt = new AttemptHandler(this.#parts, this.#inner, call, this.next, this.#cluster, this.#policy);
    // What nobody has worked on needs no pause: another host is asked at once, as the caller would have been the first time.
    if (!this.#policy.fromFeed && !this.#sent) this.#inner(call, attempt);
    else new Backoff(this.#parts.clock, delay, call, attempt, this.#inner, this.#cluster.backoffs);
  }
}

function hasNoBody({ head }: Call, status: number, headers: Headers): boolean {
  return head.method === 'HEAD' || status === 204 || status === 304 || headers.get('content-length') === '0';
}

/** Holds a call until its next attempt. The timer keeps the process alive: somebody awaits the call. */
class Backoff implements Holder {
  readonly #call: Call;
  readonly #handler: Handler;
  readonly #timer: Timer;
  readonly #all: Set<Holder>;

  constructor(clock: Clock, ms: number, call: Call, handler: Handler, inner: Dispatch, all: Set<Holder>) {
    this.#call = call;
    this.#handler = handler;
    this.#all = all;
    call.controller.attach(this);
    all.add(this);
    this.#timer = outsideContext(() =>
      clock.setTimer(ms, () => {
        this.#leave();
        inner(call, handler);
      }),
    );
  }

  abort(error: Error): void {
    this.#timer.cancel();
    this.#leave();
    this.#handler.onResponseError(error);
  }

  #leave(): void {
    this.#all.delete(this);
    this.#call.controller.detach(this);
  }

  pause(): void {}
  resume(): void {}
}
