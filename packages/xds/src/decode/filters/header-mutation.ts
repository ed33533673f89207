import type { HeaderMutation as ProtoOperation } from '@inmesh/api/gen/envoy/config/common/mutation_rules/v3/mutation_rules_pb';
import type { KeyValueMutation } from '@inmesh/api/gen/envoy/config/core/v3/base_pb';
import type {
  HeaderMutation,
  HeaderMutationPerRoute,
  Mutations,
} from '@inmesh/api/gen/envoy/extensions/filters/http/header_mutation/v3/header_mutation_pb';
import type { StringMatcher } from '@inmesh/api/gen/envoy/type/matcher/v3/string_pb';
import {
  type HeaderAppendAction,
  type HeaderMutationConfig,
  type HeaderMutationLevel,
  type HeaderOperation,
  headerMutation,
  type QueryMutation,
} from '@inmesh/core';
import { type Decoding, enumName, otherFields, Refusal, unpack } from '../decoding.ts';
import { decodeHeaderToAdd, requireFormat } from '../header-mutation.ts';
import { decodeString, UnsupportedMatcher } from '../matchers.ts';
import { type FilterDecoder, type FilterRow, filterRowWithOverride } from './row.ts';

const FILTER = 'envoy.extensions.filters.http.header_mutation.v3.HeaderMutation';
const PER_ROUTE = 'envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute';
const KNOWN: ReadonlySet<string> = new Set([
  'request_mutations',
  'response_mutations',
  'query_parameter_mutations',
  'response_trailers_mutations',
]);

const decode: FilterDecoder<HeaderMutationConfig> = (decoding, any, field, unsupported) => {
  const message = unpack<HeaderMutation>(decoding, any, FILTER, field);
  const level = decodeLevel(decoding, message.mutations, `${field}.mutations`, unsupported);
  return { ...level, mostSpecificWins: message.mostSpecificHeaderMutationsWins };
};

const decodeOverride: FilterDecoder<HeaderMutationLevel> = (decoding: Decoding, any, field, unsupported) =>
  decodeLevel(
    decoding,
    unpack<HeaderMutationPerRoute>(decoding, any, PER_ROUTE, field).mutations,
    `${field}.mutations`,
    unsupported,
  );

function decodeLevel(
  decoding: Decoding,
  message: Mutations | undefined,
  field: string,
  unsupported: string[],
): HeaderMutationLevel {
  if (message === undefined) return { request: [], query: [], response: [], responseTrailers: [] };
  unsupported.push(...otherFields(message, KNOWN).map((name) => `${field}.${name}`));
  const operations = (list: readonly ProtoOperation[], name: string) =>
    list.flatMap((each, index) => decodeOperation(decoding, each, `${field}.${name}[${index}]`, unsupported));
  return {
    request: operations(message.requestMutations, 'request_mutations'),
    response: operations(message.responseMutations, 'response_mutations'),
    responseTrailers: operations(message.responseTrailersMutations, 'response_trailers_mutations'),
    query: message.queryParameterMutations.map((each, index) =>
      decodeQuery(each, `${field}.query_parameter_mutations[${index}]`),
    ),
  };
}

function decodeOperation(
  decoding: Decoding,
  { action }: ProtoOperation,
  field: string,
  unsupported: string[],
): HeaderOperation[] {
  switch (action.case) {
    case 'append':
      return [{ append: decodeHeaderToAdd(action.value, `${field}.append`) }];
    case 'remove':
      return [{ remove: action.value.toLowerCase() }];
    default:
      return decodeRemoval(decoding, action.value?.keyMatcher, `${field}.remove_on_match.key_matcher`, unsupported);
  }
}

function decodeRemoval(
  decoding: Decoding,
  matcher: StringMatcher | undefined,
  field: string,
  unsupported: string[],
): HeaderOperation[] {
  if (matcher === undefined) throw new Refusal(field, 'value is required');
  try {
    return [{ removeOnMatch: decodeString(decoding, matcher, field) }];
  } catch (error) {
    if (!(error instanceof UnsupportedMatcher)) throw error;
    unsupported.push(error.field);
    return [];
  }
}

function decodeQuery({ append, remove }: KeyValueMutation, field: string): QueryMutation {
  if (append === undefined) {
    if (remove === '') throw new Refusal(field, 'no mutation specified');
    return { remove };
  }
  const { record } = append;
  if (record === undefined) throw new Refusal(`${field}.append`, 'no record specified for parameter mutation');
  if (record.value?.kind.case !== 'stringValue') {
    throw new Refusal(`${field}.append.record.value`, 'only string value is allowed for parameter');
  }
  const value = record.value.kind.value;
  requireFormat(value, `${field}.append.record.value`);
  const action = enumName('envoy.config.core.v3.KeyValueAppend.KeyValueAppendAction', append.action);
  return { key: record.key, value, action: action.toLowerCase() as HeaderAppendAction };
}

export const headerMutationRow: FilterRow = filterRowWithOverride(
  [FILTER, decode],
  [PER_ROUTE, decodeOverride],
  headerMutation,
);
