import type { Clock, Timer } from './clock.ts';

interface Entry {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A clock that stands still until a test moves it. */
export class VirtualClock implements Clock {
  #now = 0;
  #order = 0;
  readonly #epoch: number;
  #timers: Entry[] = [];

  /** `epoch`: what `wallNow()` gives at time 0. */
  constructor(epoch = 0) {
    this.#epoch = epoch;
  }

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return this.#epoch + this.#now;
  }

  /** Timers that are set and not yet due or cancelled. */
  get pending(): number {
    return this.#timers.length;
  }

  setTimer(ms: number, callback: () => void): Timer {
    const entry = { at: this.#now + Math.max(0, ms), order: this.#order++, callback };
    this.#timers.push(entry);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== entry);
      },
    };
  }

  afterInput(callback: () => void): void {
    this.setTimer(0, callback);
  }

  /** Moves time on, running every timer that falls due, in order. */
  advance(ms: number): void {
    const until = this.#now + ms;
    for (;;) {
      let next: Entry | undefined;
      for (const entry of this.#timers) {
        if (entry.at > until) continue;
        if (next === undefined || entry.at < next.at || (entry.at === next.at && entry.order < next.order))
          next = entry;
      }
      if (next === undefined) break;
      this.#timers.splice(this.#timers.indexOf(next), 1);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
    }
    this.#now = until;
  }
}
