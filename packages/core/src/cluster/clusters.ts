import type { ConfigSource, Resolver, Unwatch } from '../config-source.ts';
import type { MeshError } from '../errors.ts';
import type { ClusterConfig } from '../model/cluster.ts';
import type { ClusterLoadAssignment } from '../model/endpoint.ts';
import { Cluster, type ClusterParts } from './cluster.ts';
import { followNames } from './named-hosts.ts';

/** Hears of the clusters that calls can go to. */
export interface ClusterFollower {
  /** A cluster came into use, or has new settings. */
  used(cluster: Cluster): void;
  /** No new calls come; those in flight go on. */
  gone(cluster: Cluster): void;
}

export interface ClustersParts extends ClusterParts {
  readonly source: ConfigSource;
  readonly resolver: Resolver;
  /** Default: nobody. */
  readonly follower?: ClusterFollower | undefined;
}

/** One user's hold on a cluster. */
export interface ClusterHandle {
  readonly name: string;
  /** True once the cluster, its endpoints and its secrets, or the lack of them, are known. */
  readonly settled: boolean;
  /** The live cluster; null while it is not known or does not exist. */
  readonly cluster: Cluster | null;
  /** Why there is no cluster; null while there is one or while it is not known. */
  readonly error: MeshError | null;
  release(): void;
}

/** The clusters in use: each is subscribed while somebody holds it, and lives on until its last call has ended. */
export class Clusters {
  readonly #parts: ClustersParts;
  readonly #live = new Map<string, LiveCluster>();
  /** Clusters that nobody holds any more and that had calls or connections when they were last looked at. */
  readonly #leaving = new Set<Cluster>();

  constructor(parts: ClustersParts) {
    this.#parts = parts;
  }

  /** `changed` is called when the handle settles, and when the cluster appears or goes; not for endpoints. */
  acquire(name: string, changed: () => void): ClusterHandle {
    this.#sweep();
    let live = this.#live.get(name);
    if (live === undefined) {
      live = new LiveCluster(name, this.#parts, (cluster) => this.#retire(cluster));
      this.#live.set(name, live);
      live.start();
    }
    const held = live;
    held.listeners.add(changed);
    let released = false;
    return {
      name,
      get settled() {
        return held.settled;
      },
      get cluster() {
        return held.cluster;
      },
      get error() {
        return held.error;
      },
      release: () => {
        if (released) return;
        released = true;
        held.listeners.delete(changed);
        if (held.listeners.size > 0) return;
        held.stop();
        if (this.#live.get(name) === held) this.#live.delete(name);
      },
    };
  }

  /** The clusters that exist now, by name. */
  *[Symbol.iterator](): IterableIterator<Cluster> {
    for (const { cluster } of this.#live.values()) if (cluster !== null) yield cluster;
  }

  /** Ends all connections at once. */
  destroy(error: MeshError): void {
    for (const live of this.#live.values()) live.stop();
    this.#live.clear();
    for (const cluster of this.#leaving) {
      cluster.destroy(error);
      cluster.transport.release();
    }
    this.#leaving.clear();
  }

  /** Lets a cluster end by itself, and remembers it for the case that it must be ended. */
  #retire(cluster: Cluster): void {
    cluster.close();
    this.#leaving.add(cluster);
    this.#sweep();
  }

  /** A cluster whose last call has ended needs its secrets no more. */
  #sweep(): void {
    for (const cluster of this.#leaving) {
      if (!cluster.empty) continue;
      this.#leaving.delete(cluster);
      cluster.transport.release();
    }
  }
}

/** A cluster, its endpoints and the subscriptions behind them. */
class LiveCluster {
  readonly name: string;
  readonly listeners = new Set<() => void>();
  readonly #parts: ClustersParts;
  readonly #retire: (cluster: Cluster) => void;
  /** The cluster once its endpoints and secrets, or the lack of them, are known: calls never see it before. */
  cluster: Cluster | null = null;
  error: MeshError | null = null;
  settled = false;
  /** The cluster until then. */
  #warming: Cluster | null = null;
  #unwatchCluster: Unwatch | null = null;
  #unwatchEndpoints: Unwatch | null = null;
  /** True once the endpoints, or the lack of them, are known. */
  #told = false;
  /** Where the endpoints come from now: a change of settings alone does not ask for them again. */
  #endpointsOf: string | null = null;

  constructor(name: string, parts: ClustersParts, retire: (cluster: Cluster) => void) {
    this.name = name;
    this.#parts = parts;
    this.#retire = retire;
  }

  start(): void {
    this.#unwatchCluster = this.#parts.source.watch('cluster', this.name, {
      changed: (config) => this.#configure(config),
      resourceError: (error) => this.#lose(error),
      ambientError: () => {
        const cluster = this.cluster ?? this.#warming;
        if (cluster !== null) cluster.stats.update_rejected++;
      },
    });
  }

  stop(): void {
    this.#unwatchCluster?.();
    this.#unwatchCluster = null;
    this.#unwatchEndpoints?.();
    this.#unwatchEndpoints = null;
    this.#drop();
  }

  #configure(config: ClusterConfig): void {
    const before = this.cluster ?? this.#warming;
    before?.configure(config);
    const cluster = before ?? this.#warm(config);
    cluster.stats.update_success++;
    if (cluster === this.cluster) this.#parts.follower?.used(cluster);
    this.#follow(config, cluster);
  }

  #warm(config: ClusterConfig): Cluster {
    const cluster = new Cluster(config, this.#parts);
    cluster.onSettled = () => this.#settle();
    this.#warming = cluster;
    return cluster;
  }

  #lose(error: MeshError): void {
    this.error = error;
    this.#told = false;
    this.#unwatchEndpoints?.();
    this.#unwatchEndpoints = null;
    this.#endpointsOf = null;
    this.#drop();
    this.settled = true;
    this.#tell();
  }

  #follow({ discovery }: ClusterConfig, cluster: Cluster): void {
    const origin = discovery.kind === 'eds' ? `eds ${discovery.serviceName}` : JSON.stringify(discovery);
    if (origin === this.#endpointsOf) return;
    this.#endpointsOf = origin;
    // The last endpoints stay until the new source has answered: no empty moment.
    this.#unwatchEndpoints?.();
    this.#unwatchEndpoints = null;
    const assign = (assignment: ClusterLoadAssignment) => {
      cluster.assign(assignment);
      this.#tellEndpoints();
    };
    const none = () => {
      cluster.stats.update_empty++;
      this.#tellEndpoints();
    };
    switch (discovery.kind) {
      case 'eds':
        this.#unwatchEndpoints = this.#parts.source.watch('clusterLoadAssignment', discovery.serviceName, {
          changed: assign,
          resourceError: none,
          ambientError: () => {
            cluster.stats.update_rejected++;
          },
        });
        break;
      case 'static':
        assign(discovery.assignment);
        break;
      case 'original_dst':
        this.#tellEndpoints();
        break;
      case 'strict_dns':
        this.#unwatchEndpoints = followNames(
          discovery.assignment,
          discovery.refreshMs,
          this.#parts.resolver,
          assign,
          () => {
            cluster.stats.update_rejected++;
          },
        );
        break;
    }
  }

  #tellEndpoints(): void {
    this.#told = true;
    this.#settle();
  }

  #settle(): void {
    if (this.#warming === null || !this.#told || !this.#warming.settled) return;
    this.cluster = this.#warming;
    this.#parts.follower?.used(this.cluster);
    this.#warming = null;
    this.error = null;
    this.settled = true;
    this.#tell();
  }

  #drop(): void {
    const cluster = this.cluster ?? this.#warming;
    if (this.cluster !== null) this.#parts.follower?.gone(this.cluster);
    this.cluster = null;
    this.#warming = null;
    if (cluster !== null) this.#retire(cluster);
  }

  #tell(): void {
    for (const listener of [...this.listeners]) listener();
  }
}
