import type { CidrRange, StringMatch, ValueMatch } from './matcher.ts';
import type { RuntimeFractionalPercent } from './runtime.ts';

/** What a matcher tree looks at; one that the call has not is like one that matches nothing. */
export type MatchInput =
  | { readonly kind: 'request_header'; readonly name: string }
  | { readonly kind: 'query_parameter'; readonly name: string }
  | { readonly kind: 'filter_state'; readonly key: string }
  | { readonly kind: 'dynamic_metadata'; readonly filter: string; readonly path: readonly string[] }
  /** What no call has that is made in this process: an address of its connection, a certificate. */
  | { readonly kind: 'none' };

/** How an input is tested. */
export type InputMatch =
  | { readonly kind: 'string'; readonly match: StringMatch }
  | { readonly kind: 'ip'; readonly ranges: readonly CidrRange[] }
  /** True where the hash of the input leaves `threshold` or more, divided by `modulo`. */
  | {
      readonly kind: 'consistent_hashing';
      readonly threshold: number;
      readonly modulo: number;
      readonly seed: bigint;
    }
  /** The hash of the input takes the place of chance. */
  | { readonly kind: 'runtime_fraction'; readonly fraction: RuntimeFractionalPercent; readonly seed: bigint }
  | { readonly kind: 'metadata'; readonly value: ValueMatch; readonly invert: boolean };

/** xds.type.matcher.v3.Matcher.MatcherList.Predicate */
export type MatchPredicate =
  | { readonly kind: 'single'; readonly input: MatchInput; readonly test: InputMatch }
  | { readonly kind: 'or'; readonly predicates: readonly MatchPredicate[] }
  | { readonly kind: 'and'; readonly predicates: readonly MatchPredicate[] }
  | { readonly kind: 'not'; readonly predicate: MatchPredicate };

/** An action, or another matcher to ask; with `keepMatching` it counts as if it had not matched. (xds.type.matcher.v3.Matcher.OnMatch) */
export type OnMatch<Action> =
  | { readonly kind: 'action'; readonly action: Action; readonly keepMatching: boolean }
  | { readonly kind: 'matcher'; readonly matcher: MatcherNode<Action>; readonly keepMatching: boolean };

/** xds.type.matcher.v3.Matcher */
export type MatcherNode<Action> =
  | {
      readonly kind: 'list';
      readonly matchers: readonly { readonly predicate: MatchPredicate; readonly onMatch: OnMatch<Action> }[];
      readonly onNoMatch: OnMatch<Action> | null;
    }
  | {
      /** `prefix_map`: the longest first. */
      readonly kind: 'exact_map' | 'prefix_map';
      readonly input: MatchInput;
      readonly map: ReadonlyMap<string, OnMatch<Action>>;
      readonly onNoMatch: OnMatch<Action> | null;
    };
