import type { RateLimit, RateLimit_Action } from '@inmesh/api/gen/envoy/config/route/v3/route_components_pb';
import type { LocalRateLimit } from '@inmesh/api/gen/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb';
import { type DescriptorAction, type LocalRateLimitConfig, localRateLimit } from '@inmesh/core';
import { type Decoding, enumName, otherFields, Refusal, unpack } from '../decoding.ts';
import { decodeRuntimePercent } from '../fractional-percent.ts';
import { decodeHeaderToAdd } from '../header-mutation.ts';
import { decodeTokenBucket } from '../token-bucket.ts';
import { type FilterDecoder, type FilterRow, filterRowWithOverride } from './row.ts';

const FILTER = 'envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit';
const KNOWN: ReadonlySet<string> = new Set([
  'stat_prefix',
  'status',
  'token_bucket',
  'filter_enabled',
  'filter_enforced',
  'request_headers_to_add_when_not_enforced',
  'response_headers_to_add',
  'descriptors',
  'enable_x_ratelimit_headers',
  'always_consume_default_token_bucket',
  'rate_limited_as_resource_exhausted',
  'rate_limits',
  'stage', // of limits of routes, which are not read
  'vh_rate_limits',
  'max_dynamic_descriptors',
]);
const DYNAMIC_DESCRIPTORS = 20;
const LIMIT_FIELDS: ReadonlySet<string> = new Set(['actions']);

type Bytes = Parameters<FilterDecoder<LocalRateLimitConfig>>[1];

const decode: FilterDecoder<LocalRateLimitConfig> = (decoding, any, field, unsupported) =>
  decodeConfig(decoding, any, field, unsupported, false);

const decodeOverride: FilterDecoder<LocalRateLimitConfig> = (decoding, any, field, unsupported) =>
  decodeConfig(decoding, any, field, unsupported, true);

function decodeConfig(
  decoding: Decoding,
  any: Bytes,
  field: string,
  unsupported: string[],
  perRoute: boolean,
): LocalRateLimitConfig {
  const message = unpack<LocalRateLimit>(decoding, any, FILTER, field);
  unsupported.push(...otherFields(message, KNOWN).map((name) => `${field}.${name}`));
  if (perRoute && message.tokenBucket === undefined) {
    throw new Refusal(`${field}.token_bucket`, 'local rate limit token bucket must be set for per filter configs');
  }
  // What they limit would be said by the routes' own rate_limits, which are not read.
  if (message.descriptors.length > 0 && message.rateLimits.length === 0) unsupported.push(`${field}.descriptors`);
  const status = Number(message.status?.code ?? 0);
  return {
    statPrefix: message.statPrefix,
    status: status >= 400 ? status : 429,
    tokenBucket:
      message.tokenBucket === undefined ? null : decodeTokenBucket(message.tokenBucket, `${field}.token_bucket`),
    filterEnabled: decodeRuntimePercent(message.filterEnabled),
    filterEnforced: decodeRuntimePercent(message.filterEnforced),
    requestHeadersToAddWhenNotEnforced: message.requestHeadersToAddWhenNotEnforced.map((option, index) =>
      decodeHeaderToAdd(option, `${field}.request_headers_to_add_when_not_enforced[${index}]`),
    ),
    responseHeadersToAdd: message.responseHeadersToAdd.map((option, index) =>
      decodeHeaderToAdd(option, `${field}.response_headers_to_add[${index}]`),
    ),
    descriptors: decodeDescriptors(message, field, unsupported),
    maxDynamicDescriptors: message.maxDynamicDescriptors ?? DYNAMIC_DESCRIPTORS,
    rateLimits: message.rateLimits.map((each, index) =>
      decodeRateLimit(each, `${field}.rate_limits[${index}]`, unsupported),
    ),
    alwaysConsumeDefaultTokenBucket: message.alwaysConsumeDefaultTokenBucket ?? true,
    xRateLimitHeaders:
      enumName('envoy.extensions.common.ratelimit.v3.XRateLimitHeadersRFCVersion', message.enableXRatelimitHeaders) ===
      'DRAFT_VERSION_03',
    asResourceExhausted: message.rateLimitedAsResourceExhausted,
  };
}

function decodeDescriptors(message: LocalRateLimit, field: string, unsupported: string[]) {
  return message.descriptors.map(({ entries, tokenBucket, shadowMode }, index) => {
    const place = `${field}.descriptors[${index}]`;
    if (tokenBucket === undefined) throw new Refusal(`${place}.token_bucket`, 'value is required');
    if (shadowMode) unsupported.push(`${place}.shadow_mode`);
    return {
      entries: entries.map(({ key, value }) => ({ key, value })),
      tokenBucket: decodeTokenBucket(tokenBucket, `${place}.token_bucket`),
    };
  });
}

function decodeRateLimit(message: RateLimit, field: string, unsupported: string[]): DescriptorAction[] {
  unsupported.push(...otherFields(message, LIMIT_FIELDS).map((name) => `${field}.${name}`));
  return message.actions.flatMap((action, index) => decodeAction(action, `${field}.actions[${index}]`, unsupported));
}

function decodeAction({ actionSpecifier }: RateLimit_Action, field: string, unsupported: string[]): DescriptorAction[] {
  const { case: kind, value } = actionSpecifier;
  switch (kind) {
    case 'genericKey':
      return [{ kind: 'generic_key', key: value.descriptorKey || 'generic_key', value: value.descriptorValue }];
    case 'destinationCluster':
      return [{ kind: 'destination_cluster' }];
    case 'requestHeaders':
      return [
        {
          kind: 'request_headers',
          header: value.headerName.toLowerCase(),
          key: value.descriptorKey,
          skipIfAbsent: value.skipIfAbsent,
        },
      ];
    case 'queryParameters':
      return [
        {
          kind: 'query_parameters',
          parameter: value.queryParameterName,
          key: value.descriptorKey,
          skipIfAbsent: value.skipIfAbsent,
        },
      ];
    default:
      unsupported.push(`${field}.${kind ?? 'action_specifier'}`);
      return [];
  }
}

export const localRateLimitRow: FilterRow = filterRowWithOverride(
  [FILTER, decode],
  [FILTER, decodeOverride],
  localRateLimit,
);
