import type { Any } from '@bufbuild/protobuf/wkt';
import type {
  ExtensionWithMatcher,
  ExtensionWithMatcherPerRoute,
} from '@inmesh/api/gen/envoy/extensions/common/matching/v3/extension_matcher_pb';
import type {
  Composite,
  CompositePerRoute,
  ExecuteFilterAction,
  FilterChainConfiguration,
} from '@inmesh/api/gen/envoy/extensions/filters/http/composite/v3/composite_pb';
import type { Matcher } from '@inmesh/api/gen/xds/type/matcher/v3/matcher_pb';
import {
  composite,
  type EmbeddedFilter,
  type MatchAction,
  type MatchedFilterConfig,
  MatcherOverride,
} from '@inmesh/core';
import { type Decoding, Refusal, unpack } from '../decoding.ts';
import { decodeRuntimePercent } from '../fractional-percent.ts';
import { readHttpInput } from '../http-inputs.ts';
import { decodeMatcherTree } from '../matcher-tree.ts';
import { UnsupportedMatcher } from '../matchers.ts';
import { readTypedConfig } from '../typed-config.ts';
import { decodeEmbedded } from './embedded.ts';
import { type FilterDecoder, type FilterRow, filterRowWithOverride } from './row.ts';

const WITH_MATCHER = 'envoy.extensions.common.matching.v3.ExtensionWithMatcher';
const WITH_MATCHER_PER_ROUTE = 'envoy.extensions.common.matching.v3.ExtensionWithMatcherPerRoute';
const COMPOSITE = 'envoy.extensions.filters.http.composite.v3.Composite';
const COMPOSITE_PER_ROUTE = 'envoy.extensions.filters.http.composite.v3.CompositePerRoute';
const EXECUTE = 'envoy.extensions.filters.http.composite.v3.ExecuteFilterAction';
const SKIP = 'envoy.extensions.filters.common.matcher.action.v3.SkipFilter';

const NO_CHAINS: MatchedFilterConfig['namedChains'] = new Map();

const decodeWithMatcher: FilterDecoder<MatchedFilterConfig> = (decoding, any, field, unsupported) => {
  const message = unpack<ExtensionWithMatcher>(decoding, any, WITH_MATCHER, field);
  // The deprecated form has the same fields under the same names.
  const deprecated = message.matcher as unknown as Matcher | undefined;
  const [tree, name] = message.xdsMatcher === undefined ? [deprecated, 'matcher'] : [message.xdsMatcher, 'xds_matcher'];
  const matcher = decodeMatcher(decoding, tree, `${field}.${name}`, unsupported);
  const place = `${field}.extension_config.typed_config`;
  const inner = readTypedConfig(message.extensionConfig?.typedConfig, place);
  if (inner.any !== null && inner.typeName === COMPOSITE) {
    return { ...readComposite(decoding, inner.any, place, unsupported), matcher };
  }
  const filter = decodeEmbedded(decoding, message.extensionConfig, `${field}.extension_config`, unsupported);
  return { matcher: filter === null ? null : matcher, filter, namedChains: NO_CHAINS };
};

const decodeWithMatcherOverride: FilterDecoder<MatcherOverride> = (decoding, any, field, unsupported) => {
  const { xdsMatcher } = unpack<ExtensionWithMatcherPerRoute>(decoding, any, WITH_MATCHER_PER_ROUTE, field);
  return new MatcherOverride(decodeMatcher(decoding, xdsMatcher, `${field}.xds_matcher`, unsupported));
};

const decodeComposite: FilterDecoder<MatchedFilterConfig> = (decoding, any, field, unsupported) =>
  readComposite(decoding, any, field, unsupported);

const decodeCompositeOverride: FilterDecoder<MatcherOverride> = (decoding, any, field, unsupported) => {
  const { matcher } = unpack<CompositePerRoute>(decoding, any, COMPOSITE_PER_ROUTE, field);
  return new MatcherOverride(decodeMatcher(decoding, matcher, `${field}.matcher`, unsupported));
};

function readComposite(decoding: Decoding, any: Any, field: string, unsupported: string[]): MatchedFilterConfig {
  const { matcher, namedFilterChains } = unpack<Composite>(decoding, any, COMPOSITE, field);
  const namedChains = Object.entries(namedFilterChains).map(
    ([name, chain]) =>
      [name, decodeChain(decoding, chain, `${field}.named_filter_chains["${name}"]`, unsupported)] as const,
  );
  return {
    matcher: decodeMatcher(decoding, matcher, `${field}.matcher`, unsupported),
    filter: null,
    namedChains: new Map(namedChains),
  };
}

function decodeChain(
  decoding: Decoding,
  { typedConfig }: FilterChainConfiguration,
  field: string,
  unsupported: string[],
): EmbeddedFilter[] {
  if (typedConfig.length === 0) throw new Refusal(field, 'must contain at least one filter');
  return typedConfig.flatMap(
    (each, index) => decodeEmbedded(decoding, each, `${field}.typed_config[${index}]`, unsupported) ?? [],
  );
}

function decodeMatcher(
  decoding: Decoding,
  message: Matcher | undefined,
  field: string,
  unsupported: string[],
): MatchedFilterConfig['matcher'] {
  if (message === undefined) return null;
  const owner = {
    keepMatching: false,
    input: (config: Any | undefined, place: string) => readHttpInput(decoding, config, place),
    action: (config: Any | undefined, place: string) => decodeAction(decoding, config, place, unsupported),
  };
  try {
    return decodeMatcherTree(decoding, message, owner, field);
  } catch (error) {
    if (!(error instanceof UnsupportedMatcher)) throw error;
    unsupported.push(error.field);
    return null;
  }
}

function decodeAction(decoding: Decoding, config: Any | undefined, field: string, unsupported: string[]): MatchAction {
  const { any, typeName } = readTypedConfig(config, field);
  if (any !== null && typeName === SKIP) return { kind: 'skip' };
  if (any === null || typeName !== EXECUTE) throw new Refusal(field, `${typeName} is no action of an HTTP filter`);
  const message = unpack<ExecuteFilterAction>(decoding, any, EXECUTE, field);
  const { typedConfig, dynamicConfig, filterChain, filterChainName } = message;
  if (dynamicConfig !== undefined && typedConfig !== undefined) {
    throw new Refusal(field, 'only one of dynamic_config and typed_config can be set');
  }
  const samplePercent = decodeRuntimePercent(message.samplePercent);
  const execute = (filters: readonly EmbeddedFilter[] | string): MatchAction => ({
    kind: 'execute',
    filters,
    samplePercent,
  });
  // In this order, where several are set.
  if (filterChain !== undefined) {
    return execute(decodeChain(decoding, filterChain, `${field}.filter_chain`, unsupported));
  }
  if (filterChainName !== '') return execute(filterChainName);
  if (dynamicConfig !== undefined) {
    unsupported.push(`${field}.dynamic_config`);
    return execute([]);
  }
  if (typedConfig === undefined) {
    throw new Refusal(field, 'needs typed_config, dynamic_config, filter_chain or filter_chain_name');
  }
  const filter = decodeEmbedded(decoding, typedConfig, `${field}.typed_config`, unsupported);
  return execute(filter === null ? [] : [filter]);
}

export const extensionWithMatcherRow: FilterRow = filterRowWithOverride(
  [WITH_MATCHER, decodeWithMatcher],
  [WITH_MATCHER_PER_ROUTE, decodeWithMatcherOverride],
  composite as FilterRow['type'],
);

export const compositeRow: FilterRow = filterRowWithOverride(
  [COMPOSITE, decodeComposite],
  [COMPOSITE_PER_ROUTE, decodeCompositeOverride],
  composite as FilterRow['type'],
);
