import { isIP } from 'node:net';
import { messageType } from '@inmesh/api';
import type { Cluster as ProtoCluster } from '@inmesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import type { ClusterConfig, ClusterDiscovery, ClusterLoadAssignment } from '@inmesh/core';
import { decodeCircuitBreakers } from './circuit-breakers.ts';
import { type Decoding, enumName, milliseconds, otherFields, Refusal, requireValid } from './decoding.ts';
import { requireEnvoyCluster } from './envoy/index.ts';
import { requireGrpcCluster } from './grpc/index.ts';
import { readAssignment } from './load-assignment.ts';
import { decodeLoadBalancer } from './load-balancer.ts';
import { requireAlpn } from './transport/alpn.ts';
import { decodeTransport } from './transport/transport.ts';
import { readTypedConfig } from './typed-config.ts';
import { decodeConnectionPool } from './upstream/connection-pool.ts';
import { decodeProtocolOptions } from './upstream/protocol-options.ts';

const DEFAULT_CONNECT_TIMEOUT_MS = 5000;
const DEFAULT_DNS_REFRESH_MS = 5000;
const DEFAULT_PANIC_PERCENT = 50;

const NO_FIELDS: ReadonlySet<string> = new Set();

/** Network filters that may be left out because they only exchange metadata between Istio's sidecars. */
const DECORATION: ReadonlySet<string> = new Set(['envoy.tcp.metadataexchange.config.MetadataExchange']);

/** Honoured here or in the parts that read them; then those without effect on the outcome of a call. */
const KNOWN: ReadonlySet<string> = new Set([
  'name',
  'alt_stat_name',
  'type',
  'eds_cluster_config',
  'connect_timeout',
  'lb_policy',
  'load_assignment',
  'circuit_breakers',
  'typed_extension_protocol_options',
  'common_http_protocol_options',
  'http2_protocol_options',
  'max_requests_per_connection',
  'dns_refresh_rate',
  'common_lb_config',
  'metadata',
  'load_balancing_policy',
  'least_request_lb_config',
  'transport_socket',
  'transport_socket_matches',
  'filters',
  'round_robin_lb_config',
  'ring_hash_lb_config', // of balancers that are refused by lb_policy
  'maglev_lb_config',
  'original_dst_lb_config',
  'stats_matcher',
  'per_connection_buffer_limit_bytes',
  'per_connection_buffer_high_watermark_timeout',
  'health_checks',
  'outlier_detection',
  'upstream_http_protocol_options',
  'http_protocol_options',
  'protocol_selection',
  'dns_jitter',
  'dns_failure_refresh_rate',
  'respect_dns_ttl',
  'dns_lookup_family',
  'dns_resolvers',
  'dns_resolution_config',
  'typed_dns_resolver_config',
  'use_tcp_for_dns_lookups',
  'wait_for_warm_on_init',
  'cleanup_interval',
  'upstream_connection_options',
  'upstream_bind_config',
  'close_connections_on_host_health_failure',
  'ignore_health_on_host_removal',
  'lrs_server',
  'lrs_report_endpoint_metrics',
  'track_timeout_budgets',
  'track_cluster_stats',
  'preconnect_policy',
  'connection_pool_per_downstream_connection',
]);

export function decodeCluster(decoding: Decoding, message: ProtoCluster): ClusterConfig {
  requireValid(decoding, messageType<ProtoCluster>('envoy.config.cluster.v3.Cluster'), message);
  if (decoding.profile === 'grpc') requireGrpcCluster(decoding, message);
  else requireEnvoyCluster(decoding, message);
  const unsupported = otherFields(message, KNOWN);
  const discovery = decodeDiscovery(message, unsupported);
  const balancer = decodeLoadBalancer(decoding, message);
  unsupported.push(...balancer.unsupported);
  const { limits, maxConnectionDurationMs, protocol } = decodeProtocolOptions(decoding, message, unsupported);
  const transport = decodeTransport(decoding, message, unsupported);
  requireAlpn(protocol, transport);
  checkFilters(message, unsupported);
  return {
    name: message.name,
    statName: message.altStatName === '' ? message.name : message.altStatName,
    discovery,
    lb: balancer.config,
    connectTimeoutMs:
      message.connectTimeout === undefined ? DEFAULT_CONNECT_TIMEOUT_MS : milliseconds(message.connectTimeout),
    thresholds: decodeCircuitBreakers(message.circuitBreakers),
    healthyPanicThreshold: message.commonLbConfig?.healthyPanicThreshold?.value ?? DEFAULT_PANIC_PERCENT,
    ...limits,
    pool: decodeConnectionPool(message, maxConnectionDurationMs, unsupported),
    transport,
    protocol,
    // Only this is defined for it (gRFC A27); Envoy reports by its bootstrap and looks at neither.
    reportsLoad: message.lrsServer?.configSourceSpecifier.case === 'self',
    loadMetrics: message.lrsReportEndpointMetrics,
    unsupported,
    metadata: message.metadata?.filterMetadata ?? {},
  };
}

/** A type that this version does not know becomes a cluster without endpoints that is refused. */
function decodeDiscovery(message: ProtoCluster, unsupported: string[]): ClusterDiscovery {
  if (message.clusterDiscoveryType.case === 'clusterType') {
    unsupported.splice(
      unsupported.indexOf('cluster_type'),
      1,
      `cluster_type: ${message.clusterDiscoveryType.value.name}`,
    );
    return nothing(message.name);
  }
  const type = enumName('envoy.config.cluster.v3.Cluster.DiscoveryType', message.clusterDiscoveryType.value ?? 0);
  switch (type) {
    case 'EDS':
      return decodeEds(message, unsupported);
    case 'STATIC':
      return { kind: 'static', assignment: assignmentOf(message, 'ip') };
    case 'STRICT_DNS':
      return strictDns(message, assignmentOf(message, 'name'));
    case 'ORIGINAL_DST':
      return decodeOriginalDst(message, unsupported);
    case 'LOGICAL_DNS':
      return decodeLogicalDns(message, unsupported);
    default:
      unsupported.push(`type: ${type}`);
      return nothing(message.name);
  }
}

function decodeEds(message: ProtoCluster, unsupported: string[]): ClusterDiscovery {
  const source = message.edsClusterConfig?.edsConfig?.configSourceSpecifier.case;
  if (source === undefined) {
    throw new Refusal('eds_cluster_config.eds_config', 'an EDS cluster needs a config source, such as ads');
  }
  if (source === 'apiConfigSource') unsupported.push('eds_cluster_config.eds_config.api_config_source');
  const serviceName = message.edsClusterConfig?.serviceName ?? '';
  return { kind: 'eds', serviceName: serviceName === '' ? message.name : serviceName };
}

/** The original destination is where the caller's URL leads; what would lead elsewhere is refused. */
function decodeOriginalDst(message: ProtoCluster, unsupported: string[]): ClusterDiscovery {
  const settings = message.lbConfig.case === 'originalDstLbConfig' ? message.lbConfig.value : undefined;
  if (settings !== undefined) {
    unsupported.push(...otherFields(settings, NO_FIELDS).map((name) => `original_dst_lb_config.${name}`));
  }
  return { kind: 'original_dst' };
}

/**
 * LOGICAL_DNS connects to the first address of a name only, which this version cannot; where the name is an address there is
 * no difference.
 */
function decodeLogicalDns(message: ProtoCluster, unsupported: string[]): ClusterDiscovery {
  const assignment = assignmentOf(message, 'name');
  const [locality, ...others] = assignment.localities;
  if (locality === undefined || others.length > 0 || locality.endpoints.length !== 1) {
    throw new Refusal('load_assignment', 'LOGICAL_DNS clusters must have a single locality with a single endpoint');
  }
  const address = locality.endpoints[0]?.address;
  if (address?.kind === 'socket' && isIP(address.host) === 0) unsupported.push('type: LOGICAL_DNS');
  return strictDns(message, assignment);
}

function strictDns(message: ProtoCluster, assignment: ClusterLoadAssignment): ClusterDiscovery {
  const refreshMs =
    message.dnsRefreshRate === undefined ? DEFAULT_DNS_REFRESH_MS : milliseconds(message.dnsRefreshRate);
  return { kind: 'strict_dns', assignment, refreshMs };
}

function assignmentOf(message: ProtoCluster, hosts: 'ip' | 'name'): ClusterLoadAssignment {
  return message.loadAssignment === undefined
    ? noEndpoints(message.name)
    : readAssignment(message.loadAssignment, 'load_assignment', hosts);
}

function nothing(name: string): ClusterDiscovery {
  return { kind: 'static', assignment: noEndpoints(name) };
}

function noEndpoints(name: string): ClusterLoadAssignment {
  return { name, localities: [], overprovisioningFactor: 140 };
}

function checkFilters(message: ProtoCluster, unsupported: string[]): void {
  for (const [index, filter] of message.filters.entries()) {
    const { typeName } = readTypedConfig(filter.typedConfig, `filters[${index}].typed_config`);
    if (!DECORATION.has(typeName)) unsupported.push(`filters[${index}]`);
  }
}
