import type { RuntimeFractionalPercent as ProtoFraction } from '@inmesh/api/gen/envoy/config/core/v3/base_pb';
import type { RouteMatch } from '@inmesh/api/gen/envoy/config/route/v3/route_components_pb';
import type { UriTemplateMatchConfig } from '@inmesh/api/gen/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb';
import {
  NO_CONDITIONS,
  type PathMatch,
  type RouteConditions,
  type RuntimeFractionalPercent,
  uriTemplatePattern,
} from '@inmesh/core';
import { type Decoding, enumName, otherFields, Refusal, requireRegex, unpack } from './decoding.ts';
import {
  decodeCookie,
  decodeFilterState,
  decodeHeader,
  decodeMetadata,
  decodeQueryParameter,
  UnsupportedMatcher,
} from './matchers.ts';
import { readTypedConfig } from './typed-config.ts';

const URI_TEMPLATE = 'envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig';

/** Fields that this version honours. */
const MATCH_FIELDS: ReadonlySet<string> = new Set([
  'prefix',
  'path',
  'path_separated_prefix',
  'safe_regex',
  'connect_matcher',
  'path_match_policy',
  'case_sensitive',
  'runtime_fraction',
  'headers',
  'query_parameters',
  'cookies',
  'grpc',
  'tls_context',
  'dynamic_metadata',
  'filter_state',
]);

export interface DecodedMatch {
  /** Null where the path specifier is one of `others`. */
  readonly path: PathMatch | null;
  readonly conditions: RouteConditions;
  /** Fields that this version lacks. Nothing is asked in their place: such a route matches more calls than it should, and refuses them. */
  readonly others: readonly string[];
}

export function decodeMatch(decoding: Decoding, match: RouteMatch, field: string): DecodedMatch {
  const others = otherFields(match, MATCH_FIELDS).map((name) => `match.${name}`);
  /** Reads each matcher of a list, and leaves out what this version lacks. */
  const each = <In, Out>(list: readonly In[], name: string, read: Reader<In, Out>): Out[] =>
    list.flatMap((item, index) => {
      const place = `${name}[${index}]`;
      try {
        return [read(decoding, item, `${field}.${place}`)];
      } catch (error) {
        if (!(error instanceof UnsupportedMatcher)) throw error;
        others.push(`match.${error.field.slice(field.length + 1)}`);
        return [];
      }
    });
  const { runtimeFraction, tlsContext } = match;
  const conditions: RouteConditions = {
    runtimeFraction: runtimeFraction === undefined ? null : decodeRuntimeFraction(runtimeFraction),
    grpc: match.grpc !== undefined,
    headers: each(match.headers, 'headers', decodeHeader),
    queryParameters: each(match.queryParameters, 'query_parameters', decodeQueryParameter),
    cookies: each(match.cookies, 'cookies', decodeCookie),
    tlsContext:
      tlsContext === undefined
        ? null
        : { presented: tlsContext.presented ?? null, validated: tlsContext.validated ?? null },
    dynamicMetadata: each(match.dynamicMetadata, 'dynamic_metadata', decodeMetadata),
    filterState: each(match.filterState, 'filter_state', decodeFilterState),
  };
  const path = decodePath(decoding, match, others, field);
  // Most routes ask for a path alone: a large table shares one object for all of them.
  return { path, conditions: asksNothing(conditions) ? NO_CONDITIONS : conditions, others };
}

function asksNothing(conditions: RouteConditions): boolean {
  return Object.values(conditions).every((each) => !each || (Array.isArray(each) && each.length === 0));
}

type Reader<In, Out> = (decoding: Decoding, message: In, field: string) => Out;

function decodePath(decoding: Decoding, match: RouteMatch, others: string[], field: string): PathMatch | null {
  const caseSensitive = match.caseSensitive ?? true;
  const { pathSpecifier: specifier } = match;
  switch (specifier.case) {
    case 'prefix':
      return { kind: 'prefix', value: specifier.value, caseSensitive };
    case 'path':
      return { kind: 'path', value: specifier.value, caseSensitive };
    case 'pathSeparatedPrefix':
      return { kind: 'path_separated_prefix', value: specifier.value, caseSensitive };
    case 'connectMatcher':
      return { kind: 'connect_matcher', value: '', caseSensitive: true };
    case 'safeRegex': {
      const value = requireRegex(decoding, specifier.value.regex, `${field}.safe_regex.regex`);
      return { kind: 'safe_regex', value, caseSensitive: true };
    }
    case 'pathMatchPolicy': {
      const place = `${field}.path_match_policy.typed_config`;
      const { any, typeName } = readTypedConfig(specifier.value.typedConfig, place);
      if (typeName === URI_TEMPLATE && any !== null) {
        const { pathTemplate } = unpack<UriTemplateMatchConfig>(decoding, any, URI_TEMPLATE, place);
        return { kind: 'uri_template', value: requireTemplate(pathTemplate, place), caseSensitive: true };
      }
      others.push(`match.path_match_policy (${typeName})`);
      return null;
    }
    default:
      return null;
  }
}

export function requireTemplate(template: string, field: string): string {
  try {
    uriTemplatePattern(template);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Refusal(`${field}.path_template`, `${template} is no template: ${reason}`, { cause });
  }
  return template;
}

export function decodeRuntimeFraction({ defaultValue, runtimeKey }: ProtoFraction): RuntimeFractionalPercent {
  const denominator = enumName('envoy.type.v3.FractionalPercent.DenominatorType', defaultValue?.denominator ?? 0);
  return {
    runtimeKey,
    defaultValue: {
      numerator: defaultValue?.numerator ?? 0,
      denominator: denominator === 'MILLION' ? 1_000_000 : denominator === 'TEN_THOUSAND' ? 10_000 : 100,
    },
  };
}
