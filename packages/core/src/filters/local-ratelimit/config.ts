import type { HeaderToAdd } from '../../model/header-mutation.ts';
import type { RuntimeFractionalPercent } from '../../model/runtime.ts';
import type { TokenBucketConfig } from '../../util/token-bucket.ts';

/** envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit */
export interface LocalRateLimitConfig {
  readonly statPrefix: string;
  /** Of the answer to a call over the limit; default 429. */
  readonly status: number;
  /** Null: no limit, but for what descriptors set. */
  readonly tokenBucket: TokenBucketConfig | null;
  /** Calls that are counted at all; null for none. */
  readonly filterEnabled: RuntimeFractionalPercent | null;
  /** Calls over the limit that are answered and not just counted; null for none. */
  readonly filterEnforced: RuntimeFractionalPercent | null;
  readonly requestHeadersToAddWhenNotEnforced: readonly HeaderToAdd[];
  readonly responseHeadersToAdd: readonly HeaderToAdd[];
  /** Limits of calls that say the same of themselves. */
  readonly descriptors: readonly LimitDescriptor[];
  /** Values that each descriptor with an open entry keeps buckets for, those used last; default 20. */
  readonly maxDynamicDescriptors: number;
  /** How a call describes itself: each entry makes one descriptor, of all its actions, where each has a value. */
  readonly rateLimits: readonly (readonly DescriptorAction[])[];
  /** Default true: calls with a limit of their own count against the common one, too. */
  readonly alwaysConsumeDefaultTokenBucket: boolean;
  /** Answers with `x-ratelimit-limit`, `-remaining` and `-reset`. (DRAFT_VERSION_03) */
  readonly xRateLimitHeaders: boolean;
  /** `RESOURCE_EXHAUSTED` to a gRPC call; by default `UNAVAILABLE`. */
  readonly asResourceExhausted: boolean;
}

/** envoy.extensions.common.ratelimit.v3.LocalRateLimitDescriptor */
export interface LimitDescriptor {
  readonly entries: readonly DescriptorEntry[];
  readonly tokenBucket: TokenBucketConfig;
}

export interface DescriptorEntry {
  readonly key: string;
  /** Empty in a limit: an open entry, of which each value has a bucket of its own. */
  readonly value: string;
}

/** envoy.config.route.v3.RateLimit.Action */
export type DescriptorAction =
  | { readonly kind: 'generic_key'; readonly key: string; readonly value: string }
  | { readonly kind: 'request_headers'; readonly header: string; readonly key: string; readonly skipIfAbsent: boolean }
  | {
      readonly kind: 'query_parameters';
      readonly parameter: string;
      readonly key: string;
      readonly skipIfAbsent: boolean;
    }
  | { readonly kind: 'destination_cluster' };
