import type { Random } from './random.ts';

export interface BackoffOptions {
  /** Milliseconds before the first retry. Default 1,000, as gRPC's connection backoff, which gRFC A57 takes for ADS streams. */
  readonly baseMs?: number | undefined;
  /** Growth from one retry to the next. Default 1.6, as in gRPC. */
  readonly multiplier?: number | undefined;
  /** Longest wait in milliseconds, before jitter. Default 120,000, as in gRPC. */
  readonly maxMs?: number | undefined;
  /** Part by which a wait is made longer or shorter at random, so that clients do not come back in step. Default 0.2, as in gRPC. */
  readonly jitter?: number | undefined;
}

/** Jittered exponential backoff: how long to wait before each of a row of retries. */
export class Backoff {
  readonly baseMs: number;
  readonly #multiplier: number;
  readonly #maxMs: number;
  readonly #jitter: number;
  readonly #random: Random;
  #nextMs: number;

  constructor(random: Random, options: BackoffOptions = {}) {
    this.baseMs = options.baseMs ?? 1_000;
    this.#multiplier = options.multiplier ?? 1.6;
    this.#maxMs = options.maxMs ?? 120_000;
    this.#jitter = options.jitter ?? 0.2;
    this.#random = random;
    this.#nextMs = this.baseMs;
  }

  /** Milliseconds to wait now. */
  next(): number {
    const wait = Math.min(this.#nextMs, this.#maxMs);
    this.#nextMs = wait * this.#multiplier;
    return wait * (1 + this.#jitter * (2 * this.#random() - 1));
  }

  /** The row is over: the next wait is the shortest again. */
  reset(): void {
    this.#nextMs = this.baseMs;
  }
}
