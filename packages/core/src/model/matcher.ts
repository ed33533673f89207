import type { RuntimeFractionalPercent } from './runtime.ts';

/** envoy.type.matcher.v3.StringMatcher, and xds.type.matcher.v3.StringMatcher, which is the same */
export interface StringMatch {
  readonly kind: 'exact' | 'prefix' | 'suffix' | 'contains' | 'safe_regex';
  readonly value: string;
  /** ASCII letters only, as Envoy compares. Never set for patterns, which say so themselves. */
  readonly ignoreCase: boolean;
}

/** envoy.config.route.v3.HeaderMatcher */
export interface HeaderMatch {
  /** Lower case; `:method`, `:path`, `:authority` and `:scheme` for what is no header in HTTP/1. */
  readonly name: string;
  readonly test:
    | { readonly kind: 'string'; readonly match: StringMatch }
    /** The deprecated `exact_match: ""`, which every value matches. */
    | { readonly kind: 'any' }
    /** From `start` to below `end`, 64-bit numbers. */
    | { readonly kind: 'range'; readonly start: bigint; readonly end: bigint }
    | { readonly kind: 'present'; readonly present: boolean };
  readonly invert: boolean;
  readonly treatMissingAsEmpty: boolean;
}

/** envoy.config.route.v3.QueryParameterMatcher */
export interface QueryParameterMatch {
  readonly name: string;
  readonly test:
    | { readonly kind: 'string'; readonly match: StringMatch }
    | { readonly kind: 'present'; readonly present: boolean };
}

/** envoy.config.route.v3.CookieMatcher */
export interface CookieMatch {
  readonly name: string;
  readonly match: StringMatch;
  readonly invert: boolean;
}

/** envoy.type.matcher.v3.ValueMatcher */
export type ValueMatch =
  | { readonly kind: 'null' }
  /** From `start` to below `end`. */
  | { readonly kind: 'range'; readonly start: number; readonly end: number }
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'string'; readonly match: StringMatch }
  | { readonly kind: 'bool'; readonly value: boolean }
  /** With `present: false` it matches nothing, as in Envoy. */
  | { readonly kind: 'present'; readonly present: boolean }
  /** A list with an element that matches. */
  | { readonly kind: 'list'; readonly oneOf: ValueMatch }
  | { readonly kind: 'or'; readonly any: readonly ValueMatch[] };

/** envoy.type.matcher.v3.MetadataMatcher */
export interface MetadataMatch {
  /** Namespace of the dynamic metadata. */
  readonly filter: string;
  readonly path: readonly string[];
  readonly value: ValueMatch;
  readonly invert: boolean;
}

/** Addresses that begin alike. (envoy.config.core.v3.CidrRange) */
export interface CidrRange {
  readonly address: string;
  /** Bits. */
  readonly length: number;
}

/** envoy.type.matcher.v3.FilterStateMatcher */
export interface FilterStateMatch {
  readonly key: string;
  readonly test:
    | { readonly kind: 'string'; readonly match: StringMatch }
    | { readonly kind: 'address'; readonly ranges: readonly CidrRange[]; readonly invert: boolean };
}

/** What a route asks of a call besides its path. (envoy.config.route.v3.RouteMatch) */
export interface RouteConditions {
  readonly runtimeFraction: RuntimeFractionalPercent | null;
  readonly grpc: boolean;
  readonly headers: readonly HeaderMatch[];
  readonly queryParameters: readonly QueryParameterMatch[];
  readonly cookies: readonly CookieMatch[];
  /** What the caller's TLS must have been; null for either way. A call that is made in this process came over none. */
  readonly tlsContext: { readonly presented: boolean | null; readonly validated: boolean | null } | null;
  readonly dynamicMetadata: readonly MetadataMatch[];
  readonly filterState: readonly FilterStateMatch[];
}

export const NO_CONDITIONS: RouteConditions = {
  runtimeFraction: null,
  grpc: false,
  headers: [],
  queryParameters: [],
  cookies: [],
  tlsContext: null,
  dynamicMetadata: [],
  filterState: [],
};
