/** Milliseconds between two looks at how many calls are due. */
const TICK_MS = 10;

export interface LoadOptions {
  readonly perSecond: number;
  /** Calls in flight at most; what is due beyond them is left out, so that a slow machine is not buried. */
  readonly most: number;
  /** Makes one call; never rejects. */
  readonly call: () => Promise<unknown>;
}

/** Calls at a steady pace until it is stopped. */
export class Load {
  readonly #options: LoadOptions;
  readonly #start = performance.now();
  readonly #timer: NodeJS.Timeout;
  #made = 0;
  #active = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const { perSecond, most, call } = this.#options;
    const due = Math.floor(((performance.now() - this.#start) / 1_000) * perSecond);
    for (; this.#made < due; this.#made++) {
      if (this.#active >= most) continue;
      this.#active++;
      void call().finally(() => this.#active--);
    }
  }
}
