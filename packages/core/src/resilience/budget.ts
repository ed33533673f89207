import type { Clock } from '../util/clock.ts';

export interface RetryBudgetOptions {
  /** Milliseconds that a deposit lasts. Default 10,000, as Finagle's. */
  readonly ttlMs?: number;
  /** Retries per second that are always allowed. Default 10, as Finagle's: a service with little traffic can retry too. */
  readonly minRetriesPerSecond?: number;
  /** Retries allowed as a share of the calls of the last `ttlMs`. Default 0.2, as Finagle's. */
  readonly percentCanRetry?: number;
}

const BUCKETS = 10;

/**
 * How many retries a client may add to the load of a service that may be failing because of it: calls deposit, retries
 * withdraw, deposits expire. (Finagle's RetryBudget)
 */
export class RetryBudget {
  readonly #clock: Clock;
  readonly #bucketMs: number;
  readonly #reserve: number;
  readonly #share: number;
  /** Balance per tenth of the window: deposits minus withdrawals. */
  readonly #balance: number[] = new Array(BUCKETS).fill(0);
  #bucket: number;

  constructor(
    clock: Clock,
    { ttlMs = 10_000, minRetriesPerSecond = 10, percentCanRetry = 0.2 }: RetryBudgetOptions = {},
  ) {
    this.#clock = clock;
    this.#bucketMs = ttlMs / BUCKETS;
    this.#reserve = (minRetriesPerSecond * ttlMs) / 1000;
    this.#share = percentCanRetry;
    this.#bucket = this.#at();
  }

  /** A call was made. */
  deposit(): void {
    this.#rotate();
    this.#balance[this.#bucket % BUCKETS]! += this.#share;
  }

  /** Asks for a retry: true takes it from the budget. */
  tryWithdraw(): boolean {
    this.#rotate();
    if (this.balance < 1) return false;
    this.#balance[this.#bucket % BUCKETS]! -= 1;
    return true;
  }

  /** Retries that may be made now. */
  get balance(): number {
    this.#rotate();
    let sum = this.#reserve;
    for (const deposit of this.#balance) sum += deposit;
    return sum;
  }

  #at(): number {
    return Math.floor(this.#clock.now() / this.#bucketMs);
  }

  #rotate(): void {
    const now = this.#at();
    const passed = Math.min(now - this.#bucket, BUCKETS);
    for (let i = 1; i <= passed; i++) this.#balance[(this.#bucket + i) % BUCKETS] = 0;
    this.#bucket = now;
  }
}
