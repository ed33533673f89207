import { type Clock, outsideContext } from '@inmesh/core';

/** Milliseconds that one slice may take: what a step of the feed's decoding may, so that calls feel neither. */
const SLICE_MS = 5;

/**
 * Rebuilds what a renewal has made old, a few at a time: in the feed of a sidecar each cluster has a context of its own, and all of
 * them have the same certificate. What is asked for twice before its turn, because certificate and roots were renewed, is built once.
 */
export class Rebuilds {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();
  #scheduled = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Once what else has come is read: secrets that are renewed together are told one by one. */
  later(rebuild: () => void): void {
    this.#waiting.add(rebuild);
    this.#schedule();
  }

  /** True where it was waiting: whoever cannot wait does it himself. */
  take(rebuild: () => void): boolean {
    return this.#waiting.delete(rebuild);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    outsideContext(() => this.#clock.afterInput(() => this.#slice()));
  }

  #slice(): void {
    this.#scheduled = false;
    const until = this.#clock.now() + SLICE_MS;
    for (const rebuild of this.#waiting) {
      this.#waiting.delete(rebuild);
      rebuild();
      if (this.#waiting.size > 0 && this.#clock.now() >= until) {
        this.#schedule();
        return;
      }
    }
  }
}
