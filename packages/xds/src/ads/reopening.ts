import type { Backoff, Clock, StreamStatus } from '@inmesh/core';
import { AgentPlace } from './agent-place.ts';

export interface ReopeningOptions {
  readonly serverUri: string;
  readonly backoff: Backoff;
  readonly clock: Clock;
}

/** When the next stream is opened: at once after one that had a response, else after a wait that grows (gRFC A57). */
export class Reopening {
  readonly #backoff: Backoff;
  readonly #clock: Clock;
  readonly #place: AgentPlace;
  /** When a stream was last opened without a wait after another one. */
  #lastAtOnce = Number.NEGATIVE_INFINITY;
  /** The last stream made way for another. */
  #gaveWay = false;

  constructor({ serverUri, backoff, clock }: ReopeningOptions) {
    this.#backoff = backoff;
    this.#clock = clock;
    this.#place = new AgentPlace(serverUri);
  }

  opened(): void {
    this.#place.opened(this.#clock.now());
  }

  /** The next wait is the shortest again. */
  reset(): void {
    this.#backoff.reset();
  }

  /** A stream ended. Returns what is to be told; null for nothing. */
  ended(status: StreamStatus): string | null {
    this.#gaveWay = this.#place.lost(status, this.#clock.now());
    return this.#place.complaint();
  }

  /** Milliseconds until the next stream is opened; 0 for at once. `answered`: the last one had responses, none of them garbage. */
  wait(answered: boolean): number {
    const now = this.#clock.now();
    // At once, but not again and again: a server that answers and hangs up each time is asked once per base delay.
    if (answered && !this.#gaveWay && now - this.#lastAtOnce >= this.#backoff.baseMs) {
      this.#lastAtOnce = now;
      return 0;
    }
    return this.#backoff.next();
  }
}
