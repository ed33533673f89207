import type { Cluster, LoadBalancingPolicy } from '@inmesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import type { RuntimeDouble } from '@inmesh/api/gen/envoy/config/core/v3/base_pb';
import type { LeastRequest } from '@inmesh/api/gen/envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb';
import type { RoundRobin } from '@inmesh/api/gen/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb';
import type { WrrLocality } from '@inmesh/api/gen/envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality_pb';
import type { LoadBalancerConfig } from '@inmesh/core';
import { type Decoding, enumName, Refusal, unpack } from './decoding.ts';
import { readTypedConfig } from './typed-config.ts';

const POLICIES = 'envoy.extensions.load_balancing_policies.';
const ROUND_ROBIN = `${POLICIES}round_robin.v3.RoundRobin` as const;
const LEAST_REQUEST = `${POLICIES}least_request.v3.LeastRequest` as const;
const WRR_LOCALITY = `${POLICIES}wrr_locality.v3.WrrLocality` as const;
const DEFAULT_CHOICES = 2;
const MAX_DEPTH = 16;

export interface DecodedLoadBalancer {
  readonly config: LoadBalancerConfig;
  readonly unsupported: readonly string[];
}

/** `load_balancing_policy` where it is given, else `lb_policy`, as Envoy reads them. */
export function decodeLoadBalancer(decoding: Decoding, cluster: Cluster): DecodedLoadBalancer {
  if (cluster.loadBalancingPolicy !== undefined) {
    return decodePolicy(decoding, cluster.loadBalancingPolicy, 'load_balancing_policy', 0);
  }
  const name = enumName('envoy.config.cluster.v3.Cluster.LbPolicy', cluster.lbPolicy);
  switch (name) {
    case 'ROUND_ROBIN':
      return { config: { kind: 'round_robin' }, unsupported: [] };
    case 'LEAST_REQUEST': {
      const settings = cluster.lbConfig.case === 'leastRequestLbConfig' ? cluster.lbConfig.value : undefined;
      return { config: leastRequest(settings?.choiceCount, settings?.activeRequestBias), unsupported: [] };
    }
    case 'CLUSTER_PROVIDED':
      // Nothing is chosen where the original destination is kept; a cluster of any other type that asks for it is refused.
      return enumName('envoy.config.cluster.v3.Cluster.DiscoveryType', typeOf(cluster)) === 'ORIGINAL_DST'
        ? { config: { kind: 'round_robin' }, unsupported: [] }
        : unsupported(`lb_policy: ${name}`);
    case 'LOAD_BALANCING_POLICY_CONFIG':
      throw new Refusal('load_balancing_policy', 'value is required by lb_policy LOAD_BALANCING_POLICY_CONFIG');
    default:
      return unsupported(`lb_policy: ${name}`);
  }
}

/** The first policy that Envoy has counts, whether this version has it or not: the next one would be another decision. */
function decodePolicy(
  decoding: Decoding,
  message: LoadBalancingPolicy,
  field: string,
  depth: number,
): DecodedLoadBalancer {
  if (depth > MAX_DEPTH) throw new Refusal(field, `is nested deeper than ${MAX_DEPTH}`);
  for (const [index, policy] of message.policies.entries()) {
    const place = `${field}.policies[${index}].typed_extension_config.typed_config`;
    const { typeName, any } = readTypedConfig(policy.typedExtensionConfig?.typedConfig, place);
    if (!typeName.startsWith(POLICIES)) continue;
    if (any === null) return unsupported(`${field}: ${typeName}`);
    switch (typeName) {
      case ROUND_ROBIN:
        unpack<RoundRobin>(decoding, any, ROUND_ROBIN, place);
        return { config: { kind: 'round_robin' }, unsupported: [] };
      case LEAST_REQUEST: {
        const settings = unpack<LeastRequest>(decoding, any, LEAST_REQUEST, place);
        const scan = settings.enableFullScan === true || settings.selectionMethod !== 0;
        return {
          config: leastRequest(settings.choiceCount, settings.activeRequestBias),
          unsupported: scan ? [`${field}: least_request with full scan`] : [],
        };
      }
      case WRR_LOCALITY: {
        const child = unpack<WrrLocality>(decoding, any, WRR_LOCALITY, place).endpointPickingPolicy;
        if (child === undefined) throw new Refusal(`${place}.endpoint_picking_policy`, 'value is required');
        return decodePolicy(decoding, child, `${place}.endpoint_picking_policy`, depth + 1);
      }
      default:
        return unsupported(`${field}: ${typeName}`);
    }
  }
  throw new Refusal(field, 'has no policy that Envoy knows');
}

function typeOf({ clusterDiscoveryType }: Cluster): number {
  return clusterDiscoveryType.case === 'type' ? clusterDiscoveryType.value : -1;
}

function leastRequest(choiceCount: number | undefined, bias: RuntimeDouble | undefined): LoadBalancerConfig {
  return {
    kind: 'least_request',
    choiceCount: choiceCount ?? DEFAULT_CHOICES,
    activeRequestBias: bias?.defaultValue ?? 1,
  };
}

function unsupported(name: string): DecodedLoadBalancer {
  return { config: { kind: 'round_robin' }, unsupported: [name] };
}
