import type { Duplex } from 'node:stream';
import type { Call } from '../call.ts';
import { type Handler, type Layer, PassHandler } from '../dispatch.ts';
import { MeshError } from '../errors.ts';
import type { Headers } from '../headers.ts';
import type { Timer } from '../util/clock.ts';
import type { TimerWheel } from '../util/timer-wheel.ts';

/**
 * The timeout of one attempt, from the moment the request is on its way, or sent where it is a stream, to the start of the
 * response: waiting for a connection or for the caller does not count, and a response that has begun has the route's time.
 * (envoy.config.route.v3.RetryPolicy.per_try_timeout)
 */
export function perTry(wheel: TimerWheel): Layer {
  return (next) => (call, handler) => {
    const timeoutMs = call.route?.retryPolicy.perTryTimeoutMs ?? 0;
    next(call, timeoutMs > 0 ? new TryHandler(wheel, timeoutMs, call, handler) : handler);
  };
}

const STOPPED: Timer = { cancel() {} };

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
    const { body } = this.#call;
    if (complete || body === null || body.bytes !== null) {
      this.#timer ??= this.#wheel.set(this.#timeoutMs, () => this.#expire());
    }
    this.next.onRequestSent(complete);
  }

  override onResponseStart(status: number, headers: Headers, message: string): void {
    this.#stop();
    this.next.onResponseStart(status, headers, message);
  }

  override onUpgrade(status: number, headers: Headers, socket: Duplex): void {
    this.#stop();
    this.next.onUpgrade(status, headers, socket);
  }

  override onResponseEnd(trailers: Headers): void {
    this.#stop();
    this.next.onResponseEnd(trailers);
  }

  override onResponseError(error: Error): void {
    this.#stop();
    this.next.onResponseError(error);
  }

  /** A request that is still being sent when the response begins starts no timer any more. */
  #stop(): void {
    this.#timer?.cancel();
    this.#timer = STOPPED;
  }

  #expire(): void {
    const { cluster, endpoint, attempt, controller } = this.#call;
    if (cluster !== null) cluster.stats.upstream_rq_per_try_timeout++;
    if (endpoint !== null) endpoint.stats.rq_timeout++;
    controller.interrupt(
      new MeshError('request_timeout', `no response within per_try_timeout (${this.#timeoutMs} ms)`, {
        ...(cluster === null ? {} : { cluster: cluster.name }),
        ...(endpoint === null ? {} : { endpoint: endpoint.key }),
        attempt,
        details: 'upstream_per_try_timeout',
      }),
    );
  }
}
