import type { FractionalPercent } from './runtime.ts';

/** Where bytes can be sent: an IP address or host name with a port, or a unix-domain socket. (envoy.config.core.v3.Address) */
export type Address =
  | { readonly kind: 'socket'; readonly host: string; readonly port: number }
  | { readonly kind: 'pipe'; readonly path: string };

/** envoy.config.core.v3.HealthStatus */
export type HealthStatus = 'unknown' | 'healthy' | 'unhealthy' | 'draining' | 'timeout' | 'degraded';

/** envoy.config.core.v3.Locality; empty strings where the feed names none. */
export interface Locality {
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
}

/** `filter_metadata` of envoy.config.core.v3.Metadata: namespace → plain JSON value. */
export type Metadata = { readonly [namespace: string]: { readonly [key: string]: unknown } };

/** One endpoint as the feed describes it. (envoy.config.endpoint.v3.LbEndpoint) */
export interface EndpointConfig {
  readonly address: Address;
  /** `endpoint.hostname`: what host rewriting and health checks use; empty for none. */
  readonly hostname: string;
  readonly health: HealthStatus;
  /** At least 1; the default is 1 because Envoy treats an absent weight so. */
  readonly weight: number;
  readonly metadata: Metadata;
  /** Other addresses of the same host, tried where `address` does not answer soon; absent for none. (additional_addresses) */
  readonly additionalAddresses?: readonly Address[];
  /** The HTTP proxy on the way to it; absent for none. (typed metadata `envoy.http11_proxy_transport_socket.proxy_address`) */
  readonly proxyAddress?: Address;
}

/** Endpoints that share a locality and a priority. (envoy.config.endpoint.v3.LocalityLbEndpoints) */
export interface LocalityEndpoints {
  readonly locality: Locality;
  /** 0 is the highest. */
  readonly priority: number;
  /** Weight among the localities of one priority; 0 where the feed gives none. */
  readonly weight: number;
  readonly endpoints: readonly EndpointConfig[];
  /** Absent for none. */
  readonly metadata?: Metadata;
}

/** envoy.config.endpoint.v3.ClusterLoadAssignment.Policy.DropOverload */
export interface DropOverload {
  readonly category: string;
  readonly percent: FractionalPercent;
}

/** envoy.config.endpoint.v3.ClusterLoadAssignment */
export interface ClusterLoadAssignment {
  readonly name: string;
  readonly localities: readonly LocalityEndpoints[];
  /** Percent; 140 by default, as Envoy's. */
  readonly overprovisioningFactor: number;
  /** Shares of the calls that are refused whatever the endpoints do, one after the other; absent for none. */
  readonly dropOverloads?: readonly DropOverload[];
}

/** One string per address: the key of a host within a cluster, and what logs show. IPv6 hosts are bracketed. */
export function addressText(address: Address): string {
  if (address.kind === 'pipe') return `unix:${address.path}`;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}
