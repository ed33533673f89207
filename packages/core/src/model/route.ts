import type { BodyFormat } from './body-format.ts';
import type { RoutingPriority } from './cluster.ts';
import type { CorsPolicy } from './cors.ts';
import type { Metadata } from './endpoint.ts';
import type { HashPolicy } from './hash-policy.ts';
import type { MessageMutations } from './header-mutation.ts';
import type { FilterOverrides } from './http-filter.ts';
import type { InternalRedirectPolicy } from './internal-redirect.ts';
import type { RouteConditions } from './matcher.ts';
import type { MatcherNode } from './matcher-tree.ts';
import type { MirrorPolicy } from './mirror.ts';
import type { HostRewrite, PathRewrite, RedirectAction } from './rewrite.ts';
import type { RouteLookupConfig } from './route-lookup.ts';
import type { UpgradeConfigs } from './upgrade.ts';

/** envoy.config.route.v3.RouteConfiguration */
export interface RouteConfiguration {
  readonly name: string;
  readonly virtualHosts: readonly VirtualHost[];
  readonly ignorePortInHostMatching: boolean;
  /** Paths are looked at without what follows their first `;`. */
  readonly ignorePathParametersInPathMatching: boolean;
  readonly mutations: MessageMutations;
  readonly mirrors: readonly MirrorPolicy[];
  /** True: of header mutations on several levels the route's come last, and win; by default the route configuration's do. */
  readonly mostSpecificHeaderMutationsWins: boolean;
  /** Absent where it overrides none; so it is on each level below. */
  readonly filters?: FilterOverrides;
}

/** envoy.config.route.v3.VirtualHost */
export interface VirtualHost {
  readonly name: string;
  /** Exact names, `*.suffix`, `prefix.*` or `*`, lower case as Envoy compares them. */
  readonly domains: readonly string[];
  readonly routes: readonly Route[];
  /** Chooses which of the routes are asked, by their positions; null for all of them. */
  readonly matcher: MatcherNode<readonly number[]> | null;
  /** Used by routes that bring none of their own. */
  readonly retryPolicy: RetryPolicyConfig | null;
  /** Sends `x-envoy-attempt-count` upstream. */
  readonly includeRequestAttemptCount: boolean;
  /** Answers with `x-envoy-attempt-count`. */
  readonly includeAttemptCountInResponse: boolean;
  /** Empty where the route configuration's hold. */
  readonly mirrors: readonly MirrorPolicy[];
  readonly mutations: MessageMutations;
  readonly filters?: FilterOverrides;
  /** Of routes without one of their own. */
  readonly cors?: CorsPolicy;
}

/** How a route matches a path, which is looked at without query and fragment. (envoy.config.route.v3.RouteMatch.path_specifier) */
export interface PathMatch {
  readonly kind: 'prefix' | 'path' | 'path_separated_prefix' | 'safe_regex' | 'uri_template' | 'connect_matcher';
  /** The path, its beginning, or the pattern or template that the whole of it must match; '' where only CONNECT matches. */
  readonly value: string;
  /** Not asked by patterns, which say so themselves. */
  readonly caseSensitive: boolean;
}

/** envoy.config.route.v3.Route */
export interface Route {
  /** The feed's name for the route, or ''. */
  readonly name: string;
  /** Null where the path specifier is one of `unsupported`: such a route may match any path, and a call that reaches it is refused. */
  readonly path: PathMatch | null;
  /** What must hold besides. */
  readonly conditions: RouteConditions;
  readonly action: RouteAction;
  /** Fields of the route that this version cannot honour and must not ignore; a call that reaches such a route is refused, naming them. */
  readonly unsupported: readonly string[];
  readonly metadata: Metadata;
  readonly mutations: MessageMutations;
  readonly filters?: FilterOverrides;
}

export type RouteAction = ForwardAction | DirectResponseAction | RedirectAction | RefusedAction;

/** envoy.config.route.v3.RouteAction */
export interface ForwardAction {
  readonly kind: 'forward';
  /** One entry for `cluster`; several for `weighted_clusters`. Weight 0 is never chosen. */
  readonly clusters: readonly WeightedCluster[];
  /** Sum of the weights. */
  readonly totalWeight: number;
  /** A request header that says the number by which the weights decide, in lower case; empty for chance. (WeightedCluster.header_name) */
  readonly weightHeader: string;
  /** Status of the local reply when the chosen cluster does not exist: 503 by default, else 404 or 500. */
  readonly clusterNotFoundStatus: number;
  /** Milliseconds from the end of the request to the end of the response; 15,000 by default, as Envoy's; 0 for none. */
  readonly timeoutMs: number;
  readonly retryPolicy: RetryPolicyConfig | null;
  readonly priority: RoutingPriority;
  readonly pathRewrite: PathRewrite | null;
  readonly hostRewrite: HostRewrite | null;
  readonly upgrades: UpgradeConfigs;
  /** Null: redirects are the caller's to follow. */
  readonly internalRedirects: InternalRedirectPolicy | null;
  readonly hashPolicies: readonly HashPolicy[];
  /** Runtime keys `<prefix>.<cluster>` may replace the weights; empty for none. (WeightedCluster.runtime_key_prefix) */
  readonly runtimeKeyPrefix: string;
  /** True: the weights decide by the call's hash, where it has one. (WeightedCluster.use_hash_policy) */
  readonly weightsByHash: boolean;
  /** Milliseconds without a byte either way; 0 for none; null for the connection manager's. */
  readonly idleTimeoutMs: number | null;
  /** Milliseconds from first to last; 0 for none; null for the connection manager's. */
  readonly maxStreamDurationMs: number | null;
  /** Empty where the virtual host's, or the route configuration's, hold. */
  readonly mirrors: readonly MirrorPolicy[];
  /** `x-forwarded-host` gets the authority that a rewrite takes away. */
  readonly appendXForwardedHost: boolean;
  /** Absent for none; of the cors filter, which must be in the chain. */
  readonly cors?: CorsPolicy;
}

export interface WeightedCluster {
  /** Empty where `clusterHeader` or `lookup` tells. */
  readonly name: string;
  /** The request header that names the cluster, in lower case; empty for none. (cluster_header) */
  readonly clusterHeader: string;
  /** Asks for the cluster of each call; null where the route, or a header, names it. (cluster_specifier_plugin) */
  readonly lookup: RouteLookupConfig | null;
  readonly weight: number;
  /** The authority of its calls, as rewrites of the route find it; empty for none. (host_rewrite_literal) */
  readonly hostRewrite: string;
  /** Of calls that go to it; made before those of the route. */
  readonly mutations: MessageMutations;
  readonly filters?: FilterOverrides;
}

/** envoy.config.route.v3.DirectResponseAction */
export interface DirectResponseAction {
  readonly kind: 'direct_response';
  readonly status: number;
  readonly body: Uint8Array;
  /** Makes the body, of which `body` is a part then; null to send it as it is. */
  readonly bodyFormat: BodyFormat | null;
}

/** An action that this version does not know; the fields are in `Route.unsupported`. */
export interface RefusedAction {
  readonly kind: 'refused';
}

/** envoy.config.route.v3.RetryPolicy */
export interface RetryPolicyConfig {
  /** Lower case, trimmed tokens of `retry_on`, such as `connect-failure`. */
  readonly retryOn: readonly string[];
  /** Attempts beyond the first; default 1. */
  readonly numRetries: number;
  readonly retriableStatusCodes: readonly number[];
  /** Milliseconds per attempt; 0 for none. */
  readonly perTryTimeoutMs: number;
  /** Milliseconds; default 25. */
  readonly backoffBaseMs: number;
  /** Milliseconds; default ten times the base. */
  readonly backoffMaxMs: number;
  /** `previous_hosts`: hosts that were tried already are avoided. */
  readonly avoidPreviousHosts: boolean;
  /** Picks made to avoid a rejected host; default 1. */
  readonly hostSelectionRetryMaxAttempts: number;
}
