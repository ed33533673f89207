import type { Cluster } from '../cluster/cluster.ts';
import type { Endpoint } from '../cluster/endpoint.ts';
import type { ClusterStats } from '../cluster/stats.ts';
import type { Locality } from '../model/endpoint.ts';
import { EndpointLoad } from './endpoint-load.ts';
import { type ClusterSums, type EndpointSums, isAny, LoadCounter, type LocalitySums } from './load-sums.ts';

/**
 * The load of one cluster, from one report to the next; there is none where nobody asks for it. What an endpoint did counts for the
 * locality that it was in, also after it has moved or gone.
 */
export class ClusterLoad {
  readonly #stats: ClusterStats;
  #dropped: number;
  readonly #drops: ReadonlyMap<string, number>;
  /** Of `#drops`, when the last report was made. */
  #told: ReadonlyMap<string, number>;
  readonly #present = new Map<Endpoint, EndpointLoad>();
  /** Endpoints that are gone, and have sums to tell or calls in flight. */
  #leaving: EndpointLoad[] = [];
  /** What endpoints did where they are no longer. */
  #moved: { readonly locality: Locality; readonly priority: number; readonly sums: EndpointSums }[] = [];

  constructor({ stats, drops }: Pick<Cluster, 'stats' | 'drops'>, endpoints: Iterable<Endpoint>) {
    this.#stats = stats;
    this.#dropped = refusedBy(stats);
    this.#drops = drops.counts;
    this.#told = new Map(drops.counts);
    this.follow(endpoints);
  }

  /** Calls are in flight to endpoints that are still to be told of. */
  get busy(): boolean {
    return [...this.#present.values(), ...this.#leaving].some(({ busy }) => busy);
  }

  /** The endpoints changed. */
  follow(endpoints: Iterable<Endpoint>): void {
    const gone = new Set(this.#present.keys());
    for (const endpoint of endpoints) {
      gone.delete(endpoint);
      const load = this.#present.get(endpoint);
      if (load?.inPlace === true) continue;
      if (load !== undefined) {
        const { locality, priority } = load;
        this.#moved.push({ locality, priority, sums: { ...load.take(), inProgress: 0 } });
      }
      this.#present.set(endpoint, new EndpointLoad(endpoint));
    }
    for (const endpoint of gone) {
      this.#leaving.push(this.#present.get(endpoint) as EndpointLoad);
      this.#present.delete(endpoint);
    }
  }

  /** A metric of the server's own report. */
  addMetric(endpoint: Endpoint, name: string, value: number): void {
    const load = this.#present.get(endpoint) ?? this.#leaving.find((each) => each.endpoint === endpoint);
    load?.addMetric(name, value);
  }

  /** The sums, which begin anew with this. */
  take(): ClusterSums {
    const localities = new Map<string, LocalityCounter>();
    const add = (locality: Locality, priority: number, sums: EndpointSums): void => {
      const key = JSON.stringify([priority, locality.region, locality.zone, locality.subZone]);
      const counter = localities.get(key) ?? new LocalityCounter(locality, priority);
      localities.set(key, counter);
      counter.addEndpoint(sums);
    };
    for (const { locality, priority, sums } of this.#moved) add(locality, priority, sums);
    for (const load of [...this.#present.values(), ...this.#leaving]) add(load.locality, load.priority, load.take());
    this.#moved = [];
    this.#leaving = this.#leaving.filter(({ busy }) => busy);
    const overflown = refusedBy(this.#stats) - this.#dropped;
    this.#dropped += overflown;
    const drops = this.#takeDrops();
    const dropped = [...drops.values()].reduce((sum, each) => sum + each, overflown);
    return { dropped, drops, localities: [...localities.values()].filter(isAny) };
  }

  #takeDrops(): Map<string, number> {
    const drops = new Map<string, number>();
    for (const [category, count] of this.#drops) {
      const more = count - (this.#told.get(category) ?? 0);
      if (more > 0) drops.set(category, more);
    }
    this.#told = new Map(this.#drops);
    return drops;
  }
}

class LocalityCounter extends LoadCounter implements LocalitySums {
  readonly locality: Locality;
  readonly priority: number;
  readonly endpoints: EndpointSums[] = [];

  constructor(locality: Locality, priority: number) {
    super();
    this.locality = locality;
    this.priority = priority;
  }

  addEndpoint(sums: EndpointSums): void {
    this.addAll(sums);
    if (isAny(sums)) this.endpoints.push(sums);
  }
}

/** Calls that the cluster's limits did not let through. */
function refusedBy({
  upstream_rq_pending_overflow: waiting,
  upstream_rq_active_overflow: active,
}: ClusterStats): number {
  return waiting + active;
}
