import type { ConnectionPoolConfig } from './connection-pool.ts';
import type { ClusterLoadAssignment, Metadata } from './endpoint.ts';
import type { TransportConfig } from './transport-socket.ts';
import type { UpstreamProtocol } from './upstream-protocol.ts';

/** Routing priority: circuit-breaker thresholds are counted for each. (envoy.config.core.v3.RoutingPriority) */
export type RoutingPriority = 'default' | 'high';

/** Limits of one priority. (envoy.config.cluster.v3.CircuitBreakers.Thresholds) */
export interface Thresholds {
  /** Connections open to all hosts together. Default 1024, as Envoy's. */
  readonly maxConnections: number;
  /** Calls that wait for a connection. Default 1024, as Envoy's. */
  readonly maxPendingRequests: number;
  /** Calls in flight. Default 1024, as Envoy's. */
  readonly maxRequests: number;
  /** Retries in flight. Default 3, as Envoy's; not used where a budget is set. */
  readonly maxRetries: number;
  /** Retries allowed as a share of the calls in flight; null where the feed sets none. */
  readonly retryBudget: RetryBudgetConfig | null;
  /** Pools of connections that exist at once, over all hosts. Default: no limit, as Envoy's. */
  readonly maxConnectionPools: number;
  /** Connections open to one host. Default: no limit. (`per_host_thresholds`) */
  readonly maxConnectionsPerHost: number;
  /** Gauges tell how much of each limit is left. */
  readonly trackRemaining: boolean;
}

/** envoy.config.cluster.v3.CircuitBreakers.Thresholds.RetryBudget */
export interface RetryBudgetConfig {
  /** Percent of active and pending calls; default 20. */
  readonly budgetPercent: number;
  /** Retries that are always allowed; default 3. */
  readonly minRetryConcurrency: number;
}

/** How the endpoints of a cluster are found. (envoy.config.cluster.v3.Cluster.type) */
export type ClusterDiscovery =
  /** `serviceName` is the EDS resource; the cluster's own name where the feed gives none. */
  | { readonly kind: 'eds'; readonly serviceName: string }
  | { readonly kind: 'static'; readonly assignment: ClusterLoadAssignment }
  /** Every address that a name resolves to is an endpoint. `refreshMs`: 5,000 by default, as Envoy's. */
  | { readonly kind: 'strict_dns'; readonly assignment: ClusterLoadAssignment; readonly refreshMs: number }
  /** Where the call would have gone without the mesh: it passes through, unless the cluster has an identity or a protocol for it. (ORIGINAL_DST) */
  | { readonly kind: 'original_dst' };

/** envoy.config.cluster.v3.Cluster.lb_policy and its settings. */
export type LoadBalancerConfig =
  | { readonly kind: 'round_robin' }
  /** `choiceCount`: endpoints compared per pick; default 2. `activeRequestBias`: exponent for weighted hosts; default 1. */
  | { readonly kind: 'least_request'; readonly choiceCount: number; readonly activeRequestBias: number };

/** A cluster as the feed describes it. (envoy.config.cluster.v3.Cluster) */
export interface ClusterConfig {
  readonly name: string;
  /** Prefix of the cluster's statistics; `alt_stat_name`, else the name. */
  readonly statName: string;
  readonly discovery: ClusterDiscovery;
  readonly lb: LoadBalancerConfig;
  /** Milliseconds until a connection must be ready; default 5,000, as Envoy's. */
  readonly connectTimeoutMs: number;
  readonly thresholds: { readonly [P in RoutingPriority]: Thresholds };
  /** Percent of healthy hosts below which health is ignored; default 50, as Envoy's; 0 never panics. */
  readonly healthyPanicThreshold: number;
  /** Milliseconds an unused connection stays open; default one hour, as Envoy's; 0 for no limit. */
  readonly idleTimeoutMs: number;
  /** Bytes of response headers taken; null for Envoy's default of the protocol: 80 KiB over HTTP/1, 60 over HTTP/2. (max_response_headers_kb) */
  readonly maxResponseHeaderBytes: number | null;
  /** Headers that a response may have; default 100, as Envoy's. (max_headers_count) */
  readonly maxResponseHeaders: number;
  /** Requests after which a connection is closed; 0 for no limit. */
  readonly maxRequestsPerConnection: number;
  readonly pool: ConnectionPoolConfig;
  readonly transport: TransportConfig;
  readonly protocol: UpstreamProtocol;
  /** Its load is reported to the control plane that it comes from. (`lrs_server: self`) */
  readonly reportsLoad: boolean;
  /** What of the servers' own reports goes into load reports: `cpu_utilization`, `named_metrics.*` … (`lrs_report_endpoint_metrics`) */
  readonly loadMetrics: readonly string[];
  /** What this version cannot honour and must not ignore (TLS material, protocol …), naming proto fields. A call to such a cluster is refused: fail closed. */
  readonly unsupported: readonly string[];
  readonly metadata: Metadata;
}

/** Envoy's defaults for a priority that the feed does not mention. */
export const DEFAULT_THRESHOLDS: Thresholds = {
  maxConnections: 1024,
  maxPendingRequests: 1024,
  maxRequests: 1024,
  maxRetries: 3,
  retryBudget: null,
  maxConnectionPools: Number.POSITIVE_INFINITY,
  maxConnectionsPerHost: Number.POSITIVE_INFINITY,
  trackRemaining: false,
};
