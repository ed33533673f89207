import type { Clock, Timer } from '../util/clock.ts';
import { outsideContext } from '../util/outside.ts';
import type { Random } from '../util/random.ts';
import type { TcpWay } from './tcp-directory.ts';

/** Ends a stream that nothing was heard of for too long, or that is too old. A byte costs a look at the clock, and no timer. */
export class StreamTimers {
  readonly #clock: Clock;
  readonly #way: TcpWay;
  readonly #expired: () => void;
  #heardAt: number;
  #idle: Timer | null = null;
  #age: Timer | null = null;

  constructor(way: TcpWay, { clock, random }: { readonly clock: Clock; readonly random: Random }, expired: () => void) {
    const { idleTimeoutMs, maxDurationMs, maxDurationJitterPercent } = way.proxy;
    this.#clock = clock;
    this.#way = way;
    this.#expired = expired;
    this.#heardAt = clock.now();
    if (idleTimeoutMs > 0) this.#await(idleTimeoutMs);
    if (maxDurationMs === 0) return;
    const jitter = (maxDurationMs * maxDurationJitterPercent * random()) / 100;
    this.#age = this.#after(maxDurationMs + jitter, () => {
      way.stats.max_downstream_connection_duration++;
      this.#expire();
    });
  }

  touch(): void {
    this.#heardAt = this.#clock.now();
  }

  stop(): void {
    this.#idle?.cancel();
    this.#age?.cancel();
  }

  #await(ms: number): void {
    this.#idle = this.#after(ms, () => {
      const left = this.#heardAt + this.#way.proxy.idleTimeoutMs - this.#clock.now();
      if (left > 0) {
        this.#await(left);
        return;
      }
      this.#way.stats.idle_timeout++;
      this.#expire();
    });
  }

  #expire(): void {
    this.stop();
    this.#expired();
  }

  /** Not for its own sake does a process live on: the stream's socket holds it, or nothing does. */
  #after(ms: number, callback: () => void): Timer {
    return outsideContext(() => this.#clock.setTimer(ms, callback, { unref: true }));
  }
}
