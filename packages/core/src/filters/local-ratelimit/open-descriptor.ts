import type { Clock } from '../../util/clock.ts';
import { TokenBucket } from '../../util/token-bucket.ts';
import type { DescriptorEntry, LimitDescriptor } from './config.ts';

export function isOpen({ entries }: LimitDescriptor): boolean {
  return entries.some(({ value }) => value === '');
}

/** A limit of which each value that calls bring has a bucket of its own. */
export class OpenDescriptor {
  readonly #limit: LimitDescriptor;
  readonly #most: number;
  readonly #clock: Clock;
  /** In the order of their last use. */
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(limit: LimitDescriptor, most: number, clock: Clock) {
    this.#limit = limit;
    this.#most = most;
    this.#clock = clock;
  }

  covers(entries: readonly DescriptorEntry[]): boolean {
    const own = this.#limit.entries;
    return (
      own.length === entries.length &&
      own.every(({ key, value }, index) => {
        const entry = entries[index] as DescriptorEntry;
        return key === entry.key && (value === '' || value === entry.value);
      })
    );
  }

  bucketOf(key: string): TokenBucket {
    const bucket = this.#buckets.get(key) ?? new TokenBucket(this.#limit.tokenBucket, this.#clock);
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > this.#most) this.#buckets.delete(this.#buckets.keys().next().value as string);
    return bucket;
  }
}
