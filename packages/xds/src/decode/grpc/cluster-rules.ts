import { fromBinary } from '@bufbuild/protobuf';
import { messageType } from '@inmesh/api';
import type { Cluster } from '@inmesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import type { OutlierDetection } from '@inmesh/api/gen/envoy/config/cluster/v3/outlier_detection_pb';
import type { ClusterConfig } from '@inmesh/api/gen/envoy/extensions/clusters/aggregate/v3/cluster_pb';
import type { UpstreamTlsContext } from '@inmesh/api/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb';
import { type Decoding, enumName, holds, milliseconds, Refusal, unpackUnchecked } from '../decoding.ts';
import { requireBalancer } from './balancer-rules.ts';
import { requireAdsOrSelf } from './config-source.ts';
import { requireTls, TLS_SOCKET } from './tls-rules.ts';

const UPSTREAM_TLS = 'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext';
const AGGREGATE = 'envoy.extensions.clusters.aggregate.v3.ClusterConfig';
const MAX_SNI_LENGTH = 255;

/** What gRPC refuses of a Cluster (gRFC A27, A29, A37, A42, A48, A50, A52, A101). */
export function requireGrpcCluster(decoding: Decoding, message: Cluster): void {
  requireBalancer(decoding, message);
  requireTransport(decoding, message);
  if (message.outlierDetection !== undefined) requireOutlierDetection(message.outlierDetection);
  if (message.lrsServer !== undefined && message.lrsServer.configSourceSpecifier.case !== 'self') {
    throw new Refusal('lrs_server', 'must be self');
  }
  requireDiscovery(message);
}

function requireDiscovery(message: Cluster): void {
  const discovery = message.clusterDiscoveryType;
  if (discovery.case === 'clusterType') {
    const { name, typedConfig } = discovery.value;
    if (name !== 'envoy.clusters.aggregate') throw new Refusal('cluster_type', `${name} is not supported by gRPC`);
    requireAggregate(typedConfig?.value ?? new Uint8Array());
    return;
  }
  const type = enumName('envoy.config.cluster.v3.Cluster.DiscoveryType', discovery.value ?? 0);
  if (type === 'EDS') requireEds(message);
  else if (type === 'LOGICAL_DNS') requireLogicalDns(message);
  else throw new Refusal('type', `${type} is not supported by gRPC: EDS, LOGICAL_DNS or an aggregate`);
}

function requireAggregate(bytes: Uint8Array): void {
  const field = 'cluster_type.typed_config';
  let config: ClusterConfig;
  try {
    config = fromBinary(messageType<ClusterConfig>(AGGREGATE), bytes);
  } catch (cause) {
    throw new Refusal(field, `is no ${AGGREGATE}`, { cause });
  }
  if (config.clusters.length === 0) throw new Refusal(`${field}.clusters`, 'is empty');
}

function requireEds({ name, edsClusterConfig }: Cluster): void {
  requireAdsOrSelf(edsClusterConfig?.edsConfig, 'eds_cluster_config.eds_config');
  if (name.startsWith('xdstp:') && (edsClusterConfig?.serviceName ?? '') === '') {
    throw new Refusal('eds_cluster_config.service_name', 'is empty, which an xdstp name of a cluster does not allow');
  }
}

/** gRFC A37: one host name, and its port. */
function requireLogicalDns({ loadAssignment }: Cluster): void {
  if (loadAssignment === undefined) throw new Refusal('load_assignment', 'value is required');
  const [locality, ...others] = loadAssignment.endpoints;
  const endpoint = locality?.lbEndpoints[0];
  if (others.length > 0 || endpoint === undefined || locality?.lbEndpoints.length !== 1) {
    throw new Refusal('load_assignment', 'LOGICAL_DNS clusters must have a single locality with a single endpoint');
  }
  const field = 'load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.socket_address';
  const host = endpoint.hostIdentifier;
  const address = host.case === 'endpoint' ? host.value.address?.address : undefined;
  if (address?.case !== 'socketAddress') throw new Refusal(field, 'value is required');
  const socket = address.value;
  if (socket.resolverName !== '') throw new Refusal(`${field}.resolver_name`, 'must be empty');
  if (socket.address === '') throw new Refusal(`${field}.address`, 'is empty');
  if (socket.portSpecifier.case !== 'portValue' || socket.portSpecifier.value === 0) {
    throw new Refusal(`${field}.port_value`, 'value is required');
  }
}

function requireTransport(decoding: Decoding, message: Cluster): void {
  if (message.transportSocketMatches.length > 0) throw new Refusal('transport_socket_matches', 'must be empty');
  const socket = message.transportSocket;
  if (socket === undefined) return;
  const field = 'transport_socket.typed_config';
  if (socket.name !== TLS_SOCKET) throw new Refusal('transport_socket.name', `must be ${TLS_SOCKET}`);
  const any = socket.configType.case === 'typedConfig' ? socket.configType.value : undefined;
  if (!holds(any, UPSTREAM_TLS)) throw new Refusal(field, 'must be an UpstreamTlsContext');
  const context = unpackUnchecked<UpstreamTlsContext>(any, UPSTREAM_TLS, field);
  requireTls(decoding, context.commonTlsContext, `${field}.common_tls_context`, 'client');
  if (Buffer.byteLength(context.sni) > MAX_SNI_LENGTH) {
    throw new Refusal(`${field}.sni`, `is longer than ${MAX_SNI_LENGTH} bytes`);
  }
}

const DURATIONS = [
  ['interval', 'interval'],
  ['base_ejection_time', 'baseEjectionTime'],
  ['max_ejection_time', 'maxEjectionTime'],
] as const;
const PERCENTAGES = [
  ['max_ejection_percent', 'maxEjectionPercent'],
  ['enforcing_success_rate', 'enforcingSuccessRate'],
  ['failure_percentage_threshold', 'failurePercentageThreshold'],
  ['enforcing_failure_percentage', 'enforcingFailurePercentage'],
] as const;

/** gRFC A50. */
function requireOutlierDetection(message: OutlierDetection): void {
  for (const [name, key] of DURATIONS) {
    const value = message[key];
    if (value !== undefined && milliseconds(value) < 0) throw new Refusal(`outlier_detection.${name}`, 'is negative');
  }
  for (const [name, key] of PERCENTAGES) {
    const value = message[key];
    if (value !== undefined && value > 100) throw new Refusal(`outlier_detection.${name}`, 'is above 100');
  }
}
