import type { Duplex } from 'node:stream';
import type { Call } from '../call.ts';
import { type Handler, type Layer, PassHandler } from '../dispatch.ts';
import { MeshError } from '../errors.ts';
import type { Headers } from '../headers.ts';
import type { Timer } from '../util/clock.ts';
import type { TimerWheel } from '../util/timer-wheel.ts';

/**
 * The timeout of one attempt, from the moment the request is on its way: waiting for a connection does not count.
 * (envoy.config.route.v3.RetryPolicy.per_try_timeout)
 */
export function perTry(wheel: TimerWheel): Layer {
  return (next) => (call, handler) => {
    const timeoutMs = call.route?.retryPolicy.perTryTimeoutMs ?? 0;
    next(call, timeoutMs > 0 ? new TryHandler(wheel, timeoutMs, call, handler) : handler);
  };
}

class TryHandler extends PassHandler {
  readonly #wheel: TimerWheel;
  readonly #timeoutMs: number;
  readonly #call: Call;
  #timer: Timer | null = null;

  constructor(wheel: TimerWheel, timeoutMs: number, call: Call, handler: Handler) {
    super(handler);
    this.#wheel = wheel;
    this.#timeoutMs = timeoutMs;
    this.#call = call;
  }

  override onRequestSent(complete: boolean): void {
    this.#timer ??= this.#wheel.set(this.#timeoutMs, () => this.#expire());
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

  #expire(): void {
    const { cluster, endpoint, attempt, controller } = this.#call;
    if (cluster !== null) cluster.stats.upstream_rq_per_try_timeout++;
    if (endpoint !== null) endpoint.stats.rq_timeout++;
    controller.interrupt(
      new MeshError('request_timeout', `no complete response within per_try_timeout (${this.#timeoutMs} ms)`, {
        ...(cluster === null ? {} : { cluster: cluster.name }),
        ...(endpoint === null ? {} : { endpoint: endpoint.key }),
        attempt,
      }),
    );
  }
}
