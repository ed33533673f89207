/** How long the event loop was held up: by a timer that should come every millisecond. */
export class StallSampler {
  /** Milliseconds. */
  longest = 0;
  /** The most CPU that was used in one such gap: the same without what other processes took of this machine meanwhile. */
  longestCpu = 0;
  #last = performance.now();
  #lastCpu = threadCpuMs();
  #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => this.#tick(), 1);
  }

  reset(): void {
    this.longest = 0;
    this.longestCpu = 0;
  }

  /** Of no use any more. */
  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = performance.now();
    this.longest = Math.max(this.longest, now - this.#last - 1);
    this.#last = now;
    const cpu = threadCpuMs();
    this.longestCpu = Math.max(this.longestCpu, cpu - this.#lastCpu);
    this.#lastCpu = cpu;
  }
}

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
