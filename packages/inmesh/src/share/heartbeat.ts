import { type Clock, outsideContext, type Timer } from '@inmesh/core';

export interface HeartbeatOptions {
  readonly clock: Clock;
  /** Milliseconds between two looks. */
  readonly everyMs: number;
  /** Milliseconds of silence after which the other end counts as dead. */
  readonly deadMs: number;
  /** At each look. */
  readonly onBeat: () => void;
  readonly onDead: () => void;
}

/** Tells whether the other end of a connection lives: a process that is stopped keeps its sockets open, and says nothing. */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #timer: Timer | null = null;
  #heardAt: number;
  #stopped = false;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#heardAt = options.clock.now();
    outsideContext(() => this.#wait());
  }

  heard(): void {
    this.#heardAt = this.#options.clock.now();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #wait(): void {
    const { clock, everyMs, onBeat } = this.#options;
    this.#timer = clock.setTimer(
      everyMs,
      () => {
        onBeat();
        if (!this.#silent) this.#wait();
        // If it was this process that stood still, its words wait to be read.
        else clock.afterInput(() => this.#judge());
      },
      { unref: true },
    );
  }

  #judge(): void {
    if (this.#stopped) return;
    if (this.#silent) this.#options.onDead();
    else this.#wait();
  }

  get #silent(): boolean {
    return this.#options.clock.now() - this.#heardAt > this.#options.deadMs;
  }
}
