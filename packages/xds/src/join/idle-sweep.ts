import { type Clock, outsideContext, type Timer } from '@inmesh/core';

export interface IdleSweepOptions {
  readonly clock: Clock;
  /** Milliseconds without a call after which an authority is dropped; 0 for never. */
  readonly idleMs: number;
  /** One round: looks at each authority. */
  readonly round: () => void;
}

/** Rounds that an authority must be found idle in. More would be more exact and more work. */
export const idleRounds = 4;

/**
 * One timer for all authorities: calls leave a mark, and each round takes it back. So a call pays for no clock, and an
 * authority goes between the idle time and a quarter more after its last call.
 */
export class IdleSweep {
  readonly #options: IdleSweepOptions;
  #timer: Timer | null = null;
  #stopped = false;

  constructor(options: IdleSweepOptions) {
    this.#options = options;
  }

  /** There is something to look at. */
  start(): void {
    const { clock, idleMs, round } = this.#options;
    if (idleMs === 0 || this.#timer !== null || this.#stopped) return;
    const again = (): void => {
      this.#timer = clock.setTimer(
        idleMs / idleRounds,
        () => {
          again();
          round();
        },
        { unref: true },
      );
    };
    outsideContext(again);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#timer = null;
  }
}
