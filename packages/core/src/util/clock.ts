/** A timer that was set; `cancel` is idempotent. */
export interface Timer {
  cancel(): void;
}

/** Time as an argument: real time in production, virtual time in tests and simulations. */
export interface Clock {
  /** Milliseconds, monotonic; its zero means nothing. */
  now(): number;
  /** Milliseconds since the epoch; for what is shown or sent, never for measuring. */
  wallNow(): number;
  /** Calls back once after `ms`. An unref'd timer does not keep the process alive. */
  setTimer(ms: number, callback: () => void, options?: { readonly unref?: boolean }): Timer;
  /** Calls back once, after input that is already waiting was read. */
  afterInput(callback: () => void): void;
}

class SystemTimer implements Timer {
  readonly #handle: NodeJS.Timeout;
  constructor(handle: NodeJS.Timeout) {
    this.#handle = handle;
  }
  cancel(): void {
    clearTimeout(this.#handle);
  }
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  setTimer(ms, callback, options) {
    const handle = setTimeout(callback, ms);
    if (options?.unref) handle.unref();
    return new SystemTimer(handle);
  },
  afterInput(callback) {
    setImmediate(callback);
  },
};
