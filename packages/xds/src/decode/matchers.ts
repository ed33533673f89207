import type {
  CookieMatcher,
  HeaderMatcher,
  QueryParameterMatcher,
} from '@inmesh/api/gen/envoy/config/route/v3/route_components_pb';
import type { FilterStateMatcher } from '@inmesh/api/gen/envoy/type/matcher/v3/filter_state_pb';
import type { MetadataMatcher } from '@inmesh/api/gen/envoy/type/matcher/v3/metadata_pb';
import type { StringMatcher } from '@inmesh/api/gen/envoy/type/matcher/v3/string_pb';
import type { ValueMatcher } from '@inmesh/api/gen/envoy/type/matcher/v3/value_pb';
import type { StringMatcher as XdsStringMatcher } from '@inmesh/api/gen/xds/type/matcher/v3/string_pb';
import type {
  CookieMatch,
  FilterStateMatch,
  HeaderMatch,
  MetadataMatch,
  QueryParameterMatch,
  StringMatch,
  ValueMatch,
} from '@inmesh/core';
import { type Decoding, Refusal, requireRegex } from './decoding.ts';

/** A matcher that this version does not have; whoever reads the route refuses the calls that reach it. */
export class UnsupportedMatcher extends Error {
  override readonly name: string = 'UnsupportedMatcher';
  /** In proto names, from where the reader began. */
  readonly field: string;

  constructor(field: string) {
    super(`${field} is not supported`);
    this.field = field;
  }
}

/** `field` is where the matcher stands; a Refusal names it, and so does an UnsupportedMatcher. */
export function decodeString(
  decoding: Decoding,
  { matchPattern: pattern, ignoreCase }: StringMatcher | XdsStringMatcher,
  field: string,
): StringMatch {
  switch (pattern.case) {
    case 'exact':
    case 'prefix':
    case 'suffix':
    case 'contains':
      return { kind: pattern.case, value: pattern.value, ignoreCase };
    case 'safeRegex':
      if (ignoreCase) throw new Refusal(field, 'ignore_case has no effect for safe_regex');
      return regexMatch(decoding, pattern.value.regex, `${field}.safe_regex`);
    case 'custom':
      throw new UnsupportedMatcher(`${field}.custom`);
    default:
      throw new Refusal(field, 'match_pattern is required');
  }
}

function regexMatch(decoding: Decoding, regex: string, field: string): StringMatch {
  return { kind: 'safe_regex', value: requireRegex(decoding, regex, `${field}.regex`), ignoreCase: false };
}

export function decodeHeader(decoding: Decoding, message: HeaderMatcher, field: string): HeaderMatch {
  return {
    name: message.name.toLowerCase(),
    test: headerTest(decoding, message.headerMatchSpecifier, field),
    invert: message.invertMatch,
    treatMissingAsEmpty: message.treatMissingHeaderAsEmpty,
  };
}

function headerTest(
  decoding: Decoding,
  specifier: HeaderMatcher['headerMatchSpecifier'],
  field: string,
): HeaderMatch['test'] {
  const string = (kind: 'exact' | 'prefix' | 'suffix' | 'contains', value: string): HeaderMatch['test'] => ({
    kind: 'string',
    match: { kind, value, ignoreCase: false },
  });
  switch (specifier.case) {
    case 'exactMatch':
      return specifier.value === '' ? { kind: 'any' } : string('exact', specifier.value);
    case 'prefixMatch':
      return string('prefix', specifier.value);
    case 'suffixMatch':
      return string('suffix', specifier.value);
    case 'containsMatch':
      return string('contains', specifier.value);
    case 'safeRegexMatch':
      return { kind: 'string', match: regexMatch(decoding, specifier.value.regex, `${field}.safe_regex_match`) };
    case 'stringMatch':
      return { kind: 'string', match: decodeString(decoding, specifier.value, `${field}.string_match`) };
    case 'rangeMatch':
      return { kind: 'range', start: specifier.value.start, end: specifier.value.end };
    default:
      return { kind: 'present', present: specifier.value ?? true };
  }
}

export function decodeQueryParameter(
  decoding: Decoding,
  { name, queryParameterMatchSpecifier: specifier }: QueryParameterMatcher,
  field: string,
): QueryParameterMatch {
  if (specifier.case === 'stringMatch') {
    return {
      name,
      test: { kind: 'string', match: decodeString(decoding, specifier.value, `${field}.string_match`) },
    };
  }
  return { name, test: { kind: 'present', present: specifier.value ?? true } };
}

export function decodeCookie(decoding: Decoding, message: CookieMatcher, field: string): CookieMatch {
  if (message.stringMatch === undefined) throw new Refusal(`${field}.string_match`, 'value is required');
  return {
    name: message.name,
    match: decodeString(decoding, message.stringMatch, `${field}.string_match`),
    invert: message.invertMatch,
  };
}

export function decodeMetadata(decoding: Decoding, message: MetadataMatcher, field: string): MetadataMatch {
  if (message.value === undefined) throw new Refusal(`${field}.value`, 'value is required');
  return {
    filter: message.filter,
    path: message.path.map(({ segment }) => segment.value ?? ''),
    value: decodeValue(decoding, message.value, `${field}.value`),
    invert: message.invert,
  };
}

export function decodeValue(decoding: Decoding, { matchPattern: pattern }: ValueMatcher, field: string): ValueMatch {
  switch (pattern.case) {
    case 'nullMatch':
      return { kind: 'null' };
    case 'boolMatch':
      return { kind: 'bool', value: pattern.value };
    case 'presentMatch':
      return { kind: 'present', present: pattern.value };
    case 'doubleMatch': {
      const { matchPattern: number } = pattern.value;
      if (number.case === 'range') return { kind: 'range', start: number.value.start, end: number.value.end };
      return { kind: 'number', value: number.value ?? 0 };
    }
    case 'stringMatch':
      return { kind: 'string', match: decodeString(decoding, pattern.value, `${field}.string_match`) };
    case 'listMatch': {
      const { matchPattern: list } = pattern.value;
      if (list.case === undefined) throw new Refusal(`${field}.list_match`, 'match_pattern is required');
      return { kind: 'list', oneOf: decodeValue(decoding, list.value, `${field}.list_match.one_of`) };
    }
    case 'orMatch':
      return {
        kind: 'or',
        any: pattern.value.valueMatchers.map((each, index) =>
          decodeValue(decoding, each, `${field}.or_match.value_matchers[${index}]`),
        ),
      };
    default:
      throw new Refusal(field, 'match_pattern is required');
  }
}

export function decodeFilterState(
  decoding: Decoding,
  { key, matcher }: FilterStateMatcher,
  field: string,
): FilterStateMatch {
  switch (matcher.case) {
    case 'stringMatch':
      return { key, test: { kind: 'string', match: decodeString(decoding, matcher.value, `${field}.string_match`) } };
    case 'addressMatch': {
      const ranges = matcher.value.ranges.map(({ addressPrefix, prefixLen }) => ({
        address: addressPrefix,
        length: prefixLen ?? 0,
      }));
      return { key, test: { kind: 'address', ranges, invert: matcher.value.invertMatch } };
    }
    default:
      throw new Refusal(field, 'matcher is required');
  }
}
