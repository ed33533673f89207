import type { Clock } from '../util/clock.ts';

/** Uses without trouble after which a host is trusted again: the cost is a turn of the event loop for each, and trouble that is so rare is met by retries. */
const USES = 100;

/**
 * Some servers close a connection right behind an answer and say nothing of it: the next request crosses with the end of the
 * connection, and may not be sent again where it is not idempotent. A host that was seen to do so is on probation: its
 * connections are used again only after the sockets were looked at once more, by when such an end is known. Envoy, for the same
 * reason, always waits for the next turn of its loop before it gives a connection to a call that waits.
 */
export class Probation {
  readonly #clock: Clock;
  #left = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get on(): boolean {
    return this.#left > 0;
  }

  begin(): void {
    this.#left = USES;
  }

  passed(): void {
    this.#left--;
  }

  /** What came with the answer was read when the first callback runs; what came right behind it, by the second. */
  whenLookedAt(callback: () => void): void {
    this.#clock.afterInput(() => this.#clock.afterInput(callback));
  }
}
