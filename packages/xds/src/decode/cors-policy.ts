import type { CorsPolicy as RoutesPolicy } from '@inmesh/api/gen/envoy/config/route/v3/route_components_pb';
import type { CorsPolicy as FiltersPolicy } from '@inmesh/api/gen/envoy/extensions/filters/http/cors/v3/cors_pb';
import type { CorsPolicy } from '@inmesh/core';
import type { Decoding } from './decoding.ts';
import { decodeStrings } from './filters/strings.ts';
import { decodeRuntimePercent } from './fractional-percent.ts';

/** A policy, whether it overrides the filter or stands in a field of the routes. Its rules were checked. */
export function decodeCorsPolicy(
  decoding: Decoding,
  message: FiltersPolicy | RoutesPolicy,
  field: string,
  unsupported: string[],
): CorsPolicy {
  const enabled = 'enabledSpecifier' in message ? message.enabledSpecifier.value : message.filterEnabled;
  const origins = `${field}.allow_origin_string_match`;
  return {
    allowOrigins: decodeStrings(decoding, message.allowOriginStringMatch, origins, unsupported),
    allowMethods: message.allowMethods,
    allowHeaders: message.allowHeaders,
    exposeHeaders: message.exposeHeaders,
    maxAge: message.maxAge,
    allowCredentials: message.allowCredentials ?? null,
    allowPrivateNetworkAccess: message.allowPrivateNetworkAccess ?? null,
    forwardNotMatchingPreflights: message.forwardNotMatchingPreflights ?? null,
    filterEnabled: decodeRuntimePercent(enabled),
    shadowEnabled: decodeRuntimePercent(message.shadowEnabled),
  };
}

/** The same for a field that may not be there. */
export function decodeRoutesCors(
  decoding: Decoding,
  message: RoutesPolicy | undefined,
  field: string,
  unsupported: string[],
): { readonly cors?: CorsPolicy } {
  return message === undefined ? {} : { cors: decodeCorsPolicy(decoding, message, field, unsupported) };
}
