import { type Clock, outsideContext } from '@inmesh/core';

/** Work in small steps. */
export interface Job {
  /** Does the next bit; false when that was the last. */
  step(): boolean;
  /** Called when the last step is done; not after `cancel`. */
  done(): void;
}

/**
 * Does jobs one after the other in slices, between which the event loop is free: whatever waits to be read is read before
 * the next slice begins. The first slice of a job that finds nothing before it is done at once.
 */
export class Slices {
  readonly #clock: Clock;
  readonly #budgetMs: number;
  #jobs: Job[] = [];
  #busy = false;

  /** `budgetMs`: how long a slice may take. A step that is longer is not cut. */
  constructor(clock: Clock, budgetMs: number) {
    this.#clock = clock;
    this.#budgetMs = budgetMs;
  }

  run(job: Job): void {
    this.#jobs.push(job);
    if (!this.#busy) this.#slice();
  }

  cancel(job: Job): void {
    this.#jobs = this.#jobs.filter((other) => other !== job);
  }

  cancelAll(): void {
    this.#jobs = [];
  }

  #slice(): void {
    this.#busy = true;
    const until = this.#clock.now() + this.#budgetMs;
    for (let job = this.#jobs[0]; job !== undefined; job = this.#jobs[0]) {
      const more = job.step();
      if (this.#jobs[0] !== job) continue; // It was cancelled by what it told.
      if (!more) {
        this.#jobs.shift();
        job.done();
      }
      if (this.#jobs.length > 0 && this.#clock.now() >= until) {
        outsideContext(() => this.#clock.afterInput(() => this.#slice()));
        return;
      }
    }
    this.#busy = false;
  }
}
