import type { Duplex } from 'node:stream';
import type { Call } from '../call.ts';
import { type Handler, type Layer, PassHandler } from '../dispatch.ts';
import { MeshError, type MeshErrorOptions } from '../errors.ts';
import type { Headers } from '../headers.ts';
import { CONNECTION_MANAGER_DEFAULTS } from '../model/connection-manager.ts';
import { timeoutOf } from '../resilience/deadline.ts';
import type { Clock, Timer } from '../util/clock.ts';
import type { TimerWheel } from '../util/timer-wheel.ts';
import { WatchedBody } from './watched-body.ts';

export interface StreamTimerParts {
  readonly wheel: TimerWheel;
  readonly clock: Clock;
}

/**
 * Ends calls on which nothing happens for too long (`stream_idle_timeout`, the route's `idle_timeout`), and calls that take too long
 * whatever happens (`max_stream_duration`). A call that its route's timeout ends before that has no timer of its own for it.
 */
export function streamTimers({ wheel, clock }: StreamTimerParts): Layer {
  return (next) => (call, handler) => {
    const { route, table, body } = call;
    const { streamIdleTimeoutMs, maxStreamDurationMs } = table?.manager?.config ?? CONNECTION_MANAGER_DEFAULTS;
    const idleMs = route?.idleTimeoutMs ?? streamIdleTimeoutMs;
    const durationMs = route?.maxStreamDurationMs ?? maxStreamDurationMs;
    const inMemory = body === null || body.bytes !== null;
    const covered = route !== null && inMemory && route.filters(call).empty && endsBy(timeoutOf(call), idleMs);
    if (durationMs === 0 && (idleMs === 0 || covered)) {
      next(call, handler);
      return;
    }
    const timed = new TimedHandler({ wheel, clock }, covered ? 0 : idleMs, durationMs, call, handler);
    if (body !== null && !inMemory && idleMs > 0) call.body = new WatchedBody(body, () => timed.touch());
    next(call, timed);
  };
}

/** True where a route's timeout ends the call first. */
function endsBy(timeoutMs: number, idleMs: number): boolean {
  return timeoutMs > 0 && timeoutMs <= idleMs;
}

class TimedHandler extends PassHandler {
  readonly #parts: StreamTimerParts;
  readonly #idleMs: number;
  readonly #durationMs: number;
  readonly #call: Call;
  #idle: Timer | null = null;
  #duration: Timer | null = null;
  /** When something happened last, to within a tick of the wheel; 0 while nothing did. */
  #last = 0;
  #requestComplete: boolean;
  #started = false;

  constructor(parts: StreamTimerParts, idleMs: number, durationMs: number, call: Call, handler: Handler) {
    super(handler);
    this.#parts = parts;
    this.#idleMs = idleMs;
    this.#durationMs = durationMs;
    this.#call = call;
    this.#requestComplete = call.body === null || call.body.bytes !== null;
    if (idleMs > 0) this.#watch(idleMs);
    if (durationMs > 0) this.#duration = parts.wheel.set(durationMs, () => this.#tooLong());
  }

  /** Something happened. */
  touch(): void {
    this.#last = this.#parts.wheel.lately;
  }

  override onRequestSent(complete: boolean): void {
    this.touch();
    if (complete) this.#requestComplete = true;
    this.next.onRequestSent(complete);
  }

  override onInformational(status: number, headers: Headers): void {
    this.touch();
    this.next.onInformational(status, headers);
  }

  override onUpgrade(status: number, headers: Headers, socket: Duplex): void {
    this.#stop();
    this.next.onUpgrade(status, headers, socket);
  }

  override onResponseStart(status: number, headers: Headers, message: string): void {
    this.touch();
    this.#started = true;
    this.next.onResponseStart(status, headers, message);
  }

  override onResponseData(chunk: Uint8Array): void {
    this.touch();
    this.next.onResponseData(chunk);
  }

  override onResponseEnd(trailers: Headers): void {
    this.#stop();
    this.next.onResponseEnd(trailers);
  }

  override onResponseError(error: Error): void {
    this.#stop();
    this.next.onResponseError(error);
  }

  /** One timer that looks again is cheaper than one that is set anew with every chunk. */
  #watch(ms: number): void {
    this.#idle = this.#parts.wheel.set(ms, () => {
      const left = this.#idleMs - (this.#parts.clock.now() - this.#last);
      // A caller that does not read on makes the silence itself.
      if (this.#call.controller.paused) this.#watch(this.#idleMs);
      else if (left > 0) this.#watch(left);
      else this.#silent();
    });
  }

  #silent(): void {
    this.#interrupt(`nothing happened for ${this.#idleMs} ms (stream_idle_timeout)`, {
      status: this.#requestComplete ? 504 : 408,
      flag: 'SI',
      details: 'stream_idle_timeout',
      body: 'stream timeout',
    });
  }

  #tooLong(): void {
    this.#interrupt(`the call takes longer than ${this.#durationMs} ms (max_stream_duration)`, {
      status: this.#requestComplete ? 504 : 408,
      flag: '-',
      details: 'max_duration_timeout',
      body: 'downstream duration timeout',
    });
  }

  #interrupt(message: string, how: MeshErrorOptions): void {
    const { route, cluster, endpoint, attempt } = this.#call;
    this.#call.expired = true;
    this.#call.controller.interrupt(
      new MeshError('request_timeout', message, {
        ...how,
        started: this.#started,
        ...(route === null ? {} : { route: route.label }),
        ...(cluster === null ? {} : { cluster: cluster.name }),
        ...(endpoint === null ? {} : { endpoint: endpoint.key }),
        attempt,
      }),
    );
  }

  #stop(): void {
    this.#idle?.cancel();
    this.#duration?.cancel();
  }
}
