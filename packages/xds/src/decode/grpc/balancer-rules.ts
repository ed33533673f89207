import type { Any } from '@bufbuild/protobuf/wkt';
import type { Cluster, LoadBalancingPolicy } from '@inmesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import type { LeastRequest } from '@inmesh/api/gen/envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb';
import type { RingHash } from '@inmesh/api/gen/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb';
import type { WrrLocality } from '@inmesh/api/gen/envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality_pb';
import { type Decoding, enumName, Refusal, unpackUnchecked } from '../decoding.ts';
import { readTypedConfig } from '../typed-config.ts';

const POLICIES = 'envoy.extensions.load_balancing_policies.';
const RING_HASH = `${POLICIES}ring_hash.v3.RingHash` as const;
const LEAST_REQUEST = `${POLICIES}least_request.v3.LeastRequest` as const;
const WRR_LOCALITY = `${POLICIES}wrr_locality.v3.WrrLocality` as const;

/** gRFC A52, and those that later gRFCs add to its table: A58, A62, A68. */
const PLAIN: ReadonlySet<string> = new Set([
  `${POLICIES}round_robin.v3.RoundRobin`,
  `${POLICIES}pick_first.v3.PickFirst`,
  `${POLICIES}client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin`,
  `${POLICIES}random_subsetting.v3.RandomSubsetting`,
]);

const MAX_RING_SIZE = 8n * 1024n * 1024n;
const DEFAULT_MIN_RING_SIZE = 1024n;
const MIN_CHOICES = 2;
/** Layers of policies within policies, as gRFC A52 limits them. */
const MAX_DEPTH = 16;

/** What gRPC refuses of a balancer. `lb_policy` counts even where `load_balancing_policy` takes its place. */
export function requireBalancer(decoding: Decoding, cluster: Cluster): void {
  const name = enumName('envoy.config.cluster.v3.Cluster.LbPolicy', cluster.lbPolicy);
  switch (name) {
    case 'ROUND_ROBIN':
      break;
    case 'RING_HASH': {
      const config = cluster.lbConfig.case === 'ringHashLbConfig' ? cluster.lbConfig.value : undefined;
      const hash = enumName('envoy.config.cluster.v3.Cluster.RingHashLbConfig.HashFunction', config?.hashFunction ?? 0);
      if (hash !== 'XX_HASH')
        throw new Refusal('ring_hash_lb_config.hash_function', `${hash} is not supported by gRPC`);
      requireSizes(config?.minimumRingSize, config?.maximumRingSize, 'ring_hash_lb_config');
      break;
    }
    case 'LEAST_REQUEST': {
      const config = cluster.lbConfig.case === 'leastRequestLbConfig' ? cluster.lbConfig.value : undefined;
      requireChoices(config?.choiceCount, 'least_request_lb_config');
      break;
    }
    default:
      throw new Refusal('lb_policy', `${name} is not supported by gRPC: ROUND_ROBIN, RING_HASH or LEAST_REQUEST`);
  }
  if (cluster.loadBalancingPolicy !== undefined) {
    requirePolicy(decoding, cluster.loadBalancingPolicy, 'load_balancing_policy', 0);
  }
}

/** The first that gRPC has counts. */
function requirePolicy(
  decoding: Decoding,
  message: LoadBalancingPolicy | undefined,
  field: string,
  depth: number,
): void {
  if (depth >= MAX_DEPTH) throw new Refusal(field, `is nested deeper than ${MAX_DEPTH} layers`);
  for (const [index, policy] of (message?.policies ?? []).entries()) {
    const place = `${field}.policies[${index}].typed_extension_config.typed_config`;
    const { typeName, any } = readTypedConfig(policy.typedExtensionConfig?.typedConfig, place);
    if (PLAIN.has(typeName)) return;
    if (any !== null && requireNested(decoding, typeName, any, place, depth)) return;
  }
  throw new Refusal(field, 'has no policy that gRPC supports');
}

/** False for a policy that gRPC has not. */
function requireNested(decoding: Decoding, typeName: string, any: Any, field: string, depth: number): boolean {
  switch (typeName) {
    case RING_HASH: {
      const config = unpackUnchecked<RingHash>(any, RING_HASH, field);
      const hash = enumName(`${RING_HASH}.HashFunction`, config.hashFunction);
      // What is not given is XX_HASH in Envoy; grpc-go wants to read it.
      if (hash !== 'XX_HASH') throw new Refusal(`${field}.hash_function`, `${hash} is not supported by gRPC`);
      requireSizes(config.minimumRingSize, config.maximumRingSize, field);
      return true;
    }
    case LEAST_REQUEST:
      requireChoices(unpackUnchecked<LeastRequest>(any, LEAST_REQUEST, field).choiceCount, field);
      return true;
    case WRR_LOCALITY: {
      const child = unpackUnchecked<WrrLocality>(any, WRR_LOCALITY, field).endpointPickingPolicy;
      requirePolicy(decoding, child, `${field}.endpoint_picking_policy`, depth + 1);
      return true;
    }
    default:
      return false;
  }
}

/** gRFC A42. Nothing given, and zero, mean the default. */
function requireSizes(least: bigint | undefined, most: bigint | undefined, field: string): void {
  const minimum = least || DEFAULT_MIN_RING_SIZE;
  const maximum = most || MAX_RING_SIZE;
  if (minimum > MAX_RING_SIZE) throw new Refusal(`${field}.minimum_ring_size`, `is above ${MAX_RING_SIZE}`);
  if (maximum > MAX_RING_SIZE) throw new Refusal(`${field}.maximum_ring_size`, `is above ${MAX_RING_SIZE}`);
  if (minimum > maximum)
    throw new Refusal(`${field}.minimum_ring_size`, `${minimum} is above maximum_ring_size, ${maximum}`);
}

/** gRFC A48. */
function requireChoices(count: number | undefined, field: string): void {
  if (count !== undefined && count < MIN_CHOICES) {
    throw new Refusal(`${field}.choice_count`, `must be at least ${MIN_CHOICES}, is ${count}`);
  }
}
