import {
  type Cluster,
  type ClusterHandle,
  type Clusters,
  type Listener,
  MeshError,
  matchChain,
  type TcpDestination,
  type TcpEntry,
  type TcpProxy,
  type TcpStats,
  type TcpWay,
  type Unwatch,
} from '@inmesh/core';
import type { ListenerFinder } from './listener-finder.ts';

export interface JoinedTcpOptions {
  readonly clusters: Clusters;
  readonly listeners: ListenerFinder;
  /** What the proxies of a `stat_prefix` count. */
  readonly statsOf: (statPrefix: string) => TcpStats;
}

/** Follows the way of streams to one destination through the feed. */
export class JoinedTcp implements TcpEntry {
  readonly destination: TcpDestination;
  way: JoinedWay | null = null;
  error: MeshError | null = null;
  absent = false;
  /** Streams by it. */
  users = 0;
  readonly #options: JoinedTcpOptions;
  readonly #released: (entry: JoinedTcp) => void;
  #unwatch: Unwatch | null = null;
  #waiting = new Set<() => void>();

  constructor(destination: TcpDestination, options: JoinedTcpOptions, released: (entry: JoinedTcp) => void) {
    this.destination = destination;
    this.#options = options;
    this.#released = released;
  }

  start(): void {
    const { host, port } = this.destination;
    this.#unwatch = this.#options.listeners.find(
      `${host}:${port}`,
      {
        changed: (listener) => this.#use(listener),
        resourceError: (error) => this.#lose(error, false),
        notInMesh: (error) => this.#lose(error, true),
        ambientError: () => {},
      },
      'bytes',
    );
  }

  whenSettled(callback: () => void): () => void {
    this.#waiting.add(callback);
    return () => this.#waiting.delete(callback);
  }

  release(): void {
    if (--this.users === 0) this.#released(this);
  }

  close(): void {
    this.#unwatch?.();
    this.way?.close();
    this.way = null;
    this.error = new MeshError('draining', 'the mesh was closed');
    this.#tell();
  }

  #use(listener: Listener): void {
    const chain = matchChain(listener.chains, this.destination);
    const proxy = chain?.tcp ?? null;
    if (proxy === null) {
      const { host, port } = this.destination;
      const place = { authority: `${host}:${port}`, listener: listener.name };
      const why =
        chain === null
          ? 'no filter chain of the listener takes such a stream'
          : 'the listener is for HTTP: it has no TCP proxy for a stream of bytes';
      this.#lose(new MeshError('no_route', why, place), false);
      return;
    }
    const before = this.way;
    this.way = new JoinedWay(proxy, this.#options, () => this.#tell());
    // After the new one has taken hold of its clusters, so that none that both name is let go.
    before?.close();
    this.error = null;
    this.absent = false;
    this.#tell();
  }

  #lose(error: MeshError, absent: boolean): void {
    this.way?.close();
    this.way = null;
    this.error = error;
    this.absent = absent;
    this.#tell();
  }

  #tell(): void {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const callback of waiting) callback();
  }
}

/** A TCP proxy and its clusters. Streams that went by it keep their connections after it is closed. */
class JoinedWay implements TcpWay {
  readonly proxy: TcpProxy;
  readonly stats: TcpStats;
  readonly #handles: ReadonlyMap<string, ClusterHandle>;

  constructor(proxy: TcpProxy, { clusters, statsOf }: JoinedTcpOptions, changed: () => void) {
    this.proxy = proxy;
    this.stats = statsOf(proxy.statPrefix);
    this.#handles = new Map(proxy.clusters.map(({ name }) => [name, clusters.acquire(name, changed)]));
  }

  cluster(name: string): Cluster | MeshError | null {
    const handle = this.#handles.get(name);
    if (handle?.settled === false) return null;
    if (handle?.cluster) return handle.cluster;
    return new MeshError('no_cluster', handle?.error?.message ?? 'the cluster is not known', {
      cluster: name,
      ...(handle?.error ? { cause: handle.error } : {}),
    });
  }

  close(): void {
    for (const handle of this.#handles.values()) handle.release();
  }
}
