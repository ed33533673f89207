import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { type Duration, durationMs } from '@bufbuild/protobuf/wkt';
import { messageType } from '@inmesh/api';
import type { Address as AddressMessage } from '@inmesh/api/gen/envoy/config/core/v3/address_pb';
import type { Locality as LocalityMessage } from '@inmesh/api/gen/envoy/config/core/v3/base_pb';
import type {
  ClusterStats,
  EndpointLoadMetricStats,
  UnnamedEndpointLoadMetricStats,
  UpstreamEndpointStats,
  UpstreamLocalityStats,
} from '@inmesh/api/gen/envoy/config/endpoint/v3/load_report_pb';
import type { LoadStatsRequest, LoadStatsResponse } from '@inmesh/api/gen/envoy/service/load_stats/v3/lrs_pb';
import type { Address, EndpointSums, LoadSums, LocalitySums, MetricSum } from '@inmesh/core';
import { type AdsNode, nodeMessage } from '../ads/node.ts';

/** What a server wants to be told. */
export interface LoadRequest {
  /** Null: of all clusters. */
  readonly clusters: ReadonlySet<string> | null;
  /** Milliseconds between two reports. */
  readonly intervalMs: number;
  /** Also of each endpoint by itself. */
  readonly endpoints: boolean;
}

/** The load of one cluster, ready to be told. */
export interface ClusterReport {
  readonly cluster: string;
  /** Name of its endpoints' resource; empty where they are not of EDS. */
  readonly serviceName: string;
  readonly dropped: number;
  /** Of these, what the feed wanted refused, by category. */
  readonly drops: ReadonlyMap<string, number>;
  readonly localities: readonly LocalitySums[];
  /** Milliseconds since the last report. */
  readonly intervalMs: number;
}

export interface ReportStyle {
  /** Also of each endpoint. */
  readonly endpoints: boolean;
  /**
   * `cpu_utilization` and its like have fields of their own (gRFC A85); Envoy, which knows none, tells them among the named metrics.
   */
  readonly utilizationFields: boolean;
}

/** By this servers know that `send_all_clusters` is understood. */
const sendsAllClusters = 'envoy.lrs.supports_send_all_clusters';

/** The shortest interval, in milliseconds: a server that gives none, or nothing, must not make us do nothing else. */
const shortestIntervalMs = 100;

const requestType = (): ReturnType<typeof messageType<LoadStatsRequest>> =>
  messageType<LoadStatsRequest>('envoy.service.load_stats.v3.LoadStatsRequest');

/** The first request of a stream says who we are, and nothing else: what is wanted is not known yet. */
export function encodeHello(node: AdsNode, userAgentVersion: string): Uint8Array {
  const message = nodeMessage(node, userAgentVersion);
  message.clientFeatures.push(sendsAllClusters);
  return toBinary(requestType(), create(requestType(), { node: message }));
}

export function encodeReports(reports: readonly ClusterReport[], style: ReportStyle): Uint8Array {
  const clusterStats = reports.map((report) => clusterMessage(report, style));
  return toBinary(requestType(), create(requestType(), { clusterStats }));
}

/** Throws for bytes that are no LoadStatsResponse. */
export function decodeLoadRequest(bytes: Uint8Array): LoadRequest {
  const type = messageType<LoadStatsResponse>('envoy.service.load_stats.v3.LoadStatsResponse');
  const { clusters, sendAllClusters, loadReportingInterval, reportEndpointGranularity } = fromBinary(type, bytes);
  const interval = loadReportingInterval === undefined ? 0 : durationMs(loadReportingInterval);
  return {
    clusters: sendAllClusters ? null : new Set(clusters),
    intervalMs: Math.min(Math.max(interval, shortestIntervalMs), 2 ** 31 - 1),
    endpoints: reportEndpointGranularity,
  };
}

function clusterMessage(report: ClusterReport, style: ReportStyle): ClusterStats {
  return create(messageType<ClusterStats>('envoy.config.endpoint.v3.ClusterStats'), {
    clusterName: report.cluster,
    clusterServiceName: report.serviceName,
    totalDroppedRequests: BigInt(report.dropped),
    droppedRequests: [...report.drops].map(([category, count]) => ({
      $typeName: 'envoy.config.endpoint.v3.ClusterStats.DroppedRequests' as const,
      category,
      droppedCount: BigInt(count),
    })),
    loadReportInterval: duration(report.intervalMs),
    upstreamLocalityStats: report.localities.map((locality) => localityMessage(locality, style)),
  });
}

function localityMessage(sums: LocalitySums, style: ReportStyle): UpstreamLocalityStats {
  const type = messageType<UpstreamLocalityStats>('envoy.config.endpoint.v3.UpstreamLocalityStats');
  const apart = style.utilizationFields;
  return create(type, {
    ...countsOf(sums),
    priority: sums.priority,
    locality: create(messageType<LocalityMessage>('envoy.config.core.v3.Locality'), { ...sums.locality }),
    loadMetricStats: [...sums.metrics].filter(([name]) => !(apart && utilizations.has(name))).map(metricMessage),
    upstreamEndpointStats: style.endpoints ? sums.endpoints.map(endpointMessage) : [],
    ...(apart && utilizationsOf(sums.metrics)),
  });
}

const utilizations: ReadonlySet<string> = new Set(['cpu_utilization', 'mem_utilization', 'application_utilization']);

function utilizationsOf(metrics: ReadonlyMap<string, MetricSum>): {
  readonly [field: string]: UnnamedEndpointLoadMetricStats;
} {
  const type = messageType<UnnamedEndpointLoadMetricStats>('envoy.config.endpoint.v3.UnnamedEndpointLoadMetricStats');
  const of = (name: string): UnnamedEndpointLoadMetricStats | null => {
    const sum = metrics.get(name);
    if (sum === undefined) return null;
    return create(type, { numRequestsFinishedWithMetric: BigInt(sum.count), totalMetricValue: sum.total });
  };
  const cpuUtilization = of('cpu_utilization');
  const memUtilization = of('mem_utilization');
  const applicationUtilization = of('application_utilization');
  return {
    ...(cpuUtilization !== null && { cpuUtilization }),
    ...(memUtilization !== null && { memUtilization }),
    ...(applicationUtilization !== null && { applicationUtilization }),
  };
}

function endpointMessage(sums: EndpointSums): UpstreamEndpointStats {
  return create(messageType<UpstreamEndpointStats>('envoy.config.endpoint.v3.UpstreamEndpointStats'), {
    ...countsOf(sums),
    address: addressMessage(sums.endpoint.config.address),
    loadMetricStats: [...sums.metrics].map(metricMessage),
  });
}

type Counts = 'totalIssuedRequests' | 'totalSuccessfulRequests' | 'totalErrorRequests' | 'totalRequestsInProgress';

function countsOf({ issued, succeeded, errored, inProgress }: LoadSums): Pick<UpstreamEndpointStats, Counts> {
  return {
    totalIssuedRequests: BigInt(issued),
    totalSuccessfulRequests: BigInt(succeeded),
    totalErrorRequests: BigInt(errored),
    totalRequestsInProgress: BigInt(inProgress),
  };
}

function metricMessage([name, { count, total }]: readonly [string, MetricSum]): EndpointLoadMetricStats {
  return create(messageType<EndpointLoadMetricStats>('envoy.config.endpoint.v3.EndpointLoadMetricStats'), {
    metricName: name,
    numRequestsFinishedWithMetric: BigInt(count),
    totalMetricValue: total,
  });
}

function addressMessage(address: Address): AddressMessage {
  const type = messageType<AddressMessage>('envoy.config.core.v3.Address');
  if (address.kind === 'pipe') return create(type, { address: { case: 'pipe', value: { path: address.path } } });
  const { host, port } = address;
  return create(type, {
    address: { case: 'socketAddress', value: { address: host, portSpecifier: { case: 'portValue', value: port } } },
  });
}

function duration(ms: number): Duration {
  const seconds = Math.floor(ms / 1_000);
  return {
    $typeName: 'google.protobuf.Duration',
    seconds: BigInt(seconds),
    nanos: Math.round((ms - seconds * 1_000) * 1e6),
  };
}
