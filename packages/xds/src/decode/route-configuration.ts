import { messageType } from '@inmesh/api';
import type {
  Route as ProtoRoute,
  VirtualHost as ProtoVirtualHost,
} from '@inmesh/api/gen/envoy/config/route/v3/route_components_pb';
import type { RouteConfiguration as ProtoRouteConfiguration } from '@inmesh/api/gen/envoy/config/route/v3/route_pb';
import { type Route, type RouteConfiguration, VIRTUAL_HOST_DEFAULTS, type VirtualHost } from '@inmesh/core';
import { decodeSpecifiers } from './cluster-specifier.ts';
import { decodeRoutesCors } from './cors-policy.ts';
import { type Decoding, enumName, otherFields, Refusal, requireValid } from './decoding.ts';
import { requireEnvoyRoutes } from './envoy/index.ts';
import { decodeFilterOverrides } from './filter-overrides.ts';
import { requireGrpcRoutes } from './grpc/index.ts';
import { decodeMessageMutations, MUTATION_FIELDS } from './header-mutation.ts';
import { decodeMirrors } from './mirror.ts';
import { decodeRetryPolicy } from './retry-policy.ts';
import { decodeRoute, refusedRoute } from './route.ts';
import { decodeRouteTree } from './route-tree.ts';

const DEFAULT_DIRECT_RESPONSE_BYTES = 4096;

/** Fields that this version honours, and those that no call is decided by. */
const CONFIG_FIELDS: ReadonlySet<string> = new Set([
  'name',
  'virtual_hosts',
  'ignore_port_in_host_matching',
  'ignore_path_parameters_in_path_matching',
  'max_direct_response_body_size_bytes',
  'typed_per_filter_config', // read entry by entry
  'validate_clusters',
  'most_specific_header_mutations_wins',
  ...MUTATION_FIELDS,
  'cluster_specifier_plugins',
  'request_mirror_policies',
  'metadata',
]);
const HOST_FIELDS: ReadonlySet<string> = new Set([
  'name',
  'domains',
  'routes',
  'matcher',
  'cors',
  'retry_policy',
  'include_request_attempt_count',
  'include_attempt_count_in_response',
  ...MUTATION_FIELDS,
  'typed_per_filter_config', // read entry by entry
  'require_tls', // read below
  'virtual_clusters',
  'rate_limits', // without effect but for a rate limit filter, which is refused itself
  'per_request_buffer_limit_bytes',
  'request_body_buffer_limit',
  'request_mirror_policies',
  'metadata',
]);
/** Fields that bring routes of their own: without them the host has fewer routes than it should. */
const HOST_ROUTES: ReadonlySet<string> = new Set(['route_specifiers']);

export function decodeRouteConfiguration(decoding: Decoding, message: ProtoRouteConfiguration): RouteConfiguration {
  requireValid(decoding, messageType<ProtoRouteConfiguration>('envoy.config.route.v3.RouteConfiguration'), message);
  return readRouteConfiguration(decoding, message, '');
}

/** The same message inside a listener, whose rules were checked with the listener's. */
export function readRouteConfiguration(
  decoding: Decoding,
  message: ProtoRouteConfiguration,
  field: string,
): RouteConfiguration {
  const prefix = field === '' ? '' : `${field}.`;
  if (decoding.profile === 'grpc') requireGrpcRoutes(decoding, message, prefix);
  else requireEnvoyRoutes(message, prefix);
  const unsupported = otherFields(message, CONFIG_FIELDS).map((name) => `route_config.${name}`);
  const scope = {
    unsupported,
    specifiers: decodeSpecifiers(decoding, message.clusterSpecifierPlugins, `${prefix}cluster_specifier_plugins`),
    maxDirectResponseBytes: message.maxDirectResponseBodySizeBytes ?? DEFAULT_DIRECT_RESPONSE_BYTES,
  };
  const virtualHosts = message.virtualHosts.map((host, index) =>
    decodeVirtualHost(decoding, host, scope, `${prefix}virtual_hosts[${index}]`),
  );
  // gRPC takes the first of equal domains, as the router does.
  if (decoding.profile === 'envoy') requireUniqueDomains(virtualHosts, prefix);
  if (message.vhds !== undefined && !virtualHosts.some((host) => host.domains.includes('*'))) {
    virtualHosts.push(onDemandHost());
  }
  return {
    name: message.name,
    virtualHosts,
    ignorePortInHostMatching: message.ignorePortInHostMatching,
    ignorePathParametersInPathMatching: message.ignorePathParametersInPathMatching,
    mutations: decodeMessageMutations(message, prefix),
    mirrors: decodeMirrors(message.requestMirrorPolicies, `${prefix}request_mirror_policies`),
    mostSpecificHeaderMutationsWins: message.mostSpecificHeaderMutationsWins,
    ...decodeFilterOverrides(decoding, message.typedPerFilterConfig, `${prefix}typed_per_filter_config`),
  };
}

function decodeVirtualHost(
  decoding: Decoding,
  message: ProtoVirtualHost,
  scope: Parameters<typeof decodeRoute>[2],
  field: string,
): VirtualHost {
  const others = otherFields(message, HOST_FIELDS);
  const unsupported = [...scope.unsupported, ...others.map((name) => `virtual_host.${name}`)];
  const requireTls = enumName('envoy.config.route.v3.VirtualHost.TlsRequirementType', message.requireTls);
  if (requireTls !== 'NONE') unsupported.push('virtual_host.require_tls');
  const retry = message.retryPolicy && decodeRetryPolicy(message.retryPolicy, 'virtual_host.retry_policy');
  const read = (each: ProtoRoute, place: string): Route | null => {
    const route = decodeRoute(decoding, each, { ...scope, unsupported }, place);
    if (route === null) return null;
    const inherits = route.action.kind === 'forward' && route.action.retryPolicy === null;
    if (retry === undefined || !inherits || retry.unsupported.length === 0) return route;
    return { ...route, unsupported: [...route.unsupported, ...retry.unsupported] };
  };
  const cors = decodeRoutesCors(decoding, message.cors, 'virtual_host.cors', unsupported);
  const tree = decodeRouteTree(decoding, message, read, field);
  unsupported.push(...tree.others.map((name) => `virtual_host.${name}`));
  const routes = [
    ...message.routes.map((each, index) => read(each, `${field}.routes[${index}]`)).filter((each) => each !== null),
    ...tree.routes,
    ...(tree.others.length > 0 || others.some((name) => HOST_ROUTES.has(name)) ? [refusedRoute(unsupported)] : []),
  ];
  return {
    name: message.name,
    domains: message.domains.map((domain) => domain.toLowerCase()),
    routes,
    matcher: tree.matcher,
    retryPolicy: retry?.config ?? null,
    includeRequestAttemptCount: message.includeRequestAttemptCount,
    includeAttemptCountInResponse: message.includeAttemptCountInResponse,
    mutations: decodeMessageMutations(message, `${field}.`),
    mirrors: decodeMirrors(message.requestMirrorPolicies, `${field}.request_mirror_policies`),
    ...cors,
    ...decodeFilterOverrides(decoding, message.typedPerFilterConfig, `${field}.typed_per_filter_config`),
  };
}

/** Of a whole configuration. */
export function requireUniqueDomains(hosts: readonly VirtualHost[], prefix: string): void {
  const seen = new Set<string>();
  for (const [index, host] of hosts.entries()) {
    for (const [position, domain] of host.domains.entries()) {
      if (seen.has(domain)) {
        throw new Refusal(
          `${prefix}virtual_hosts[${index}].domains[${position}]`,
          `duplicate entry of domain ${domain}: only unique values are permitted`,
        );
      }
      seen.add(domain);
    }
  }
}

/** Hosts that VHDS would bring must not look as if there were none. */
function onDemandHost(): VirtualHost {
  return {
    ...VIRTUAL_HOST_DEFAULTS,
    name: 'vhds',
    domains: ['*'],
    routes: [refusedRoute(['route_config.vhds'])],
  };
}
