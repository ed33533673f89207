import {
  type AuthorityEntry,
  type ClusterHandle,
  type ForwardAction,
  type Listener,
  MeshError,
  NO_VIRTUAL_HOST,
  normalizedAuthority,
  type RouteConfiguration,
  RouteTable,
  type Unwatch,
  type VirtualHost,
  withoutPort,
} from '@inmesh/core';
import { DiscoveredFilters } from './discovered-filters.ts';
import { HeldLookups } from './held-lookups.ts';
import type { JoinOptions } from './join.ts';
import type { ListenerCompleter } from './listener-completer.ts';
import { NamedClusters } from './named-clusters.ts';
import { clusterNames, lookupsOf } from './route-clusters.ts';
import type { VirtualHosts } from './virtual-hosts.ts';

/** Follows the way of one authority through the feed, and swaps its route table when all that the next one needs is there. */
export class JoinedAuthority implements AuthorityEntry {
  readonly target: string;
  readonly authority: string;
  table: RouteTable | null = null;
  error: MeshError | null = null;
  absent = false;
  /** `absent` is what was said of it before, and is being asked again. */
  presumed = false;
  /** The last thing the control plane had to say against a resource whose older version is in force. */
  ambient: MeshError | null = null;
  /** Set by each use; whoever looks for what is not in use takes it back. */
  used = false;
  /** Set by each use; the sweep for what is idle takes it back. */
  called = false;
  /** Followed because it was called in an earlier run. In this one only where `called` says so, until the sweep has seen that. */
  prefetched = false;
  /** Rounds of the sweep in a row that found it idle. */
  idleRounds = 0;
  /** Never idle. */
  pinned = false;
  readonly #options: JoinOptions;
  readonly #hosts: VirtualHosts;
  #unwatchListener: Unwatch | null = null;
  #listener: Listener | null = null;
  #routesName: string | null = null;
  #unwatchRoutes: Unwatch | null = null;
  #config: RouteConfiguration | null = null;
  #clusters = new Map<string, ClusterHandle>();
  /** Filters whose configurations come on their own. */
  readonly #filters: DiscoveredFilters;
  /** Clusters that calls name. */
  readonly #named: NamedClusters;
  /** What the routes have their clusters looked up by. */
  readonly #lookups: HeldLookups;
  #waiting = new Set<() => void>();
  #closed = false;

  constructor(
    target: string,
    authority: string,
    options: JoinOptions,
    hosts: VirtualHosts,
    completer: ListenerCompleter,
  ) {
    this.target = target;
    this.authority = authority;
    this.#options = options;
    this.#hosts = hosts;
    this.#filters = new DiscoveredFilters(options.source, completer, () => this.#settle());
    this.#named = new NamedClusters(options.clusters, () => this.#tell());
    this.#lookups = new HeldLookups(options.lookups, () => this.#tell());
  }

  start(): void {
    this.#unwatchListener = this.#options.listeners.find(this.target, {
      changed: (listener) => {
        this.ambient = null;
        this.#use(listener);
      },
      resourceError: (error) => this.#lose(error, false),
      notInMesh: (error) => this.#lose(error, true),
      ambientError: (error) => {
        this.ambient = error;
      },
    });
  }

  /** Lets calls pass before the control plane has said again that it knows no such host: they should not wait for that twice. */
  presumeOutside(): void {
    this.presumed = true;
    this.absent = true;
    this.error = new MeshError('not_in_mesh', 'the control plane had no listener for it when it was last asked', {
      authority: this.authority,
    });
  }

  /** It has routes to clusters of the mesh: not only to where calls would go without it. */
  get isService(): boolean {
    if (this.table === null || this.table.refusal !== null) return false;
    const clusters = [...this.#clusters.values()].filter(({ cluster }) => cluster !== null);
    return clusters.length === 0 || clusters.some(({ cluster }) => cluster?.config.discovery.kind !== 'original_dst');
  }

  /** True while calls wait for it. */
  get awaited(): boolean {
    return this.#waiting.size > 0;
  }

  /** True while calls wait for it or are under way to its clusters: also those of other authorities, because clusters do not tell them apart. */
  get busy(): boolean {
    if (this.awaited) return true;
    for (const { cluster } of this.#clusters.values()) {
      if (cluster === null) continue;
      const { upstream_rq_active: active, upstream_rq_pending_active: pending } = cluster.stats;
      if (active > 0 || pending > 0 || cluster.retriesActive > 0) return true;
    }
    return false;
  }

  whenSettled(callback: () => void): () => void {
    this.#waiting.add(callback);
    return () => this.#waiting.delete(callback);
  }

  /** Follows nothing any more; who still waits is told why. */
  close(why: string): void {
    this.#closed = true;
    this.#unwatchListener?.();
    this.#dropRoutes();
    this.#releaseClusters();
    this.#named.close();
    this.#lookups.close();
    this.#filters.close();
    this.#fail(new MeshError('draining', why, { authority: this.authority }));
  }

  #lose(error: MeshError, absent: boolean): void {
    if (this.#closed) return;
    this.#listener = null;
    this.#filters.close();
    this.#dropRoutes();
    this.#releaseClusters();
    this.absent = absent;
    this.presumed = false;
    if (error.code === 'no_route') {
      if (absent && this.called) this.#options.services?.outside(this.target, this.authority);
      else this.#options.services?.lost(this.target, this.authority);
    }
    this.#fail(error);
  }

  #use(listener: Listener): void {
    if (listener === this.#listener || this.#closed) return;
    this.#listener = listener;
    // It was none of the mesh's and is now: its calls wait for their routes, as those of a host that is new.
    if (this.absent) this.error = null;
    this.absent = false;
    this.presumed = false;
    this.#filters.follow(listener);
    if (listener.http === null) {
      this.#dropRoutes();
      this.#releaseClusters();
      this.#fail(
        new MeshError('unsupported', 'the listener has no HTTP connection manager: it is not for HTTP calls', {
          authority: this.authority,
          listener: listener.name,
        }),
      );
      return;
    }
    const { routes } = listener.http;
    if (routes.kind === 'inline') {
      this.#dropRoutes();
      this.#route(routes.config);
    } else if (routes.name !== this.#routesName) {
      this.#dropRoutes();
      this.#routesName = routes.name;
      this.#unwatchRoutes = this.#options.source.watch('routeConfiguration', routes.name, {
        changed: (config) => {
          this.ambient = null;
          this.#route(config);
        },
        resourceError: (error) => {
          this.#config = null;
          this.#releaseClusters();
          this.#fail(error);
        },
        ambientError: (error) => {
          this.ambient = error;
        },
      });
    } else if (this.#config !== null) {
      // Only the listener changed (its filters, say): the routes stay and are made ready anew.
      this.#route(this.#config);
    }
  }

  #dropRoutes(): void {
    this.#unwatchRoutes?.();
    this.#unwatchRoutes = null;
    this.#routesName = null;
    this.#config = null;
  }

  /** Takes hold of the clusters that the virtual host names; the table follows. */
  #route(config: RouteConfiguration): void {
    if (this.#closed) return;
    this.#config = config;
    const wanted = clusterNames(this.#virtualHost(config), config);
    for (const name of wanted) {
      if (!this.#clusters.has(name))
        this.#clusters.set(
          name,
          this.#options.clusters.acquire(name, () => this.#settle()),
        );
    }
    this.#settle();
  }

  /** By the `Host`; by the full names of a short one only where no virtual host but a catch-all has it. */
  #virtualHost(config: RouteConfiguration): VirtualHost | null {
    const hosts = this.#hosts.of(config);
    const ignorePort = config.ignorePortInHostMatching;
    const found = hosts.find(this.#routedAuthority(), ignorePort);
    if (found !== null && !found.domains.includes('*')) return found;
    for (const name of this.#options.listeners.fullNames?.(withoutPort(this.authority)) ?? []) {
      const full = hosts.find(name, ignorePort);
      if (full?.domains.includes(name)) return full;
    }
    return found;
  }

  /** The authority as the listener's connection manager makes it. */
  #routedAuthority(): string {
    const listener = this.#listener;
    return listener === null ? this.authority : normalizedAuthority(listener, this.authority, this.target);
  }

  #settle(): void {
    const config = this.#config;
    if (config === null || this.#listener === null || this.#closed) return;
    // As a listener that warms: what was in force stays until the configurations of all filters are there.
    const listener = this.#filters.complete(this.#listener);
    if (listener === null) return;
    const virtualHost = this.#virtualHost(config);
    const wanted = clusterNames(virtualHost, config);
    const complete = [...wanted].every((name) => this.#clusters.get(name)?.settled === true);
    // A whole table stays in force until the next one is whole too. The first one serves what is known of it at once: a cluster
    // that does not come harms only the routes that choose it.
    const { table } = this;
    if (!complete && table !== null && table.refusal === null && !table.pending) return;
    const refusal =
      virtualHost === null
        ? new MeshError('no_route', 'no virtual host matches', {
            authority: this.authority,
            listener: listener.name,
            resource: `routeConfiguration "${config.name}"`,
          })
        : null;
    this.table = new RouteTable({
      listener,
      config,
      virtualHost: virtualHost ?? NO_VIRTUAL_HOST,
      refusal,
      random: this.#options.random,
      regex: this.#options.regex,
      runtime: this.#options.runtime,
      filters: this.#options.filters,
      clusterOf: (name, action) => this.#choice(this.#clusters.get(name), name, action),
      namedCluster: (name, action) => this.#choice(this.#named.handle(name), name, action),
      specifierOf: (lookup) => this.#lookups.specifier(lookup),
      previous: this.table,
    });
    this.error = refusal;
    this.#releaseClusters(wanted);
    this.#lookups.keep(lookupsOf(virtualHost));
    if (this.called && this.isService) this.#options.services?.used(this.target, this.authority);
    this.#tell();
  }

  #choice(handle: ClusterHandle | undefined, name: string, action: ForwardAction) {
    if (handle?.settled === false) return null;
    if (handle?.cluster) return handle.cluster;
    return new MeshError('no_cluster', handle?.error?.message ?? 'the cluster is not known', {
      cluster: name,
      authority: this.authority,
      status: action.clusterNotFoundStatus,
      ...(handle?.error ? { cause: handle.error } : {}),
    });
  }

  /** Lets go of clusters that the table in force does not name. */
  #releaseClusters(wanted: ReadonlySet<string> = new Set()): void {
    for (const [name, handle] of this.#clusters) {
      if (wanted.has(name)) continue;
      this.#clusters.delete(name);
      handle.release();
    }
  }

  #fail(error: MeshError): void {
    this.table = null;
    this.error = error;
    this.#tell();
  }

  #tell(): void {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const callback of waiting) callback();
  }
}
