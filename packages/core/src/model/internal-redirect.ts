/** Whether a redirect that a service answers is followed within the mesh. (envoy.config.route.v3.InternalRedirectPolicy) */
export interface InternalRedirectPolicy {
  /** Redirects of one call that are followed; default 1. */
  readonly max: number;
  /** Statuses that are followed; default 302. */
  readonly statuses: ReadonlySet<number>;
  readonly predicates: readonly InternalRedirectPredicate[];
  /** Also to where the scheme is another. */
  readonly allowCrossScheme: boolean;
  /** Headers of the answer that the next request gets, in lower case. */
  readonly headersToCopy: readonly string[];
}

/** A condition on the route that a redirect leads to. */
export type InternalRedirectPredicate =
  /** It was not taken before in this call, from the same route. */
  | { readonly kind: 'previous_routes' }
  /** It has one of these names. */
  | { readonly kind: 'allow_listed_routes'; readonly names: ReadonlySet<string> }
  /** It does not lead from https to http. */
  | { readonly kind: 'safe_cross_scheme' };
