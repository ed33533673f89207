/** Whoever holds a call at this moment: a queue, a timer, a connection. */
export interface Holder {
  /** Gives the call up. The holder reports the error to the call's handler, now or soon, and nothing after it. */
  abort(error: Error): void;
  pause(): void;
  resume(): void;
}

/**
 * What a caller steers its call with, from before the first byte to the last.
 *
 * There is one for the whole life of a call, made at the door, so that abort, pause and resume also work while the call
 * waits for its route, in a connection queue, or for its next attempt. The layer that holds the call at the moment
 * attaches itself; the next one to do so takes its place.
 */
export class Controller {
  #holder: Holder | null = null;
  #paused = false;
  #reason: Error | null = null;

  /** True once the caller gave the call up. */
  get aborted(): boolean {
    return this.#reason !== null;
  }

  get reason(): Error | null {
    return this.#reason;
  }

  /** Who holds the call now; for whoever means to stand between. */
  get holder(): Holder | null {
    return this.#holder;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** The caller's word: the call is over, and nothing is tried again. */
  abort(reason: Error): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    this.#holder?.abort(reason);
  }

  /** The mesh's word, such as a timeout: whoever holds the call fails it with this error; outer layers decide what follows. */
  interrupt(error: Error): void {
    this.#holder?.abort(error);
  }

  /** Stops the flow of response data. */
  pause(): void {
    this.#paused = true;
    this.#holder?.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#holder?.resume();
  }

  attach(holder: Holder): void {
    this.#holder = holder;
  }

  /** Forgets the holder if it is still this one. */
  detach(holder: Holder): void {
    if (this.#holder === holder) this.#holder = null;
  }
}
