import type { Call } from '../call.ts';
import type { InputMatch, MatcherNode, MatchInput, MatchPredicate, OnMatch } from '../model/matcher-tree.ts';
import { asOnTheWire } from '../util/ascii.ts';
import { xxHash64 } from '../util/xx-hash.ts';
import type { MatchParts } from './conditions.ts';
import { filterStateText } from './conditions.ts';
import { headerText } from './header-match.ts';
import { compileRanges } from './ip.ts';
import { queryParameter } from './query.ts';
import { compileString } from './string-match.ts';
import { compileValue, metadataValue } from './value-match.ts';

/** The action for a call; null where nothing matches. */
export type CompiledTree<Action> = (call: Call) => Action | null;

type Input = (call: Call) => unknown;
type Predicate = (call: Call) => boolean;

/**
 * Compiles a matcher tree. A nested matcher that matches nothing leaves the question to what follows its parent, as in Envoy: the next
 * matcher of a list, the next shorter prefix, `on_no_match`. (xds.type.matcher.v3.Matcher)
 */
export function compileMatcherTree<Action>(node: MatcherNode<Action>, parts: MatchParts): CompiledTree<Action> {
  const otherwise = node.onNoMatch === null ? () => null : compileOnMatch(node.onNoMatch, parts);
  const own = node.kind === 'list' ? compileList(node, parts) : compileMap(node, parts);
  return (call) => own(call) ?? otherwise(call);
}

function compileOnMatch<Action>(onMatch: OnMatch<Action>, parts: MatchParts): CompiledTree<Action> {
  if (onMatch.keepMatching) return () => null;
  if (onMatch.kind === 'matcher') return compileMatcherTree(onMatch.matcher, parts);
  const { action } = onMatch;
  return () => action;
}

function compileList<Action>(
  { matchers }: MatcherNode<Action> & { readonly kind: 'list' },
  parts: MatchParts,
): CompiledTree<Action> {
  const compiled = matchers.map(({ predicate, onMatch }) => ({
    holds: compilePredicate(predicate, parts),
    found: compileOnMatch(onMatch, parts),
  }));
  return (call) => {
    for (const { holds, found } of compiled) {
      const action = holds(call) ? found(call) : null;
      if (action !== null) return action;
    }
    return null;
  };
}

function compileMap<Action>(
  node: MatcherNode<Action> & { readonly kind: 'exact_map' | 'prefix_map' },
  parts: MatchParts,
): CompiledTree<Action> {
  const input = compileInput(node.input);
  const map = new Map([...node.map].map(([key, onMatch]) => [asOnTheWire(key), compileOnMatch(onMatch, parts)]));
  if (node.kind === 'exact_map') {
    return (call) => {
      const value = input(call);
      return typeof value === 'string' ? (map.get(value)?.(call) ?? null) : null;
    };
  }
  const lengths = [...new Set([...map.keys()].map(({ length }) => length))].sort((a, b) => b - a);
  return (call) => {
    const value = input(call);
    if (typeof value !== 'string') return null;
    for (const length of lengths) {
      const action = length <= value.length ? (map.get(value.slice(0, length))?.(call) ?? null) : null;
      if (action !== null) return action;
    }
    return null;
  };
}

function compilePredicate(predicate: MatchPredicate, parts: MatchParts): Predicate {
  switch (predicate.kind) {
    case 'single': {
      const input = compileInput(predicate.input);
      const test = compileTest(predicate.test, parts);
      return (call) => test(input(call));
    }
    case 'not': {
      const inner = compilePredicate(predicate.predicate, parts);
      return (call) => !inner(call);
    }
    case 'or': {
      const any = predicate.predicates.map((each) => compilePredicate(each, parts));
      return (call) => any.some((holds) => holds(call));
    }
    case 'and': {
      const all = predicate.predicates.map((each) => compilePredicate(each, parts));
      return (call) => all.every((holds) => holds(call));
    }
  }
}

function compileInput(input: MatchInput): Input {
  switch (input.kind) {
    case 'request_header':
      return ({ head }) => headerText(head, input.name);
    case 'query_parameter':
      return ({ head }) => queryParameter(head.path, input.name);
    case 'filter_state':
      return ({ filterState }) => filterStateText(filterState?.get(input.key));
    case 'none':
      return () => undefined;
    case 'dynamic_metadata':
      return ({ metadata }) => metadataValue(metadata, input.filter, input.path);
  }
}

/** What is not there, or is no text, passes no test but that of metadata. */
function compileTest(test: InputMatch, { regex, runtime }: MatchParts): (value: unknown) => boolean {
  switch (test.kind) {
    case 'metadata': {
      const matches = compileValue(test.value, regex);
      return (value) => matches(value) !== test.invert;
    }
    case 'string': {
      const matches = compileString(test.match, regex);
      return (value) => typeof value === 'string' && matches(value);
    }
    case 'ip': {
      const within = compileRanges(test.ranges);
      return (value) => typeof value === 'string' && within(value);
    }
    case 'consistent_hashing': {
      const modulo = BigInt(test.modulo);
      const threshold = BigInt(test.threshold);
      return (value) => typeof value === 'string' && hashOf(value, test.seed) % modulo >= threshold;
    }
    case 'runtime_fraction': {
      const { runtimeKey, defaultValue } = test.fraction;
      return (value) => {
        if (typeof value !== 'string') return false;
        // Every denominator divides a million, so the remainder decides as the whole hash would.
        return runtime.featureEnabled(runtimeKey, defaultValue, Number(hashOf(value, test.seed) % 1_000_000n));
      };
    }
  }
}

function hashOf(value: string, seed: bigint): bigint {
  return xxHash64(Buffer.from(value, 'latin1'), seed);
}
