import type { TypedExtensionConfig } from '@inmesh/api/gen/envoy/config/core/v3/extension_pb';
import type { InternalRedirectPolicy as ProtoPolicy } from '@inmesh/api/gen/envoy/config/route/v3/route_components_pb';
import type { AllowListedRoutesConfig } from '@inmesh/api/gen/envoy/extensions/internal_redirect/allow_listed_routes/v3/allow_listed_routes_config_pb';
import type { InternalRedirectPolicy, InternalRedirectPredicate } from '@inmesh/core';
import { type Decoding, Refusal, unpack } from './decoding.ts';
import { readTypedConfig } from './typed-config.ts';

const PREDICATES = 'envoy.extensions.internal_redirect';
const ALLOW_LISTED = `${PREDICATES}.allow_listed_routes.v3.AllowListedRoutesConfig`;
/** The only statuses that may be followed; others are left out, as by Envoy. */
const STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export function decodeInternalRedirects(
  decoding: Decoding,
  message: ProtoPolicy | undefined,
  field: string,
): InternalRedirectPolicy | null {
  if (message === undefined) return null;
  const statuses = message.redirectResponseCodes.filter((status) => STATUSES.has(status));
  for (const [index, name] of message.responseHeadersToCopy.entries()) {
    if (name.startsWith(':') || name.toLowerCase() === 'host') {
      throw new Refusal(
        `${field}.response_headers_to_copy[${index}]`,
        `${name}: pseudo headers and host are not copied`,
      );
    }
  }
  return {
    max: message.maxInternalRedirects ?? 1,
    statuses: new Set(message.redirectResponseCodes.length === 0 ? [302] : statuses),
    predicates: message.predicates.map((each, index) =>
      decodePredicate(decoding, each, `${field}.predicates[${index}]`),
    ),
    allowCrossScheme: message.allowCrossSchemeRedirect,
    headersToCopy: message.responseHeadersToCopy.map((name) => name.toLowerCase()),
  };
}

function decodePredicate(
  decoding: Decoding,
  { typedConfig }: TypedExtensionConfig,
  field: string,
): InternalRedirectPredicate {
  const place = `${field}.typed_config`;
  const { any, typeName } = readTypedConfig(typedConfig, place);
  switch (typeName) {
    case `${PREDICATES}.previous_routes.v3.PreviousRoutesConfig`:
      return { kind: 'previous_routes' };
    case `${PREDICATES}.safe_cross_scheme.v3.SafeCrossSchemeConfig`:
      return { kind: 'safe_cross_scheme' };
    case ALLOW_LISTED: {
      const names =
        any === null ? [] : unpack<AllowListedRoutesConfig>(decoding, any, ALLOW_LISTED, place).allowedRouteNames;
      return { kind: 'allow_listed_routes', names: new Set(names) };
    }
    default:
      throw new Refusal(place, `no predicate of type ${typeName}`);
  }
}
