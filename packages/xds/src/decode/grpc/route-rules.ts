import type {
  RetryPolicy,
  Route,
  RouteAction,
  WeightedCluster,
} from '@inmesh/api/gen/envoy/config/route/v3/route_components_pb';
import type { RouteConfiguration } from '@inmesh/api/gen/envoy/config/route/v3/route_pb';
import { type Decoding, milliseconds, Refusal, requireRegex } from '../decoding.ts';
import { ROUTE_LOOKUP } from '../route-lookup.ts';
import { readTypedConfig } from '../typed-config.ts';
import { requireOverrides } from './filter-rules.ts';
import { requireStringMatcher } from './string-matcher-rules.ts';

const MAX_UINT32 = 0xffff_ffff;

/** What gRPC refuses of a RouteConfiguration (gRFC A28, A31, A39, A44); `prefix` stands before each field's name. */
export function requireGrpcRoutes(decoding: Decoding, message: RouteConfiguration, prefix: string): void {
  const plugins = readPlugins(message, prefix);
  for (const [index, host] of message.virtualHosts.entries()) {
    const place = `${prefix}virtual_hosts[${index}]`;
    for (const [position, route] of host.routes.entries()) {
      requireRoute(decoding, route, plugins, `${place}.routes[${position}]`);
    }
    requireRetryPolicy(host.retryPolicy, `${place}.retry_policy`);
    requireOverrides(decoding, host.typedPerFilterConfig, `${place}.typed_per_filter_config`);
  }
}

/** By their names whether the declared plugins are known; the others must be optional. (gRFC A48) */
function readPlugins(message: RouteConfiguration, prefix: string): ReadonlyMap<string, boolean> {
  return new Map(
    message.clusterSpecifierPlugins.map(({ extension, isOptional }, index) => {
      const name = extension?.name ?? '';
      const place = `${prefix}cluster_specifier_plugins[${index}].extension.typed_config`;
      const known = readTypedConfig(extension?.typedConfig, place).typeName === ROUTE_LOOKUP;
      if (known || isOptional) return [name, known] as const;
      const type = extension?.typedConfig?.typeUrl ?? '';
      throw new Refusal(
        `${prefix}cluster_specifier_plugins[${index}]`,
        `cluster specifier "${name}" of type "${type}" was not found, and is not optional`,
      );
    }),
  );
}

function requireRoute(decoding: Decoding, route: Route, plugins: ReadonlyMap<string, boolean>, field: string): void {
  const match = route.match;
  if (match === undefined) throw new Refusal(`${field}.match`, 'value is required');
  // gRPC leaves such a route out, whatever else it holds.
  if (match.queryParameters.length > 0) return;
  const path = match.pathSpecifier.case;
  if (path === undefined) throw new Refusal(`${field}.match.path_specifier`, 'value is required');
  if (path !== 'prefix' && path !== 'path' && path !== 'safeRegex') {
    throw new Refusal(`${field}.match.path_specifier`, 'must be prefix, path or safe_regex');
  }
  for (const [index, header] of match.headers.entries()) {
    const place = `${field}.match.headers[${index}]`;
    const specifier = header.headerMatchSpecifier;
    if (specifier.case === undefined) throw new Refusal(place, 'has no header matcher that gRPC knows');
    if (specifier.case === 'stringMatch') requireStringMatcher(decoding, specifier.value, `${place}.string_match`);
    else if (specifier.case === 'safeRegexMatch') {
      requireRegex(decoding, specifier.value.regex, `${place}.safe_regex_match.regex`);
    } else if (specifier.value === '' && specifier.case !== 'exactMatch')
      throw new Refusal(place, 'matches an empty text');
  }
  if (route.action.case === 'route' && !requireAction(decoding, route.action.value, plugins, `${field}.route`)) return;
  requireOverrides(decoding, route.typedPerFilterConfig, `${field}.typed_per_filter_config`);
}

/** False where gRPC leaves the route out. */
function requireAction(
  decoding: Decoding,
  action: RouteAction,
  plugins: ReadonlyMap<string, boolean>,
  field: string,
): boolean {
  const specifier = action.clusterSpecifier;
  switch (specifier.case) {
    case 'cluster':
      break;
    case 'weightedClusters':
      requireWeights(decoding, specifier.value, `${field}.weighted_clusters`);
      break;
    case 'clusterSpecifierPlugin':
      if (plugins.get(specifier.value) === true) break;
      if (plugins.has(specifier.value)) return false;
      throw new Refusal(
        `${field}.cluster_specifier_plugin`,
        `"${specifier.value}" is not among the cluster_specifier_plugins of the RouteConfiguration`,
      );
    default:
      return false;
  }
  requireRetryPolicy(action.retryPolicy, `${field}.retry_policy`);
  return true;
}

function requireWeights(decoding: Decoding, message: WeightedCluster, field: string): void {
  let total = 0;
  for (const [index, { weight = 0, typedPerFilterConfig }] of message.clusters.entries()) {
    if (weight === 0) continue;
    total += weight;
    if (total > MAX_UINT32) throw new Refusal(field, `the sum of the weights exceeds ${MAX_UINT32}`);
    requireOverrides(decoding, typedPerFilterConfig, `${field}.clusters[${index}].typed_per_filter_config`);
  }
  if (total === 0) throw new Refusal(field, 'the sum of the weights must be greater than 0');
}

/** gRFC A44. */
function requireRetryPolicy(policy: RetryPolicy | undefined, field: string): void {
  if (policy === undefined) return;
  if (policy.numRetries === 0) throw new Refusal(`${field}.num_retries`, 'must be at least 1');
  const backoff = policy.retryBackOff;
  if (backoff === undefined) return;
  const { baseInterval, maxInterval } = backoff;
  if (baseInterval === undefined || milliseconds(baseInterval) <= 0) {
    throw new Refusal(`${field}.retry_back_off.base_interval`, 'must be greater than 0');
  }
  if (maxInterval !== undefined && milliseconds(maxInterval) <= 0) {
    throw new Refusal(`${field}.retry_back_off.max_interval`, 'must be greater than 0');
  }
}
