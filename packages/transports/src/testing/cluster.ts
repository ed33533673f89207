// Clusters and hosts as literal models: a test names only what it is about.
import {
  type Address,
  type ClusterConfig,
  DEFAULT_POOL,
  DEFAULT_THRESHOLDS,
  Endpoint,
  type EndpointConfig,
  HTTP1_UPSTREAM,
  PLAIN_TRANSPORT,
  type TransportSocketConfig,
} from '@inmesh/core';

export function clusterWith(options: Partial<ClusterConfig> = {}): ClusterConfig {
  return {
    name: 'c',
    statName: 'c',
    discovery: { kind: 'eds', serviceName: 'c' },
    lb: { kind: 'round_robin' },
    connectTimeoutMs: 5_000,
    thresholds: { default: DEFAULT_THRESHOLDS, high: DEFAULT_THRESHOLDS },
    healthyPanicThreshold: 50,
    idleTimeoutMs: 0,
    maxResponseHeaderBytes: null,
    maxResponseHeaders: 100,
    maxRequestsPerConnection: 0,
    reportsLoad: false,
    loadMetrics: [],
    pool: DEFAULT_POOL,
    transport: PLAIN_TRANSPORT,
    protocol: HTTP1_UPSTREAM,
    unsupported: [],
    metadata: {},
    ...options,
  };
}

export function clusterOver(socket: TransportSocketConfig, options: Partial<ClusterConfig> = {}): ClusterConfig {
  return clusterWith({ transport: { socket, matches: [] }, ...options });
}

export function hostAt(address: Address, options: Partial<EndpointConfig> = {}): Endpoint {
  const config: EndpointConfig = { address, hostname: '', health: 'unknown', weight: 1, metadata: {}, ...options };
  return new Endpoint(config, { region: '', zone: '', subZone: '' }, 0);
}

/** A port on loopback. */
export function local(port: number): Address {
  return { kind: 'socket', host: '127.0.0.1', port };
}
