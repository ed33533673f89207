import type { Clock, Timer } from '../../util/clock.ts';
import { outsideContext } from '../../util/outside.ts';
import type { FilterCallbacks } from '../filter.ts';

/** Milliseconds between two portions, as Envoy's. */
const INTERVAL_MS = 50;
/** Bytes that wait before the upstream is stopped: Envoy's default buffer limit. */
const MAX_WAITING = 1024 * 1024;

/** Lets a response through at a given rate, in portions. */
export class ResponseRate {
  readonly #callbacks: FilterCallbacks;
  readonly #clock: Clock;
  /** Bytes in each interval. */
  readonly #portion: number;
  #waiting: Uint8Array[] = [];
  #bytes = 0;
  #timer: Timer | null = null;
  #ended = false;

  constructor(callbacks: FilterCallbacks, kbps: number, clock: Clock) {
    this.#callbacks = callbacks;
    this.#clock = clock;
    this.#portion = Math.max(1, Math.floor((kbps * 1024 * INTERVAL_MS) / 1000));
  }

  /** Takes a chunk in, and gives nothing: it goes on in portions. */
  take(chunk: Uint8Array): null {
    this.#waiting.push(chunk);
    this.#bytes += chunk.byteLength;
    if (this.#bytes > MAX_WAITING) this.#callbacks.pauseResponse();
    this.#start();
    return null;
  }

  /** The response has ended; true where nothing of it waits. */
  end(): boolean {
    this.#ended = true;
    return this.#bytes === 0;
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#waiting = [];
    this.#bytes = 0;
  }

  #start(): void {
    this.#timer ??= outsideContext(() => this.#clock.setTimer(INTERVAL_MS, () => this.#turn()));
  }

  #turn(): void {
    this.#timer = null;
    // A caller that paused gets no further portion until it resumes.
    if (!this.#callbacks.call.controller.paused) this.#send();
    if (this.#bytes > 0) this.#start();
    else if (this.#ended) this.#callbacks.continueResponse();
  }

  #send(): void {
    let left = this.#portion;
    while (left > 0) {
      const chunk = this.#waiting[0];
      if (chunk === undefined) break;
      const part = chunk.subarray(0, left);
      if (part.byteLength === chunk.byteLength) this.#waiting.shift();
      else this.#waiting[0] = chunk.subarray(part.byteLength);
      left -= part.byteLength;
      this.#bytes -= part.byteLength;
      this.#callbacks.sendData(part);
    }
    if (this.#bytes <= MAX_WAITING) this.#callbacks.resumeResponse();
  }
}
