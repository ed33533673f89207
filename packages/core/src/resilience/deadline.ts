import type { Duplex } from 'node:stream';
import type { Call } from '../call.ts';
import { type Handler, type Layer, PassHandler } from '../dispatch.ts';
import { MeshError } from '../errors.ts';
import type { Headers } from '../headers.ts';
import type { Clock, Timer } from '../util/clock.ts';
import type { TimerWheel } from '../util/timer-wheel.ts';

export interface DeadlineParts {
  readonly wheel: TimerWheel;
  readonly clock: Clock;
}

/**
 * The route's timeout: from the end of the request to the end of the response, over all attempts.
 * (envoy.config.route.v3.RouteAction.timeout)
 */
export function deadline({ wheel, clock }: DeadlineParts): Layer {
  return (next) => (call, handler) => {
    const timeoutMs = timeoutOf(call);
    next(call, timeoutMs > 0 ? new DeadlineHandler(wheel, clock, timeoutMs, call, handler) : handler);
  };
}

/** Milliseconds: what the caller asks for, else the route's; 0 for none. */
export function timeoutOf({ overrides, route }: Call): number {
  return overrides?.timeoutMs ?? route?.timeoutMs ?? 0;
}

class DeadlineHandler extends PassHandler {
  readonly #wheel: TimerWheel;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #call: Call;
  #timer: Timer | null = null;

  constructor(wheel: TimerWheel, clock: Clock, timeoutMs: number, call: Call, handler: Handler) {
    super(handler);
    this.#wheel = wheel;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#call = call;
    // A request whose body is in memory, or that has none, is complete when it arrives here: waiting for a connection
    // counts, as in Envoy.
    if (call.body === null || call.body.bytes !== null) this.#start();
  }

  override onRequestSent(complete: boolean): void {
    if (complete && this.#timer === null) this.#start();
    this.next.onRequestSent(complete);
  }

  override onUpgrade(status: number, headers: Headers, socket: Duplex): void {
    this.#timer?.cancel();
    this.next.onUpgrade(status, headers, socket);
  }

  override onResponseEnd(trailers: Headers): void {
    this.#timer?.cancel();
    this.next.onResponseEnd(trailers);
  }

  override onResponseError(error: Error): void {
    this.#timer?.cancel();
    this.next.onResponseError(error);
  }

  #start(): void {
    this.#call.deadline = this.#clock.now() + this.#timeoutMs;
    this.#timer = this.#wheel.set(this.#timeoutMs, () => {
      const { route, cluster, endpoint, overrides } = this.#call;
      const asked = (overrides?.timeoutMs ?? null) !== null;
      if (route !== null) route.stats.upstream_rq_timeout++;
      if (cluster !== null) cluster.stats.upstream_rq_timeout++;
      if (endpoint !== null) endpoint.stats.rq_timeout++;
      this.#call.expired = true;
      this.#call.controller.interrupt(
        new MeshError(
          'request_timeout',
          `no complete response within ${asked ? "the caller's" : "the route's"} timeout (${this.#timeoutMs} ms)`,
          {
            ...(route === null ? {} : { route: route.label }),
            ...(cluster === null ? {} : { cluster: cluster.name }),
            ...(endpoint === null ? {} : { endpoint: endpoint.key }),
            attempt: this.#call.attempt,
          },
        ),
      );
    });
  }
}
