import type { Cluster, ClusterLoad } from '@inmesh/core';
import type { ClusterReport } from './wire.ts';

/**
 * A cluster that a server wants to be told of: of every mesh of the process that has it, and of those that had it for as long as there
 * is something left to tell.
 */
export class TrackedCluster {
  readonly #name: string;
  readonly #live = new Map<Cluster, ClusterLoad>();
  #leaving: ClusterLoad[] = [];
  #serviceName = '';
  /** On the clock: when the last report was made, or this began. */
  #since: number;

  constructor(name: string, now: number) {
    this.#name = name;
    this.#since = now;
  }

  /** Nothing can come any more. */
  get over(): boolean {
    return this.#live.size === 0 && this.#leaving.length === 0;
  }

  get live(): boolean {
    return this.#live.size > 0;
  }

  add(cluster: Cluster): void {
    const { discovery } = cluster.config;
    if (discovery.kind === 'eds') this.#serviceName = discovery.serviceName;
    if (!this.#live.has(cluster)) this.#live.set(cluster, cluster.startLoad());
  }

  /** Its calls in flight are told of yet. */
  remove(cluster: Cluster): void {
    const load = this.#live.get(cluster);
    if (load === undefined) return;
    this.#live.delete(cluster);
    this.#leaving.push(load);
  }

  /** Nobody asks any more. */
  stop(): void {
    for (const cluster of this.#live.keys()) cluster.stopLoad();
    this.#live.clear();
    this.#leaving = [];
  }

  /** What was done since the last time; null for nothing. */
  take(now: number): ClusterReport | null {
    const sums = [...this.#live.values(), ...this.#leaving].map((load) => load.take());
    this.#leaving = this.#leaving.filter(({ busy }) => busy);
    const intervalMs = now - this.#since;
    this.#since = now;
    const dropped = sums.reduce((sum, each) => sum + each.dropped, 0);
    const drops = new Map<string, number>();
    for (const each of sums) {
      for (const [category, count] of each.drops) drops.set(category, (drops.get(category) ?? 0) + count);
    }
    const localities = sums.flatMap((each) => each.localities);
    if (dropped === 0 && localities.length === 0) return null;
    return { cluster: this.#name, serviceName: this.#serviceName, dropped, drops, localities, intervalMs };
  }
}
