import type { Call } from '../../call.ts';
import type { Clock } from '../../util/clock.ts';
import { TokenBucket } from '../../util/token-bucket.ts';
import type { DescriptorAction, LocalRateLimitConfig } from './config.ts';
import { describeCall, descriptorKey } from './descriptors.ts';
import { isOpen, OpenDescriptor } from './open-descriptor.ts';

export interface LimitVerdict {
  readonly allowed: boolean;
  /** The bucket that decided; null where none applies. */
  readonly bucket: TokenBucket | null;
}

/** The buckets of one configuration, shared by all its calls. */
export class LocalLimiter {
  readonly #common: TokenBucket | null;
  readonly #own: ReadonlyMap<string, TokenBucket>;
  readonly #open: readonly OpenDescriptor[];
  readonly #actions: readonly (readonly DescriptorAction[])[];
  readonly #alwaysCommon: boolean;

  constructor(config: LocalRateLimitConfig, clock: Clock) {
    this.#common = config.tokenBucket === null ? null : new TokenBucket(config.tokenBucket, clock);
    this.#own = new Map(
      config.descriptors
        .filter((each) => !isOpen(each))
        .map(({ entries, tokenBucket }) => [descriptorKey(entries), new TokenBucket(tokenBucket, clock)]),
    );
    this.#open = config.descriptors
      .filter(isOpen)
      .map((each) => new OpenDescriptor(each, config.maxDynamicDescriptors, clock));
    this.#actions = config.rateLimits;
    this.#alwaysCommon = config.alwaysConsumeDefaultTokenBucket;
  }

  take(call: Call): LimitVerdict {
    const own = this.#own.size + this.#open.length === 0 ? [] : this.#bucketsOf(call);
    for (const bucket of own) if (!bucket.take()) return { allowed: false, bucket };
    const first = own[0] ?? null;
    const common = this.#common;
    if (common === null || (first !== null && !this.#alwaysCommon)) return { allowed: true, bucket: first };
    if (!common.take()) return { allowed: false, bucket: common };
    return { allowed: true, bucket: first ?? common };
  }

  /** The slowest first, as Envoy asks them. */
  #bucketsOf(call: Call): TokenBucket[] {
    const found: TokenBucket[] = [];
    for (const actions of this.#actions) {
      const entries = describeCall(call, actions);
      if (entries === null) continue;
      const key = descriptorKey(entries);
      const bucket = this.#own.get(key) ?? this.#open.find((each) => each.covers(entries))?.bucketOf(key);
      if (bucket !== undefined) found.push(bucket);
    }
    return found.sort((a, b) => a.fillRate - b.fillRate);
  }
}
