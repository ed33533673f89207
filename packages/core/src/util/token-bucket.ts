import type { Clock } from './clock.ts';

/** envoy.type.v3.TokenBucket */
export interface TokenBucketConfig {
  readonly maxTokens: number;
  /** Default 1. */
  readonly tokensPerFill: number;
  readonly fillIntervalMs: number;
}

/** Tokens that come back steadily with time, up to a limit, as in Envoy; no timer fills it. */
export class TokenBucket {
  readonly maxTokens: number;
  /** Tokens per millisecond. */
  readonly fillRate: number;
  readonly #clock: Clock;
  /** The moment at which the bucket was, or would have been, empty. */
  #emptyAt: number;

  constructor({ maxTokens, tokensPerFill, fillIntervalMs }: TokenBucketConfig, clock: Clock) {
    this.maxTokens = maxTokens;
    this.fillRate = tokensPerFill / fillIntervalMs;
    this.#clock = clock;
    this.#emptyAt = clock.now() - maxTokens / this.fillRate;
  }

  /** Takes a token; false where there is none. */
  take(): boolean {
    const now = this.#clock.now();
    const earliest = now - this.maxTokens / this.fillRate;
    const emptyAt = Math.max(this.#emptyAt, earliest) + 1 / this.fillRate;
    // A rounding error must not cost a token that is due now.
    if (emptyAt > now + 1e-6) return false;
    this.#emptyAt = emptyAt;
    return true;
  }

  /** Whole tokens that are there. */
  get tokens(): number {
    return Math.floor(Math.min(this.maxTokens, (this.#clock.now() - this.#emptyAt) * this.fillRate) + 1e-6);
  }

  /** Milliseconds until there is a token; 0 where there is one. */
  get nextTokenMs(): number {
    return Math.max(0, this.#emptyAt + 1 / this.fillRate - this.#clock.now());
  }
}
