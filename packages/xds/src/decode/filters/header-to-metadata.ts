import type {
  Config,
  Config_KeyValuePair,
  Config_Rule,
} from '@inmesh/api/gen/envoy/extensions/filters/http/header_to_metadata/v3/header_to_metadata_pb';
import {
  type HeaderToMetadataConfig,
  headerToMetadata,
  type MetadataRule,
  type MetadataTarget,
  RegexError,
} from '@inmesh/core';
import { type Decoding, enumName, Refusal, unpack } from '../decoding.ts';
import { type FilterDecoder, type FilterRow, filterRowWithOverride } from './row.ts';

const FILTER = 'envoy.extensions.filters.http.header_to_metadata.v3.Config';
const DEFAULT_NAMESPACE = 'envoy.filters.http.header_to_metadata';

const decode: FilterDecoder<HeaderToMetadataConfig> = (decoding, any, field, unsupported) => {
  const { requestRules, responseRules } = unpack<Config>(decoding, any, FILTER, field);
  const rules = (list: readonly Config_Rule[], name: string) =>
    list.map((rule, index) => decodeRule(decoding, rule, `${field}.${name}[${index}]`, unsupported));
  return { request: rules(requestRules, 'request_rules'), response: rules(responseRules, 'response_rules') };
};

const decodeOverride: FilterDecoder<HeaderToMetadataConfig> = (decoding, any, field, unsupported) => {
  const config = decode(decoding, any, field, unsupported);
  if (config.request.length + config.response.length === 0) {
    throw new Refusal(field, 'per filter configs must at least specify either request or response rules');
  }
  return config;
};

function decodeRule(decoding: Decoding, rule: Config_Rule, field: string, unsupported: string[]): MetadataRule {
  const { header, cookie, onHeaderPresent: present, onHeaderMissing: missing, remove } = rule;
  if (header !== '' && cookie !== '') throw new Refusal(field, 'cannot specify both header and cookie');
  if (header === '' && cookie === '') throw new Refusal(field, 'one of cookie or header option needs to be specified');
  if (present === undefined && missing === undefined) {
    throw new Refusal(field, 'has neither `on_header_present` nor `on_header_missing` set');
  }
  if (present !== undefined && present.value !== '' && present.regexValueRewrite !== undefined) {
    throw new Refusal(`${field}.on_header_present`, 'cannot specify both value and regex_value_rewrite');
  }
  if (cookie !== '' && remove) throw new Refusal(`${field}.remove`, 'cannot specify remove for cookie');
  if (missing !== undefined && missing.value === '') {
    throw new Refusal(`${field}.on_header_missing`, 'cannot specify on_header_missing rule with an empty value');
  }
  const target = (pair: Config_KeyValuePair | undefined, name: string) =>
    pair === undefined ? null : decodeTarget(decoding, pair, `${field}.${name}`, unsupported);
  return {
    from: header === '' ? { cookie } : { header: header.toLowerCase(), remove },
    present: target(present, 'on_header_present'),
    missing: target(missing, 'on_header_missing'),
  };
}

function decodeTarget(
  { regex }: Decoding,
  pair: Config_KeyValuePair,
  field: string,
  unsupported: string[],
): MetadataTarget {
  const type = enumName('envoy.extensions.filters.http.header_to_metadata.v3.Config.ValueType', pair.type);
  if (type === 'PROTOBUF_VALUE') unsupported.push(`${field}.type`);
  const rewrite = pair.regexValueRewrite;
  if (rewrite !== undefined) {
    try {
      regex.compile(rewrite.pattern?.regex ?? '');
    } catch (cause) {
      if (!(cause instanceof RegexError)) throw cause;
      throw new Refusal(`${field}.regex_value_rewrite.pattern.regex`, cause.message, { cause });
    }
  }
  return {
    namespace: pair.metadataNamespace || DEFAULT_NAMESPACE,
    key: pair.key,
    value: pair.value,
    rewrite:
      rewrite === undefined ? null : { pattern: rewrite.pattern?.regex ?? '', substitution: rewrite.substitution },
    number: type === 'NUMBER',
    base64:
      enumName('envoy.extensions.filters.http.header_to_metadata.v3.Config.ValueEncode', pair.encode) === 'BASE64',
  };
}

export const headerToMetadataRow: FilterRow = filterRowWithOverride(
  [FILTER, decode],
  [FILTER, decodeOverride],
  headerToMetadata,
);
