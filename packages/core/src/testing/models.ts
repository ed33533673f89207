// Literal models: each with the defaults that Envoy has, so that a test names only what it is about.
import type { ClusterConfig, ClusterDiscovery, LoadBalancerConfig, Thresholds } from '../model/cluster.ts';
import { DEFAULT_THRESHOLDS } from '../model/cluster.ts';
import { CONNECTION_MANAGER_DEFAULTS } from '../model/connection-manager.ts';
import { type ConnectionPoolConfig, DEFAULT_POOL } from '../model/connection-pool.ts';
import {
  FORWARD_DEFAULTS,
  ROUTE_DEFAULTS,
  VIRTUAL_HOST_DEFAULTS,
  WEIGHTED_CLUSTER_DEFAULTS,
} from '../model/defaults.ts';
import type { ClusterLoadAssignment, EndpointConfig, HealthStatus, Metadata } from '../model/endpoint.ts';
import type { FilterOverride, HttpFilterConfig } from '../model/http-filter.ts';
import type { Listener } from '../model/listener.ts';
import type {
  ForwardAction,
  PathMatch,
  RetryPolicyConfig,
  Route,
  RouteAction,
  VirtualHost,
  WeightedCluster,
} from '../model/route.ts';
import { PLAIN_TRANSPORT, type TransportConfig } from '../model/transport-socket.ts';
import { HTTP1_UPSTREAM, type UpstreamProtocol } from '../model/upstream-protocol.ts';

export interface HostOptions {
  readonly health?: HealthStatus;
  readonly weight?: number;
  readonly priority?: number;
}

/** A host by its port on 10.0.0.1. */
export function host(port: number, { health = 'unknown', weight = 1 }: HostOptions = {}): EndpointConfig {
  return { address: { kind: 'socket', host: '10.0.0.1', port }, hostname: '', health, weight, metadata: {} };
}

/** The key of `host(port)`. */
export function key(port: number): string {
  return `10.0.0.1:${port}`;
}

/** Hosts by port, or by port and options; one locality for each priority. */
export function assignment(...hosts: (number | readonly [number, HostOptions])[]): ClusterLoadAssignment {
  const byPriority = new Map<number, EndpointConfig[]>();
  for (const entry of hosts) {
    const [port, options] = typeof entry === 'number' ? [entry, {}] : entry;
    const priority = options.priority ?? 0;
    const endpoints = byPriority.get(priority) ?? [];
    byPriority.set(priority, endpoints);
    endpoints.push(host(port, options));
  }
  return {
    name: 'reviews',
    overprovisioningFactor: 140,
    localities: [...byPriority].map(([priority, endpoints]) => ({
      locality: { region: '', zone: '', subZone: '' },
      priority,
      weight: 0,
      endpoints,
    })),
  };
}

export interface ClusterOptions {
  readonly name?: string;
  readonly discovery?: ClusterDiscovery;
  readonly lb?: LoadBalancerConfig;
  readonly limits?: Partial<Thresholds>;
  readonly high?: Partial<Thresholds>;
  readonly panic?: number;
  readonly connectTimeoutMs?: number;
  readonly unsupported?: readonly string[];
  readonly idleTimeoutMs?: number;
  readonly maxRequestsPerConnection?: number;
  readonly pool?: Partial<ConnectionPoolConfig>;
  readonly protocol?: Partial<UpstreamProtocol>;
  readonly transport?: TransportConfig;
  readonly loadMetrics?: readonly string[];
  readonly metadata?: Metadata;
}

export function clusterConfig(options: ClusterOptions = {}): ClusterConfig {
  const name = options.name ?? 'reviews';
  return {
    name,
    statName: name,
    discovery: options.discovery ?? { kind: 'eds', serviceName: name },
    lb: options.lb ?? { kind: 'round_robin' },
    connectTimeoutMs: options.connectTimeoutMs ?? 5_000,
    thresholds: {
      default: { ...DEFAULT_THRESHOLDS, ...options.limits },
      high: { ...DEFAULT_THRESHOLDS, ...options.high },
    },
    healthyPanicThreshold: options.panic ?? 50,
    idleTimeoutMs: options.idleTimeoutMs ?? 3_600_000,
    maxResponseHeaderBytes: null,
    maxResponseHeaders: 100,
    maxRequestsPerConnection: options.maxRequestsPerConnection ?? 0,
    reportsLoad: false,
    loadMetrics: options.loadMetrics ?? [],
    pool: { ...DEFAULT_POOL, ...options.pool },
    transport: options.transport ?? PLAIN_TRANSPORT,
    protocol: { ...HTTP1_UPSTREAM, ...options.protocol },
    unsupported: options.unsupported ?? [],
    metadata: options.metadata ?? {},
  };
}

export function listener(...httpFilters: HttpFilterConfig[]): Listener {
  return {
    name: 'reviews:9080',
    address: null,
    http: {
      statPrefix: 'http',
      routes: { kind: 'rds', name: 'routes' },
      manager: CONNECTION_MANAGER_DEFAULTS,
      upgrades: { websocket: true },
      httpFilters,
    },
    direction: 'unspecified',
    chains: [],
  };
}

/** An entry of `http_filters`; its type is of the test's own making. */
export function httpFilter(name: string, options: Partial<HttpFilterConfig> = {}): HttpFilterConfig {
  const defaults = {
    typeUrl: name,
    support: 'known',
    disabled: false,
    optional: false,
    config: {},
    unsupported: [],
  } as const;
  return { name, ...defaults, ...options };
}

export function filterOverride(filterTypeUrl: string, options: Partial<FilterOverride> = {}): FilterOverride {
  const defaults = {
    typeUrl: filterTypeUrl,
    support: 'known',
    disabled: false,
    optional: false,
    config: {},
    unsupported: [],
  } as const;
  return { filterTypeUrl, ...defaults, ...options };
}

export function retryPolicy(retryOn: string, options: Partial<RetryPolicyConfig> = {}): RetryPolicyConfig {
  return {
    retryOn: retryOn.split(',').filter((token) => token !== ''),
    numRetries: 1,
    retriableStatusCodes: [],
    perTryTimeoutMs: 0,
    backoffBaseMs: 25,
    backoffMaxMs: 250,
    avoidPreviousHosts: false,
    hostSelectionRetryMaxAttempts: 1,
    ...options,
  };
}

/** To one cluster, or to several by weight. */
export function forward(
  to: string | Readonly<Record<string, number>>,
  options: Partial<Omit<ForwardAction, 'kind' | 'clusters'>> = {},
): ForwardAction {
  const clusters =
    typeof to === 'string' ? [weighted(to, 1)] : Object.entries(to).map(([name, weight]) => weighted(name, weight));
  return {
    ...FORWARD_DEFAULTS,
    clusters,
    totalWeight: clusters.reduce((sum, { weight }) => sum + weight, 0),
    timeoutMs: 15_000,
    ...options,
  };
}

function weighted(name: string, weight: number): WeightedCluster {
  return { name, weight, ...WEIGHTED_CLUSTER_DEFAULTS };
}

export function prefix(value: string, caseSensitive = true): PathMatch {
  return { kind: 'prefix', value, caseSensitive };
}

export function route(action: RouteAction, options: Partial<Omit<Route, 'action'>> = {}): Route {
  return { ...ROUTE_DEFAULTS, path: prefix('/'), ...options, action };
}

export function virtualHost(routes: readonly Route[], options: Partial<Omit<VirtualHost, 'routes'>> = {}): VirtualHost {
  return {
    ...VIRTUAL_HOST_DEFAULTS,
    name: 'vh',
    domains: ['*'],
    ...options,
    routes,
  };
}
