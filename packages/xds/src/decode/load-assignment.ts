import { messageType } from '@inmesh/api';
import type { LbEndpoint, LocalityLbEndpoints } from '@inmesh/api/gen/envoy/config/endpoint/v3/endpoint_components_pb';
import type { ClusterLoadAssignment as ProtoAssignment } from '@inmesh/api/gen/envoy/config/endpoint/v3/endpoint_pb';
import type { ClusterLoadAssignment, EndpointConfig, HealthStatus, LocalityEndpoints, Metadata } from '@inmesh/core';
import { decodeAddress, type HostRule } from './address.ts';
import { type Decoding, requireValid } from './decoding.ts';
import { decodePercent } from './fractional-percent.ts';
import { EndpointRules } from './grpc/index.ts';
import { additionalAddresses, proxyAddress } from './ways-to-host.ts';

/** By the numbers of envoy.config.core.v3.HealthStatus. */
const HEALTH: readonly HealthStatus[] = ['unknown', 'healthy', 'unhealthy', 'draining', 'timeout', 'degraded'];
const NO_METADATA: Metadata = {};
const DEFAULT_OVERPROVISIONING = 140;

/** An EDS resource. Gaps in the priorities, repeated localities and repeated addresses are taken, as by Envoy, and refused by gRPC. */
export function decodeLoadAssignment(decoding: Decoding, message: ProtoAssignment): ClusterLoadAssignment {
  requireValid(decoding, messageType<ProtoAssignment>('envoy.config.endpoint.v3.ClusterLoadAssignment'), message);
  if (decoding.profile === 'grpc') requireGrpcEndpoints(message);
  return readAssignment(message, '', 'ip');
}

function requireGrpcEndpoints(message: ProtoAssignment): void {
  const rules = new EndpointRules();
  rules.frame(message);
  for (const [index, locality] of message.endpoints.entries()) {
    const field = `endpoints[${index}]`;
    rules.locality(locality, field);
    for (const [position, each] of locality.lbEndpoints.entries()) {
      rules.endpoint(each, `${field}.lb_endpoints[${position}]`);
    }
  }
  rules.end();
}

/** The same message inside a cluster, whose rules were checked with the cluster's. */
export function readAssignment(message: ProtoAssignment, field: string, hosts: HostRule): ClusterLoadAssignment {
  const prefix = field === '' ? '' : `${field}.`;
  return {
    name: message.clusterName,
    localities: message.endpoints.map((each, index) => readLocality(each, `${prefix}endpoints[${index}]`, hosts)),
    overprovisioningFactor: message.policy?.overprovisioningFactor ?? DEFAULT_OVERPROVISIONING,
    ...dropOverloads(message),
  };
}

function dropOverloads({ policy }: ProtoAssignment): Pick<ClusterLoadAssignment, 'dropOverloads'> {
  const dropOverloads = (policy?.dropOverloads ?? []).map(({ category, dropPercentage }) => ({
    category,
    percent: decodePercent(dropPercentage),
  }));
  return dropOverloads.length === 0 ? {} : { dropOverloads };
}

/** One locality with its endpoints. */
export function readLocality(message: LocalityLbEndpoints, field: string, hosts: HostRule): LocalityEndpoints {
  const endpoints: EndpointConfig[] = [];
  for (const [index, each] of message.lbEndpoints.entries()) {
    const endpoint = readEndpoint(each, `${field}.lb_endpoints[${index}]`, hosts);
    if (endpoint !== null) endpoints.push(endpoint);
  }
  const { region = '', zone = '', subZone = '' } = message.locality ?? {};
  return {
    locality: { region, zone, subZone },
    priority: message.priority,
    weight: message.loadBalancingWeight ?? 0,
    endpoints,
    ...(message.metadata === undefined ? {} : { metadata: message.metadata.filterMetadata }),
  };
}

/** Null for an endpoint that this version cannot dial: it is as good as absent. */
export function readEndpoint(message: LbEndpoint, field: string, hosts: HostRule): EndpointConfig | null {
  const identifier = message.hostIdentifier;
  if (identifier.case !== 'endpoint') return null;
  const address = decodeAddress(identifier.value.address, `${field}.endpoint.address`, hosts);
  if (address === null) return null;
  return {
    address,
    hostname: identifier.value.hostname,
    health: HEALTH[message.healthStatus] ?? 'unknown',
    weight: message.loadBalancingWeight ?? 1,
    metadata: message.metadata?.filterMetadata ?? NO_METADATA,
    ...additionalAddresses(identifier.value, `${field}.endpoint`, hosts),
    ...proxyAddress(message.metadata, field),
  };
}
