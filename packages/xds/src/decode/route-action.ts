import type {
  DirectResponseAction as ProtoDirectResponse,
  RouteAction as ProtoRouteAction,
  WeightedCluster as ProtoWeightedCluster,
} from '@inmesh/api/gen/envoy/config/route/v3/route_components_pb';
import {
  type DirectResponseAction,
  type ForwardAction,
  type PathMatch,
  type RetryPolicyConfig,
  WEIGHTED_CLUSTER_DEFAULTS,
  type WeightedCluster,
} from '@inmesh/core';
import { decodeBodyFormat, readDataSource } from './body-format.ts';
import type { ClusterSpecifiers, DecodedSpecifier } from './cluster-specifier.ts';
import { decodeRoutesCors } from './cors-policy.ts';
import { type Decoding, enumName, milliseconds, otherFields, Refusal } from './decoding.ts';
import { decodeFilterOverrides } from './filter-overrides.ts';
import { decodeHashPolicies } from './hash-policy.ts';
import { decodeMessageMutations, MUTATION_FIELDS } from './header-mutation.ts';
import { decodeInternalRedirects } from './internal-redirect.ts';
import { decodeMirrors } from './mirror.ts';
import { decodeRetryPolicy } from './retry-policy.ts';
import { decodeHostRewrite, decodePathRewrite } from './rewrite.ts';
import { decodeUpgrades } from './upgrades.ts';

const DEFAULT_TIMEOUT_MS = 15_000;
const MAX_TOTAL_WEIGHT = 0xffff_ffff;

/** Fields that this version honours, and those that it may leave out because no call is decided by them. */
const ACTION_FIELDS: ReadonlySet<string> = new Set([
  'cluster',
  'weighted_clusters',
  'cluster_header',
  'cluster_specifier_plugin', // one that this version lacks is told where it is read
  'inline_cluster_specifier_plugin',
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
  'hash_policy',
  'metadata_match', // without effect but for subsets, which are refused with their cluster
  'request_mirror_policies',
  'rate_limits', // without effect but for a rate limit filter, which is refused itself
  'include_vh_rate_limits',
  'upgrade_configs',
  'append_x_forwarded_host',
  'internal_redirect_policy',
  'cors',
  'prefix_rewrite',
  'regex_rewrite',
  'path_rewrite',
  'path_rewrite_policy',
  'host_rewrite_literal',
  'host_rewrite_header',
  'host_rewrite_path_regex',
  'host_rewrite',
  'auto_host_rewrite',
]);
const WEIGHTED_FIELDS: ReadonlySet<string> = new Set([
  'clusters',
  'total_weight',
  'runtime_key_prefix',
  'header_name',
  'use_hash_policy',
]);
const SHARE_FIELDS: ReadonlySet<string> = new Set([
  'name',
  'weight',
  'cluster_header',
  'metadata_match',
  'typed_per_filter_config',
  'host_rewrite_literal',
  ...MUTATION_FIELDS,
]);

/** What a route inherits from its virtual host and route configuration. */
export interface RouteScope {
  /** Fields out there that this version does not honour and that concern every route. */
  readonly unsupported: readonly string[];
  readonly maxDirectResponseBytes: number;
  readonly specifiers: ClusterSpecifiers;
}

/** Null where the cluster is chosen in a way that this version does not know; `unsupported` names it then. */
export function decodeAction(
  decoding: Decoding,
  message: ProtoRouteAction,
  match: PathMatch | null,
  plugin: DecodedSpecifier | null,
  unsupported: string[],
  field: string,
): ForwardAction | null {
  unsupported.push(...otherFields(message, ACTION_FIELDS).map((name) => `route.${name}`));
  const clusters = decodeClusters(decoding, message, plugin, unsupported, field);
  let retryPolicy: RetryPolicyConfig | null = null;
  if (message.retryPolicy !== undefined) {
    const decoded = decodeRetryPolicy(message.retryPolicy, `${field}.retry_policy`);
    retryPolicy = decoded.config;
    unsupported.push(...decoded.unsupported.map((name) => name.slice(field.length - 'route'.length)));
  }
  const timeoutMs = decodeTimeout(message);
  if (clusters === null) return null;
  return {
    kind: 'forward',
    clusters,
    totalWeight: clusters.reduce((sum, each) => sum + each.weight, 0),
    weightHeader: weightHeader(message),
    weightsByHash: weightsByHash(message),
    runtimeKeyPrefix: specifierPrefix(message),
    upgrades: decodeUpgrades(message.upgradeConfigs, `${field}.upgrade_configs`),
    internalRedirects: decodeInternalRedirects(
      decoding,
      message.internalRedirectPolicy,
      `${field}.internal_redirect_policy`,
    ),
    hashPolicies: decodeHashPolicies(decoding, message.hashPolicy, `${field}.hash_policy`),
    clusterNotFoundStatus: notFoundStatus(message),
    timeoutMs,
    retryPolicy,
    priority: enumName('envoy.config.core.v3.RoutingPriority', message.priority) === 'HIGH' ? 'high' : 'default',
    pathRewrite: decodePathRewrite(decoding, message, match, field),
    hostRewrite: decodeHostRewrite(decoding, message, field),
    appendXForwardedHost: message.appendXForwardedHost,
    idleTimeoutMs: message.idleTimeout === undefined ? null : milliseconds(message.idleTimeout),
    maxStreamDurationMs: decodeStreamDuration(message),
    mirrors: decodeMirrors(message.requestMirrorPolicies, `${field}.request_mirror_policies`),
    ...decodeRoutesCors(decoding, message.cors, 'route.cors', unsupported),
  };
}

function decodeClusters(
  decoding: Decoding,
  message: ProtoRouteAction,
  plugin: DecodedSpecifier | null,
  unsupported: string[],
  field: string,
): WeightedCluster[] | null {
  const specifier = message.clusterSpecifier;
  if (specifier.case === 'cluster') return [{ ...WEIGHTED_CLUSTER_DEFAULTS, name: specifier.value, weight: 1 }];
  if (specifier.case === 'clusterHeader') {
    return [{ ...WEIGHTED_CLUSTER_DEFAULTS, name: '', clusterHeader: specifier.value.toLowerCase(), weight: 1 }];
  }
  if (specifier.case === 'weightedClusters') {
    return decodeWeightedClusters(decoding, specifier.value, unsupported, `${field}.weighted_clusters`);
  }
  if (plugin?.kind === 'lookup') return [{ ...WEIGHTED_CLUSTER_DEFAULTS, name: '', lookup: plugin.config, weight: 1 }];
  if (plugin?.kind === 'unknown') unsupported.push(`route.cluster_specifier_plugin (${plugin.typeName})`);
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
    // gRPC takes a missing weight for 0.
    if (share.weight === undefined && decoding.profile === 'envoy') {
      throw new Refusal(`${field}.${place}.weight`, 'value is required');
    }
    if ((share.name === '') === (share.clusterHeader === '')) {
      throw new Refusal(`${field}.${place}`, 'exactly one of name and cluster_header must be set');
    }
    const overrides = `${field}.${place}.typed_per_filter_config`;
    return {
      name: share.name,
      clusterHeader: share.clusterHeader.toLowerCase(),
      lookup: null,
      weight: share.weight ?? 0,
      hostRewrite: share.hostRewriteSpecifier.value ?? '',
      mutations: decodeMessageMutations(share, `${field}.${place}.`),
      ...decodeFilterOverrides(decoding, share.typedPerFilterConfig, overrides),
    };
  });
  const total = clusters.reduce((sum, each) => sum + each.weight, 0);
  if (total === 0) throw new Refusal(field, 'the sum of the weights must be greater than 0');
  if (total > MAX_TOTAL_WEIGHT) throw new Refusal(field, `the sum of the weights exceeds ${MAX_TOTAL_WEIGHT}`);
  return clusters;
}

function weightHeader({ clusterSpecifier: { case: kind, value } }: ProtoRouteAction): string {
  const random = kind === 'weightedClusters' ? value.randomValueSpecifier : null;
  return random?.case === 'headerName' ? random.value.toLowerCase() : '';
}

function specifierPrefix({ clusterSpecifier: { case: kind, value } }: ProtoRouteAction): string {
  return kind === 'weightedClusters' ? value.runtimeKeyPrefix : '';
}

function weightsByHash({ clusterSpecifier: { case: kind, value } }: ProtoRouteAction): boolean {
  const random = kind === 'weightedClusters' ? value.randomValueSpecifier : null;
  return random?.case === 'useHashPolicy' && random.value.value;
}

/** Envoy applies no route timeout, not even its default, where `max_stream_duration` is given. */
function decodeTimeout({ maxStreamDuration, timeout }: ProtoRouteAction): number {
  if (maxStreamDuration !== undefined) return 0;
  return timeout === undefined ? DEFAULT_TIMEOUT_MS : milliseconds(timeout);
}

function decodeStreamDuration({ maxStreamDuration }: ProtoRouteAction): number | null {
  const limit = maxStreamDuration?.maxStreamDuration;
  return limit === undefined ? null : milliseconds(limit);
}

function notFoundStatus(message: ProtoRouteAction): number {
  const name = enumName(
    'envoy.config.route.v3.RouteAction.ClusterNotFoundResponseCode',
    message.clusterNotFoundResponseCode,
  );
  return name === 'NOT_FOUND' ? 404 : name === 'INTERNAL_SERVER_ERROR' ? 500 : 503;
}

export function decodeDirectResponse(
  decoding: Decoding,
  { status, body: source, bodyFormat }: ProtoDirectResponse,
  scope: RouteScope,
  field: string,
): DirectResponseAction {
  const body = source === undefined ? new Uint8Array() : readDataSource(decoding, source, `${field}.body`);
  if (body.length > scope.maxDirectResponseBytes) {
    throw new Refusal(
      `${field}.body`,
      `size is ${body.length} bytes; maximum is ${scope.maxDirectResponseBytes} (max_direct_response_body_size_bytes)`,
    );
  }
  return {
    kind: 'direct_response',
    status,
    body,
    bodyFormat: bodyFormat === undefined ? null : decodeBodyFormat(decoding, bodyFormat, `${field}.body_format`),
  };
}
