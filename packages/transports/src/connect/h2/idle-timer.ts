import type { Clock, Timer } from '@inmesh/core';

/** The longest a timer of Node can be set to, 25 days; a longer one would fire at once. */
const FOR_EVER_MS = 2 ** 31 - 1;

/** Tells when a connection was of no use for too long, by one timer that is set at most once in that time: a call costs it a look at the clock. */
export class IdleTimer {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #onIdle: () => void;
  #timer: Timer | null = null;
  /** Infinity while it is in use. */
  #idleSince = Number.POSITIVE_INFINITY;

  /** @param timeoutMs 0 for no limit. */
  constructor(clock: Clock, timeoutMs: number, onIdle: () => void) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#onIdle = onIdle;
    this.idle();
  }

  busy(): void {
    this.#idleSince = Number.POSITIVE_INFINITY;
  }

  idle(): void {
    if (this.#timeoutMs <= 0) return;
    this.#idleSince = this.#clock.now();
    if (this.#timer === null) this.#set(this.#timeoutMs);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #set(ms: number): void {
    this.#timer = this.#clock.setTimer(Math.min(ms, FOR_EVER_MS), () => this.#look(), { unref: true });
  }

  #look(): void {
    this.#timer = null;
    // In use: the next time that it is idle sets the timer again.
    if (this.#idleSince === Number.POSITIVE_INFINITY) return;
    const leftMs = this.#idleSince + this.#timeoutMs - this.#clock.now();
    if (leftMs > 0) this.#set(leftMs);
    else this.#onIdle();
  }
}
