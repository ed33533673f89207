import type { MatcherNode } from '../../model/matcher-tree.ts';
import type { RuntimeFractionalPercent } from '../../model/runtime.ts';
import type { FilterType } from '../filter.ts';

/** A filter that stands inside of another. (envoy.config.core.v3.TypedExtensionConfig) */
export interface EmbeddedFilter {
  readonly name: string;
  readonly typeUrl: string;
  readonly type: FilterType;
  readonly config: unknown;
}

/** What a matcher says of a call. */
export type MatchAction =
  /** The filter takes no part. (envoy.extensions.filters.common.matcher.action.v3.SkipFilter) */
  | { readonly kind: 'skip' }
  /** envoy.extensions.filters.http.composite.v3.ExecuteFilterAction */
  | {
      readonly kind: 'execute';
      /** The filters, or the name of a chain of the composite's; none where it has no such chain. */
      readonly filters: readonly EmbeddedFilter[] | string;
      /** The share of the calls for which it holds; null for all. */
      readonly samplePercent: RuntimeFractionalPercent | null;
    };

/**
 * A filter with a matcher: envoy.extensions.common.matching.v3.ExtensionWithMatcher around any filter, or a composite
 * with a matcher of its own (envoy.extensions.filters.http.composite.v3.Composite).
 */
export interface MatchedFilterConfig {
  /** Null: the filter takes no part. */
  readonly matcher: MatcherNode<MatchAction> | null;
  /** What the matcher is for; null for a composite, which is whatever the matcher says. */
  readonly filter: EmbeddedFilter | null;
  /** What actions name. */
  readonly namedChains: ReadonlyMap<string, readonly EmbeddedFilter[]>;
}

/** Takes the place of the matcher. (ExtensionWithMatcherPerRoute, CompositePerRoute) */
export class MatcherOverride {
  readonly matcher: MatcherNode<MatchAction> | null;

  constructor(matcher: MatcherNode<MatchAction> | null) {
    this.matcher = matcher;
  }
}
