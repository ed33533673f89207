import { Backoff, type Clock, type Random, type Timer } from '@inmesh/core';
import type { ConsulGet } from './agent-http.ts';

export interface BlockingQueryParts {
  readonly get: ConsulGet;
  /** With its parameters, but those of blocking. */
  readonly path: string;
  readonly clock: Clock;
  readonly random: Random;
}

export interface BlockingQueryEvents {
  /** What is there now, parsed; it may be the same as before. Throws where it is of no use. */
  onValue(value: unknown): void;
  onFailed(error: Error): void;
}

/** How long Consul may hold a query: its own default. It adds up to a sixteenth, so that clients do not come back in step. */
const WAIT_S = 300;
const TIMEOUT_MS = WAIT_S * 1000 * (1 + 1 / 16) + 10_000;
/** Between two answers at least: an index that rises for something else than what we ask must not keep us busy. */
const LEAST_PAUSE_MS = 100;
const BACKOFF = { baseMs: 1_000, maxMs: 30_000 };

/** Asks for something and for each later version of it, until `close`. (Consul's blocking queries) */
export class BlockingQuery {
  readonly #parts: BlockingQueryParts;
  readonly #events: BlockingQueryEvents;
  readonly #closed = new AbortController();
  readonly #backoff: Backoff;
  /** 0: answer at once. */
  #index = 0;
  #timer: Timer | null = null;

  constructor(parts: BlockingQueryParts, events: BlockingQueryEvents) {
    this.#parts = parts;
    this.#events = events;
    this.#backoff = new Backoff(parts.random, BACKOFF);
    void this.#ask();
  }

  close(): void {
    this.#closed.abort();
    this.#timer?.cancel();
  }

  async #ask(): Promise<void> {
    const { signal } = this.#closed;
    let wait = LEAST_PAUSE_MS;
    try {
      const value = await this.#answer(signal);
      if (signal.aborted) return;
      this.#events.onValue(value);
      this.#backoff.reset();
    } catch (error) {
      if (signal.aborted) return;
      // What was there before a failure may not be what is there after it.
      this.#index = 0;
      wait = this.#backoff.next();
      this.#events.onFailed(error as Error);
    }
    if (signal.aborted) return;
    this.#timer = this.#parts.clock.setTimer(wait, () => void this.#ask(), { unref: true });
  }

  async #answer(signal: AbortSignal): Promise<unknown> {
    const { get, path } = this.#parts;
    const blocking = this.#index === 0 ? '' : `${path.includes('?') ? '&' : '?'}index=${this.#index}&wait=${WAIT_S}s`;
    const { status, index, body } = await get(`${path}${blocking}`, signal, TIMEOUT_MS);
    if (status !== 200) throw new Error(`status ${status}: ${body.trim().slice(0, 300)}`);
    // An index that went back, or is none, is of a state that began anew.
    this.#index = index === null || index < 1 || index < this.#index ? 0 : index;
    if (index === null) throw new Error('the answer has no X-Consul-Index: is this Consul?');
    return JSON.parse(body);
  }
}
