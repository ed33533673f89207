import type {
  CircuitBreakerStats,
  Cluster,
  ClusterStats,
  EndpointStats,
  FilterStats,
  MeshStats,
  RouteStats,
  RoutingPriority,
  TcpStats,
} from '@inmesh/core';
import type { JoinedAuthority, LoadReporterStats } from '@inmesh/xds';

/** All counters and gauges, live: plain objects under Envoy's names, to be read and not written. */
export interface Statistics {
  readonly mesh: MeshStats;
  readonly clusters: { readonly [name: string]: ClusterStats };
  /** By cluster and priority: `circuit_breakers.<priority>.*`, as they are now. */
  readonly circuitBreakers: { readonly [cluster: string]: { readonly [P in RoutingPriority]: CircuitBreakerStats } };
  /** By cluster and address. */
  readonly endpoints: { readonly [cluster: string]: { readonly [address: string]: EndpointStats } };
  /** Of the HTTP filters, under Envoy's full names. */
  readonly filters: FilterStats;
  /** When certificates end, under Envoy's full names: `server.days_until_first_cert_expiring`, and `ssl.certificate.<name>.expiration_unix_time_seconds` of each cluster. */
  readonly certificates: { readonly [gauge: string]: number };
  /** By authority and route. */
  readonly routes: { readonly [authority: string]: { readonly [route: string]: RouteStats } };
  /** Streams of bytes, by the `stat_prefix` of their TCP proxy. */
  readonly tcp: { readonly [statPrefix: string]: TcpStats };
  /** By the server that load is reported to. */
  readonly loadReporters: { readonly [server: string]: LoadReporterStats };
}

export interface StatisticsParts extends Pick<Statistics, 'mesh' | 'filters' | 'certificates' | 'loadReporters'> {
  readonly clusters: Iterable<Cluster>;
  readonly entries: Iterable<JoinedAuthority>;
  readonly tcp: Iterable<readonly [string, TcpStats]>;
}

/** Gathers what each part counts for itself. */
export function gatherStatistics({
  mesh,
  filters,
  certificates,
  loadReporters,
  ...parts
}: StatisticsParts): Statistics {
  const clusters: Record<string, ClusterStats> = {};
  const circuitBreakers: Record<string, Record<RoutingPriority, CircuitBreakerStats>> = {};
  const endpoints: Record<string, Record<string, EndpointStats>> = {};
  for (const cluster of parts.clusters) {
    clusters[cluster.name] = cluster.stats;
    const { default: normal, high } = cluster.limits;
    circuitBreakers[cluster.name] = { default: normal.stats, high: high.stats };
    endpoints[cluster.name] = endpointStats(cluster);
  }
  const routes: Record<string, Record<string, RouteStats>> = {};
  for (const { authority, table } of parts.entries) {
    if (table === null) continue;
    routes[authority] = Object.fromEntries(table.routes.map(({ route }) => [route.label, route.stats]));
  }
  const tcp = Object.fromEntries(parts.tcp);
  return { mesh, clusters, circuitBreakers, endpoints, filters, certificates, routes, tcp, loadReporters };
}

function endpointStats(cluster: Cluster): Record<string, EndpointStats> {
  return Object.fromEntries([...cluster.endpoints].map(([address, { stats }]) => [address, stats]));
}
