import type {
  DirectResponseAction as ProtoDirectResponse,
  Route as ProtoRoute,
  RouteAction as ProtoRouteAction,
  WeightedCluster as ProtoWeightedCluster,
  RouteMatch,
} from '@inmesh/api/gen/envoy/config/route/v3/route_components_pb';
import type {
  DirectResponseAction,
  ForwardAction,
  PathMatch,
  RetryPolicyConfig,
  Route,
  RouteAction,
  WeightedCluster,
} from '@inmesh/core';
import { type Decoding, enumName, milliseconds, otherFields, Refusal } from './decoding.ts';
import { refusedOverrides } from './http-filter.ts';
import { decodeRetryPolicy } from './retry-policy.ts';

const DEFAULT_TIMEOUT_MS = 15_000;
const MAX_TOTAL_WEIGHT = 0xffff_ffff;

/** Fields that this version honours, and those that it may leave out because no call is decided by them. */
const ROUTE_FIELDS: ReadonlySet<string> = new Set([
  'name',
  'match',
  'route',
  'direct_response',
  'metadata',
  'typed_per_filter_config', // read entry by entry
  'decorator',
  'tracing',
  'stat_prefix',
  'per_request_buffer_limit_bytes',
  'request_body_buffer_limit',
]);
const MATCH_FIELDS: ReadonlySet<string> = new Set(['prefix', 'path', 'path_separated_prefix', 'case_sensitive']);
const ACTION_FIELDS: ReadonlySet<string> = new Set([
  'cluster',
  'weighted_clusters',
  'cluster_not_found_response_code',
  'timeout',
  'retry_policy',
  'priority',
  'max_stream_duration', // read field by field
  'max_grpc_timeout',
  'grpc_timeout_offset',
  'idle_timeout',
  'flush_timeout',
  'early_data_policy',
  'hash_policy', // without effect under round robin and least request; other balancers are refused with their cluster
  'metadata_match', // without effect but for subsets, which are refused with their cluster
  'request_mirror_policies',
  'rate_limits', // without effect but for a rate limit filter, which is refused itself
  'include_vh_rate_limits',
  'upgrade_configs',
  'append_x_forwarded_host', // without effect but for a rewrite of the host
]);
const WEIGHTED_FIELDS: ReadonlySet<string> = new Set(['clusters', 'total_weight', 'runtime_key_prefix']);
const SHARE_FIELDS: ReadonlySet<string> = new Set(['name', 'weight', 'metadata_match', 'typed_per_filter_config']);

/** What a route inherits from its virtual host and route configuration. */
export interface RouteScope {
  /** Fields out there that this version does not honour and that concern every route. */
  readonly unsupported: readonly string[];
  readonly maxDirectResponseBytes: number;
}

export function decodeRoute(decoding: Decoding, message: ProtoRoute, scope: RouteScope, field: string): Route {
  const unsupported = [...scope.unsupported, ...otherFields(message, ROUTE_FIELDS)];
  unsupported.push(...refusedOverrides(decoding, message.typedPerFilterConfig, 'typed_per_filter_config'));
  const { path, others } = decodeMatch(message.match);
  unsupported.push(...others);
  let action: RouteAction = { kind: 'refused' };
  if (message.action.case === 'route') {
    action = decodeAction(decoding, message.action.value, unsupported, `${field}.route`) ?? action;
  } else if (message.action.case === 'directResponse') {
    action = decodeDirectResponse(message.action.value, unsupported, scope, `${field}.direct_response`) ?? action;
  }
  return { name: message.name, path, action, unsupported, metadata: message.metadata?.filterMetadata ?? {} };
}

/** A route that takes every path and answers none: it stands for what could not be read. */
export function refusedRoute(unsupported: readonly string[]): Route {
  return { name: '', path: null, action: { kind: 'refused' }, unsupported, metadata: {} };
}

function decodeMatch(match: RouteMatch | undefined): {
  readonly path: PathMatch | null;
  readonly others: readonly string[];
} {
  if (match === undefined) return { path: null, others: ['match'] };
  const others = otherFields(match, MATCH_FIELDS).map((name) => `match.${name}`);
  const caseSensitive = match.caseSensitive ?? true;
  const specifier = match.pathSpecifier;
  switch (specifier.case) {
    case 'prefix':
      return { path: { kind: 'prefix', value: specifier.value, caseSensitive }, others };
    case 'path':
      return { path: { kind: 'path', value: specifier.value, caseSensitive }, others };
    case 'pathSeparatedPrefix':
      return { path: { kind: 'path_separated_prefix', value: specifier.value, caseSensitive }, others };
    default:
      return { path: null, others };
  }
}

/** Null where the cluster is chosen in a way that this version does not know; `unsupported` names it then. */
function decodeAction(
  decoding: Decoding,
  message: ProtoRouteAction,
  unsupported: string[],
  field: string,
): ForwardAction | null {
  unsupported.push(...otherFields(message, ACTION_FIELDS).map((name) => `route.${name}`));
  const clusters = decodeClusters(decoding, message, unsupported, field);
  let retryPolicy: RetryPolicyConfig | null = null;
  if (message.retryPolicy !== undefined) {
    const decoded = decodeRetryPolicy(message.retryPolicy, `${field}.retry_policy`);
    retryPolicy = decoded.config;
    unsupported.push(...decoded.unsupported.map((name) => name.slice(field.length - 'route'.length)));
  }
  const timeoutMs = decodeTimeout(message, unsupported);
  if (clusters === null) return null;
  return {
    kind: 'forward',
    clusters,
    totalWeight: clusters.reduce((sum, each) => sum + each.weight, 0),
    clusterNotFoundStatus: notFoundStatus(message),
    timeoutMs,
    retryPolicy,
    priority: enumName('envoy.config.core.v3.RoutingPriority', message.priority) === 'HIGH' ? 'high' : 'default',
  };
}

function decodeClusters(
  decoding: Decoding,
  message: ProtoRouteAction,
  unsupported: string[],
  field: string,
): WeightedCluster[] | null {
  const specifier = message.clusterSpecifier;
  if (specifier.case === 'cluster') return [{ name: specifier.value, weight: 1 }];
  if (specifier.case === 'weightedClusters') {
    return decodeWeightedClusters(decoding, specifier.value, unsupported, `${field}.weighted_clusters`);
  }
  return null;
}

/** `total_weight` is ignored, as by Envoy: the sum counts. */
function decodeWeightedClusters(
  decoding: Decoding,
  message: ProtoWeightedCluster,
  unsupported: string[],
  field: string,
): WeightedCluster[] {
  const name = 'route.weighted_clusters';
  unsupported.push(...otherFields(message, WEIGHTED_FIELDS).map((each) => `${name}.${each}`));
  const clusters = message.clusters.map((share, index): WeightedCluster => {
    const place = `clusters[${index}]`;
    unsupported.push(...otherFields(share, SHARE_FIELDS).map((each) => `${name}.${place}.${each}`));
    unsupported.push(
      ...refusedOverrides(decoding, share.typedPerFilterConfig, `${name}.${place}.typed_per_filter_config`),
    );
    if (share.weight === undefined) throw new Refusal(`${field}.${place}.weight`, 'value is required');
    if ((share.name === '') === (share.clusterHeader === '')) {
      throw new Refusal(`${field}.${place}`, 'exactly one of name and cluster_header must be set');
    }
    return { name: share.name, weight: share.weight };
  });
  const total = clusters.reduce((sum, each) => sum + each.weight, 0);
  if (total === 0) throw new Refusal(field, 'the sum of the weights must be greater than 0');
  if (total > MAX_TOTAL_WEIGHT) throw new Refusal(field, `the sum of the weights exceeds ${MAX_TOTAL_WEIGHT}`);
  return clusters;
}

/** Envoy applies no route timeout, not even its default, where `max_stream_duration` is given. */
function decodeTimeout(message: ProtoRouteAction, unsupported: string[]): number {
  const limits = message.maxStreamDuration;
  if (limits !== undefined) {
    if (limits.maxStreamDuration !== undefined && milliseconds(limits.maxStreamDuration) > 0) {
      unsupported.push('route.max_stream_duration.max_stream_duration');
    }
    return 0;
  }
  return message.timeout === undefined ? DEFAULT_TIMEOUT_MS : milliseconds(message.timeout);
}

function notFoundStatus(message: ProtoRouteAction): number {
  const name = enumName(
    'envoy.config.route.v3.RouteAction.ClusterNotFoundResponseCode',
    message.clusterNotFoundResponseCode,
  );
  return name === 'NOT_FOUND' ? 404 : name === 'INTERNAL_SERVER_ERROR' ? 500 : 503;
}

function decodeDirectResponse(
  message: ProtoDirectResponse,
  unsupported: string[],
  scope: RouteScope,
  field: string,
): DirectResponseAction | null {
  if (message.bodyFormat !== undefined) {
    unsupported.push('direct_response.body_format');
    return null;
  }
  const specifier = message.body?.specifier;
  if (specifier?.case === 'filename' || specifier?.case === 'environmentVariable') {
    unsupported.push(`direct_response.body.${specifier.case === 'filename' ? 'filename' : 'environment_variable'}`);
    return null;
  }
  // A copy: the value must not keep the whole response alive.
  const body =
    specifier?.case === 'inlineBytes'
      ? Uint8Array.from(specifier.value)
      : new TextEncoder().encode(specifier?.value ?? '');
  if (body.length > scope.maxDirectResponseBytes) {
    throw new Refusal(
      `${field}.body`,
      `size is ${body.length} bytes; maximum is ${scope.maxDirectResponseBytes} (max_direct_response_body_size_bytes)`,
    );
  }
  return { kind: 'direct_response', status: message.status, body };
}
