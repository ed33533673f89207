import type { Clock } from '../util/clock.ts';

/** Uses without trouble after which a host is trusted again: the cost is a turn of the event loop for each, and trouble that is so rare is met by retries. */
const USES = 100;
const SLOW_MS = 2;

/**
 * Some servers close a connection right behind an answer and say nothing of it: the next request crosses with the end of the
 * connection, and may not be sent again where it is not idempotent. A host that was seen to do so is on probation: its
 * connections are used again only after the sockets were looked at once more, by when such an end is known. Envoy, for the same
 * reason, always waits for the next turn of its loop before it gives a connection to a call that waits.
 */
export class Probation {
  readonly #clock: Clock;
  #left = 0;
  /** Looking once more was not enough. */
  #slow = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get on(): boolean {
    return this.#left > 0;
  }

  /** A call met an end of a connection. */
  begin(): void {
    this.#slow = this.on;
    this.#left = USES;
  }

  /** It was as well to look: a connection ended before a call met it. */
  goOn(): void {
    this.#left = USES;
  }

  passed(): void {
    this.#left--;
  }

  /**
   * What came with the answer was read when the first callback runs; what came right behind it, by the second. On a machine that is
   * busy it may come later: where a call has met one all the same, two milliseconds are waited.
   */
  whenLookedAt(callback: () => void): void {
    const look = () => this.#clock.afterInput(() => this.#clock.afterInput(callback));
    if (this.#slow) this.#clock.setTimer(SLOW_MS, look);
    else look();
  }
}
