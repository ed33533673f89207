import type { Endpoint } from '../cluster/endpoint.ts';
import type { Locality } from '../model/endpoint.ts';

/** One metric of the servers' own reports. */
export interface MetricSum {
  /** Calls whose response had it. */
  readonly count: number;
  readonly total: number;
}

/** What was done since the last report. */
export interface LoadSums {
  readonly issued: number;
  readonly succeeded: number;
  readonly errored: number;
  /** In flight now; not a sum. */
  readonly inProgress: number;
  /** By name. */
  readonly metrics: ReadonlyMap<string, MetricSum>;
}

export interface EndpointSums extends LoadSums {
  readonly endpoint: Endpoint;
}

export interface LocalitySums extends LoadSums {
  readonly locality: Locality;
  readonly priority: number;
  /** Those that did anything. */
  readonly endpoints: readonly EndpointSums[];
}

/** True where anything was done. */
export function isAny({ issued, succeeded, errored, inProgress, metrics }: LoadSums): boolean {
  return issued + succeeded + errored + inProgress > 0 || metrics.size > 0;
}

/** The load of one cluster since the last report. */
export interface ClusterSums {
  /** Calls that the cluster's limits did not let through, and those that the feed wanted refused. */
  readonly dropped: number;
  /** The latter, by category. */
  readonly drops: ReadonlyMap<string, number>;
  /** Those that did anything. */
  readonly localities: readonly LocalitySums[];
}

/** Sums that grow. */
export class LoadCounter implements LoadSums {
  issued = 0;
  succeeded = 0;
  errored = 0;
  inProgress = 0;
  readonly metrics: Map<string, MetricSum> = new Map();

  addAll(sums: LoadSums): void {
    this.issued += sums.issued;
    this.succeeded += sums.succeeded;
    this.errored += sums.errored;
    this.inProgress += sums.inProgress;
    for (const [name, sum] of sums.metrics) addTo(this.metrics, name, sum);
  }
}

export function addTo(metrics: Map<string, MetricSum>, name: string, { count, total }: MetricSum): void {
  const before = metrics.get(name);
  metrics.set(name, { count: (before?.count ?? 0) + count, total: (before?.total ?? 0) + total });
}
