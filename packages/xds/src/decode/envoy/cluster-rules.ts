import { registry } from '@inmesh/api';
import type { Cluster } from '@inmesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import type { UpstreamTlsContext } from '@inmesh/api/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb';
import { type Decoding, enumName, holds, Refusal, unpack } from '../decoding.ts';
import { readTypedConfig } from '../typed-config.ts';

const UPSTREAM_TLS = 'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext';
const DEFAULT_MIN_RING_SIZE = 1024n;
const DEFAULT_MAX_RING_SIZE = 8_388_608n;

/** Kinds of clusters that choose their hosts themselves, and so take no balancer beside. */
const CHOOSING: ReadonlySet<string> = new Set(['envoy.clusters.aggregate', 'envoy.clusters.dynamic_forward_proxy']);

/** What Envoy refuses of a Cluster when it makes one, beyond the rules of its API and what the decoder finds itself. */
export function requireEnvoyCluster(decoding: Decoding, message: Cluster): void {
  const { clusterDiscoveryType: discovery } = message;
  if (discovery.case === 'clusterType') requireExtension(decoding, discovery.value);
  if (message.loadBalancingPolicy === undefined) requireBalancer(message);
  for (const name of Object.keys(message.typedExtensionProtocolOptions)) {
    if (name.startsWith('envoy.')) continue;
    throw new Refusal(`typed_extension_protocol_options["${name}"]`, 'no filter or protocol has options of this name');
  }
  requireTransport(decoding, message);
}

type Extension = Extract<Cluster['clusterDiscoveryType'], { case: 'clusterType' }>['value'];

function requireExtension(decoding: Decoding, { name, typedConfig }: Extension): void {
  const { typeName, any } = readTypedConfig(typedConfig, 'cluster_type.typed_config');
  if (!typeName.startsWith('envoy.extensions.clusters.') && !name.startsWith('envoy.')) {
    throw new Refusal('cluster_type', `there is no kind of cluster ${name}`);
  }
  if (any === null || registry().getMessage(typeName) === undefined) return;
  unpack(decoding, any, typeName, 'cluster_type.typed_config');
}

function requireBalancer({ clusterDiscoveryType: discovery, lbPolicy, lbConfig }: Cluster): void {
  const policy = enumName('envoy.config.cluster.v3.Cluster.LbPolicy', lbPolicy);
  const isProvided = policy === 'CLUSTER_PROVIDED';
  if (discovery.case === 'clusterType') {
    if (CHOOSING.has(discovery.value.name) && !isProvided) {
      throw new Refusal('lb_policy', `${policy}: ${discovery.value.name} provides its own, write CLUSTER_PROVIDED`);
    }
  } else {
    const type = enumName('envoy.config.cluster.v3.Cluster.DiscoveryType', discovery.value ?? 0);
    if (type === 'ORIGINAL_DST' && !isProvided) {
      throw new Refusal(
        'lb_policy',
        `${policy} is not valid for a cluster of type ORIGINAL_DST: write CLUSTER_PROVIDED`,
      );
    }
    if (type !== 'ORIGINAL_DST' && isProvided) {
      throw new Refusal('lb_policy', `CLUSTER_PROVIDED: a cluster of type ${type} does not provide one`);
    }
  }
  if (policy !== 'RING_HASH' || lbConfig.case !== 'ringHashLbConfig') return;
  const { minimumRingSize = DEFAULT_MIN_RING_SIZE, maximumRingSize = DEFAULT_MAX_RING_SIZE } = lbConfig.value;
  if (minimumRingSize > maximumRingSize) {
    const problem = `${minimumRingSize} is above maximum_ring_size, ${maximumRingSize}`;
    throw new Refusal('ring_hash_lb_config.minimum_ring_size', problem);
  }
}

/** Rules of the TLS settings; an `Any` is opened by whoever knows it. */
function requireTransport(decoding: Decoding, message: Cluster): void {
  const sockets = [
    ['transport_socket', message.transportSocket] as const,
    ...message.transportSocketMatches.map(
      ({ transportSocket }, index) => [`transport_socket_matches[${index}].transport_socket`, transportSocket] as const,
    ),
  ];
  for (const [field, socket] of sockets) {
    const any = socket?.configType.value;
    if (holds(any, UPSTREAM_TLS)) unpack<UpstreamTlsContext>(decoding, any, UPSTREAM_TLS, `${field}.typed_config`);
  }
}
