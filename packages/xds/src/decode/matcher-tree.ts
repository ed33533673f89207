import type { Any } from '@bufbuild/protobuf/wkt';
import type { ConsistentHashing } from '@inmesh/api/gen/envoy/extensions/matching/input_matchers/consistent_hashing/v3/consistent_hashing_pb';
import type { Ip } from '@inmesh/api/gen/envoy/extensions/matching/input_matchers/ip/v3/ip_pb';
import type { Metadata } from '@inmesh/api/gen/envoy/extensions/matching/input_matchers/metadata/v3/metadata_pb';
import type { RuntimeFraction } from '@inmesh/api/gen/envoy/extensions/matching/input_matchers/runtime_fraction/v3/runtime_fraction_pb';
import type { TypedExtensionConfig } from '@inmesh/api/gen/xds/core/v3/extension_pb';
import type {
  Matcher,
  Matcher_MatcherList_Predicate as Predicate,
  Matcher_OnMatch as ProtoOnMatch,
  Matcher_MatcherList_Predicate_SinglePredicate as SinglePredicate,
  Matcher_MatcherTree as Tree,
} from '@inmesh/api/gen/xds/type/matcher/v3/matcher_pb';
import type { InputMatch, MatcherNode, MatchInput, MatchPredicate, OnMatch } from '@inmesh/core';
import { type Decoding, Refusal, unpack } from './decoding.ts';
import { decodeString, decodeValue, UnsupportedMatcher } from './matchers.ts';
import { decodeRuntimeFraction } from './route-match.ts';
import { readTypedConfig } from './typed-config.ts';

/** What the owner of a tree decides about it. */
export interface TreeOwner<Action> {
  action(config: Any | undefined, field: string): Action;
  /** Null for an input that this version lacks; throws a Refusal for one that the tree must not look at. */
  input(config: Any | undefined, field: string): MatchInput | null;
  readonly keepMatching: boolean;
}

/**
 * A matcher tree, whose structural rules were checked with the message around it. Throws a Refusal for what Envoy refuses, and an
 * UnsupportedMatcher for what this version lacks. (xds.type.matcher.v3.Matcher)
 */
export function decodeMatcherTree<Action>(
  decoding: Decoding,
  message: Matcher,
  owner: TreeOwner<Action>,
  field: string,
): MatcherNode<Action> {
  const { matcherType: type } = message;
  const onNoMatch = message.onNoMatch ? onMatch(decoding, message.onNoMatch, owner, `${field}.on_no_match`) : null;
  if (type.case === 'matcherTree') {
    return { ...decodeMap(decoding, type.value, owner, `${field}.matcher_tree`), onNoMatch };
  }
  const matchers = (type.value?.matchers ?? []).map((matcher, index) => {
    const place = `${field}.matcher_list.matchers[${index}]`;
    return {
      predicate: decodePredicate(decoding, matcher.predicate, owner, `${place}.predicate`),
      onMatch: onMatch(decoding, matcher.onMatch, owner, `${place}.on_match`),
    };
  });
  return { kind: 'list', matchers, onNoMatch };
}

function onMatch<Action>(
  decoding: Decoding,
  message: ProtoOnMatch | undefined,
  owner: TreeOwner<Action>,
  field: string,
): OnMatch<Action> {
  const keepMatching = message?.keepMatching ?? false;
  if (keepMatching && !owner.keepMatching) {
    throw new Refusal(`${field}.keep_matching`, 'is not supported in this context');
  }
  const target = message?.onMatch;
  switch (target?.case) {
    case 'matcher': {
      const matcher = decodeMatcherTree(decoding, target.value, owner, `${field}.matcher`);
      return { kind: 'matcher', matcher, keepMatching };
    }
    case 'action': {
      const action = owner.action(target.value.typedConfig, `${field}.action.typed_config`);
      return { kind: 'action', action, keepMatching };
    }
    default:
      throw new Refusal(field, 'on_match is required');
  }
}

function decodeMap<Action>(
  decoding: Decoding,
  { input, treeType }: Tree,
  owner: TreeOwner<Action>,
  field: string,
): Omit<MatcherNode<Action> & { readonly kind: 'exact_map' | 'prefix_map' }, 'onNoMatch'> {
  if (treeType.case !== 'exactMatchMap' && treeType.case !== 'prefixMatchMap') {
    throw new UnsupportedMatcher(`${field}.custom_match`);
  }
  const name = treeType.case === 'exactMatchMap' ? 'exact_match_map' : 'prefix_match_map';
  const map = new Map<string, OnMatch<Action>>();
  for (const [key, value] of Object.entries(treeType.value.map)) {
    map.set(key, onMatch(decoding, value, owner, `${field}.${name}.map["${key}"]`));
  }
  return {
    kind: treeType.case === 'exactMatchMap' ? 'exact_map' : 'prefix_map',
    input: decodeInput(input, owner, `${field}.input`),
    map,
  };
}

function decodePredicate<Action>(
  decoding: Decoding,
  message: Predicate | undefined,
  owner: TreeOwner<Action>,
  field: string,
): MatchPredicate {
  const type = message?.matchType;
  switch (type?.case) {
    case 'singlePredicate':
      return decodeSingle(decoding, type.value, owner, `${field}.single_predicate`);
    case 'notMatcher':
      return { kind: 'not', predicate: decodePredicate(decoding, type.value, owner, `${field}.not_matcher`) };
    case 'orMatcher':
    case 'andMatcher': {
      const [kind, name] =
        type.case === 'orMatcher' ? (['or', 'or_matcher'] as const) : (['and', 'and_matcher'] as const);
      const predicates = type.value.predicate.map((each, index) =>
        decodePredicate(decoding, each, owner, `${field}.${name}.predicate[${index}]`),
      );
      return { kind, predicates };
    }
    default:
      throw new Refusal(field, 'match_type is required');
  }
}

function decodeSingle<Action>(
  decoding: Decoding,
  { input, matcher }: SinglePredicate,
  owner: TreeOwner<Action>,
  field: string,
): MatchPredicate {
  const decoded = decodeInput(input, owner, `${field}.input`);
  switch (matcher.case) {
    case 'valueMatch': {
      const match = decodeString(decoding, matcher.value, `${field}.value_match`);
      return { kind: 'single', input: decoded, test: { kind: 'string', match } };
    }
    case 'customMatch': {
      const test = decodeInputMatch(decoding, matcher.value.typedConfig, `${field}.custom_match.typed_config`);
      return { kind: 'single', input: decoded, test };
    }
    default:
      throw new Refusal(field, 'matcher is required');
  }
}

function decodeInput<Action>(
  config: TypedExtensionConfig | undefined,
  owner: TreeOwner<Action>,
  field: string,
): MatchInput {
  const place = `${field}.typed_config`;
  const input = owner.input(config?.typedConfig, place);
  if (input === null) throw new UnsupportedMatcher(place);
  return input;
}

const CUSTOM = 'envoy.extensions.matching.input_matchers';

function decodeInputMatch(decoding: Decoding, config: Any | undefined, field: string): InputMatch {
  const { any, typeName } = readTypedConfig(config, field);
  if (any === null) throw new UnsupportedMatcher(field);
  switch (typeName) {
    case `${CUSTOM}.ip.v3.Ip`: {
      const { cidrRanges } = unpack<Ip>(decoding, any, typeName, field);
      const ranges = cidrRanges.map(({ addressPrefix, prefixLen }) => ({
        address: addressPrefix,
        length: prefixLen ?? 0,
      }));
      return { kind: 'ip', ranges };
    }
    case `${CUSTOM}.consistent_hashing.v3.ConsistentHashing`: {
      const { threshold, modulo, seed } = unpack<ConsistentHashing>(decoding, any, typeName, field);
      return { kind: 'consistent_hashing', threshold, modulo, seed };
    }
    case `${CUSTOM}.runtime_fraction.v3.RuntimeFraction`: {
      const { runtimeFraction, seed } = unpack<RuntimeFraction>(decoding, any, typeName, field);
      if (runtimeFraction === undefined) throw new Refusal(`${field}.runtime_fraction`, 'value is required');
      return { kind: 'runtime_fraction', fraction: decodeRuntimeFraction(runtimeFraction), seed };
    }
    case `${CUSTOM}.metadata.v3.Metadata`: {
      const { value, invert } = unpack<Metadata>(decoding, any, typeName, field);
      if (value === undefined) throw new Refusal(`${field}.value`, 'value is required');
      return { kind: 'metadata', value: decodeValue(decoding, value, `${field}.value`), invert };
    }
    default:
      throw new UnsupportedMatcher(`${field} (${typeName})`);
  }
}
