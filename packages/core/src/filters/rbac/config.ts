import type { FilterStateMatch, HeaderMatch, MetadataMatch, StringMatch } from '../../model/matcher.ts';
import type { MatcherNode } from '../../model/matcher-tree.ts';

/** envoy.extensions.filters.http.rbac.v3.RBAC */
export interface RbacConfig {
  /** Null: all calls are allowed. */
  readonly enforced: RbacRules | null;
  /** What only tells what it would do; null for none. */
  readonly shadow: RbacRules | null;
  /** Before the names of counters and metadata; empty for none. */
  readonly rulesStatPrefix: string;
  readonly shadowRulesStatPrefix: string;
  /** Counters for each policy, too. (track_per_rule_stats) */
  readonly perRule: boolean;
}

export type RbacAction = 'allow' | 'deny' | 'log';

export type RbacRules =
  /** envoy.config.rbac.v3.RBAC: one action for the calls that any policy matches, the opposite for the others. */
  | { readonly kind: 'policies'; readonly action: RbacAction; readonly policies: readonly RbacPolicy[] }
  /** A tree whose actions say what happens; what none matches is denied. */
  | { readonly kind: 'matcher'; readonly matcher: MatcherNode<RbacVerdict>; readonly logs: boolean };

/** envoy.config.rbac.v3.Action */
export interface RbacVerdict {
  readonly name: string;
  readonly action: RbacAction;
}

/** One of the permissions and one of the principals must match. (envoy.config.rbac.v3.Policy) */
export interface RbacPolicy {
  readonly name: string;
  readonly permission: RbacRule;
  readonly principal: RbacRule;
}

/** envoy.config.rbac.v3.Permission and Principal */
export type RbacRule =
  | { readonly kind: 'any' }
  /** Of a connection or certificate, which a call that is made in this process has not. */
  | { readonly kind: 'never' }
  | { readonly kind: 'and' | 'or'; readonly rules: readonly RbacRule[] }
  | { readonly kind: 'not'; readonly rule: RbacRule }
  | { readonly kind: 'header'; readonly match: HeaderMatch }
  /** The path without query and fragment. */
  | { readonly kind: 'url_path'; readonly match: StringMatch }
  | { readonly kind: 'uri_template'; readonly template: string }
  | { readonly kind: 'metadata'; readonly match: MetadataMatch; readonly source: 'dynamic' | 'route' }
  | { readonly kind: 'filter_state'; readonly match: FilterStateMatch }
  /** SNI, which is empty without TLS. */
  | { readonly kind: 'requested_server_name'; readonly match: StringMatch };
