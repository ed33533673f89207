import type { Clock } from '../util/clock.ts';
import type { Random } from '../util/random.ts';

/** Milliseconds of the past that are looked at. */
const WINDOW_MS = 30_000;
const BINS = 100;
const BIN_MS = WINDOW_MS / BINS;
/** Above 1: more is sent than the server would take, so that its recovery shows soon. */
const RATIO_FOR_ACCEPTS = 2;
/** Keeps the share that is held back low while there are few requests, and always below 1. */
const PADDING = 8;

/**
 * Holds requests back from a server that fails them, the more of them the more it fails: gRPC's client-side throttler for route lookups,
 * with its figures. (Site Reliability Engineering, chapter 21; grpc/src/core/load_balancing/rls)
 */
export class AdaptiveThrottler {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #accepted = new Float64Array(BINS);
  readonly #refused = new Float64Array(BINS);
  #accepts = 0;
  #refusals = 0;
  /** The bin of now, counted from the clock's zero. */
  #head: number;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
    this.#head = Math.floor(clock.now() / BIN_MS);
  }

  /** True where the next request should not be sent; it counts as refused then. */
  throttles(): boolean {
    this.#advance();
    const requests = this.#accepts + this.#refusals;
    const probability = (requests - RATIO_FOR_ACCEPTS * this.#accepts) / (requests + PADDING);
    if (probability <= 0 || this.#random() >= probability) return false;
    this.register(false);
    return true;
  }

  /** How a request that was sent came out. */
  register(accepted: boolean): void {
    this.#advance();
    const bins = accepted ? this.#accepted : this.#refused;
    const bin = this.#head % BINS;
    bins[bin] = (bins[bin] as number) + 1;
    if (accepted) this.#accepts++;
    else this.#refusals++;
  }

  #advance(): void {
    const head = Math.floor(this.#clock.now() / BIN_MS);
    const from = Math.max(this.#head + 1, head - BINS + 1);
    for (let each = from; each <= head; each++) {
      const bin = each % BINS;
      this.#accepts -= this.#accepted[bin] as number;
      this.#refusals -= this.#refused[bin] as number;
      this.#accepted[bin] = 0;
      this.#refused[bin] = 0;
    }
    this.#head = Math.max(this.#head, head);
  }
}
