import type { Timer } from '@inmesh/core';
import type { CacheHost } from './cache-host.ts';
import type { ResourceState } from './resource-state.ts';

export interface AnswerTimersEvents<T> {
  /** No answer came in time for a resource. */
  onExpired(state: ResourceState<T>): void;
  /** No response at all came in time, where all of the type was asked for. */
  onAllExpired(): void;
}

/** The waits for answers: each counts only while a connection is up and the request went out on it. */
export class AnswerTimers<T> {
  readonly #host: Pick<CacheHost, 'clock' | 'resourceTimeoutMs'>;
  readonly #events: AnswerTimersEvents<T>;
  /** Asked for or to be asked for, without an answer and without a timer. */
  readonly #untimed = new Set<ResourceState<T>>();
  readonly #timers = new Map<ResourceState<T>, Timer>();
  /** Runs while all of the type was asked for and no response came. */
  #all: Timer | null = null;

  constructor(host: Pick<CacheHost, 'clock' | 'resourceTimeoutMs'>, events: AnswerTimersEvents<T>) {
    this.#host = host;
    this.#events = events;
  }

  /** An answer is awaited: from the next `start` on. */
  await(state: ResourceState<T>): void {
    this.#untimed.add(state);
  }

  /** It came, or is not awaited any more. */
  settle(state: ResourceState<T>): void {
    this.#untimed.delete(state);
    this.#timers.get(state)?.cancel();
    this.#timers.delete(state);
  }

  /** The connection is up: the wait for what was asked for begins. `all`: for all of the type, too. */
  start(all: boolean): void {
    if (all && this.#all === null) {
      this.#all = this.#set(() => {
        this.#all = null;
        this.#events.onAllExpired();
      });
    }
    for (const state of this.#untimed) {
      const timer = this.#set(() => {
        this.#timers.delete(state);
        this.#events.onExpired(state);
      });
      this.#timers.set(state, timer);
    }
    this.#untimed.clear();
  }

  /** The stream is gone: nobody can answer. */
  stop(): void {
    this.settleAll();
    for (const [state, timer] of this.#timers) {
      timer.cancel();
      this.#untimed.add(state);
    }
    this.#timers.clear();
  }

  /** Some response came, or nobody wants all of the type any more. */
  settleAll(): void {
    this.#all?.cancel();
    this.#all = null;
  }

  #set(callback: () => void): Timer {
    return this.#host.clock.setTimer(this.#host.resourceTimeoutMs, callback, { unref: true });
  }
}
