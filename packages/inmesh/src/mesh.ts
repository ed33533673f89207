import { randomUUID } from 'node:crypto';
import {
  type AuthorityEntry,
  type Call,
  type Clock,
  type Cluster,
  type ClusterStats,
  Clusters,
  type ConfigSource,
  type Dispatch,
  type EndpointStats,
  FilterCompiler,
  type FilterStats,
  type Kind,
  MeshError,
  MeshStats,
  newFilterStats,
  type OwnFilter,
  outbound,
  type Random,
  type RouteStats,
  type Runtime,
  TimerWheel,
} from '@inmesh/core';
import { dnsResolver } from '@inmesh/discovery';
import { type DispatcherLike, MeshDispatcher, onCall, SocketConnector } from '@inmesh/transports';
import {
  type AdsStatus,
  type Bootstrap,
  ClientStatus,
  type ClientStatusJson,
  chooseFlavour,
  type DecodeProfile,
  filterTypes,
  httpFilters,
  Join,
  type JoinedAuthority,
  type LoadReporterStats,
  type MassRemovalOptions,
  OutsideMemory,
  peerIdentity,
  RuntimeFeed,
  re2,
  readOrca,
  WholeFeed,
} from '@inmesh/xds';
import { type Explanation, explainCall } from './explain.ts';
import { Feed } from './feed.ts';
import { Installation, WithoutMesh } from './install.ts';
import { type MeshListeners, meshListeners } from './listeners.ts';
import { LoadReports } from './load-reports.ts';
import { rememberError, rememberResponse } from './local-errors.ts';
import { meshDomains, nodeDomain } from './mesh-domains.ts';
import { followRuntimeDirectory } from './runtime-disk.ts';
import type { ShareOptions } from './share/stream-seeker.ts';
import { layeredSource, staticResources } from './sources.ts';
import { type StatusService, statusService } from './status-service.ts';
import { VERSION } from './version.ts';

export interface MeshParts {
  readonly bootstrap: Bootstrap;
  readonly services: readonly URL[];
  readonly domains: readonly string[];
  /** By name or type URL. */
  readonly filters: { readonly [nameOrType: string]: OwnFilter };
  /** Also match the routes of Istio's HTTP proxy port. */
  readonly httpProxy: boolean;
  readonly outsideMesh: 'passThrough' | 'refuse';
  readonly profile: DecodeProfile;
  readonly failAs: 'response' | 'error';
  readonly holdTimeoutMs: number;
  readonly maxHeld: number;
  /** Null for none. */
  readonly stateDirectory: string | null;
  readonly prefetch: 'used' | 'all';
  /** Null for none. */
  readonly massRemoval: MassRemovalOptions | null;
  readonly share: ShareOptions;
  /** Milliseconds; 0 for never. */
  readonly idleServiceMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly onWarning: (warning: Error) => void;
}

export interface ReadyOptions {
  /** Milliseconds to wait. Default 20,000, as long as a call would be held: the feed's verdict that there is no such service comes 15 s after the connection is up. */
  readonly within?: number;
  readonly signal?: AbortSignal;
  /** URLs of services that must be known, beside those given to `createMesh`. */
  readonly services?: readonly string[];
}

/** All counters and gauges, live: plain objects under Envoy's names, to be read and not written. */
export interface Statistics {
  readonly mesh: MeshStats;
  readonly clusters: { readonly [name: string]: ClusterStats };
  /** By cluster and address. */
  readonly endpoints: { readonly [cluster: string]: { readonly [address: string]: EndpointStats } };
  /** Of the HTTP filters, under Envoy's full names. */
  readonly filters: FilterStats;
  /** By authority and route. */
  readonly routes: { readonly [authority: string]: { readonly [route: string]: RouteStats } };
  /** By the server that load is reported to. */
  readonly loadReporters: { readonly [server: string]: LoadReporterStats };
}

/** The mesh of a process: doors for its calls, and a view of what happens to them. Made by `createMesh`. */
export class Mesh implements AsyncDisposable {
  /** For undici's `request`, `stream`, `pipeline` and anything else that takes a dispatcher; undici 6, 7 and 8. */
  readonly dispatcher: MeshDispatcher;
  /** Values that steer routing and faults while the process runs: `layered_runtime` of the bootstrap. */
  readonly runtime: Runtime;
  readonly #runtimeFeed: RuntimeFeed;
  readonly #wholeFeed: WholeFeed | null;
  readonly #parts: MeshParts;
  readonly #stats = new MeshStats();
  readonly #filterStats = newFilterStats();
  readonly #feed: Feed | null;
  readonly #clusters: Clusters;
  readonly #loadReports: LoadReports;
  readonly #listeners: MeshListeners;
  readonly #join: Join;
  readonly #dispatch: Dispatch;
  readonly #installation: Installation;
  readonly #clientStatus: ClientStatus;
  readonly #isMesh: (host: string, port: number) => boolean;
  /** The door of `fetch`. */
  readonly #fetchDoor: MeshDispatcher;
  #draining = false;
  #closed = false;
  #drained: Promise<void> | null = null;
  #whenIdle: (() => void) | null = null;

  constructor(parts: MeshParts) {
    const { bootstrap, clock, random } = parts;
    this.#parts = parts;
    const chosen = chooseFlavour(bootstrap, bootstrap.flavour);
    this.#feed =
      bootstrap.servers.length === 0
        ? null
        : new Feed({
            bootstrap,
            node: chosen.node,
            profile: parts.profile,
            stateDirectory: parts.stateDirectory,
            massRemoval: parts.massRemoval,
            share: parts.share,
            clock,
            random,
            onError: parts.onWarning,
          });
    const source = layeredSource(
      bootstrap.staticSource,
      (kind, name) => hasStatic(bootstrap, kind, name),
      this.#feed,
      bootstrap.origin,
    );
    this.#runtimeFeed = new RuntimeFeed({
      layers: bootstrap.runtimeLayers,
      source,
      followDisk: followRuntimeDirectory(parts.onWarning),
    });
    this.runtime = this.#runtimeFeed.runtime;
    this.#loadReports = new LoadReports({
      bootstrap,
      node: chosen.node,
      serverOf: (cluster) => this.#feed?.serverOf(cluster) ?? null,
      clock,
      random,
      onError: parts.onWarning,
    });
    this.#clusters = new Clusters({
      source,
      resolver: dnsResolver({ clock }),
      connector: new SocketConnector(clock),
      orca: readOrca,
      follower: this.#loadReports,
      clock,
      random,
    });
    const isMeshDomain = meshDomains({
      nodeDomain: nodeDomain(bootstrap.node.id),
      patterns: [...bootstrap.meshDomains, ...parts.domains],
      named: new Set([
        ...bootstrap.staticListeners.map(({ name }) => name.toLowerCase()),
        ...parts.services.map((url) => `${url.hostname}:${portOf(url)}`),
      ]),
    });
    this.#listeners = meshListeners({
      bootstrap,
      chosen,
      source,
      client: this.#feed?.client ?? null,
      isMeshDomain,
      httpProxy: parts.httpProxy,
      memory: this.#feed?.store ?? null,
    });
    this.#wholeFeed = this.#prefetchAll(source);
    // Where all listeners are told, they are what says which hosts are the mesh's; elsewhere only names can.
    this.#isMesh = this.#listeners.wildcard === null ? isMeshDomain : () => true;
    this.#join = new Join({
      source,
      clusters: this.#clusters,
      random,
      regex: re2(),
      runtime: this.runtime,
      filters: new FilterCompiler({
        types: filterTypes(httpFilters, parts.filters),
        clock,
        random,
        runtime: this.runtime,
        regex: re2(),
        peer: peerIdentity(chosen.node),
        stats: this.#filterStats,
      }),
      listeners: this.#listeners.finder,
      idle: {
        clock,
        afterMs: parts.idleServiceMs,
        connected: () => this.#feed === null || this.#feed.client.status().stream.connected,
      },
      services: this.#feed?.store ?? new OutsideMemory(clock),
    });
    this.#dispatch = outbound({
      directory: {
        lookup: (target, authority) => (this.#draining ? refusal(authority) : this.#join.lookup(target, authority)),
      },
      clock,
      random,
      wheel: new TimerWheel(clock),
      holdTimeoutMs: parts.holdTimeoutMs,
      maxHeld: parts.maxHeld,
      stats: this.#stats,
      runtime: this.runtime,
      requestId: randomUUID,
      onLocalReply: rememberError,
      onIdle: () => this.#whenIdle?.(),
    });
    this.#clientStatus = new ClientStatus(
      () => ({
        node: chosen.node,
        userAgentVersion: VERSION,
        scope: '',
        staticResources: staticResources(bootstrap),
        resources: this.#feed?.contents() ?? [],
      }),
      clock,
    );
    this.#installation = new Installation((previous) => this.#door(previous));
    const without = new WithoutMesh();
    this.dispatcher = this.#door((legacy) => without.dispatcher(legacy));
    this.#fetchDoor = this.#door(() => without.builtIn());
    for (const service of parts.services) this.#lookup(service).pinned = true;
    for (const { target, authority } of this.#feed?.store?.services() ?? []) {
      const colon = target.lastIndexOf(':');
      // Domains may have changed since.
      if (this.#isMesh(target.slice(0, colon), Number(target.slice(colon + 1)))) this.#join.prefetch(target, authority);
    }
  }

  /** The runtime's own fetch over the mesh: its Request, Response and FormData, and the mesh's way of carrying them. */
  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const seen = new SeenCalls(this.#fetchDoor);
    const response = await globalThis.fetch(input, { ...init, dispatcher: seen } as object as RequestInit);
    if (seen.last !== null) rememberResponse(response, seen.last);
    return response;
  };

  /** Puts the mesh under the built-in fetch and under undici, process-wide. What is not the mesh's goes where it went before. */
  install(): void {
    if (this.#closed) throw closedError();
    this.#installation.install();
  }

  /** Takes that back. */
  uninstall(): void {
    this.#installation.uninstall();
  }

  /**
   * Waits until the routes, clusters and endpoints of the services named here and in `createMesh`, and of those in use,
   * are known. Rejects with a MeshError that names what is missing.
   */
  async ready({ within = 20_000, signal, services = [] }: ReadyOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    if (this.#closed) throw closedError();
    const { wildcard } = this.#listeners;
    wildcard?.start();
    const named = [...this.#parts.services, ...services.map(serviceUrl)].map((url) => this.#lookup(url));
    // Of the others in use it is an answer, too, that the feed does not know them: their calls pass through.
    const entries = new Set([...named, ...[...this.#join.entries].filter(isInUse)]);
    await new Promise<void>((resolve, reject) => {
      const cleanup: (() => void)[] = [];
      let over = false;
      const settle = (error: unknown) => {
        over = true;
        for (const each of cleanup) each();
        if (error === null) resolve();
        else reject(error);
      };
      const check = () => {
        // What the control plane has is not known before it has told all its listeners.
        if (wildcard?.settled === false) return;
        for (const entry of entries) {
          if (entry.error === null || (entry.presumed && named.includes(entry))) continue;
          if (!entry.absent || named.includes(entry)) return settle(entry.error);
          entries.delete(entry);
        }
        if ([...entries].every(isWhole)) return settle(null);
      };
      const follow = (entry: AuthorityEntry) => {
        if (over || isWhole(entry)) return;
        const forget = entry.whenSettled(() => {
          check();
          follow(entry);
        });
        cleanup.push(forget);
      };
      const timer = this.#parts.clock.setTimer(within, () => {
        const missing = [...entries].filter((entry) => !isWhole(entry)).map(({ authority }) => authority);
        if (wildcard?.settled === false) missing.push('the listeners of the control plane');
        settle(
          new MeshError('config_timeout', `not ready within ${within} ms: not all is known of ${missing.join(', ')}`, {
            nodeId: this.#parts.bootstrap.node.id,
            ...this.#controlPlane(),
          }),
        );
      });
      const aborted = () => settle(signal?.reason);
      signal?.addEventListener('abort', aborted, { once: true });
      cleanup.push(
        () => timer.cancel(),
        () => signal?.removeEventListener('abort', aborted),
        ...(wildcard === null ? [] : [wildcard.whenSettled(check)]),
      );
      for (const entry of entries) follow(entry);
      check();
    });
  }

  /** What would happen to a call, and why: listener, route, clusters, endpoints. Waits up to `within` milliseconds (5,000) for the feed. */
  async explain(url: string | URL, { within = 5_000 }: { readonly within?: number } = {}): Promise<Explanation> {
    if (this.#closed) throw closedError();
    const parsed = new URL(url);
    const { hostname } = parsed;
    const port = portOf(parsed);
    if (parsed.protocol !== 'http:' || !this.#isMesh(hostname, port)) {
      return explainCall({
        url: parsed,
        mesh: false,
        entry: null,
        outsideMesh: this.#parts.outsideMesh,
        origin: this.#origin(),
        flavour: this.#listeners.flavour,
      });
    }
    const entry = this.#lookup(parsed);
    await this.#told(within);
    await this.#whole(entry, within);
    return explainCall({
      url: parsed,
      mesh: true,
      entry,
      outsideMesh: this.#parts.outsideMesh,
      origin: this.#origin(),
      flavour: this.#listeners.flavour,
    });
  }

  /** Resolves once all is known of the authority, or the time is over. */
  #whole(entry: JoinedAuthority, within: number): Promise<void> {
    return new Promise((resolve) => {
      let forget = () => {};
      const timer = this.#parts.clock.setTimer(within, () => {
        forget();
        resolve();
      });
      const look = () => {
        if ((entry.error === null || entry.presumed) && !isWhole(entry)) {
          forget = entry.whenSettled(look);
          return;
        }
        timer.cancel();
        resolve();
      };
      look();
    });
  }

  /** Live counters. */
  statistics(): Statistics {
    const clusters: Record<string, ClusterStats> = {};
    const endpoints: Record<string, Record<string, EndpointStats>> = {};
    for (const cluster of this.#clusters) {
      clusters[cluster.name] = cluster.stats;
      endpoints[cluster.name] = endpointStats(cluster);
    }
    const routes: Record<string, Record<string, RouteStats>> = {};
    for (const { authority, table } of this.#join.entries) {
      if (table === null) continue;
      routes[authority] = Object.fromEntries(table.routes.map(({ route }) => [route.label, route.stats]));
    }
    return {
      mesh: this.#stats,
      clusters,
      endpoints,
      filters: this.#filterStats,
      routes,
      loadReporters: this.#loadReports.statistics(),
    };
  }

  /** The streams to the control planes and every resource on them; null where all configuration is static. */
  feed(): AdsStatus | null {
    return this.#feed?.status() ?? null;
  }

  /**
   * What this process takes from its control planes, as the Client Status Discovery Service tells it: the JSON of
   * envoy.service.status.v3.ClientStatusResponse, each resource with its status, its content and what was refused. Secrets are replaced.
   */
  clientStatus(options: { readonly excludeContents?: boolean } = {}): Promise<ClientStatusJson> {
    return this.#clientStatus.json(options);
  }

  /** The same as a gRPC service (CSDS), to be mounted on a server that operators reach: configuration is nobody else's business. */
  statusService(): StatusService {
    return statusService(this.#clientStatus);
  }

  /**
   * Sets runtime values of the bootstrap's admin layer, as Envoy's `/runtime_modify` does; an empty text takes one back. Throws a
   * MeshError where the bootstrap has no such layer.
   */
  modifyRuntime(values: { readonly [key: string]: string | number | boolean }): void {
    this.#runtimeFeed.modify(values);
  }

  /** Takes no more calls, waits for those in flight, then closes. */
  drain(): Promise<void> {
    this.#draining = true;
    this.#drained ??= new Promise<void>((resolve) => {
      this.#whenIdle = resolve;
      if (this.#stats.downstream_rq_active === 0) resolve();
    }).then(() => this.close());
    return this.#drained;
  }

  /** Ends everything now: calls in flight fail, connections and streams close. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#draining = true;
    this.uninstall();
    // First the clusters: whoever follows them lets go of them, and then they would wait for their calls.
    this.#clusters.destroy(closedError());
    this.#join.close();
    this.#listeners.wildcard?.close();
    this.#runtimeFeed.close();
    this.#wholeFeed?.close();
    this.#loadReports.close();
    this.#feed?.close();
  }

  /** As `drain`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
  }

  #door(previous: (legacy: boolean) => DispatcherLike): MeshDispatcher {
    const { outsideMesh, failAs } = this.#parts;
    return new MeshDispatcher({
      dispatch: this.#dispatch,
      isMesh: this.#isMesh,
      refuse:
        outsideMesh === 'refuse'
          ? (authority) =>
              new MeshError('not_in_mesh', 'the host is not in the mesh (outsideMesh: refuse)', { authority })
          : null,
      previous,
      failAs,
      onPassThrough: () => {
        this.#stats.passed_through++;
      },
    });
  }

  #prefetchAll(source: ConfigSource): WholeFeed | null {
    const { prefetch, onWarning } = this.#parts;
    if (prefetch === 'used') return null;
    if (this.#feed !== null && this.#listeners.wildcard !== null) {
      return new WholeFeed({ feed: this.#feed.client, source });
    }
    onWarning(new Error("prefetch: 'all' has no effect: this feed is asked by name, and tells nobody what there is"));
    return null;
  }

  /** Waits until all listeners were told, where they are told as a whole. */
  async #told(within: number): Promise<void> {
    const { wildcard } = this.#listeners;
    if (wildcard === null || wildcard.settled) return;
    await new Promise<void>((resolve) => {
      const timer = this.#parts.clock.setTimer(within, () => {
        forget();
        resolve();
      });
      const forget = wildcard.whenSettled(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  #lookup(url: URL) {
    return this.#join.lookup(`${url.hostname}:${portOf(url)}`, url.host);
  }

  #controlPlane(): { controlPlane?: string } {
    return this.#feed === null ? {} : { controlPlane: this.#feed.serverUri };
  }

  #origin(): string {
    if (this.#feed === null) return this.#parts.bootstrap.origin;
    const { serverUri, via } = this.#feed.client.stream;
    return via === null ? `control plane ${serverUri}` : `control plane ${serverUri} (through ${via})`;
  }
}

/** The dispatcher of one `fetch`: notes the call behind the response, the last one where there were redirects. */
class SeenCalls implements DispatcherLike {
  readonly #dispatcher: MeshDispatcher;
  last: Call | null = null;

  constructor(dispatcher: MeshDispatcher) {
    this.#dispatcher = dispatcher;
  }

  dispatch(...[options, handler]: Parameters<DispatcherLike['dispatch']>): boolean {
    const seen = (call: Call) => {
      this.last = call;
    };
    return this.#dispatcher.dispatch(Object.assign(options, { [onCall]: seen }), handler);
  }
}

function isInUse({ absent, called, prefetched }: JoinedAuthority): boolean {
  return !absent && (called || !prefetched);
}

function closedError(): MeshError {
  return new MeshError('draining', 'the mesh was closed');
}

/** What is known of any authority once the mesh takes no more calls. */
function refusal(authority: string): AuthorityEntry {
  const error = new MeshError('draining', 'the mesh takes no more calls', { authority });
  return { authority, table: null, error, absent: false, whenSettled: () => () => {} };
}

/** The URL of a service as its users write it. Throws a MeshError where it is none. */
export function serviceUrl(text: string): URL {
  const url = URL.parse(text);
  if (url?.protocol === 'http:') return url;
  throw new MeshError('invalid_config', `services: "${text}" is no http URL; write http://reviews:9080`);
}

/** True once the feed has told everything about the routes in force. */
function isWhole({ table }: AuthorityEntry): boolean {
  return table !== null && !table.pending;
}

function portOf({ port, protocol }: URL): number {
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
}

function endpointStats(cluster: Cluster): Record<string, EndpointStats> {
  return Object.fromEntries([...cluster.endpoints].map(([address, { stats }]) => [address, stats]));
}

function hasStatic({ staticListeners, staticClusters, staticSecrets }: Bootstrap, kind: Kind, name: string): boolean {
  if (kind === 'listener') return staticListeners.some((listener) => listener.name === name);
  if (kind === 'secret') return staticSecrets.some((secret) => secret.name === name);
  return kind === 'cluster' && staticClusters.some((cluster) => cluster.name === name);
}
