import type { RegexSubstitution } from './rewrite.ts';

/** What of a call decides which endpoint is its own, under a policy that hashes. (envoy.config.route.v3.RouteAction.HashPolicy) */
export type HashPolicy = {
  /** The policies behind it are not asked where this one has a hash. */ readonly terminal: boolean;
} & (
  | { /** In lower case. */ readonly kind: 'header'; readonly name: string; readonly rewrite: RegexSubstitution | null }
  | {
      readonly kind: 'cookie';
      readonly name: string;
      /** Milliseconds; null: a call without the cookie has no hash of it; else it gets one that lasts so long, 0 for the session. */
      readonly ttlMs: number | null;
      readonly path: string;
      /** Names, and values that may be empty. */
      readonly attributes: readonly (readonly [name: string, value: string])[];
    }
  /** A call within a process comes over no connection: never a hash. */
  | { readonly kind: 'source_ip' }
  | { readonly kind: 'query_parameter'; readonly name: string }
  | { readonly kind: 'filter_state'; readonly key: string }
);
