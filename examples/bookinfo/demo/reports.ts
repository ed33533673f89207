import type { CallRecord } from './calls.ts';
import type { FromService, ToService } from './messages.ts';

/** Milliseconds between two messages: often enough for a live view, seldom enough to cost nothing. */
const INTERVAL_MS = 200;

/** A service's side of its channel to the demo. Without a demo, when the service was started by hand, it says nothing. */
export class Reports {
  #calls: CallRecord[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => this.#flush(), INTERVAL_MS);
    this.#timer.unref();
  }

  add(call: CallRecord): void {
    if (process.connected) this.#calls.push(call);
  }

  ready(): void {
    this.#send({ type: 'ready' });
  }

  /** `retag` resolves when the calls under earlier tags have ended. */
  onTag(retag: (tag: string) => Promise<void>): void {
    process.on('message', async ({ tag }: ToService) => {
      await retag(tag);
      this.#flush();
      this.#send({ type: 'tagged', tag });
    });
  }

  /** Tells what is left and lets go of the channel. */
  close(): void {
    clearInterval(this.#timer);
    this.#flush();
    if (process.connected) process.disconnect();
  }

  #flush(): void {
    if (this.#calls.length === 0) return;
    this.#send({ type: 'calls', calls: this.#calls });
    this.#calls = [];
  }

  #send(message: FromService): void {
    process.send?.(message);
  }
}
