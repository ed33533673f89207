import { MeshError, type Runtime } from '@inmesh/core';
import { type DispatcherLike, MeshDispatcher, type MeshSocket } from '@inmesh/transports';
import type { AdsStatus, ClientStatusJson, JoinedAuthority } from '@inmesh/xds';
import { type Assembly, assemble } from './assembly.ts';
import { callOf, explainCall } from './explain/explain-call.ts';
import type { Explanation } from './explain/explanation.ts';
import type { TlsStateOf } from './explain/transports.ts';
import { Installation, WithoutMesh } from './install.ts';
import { rememberResponse } from './local-errors.ts';
import type { MeshParts } from './mesh-parts.ts';
import { openSocket, type SocketOptions } from './open-socket.ts';
import { type IncomingHeaders, IncomingOverrides } from './overrides/incoming.ts';
import { OverrideContext } from './overrides/override-context.ts';
import type { Overrides } from './overrides/overrides.ts';
import { readOverrides } from './overrides/read-overrides.ts';
import { type ReadyOptions, whenKnown, whenReady, whenTold } from './ready.ts';
import { SeenCalls } from './seen-calls.ts';
import { portOf, serviceUrl } from './service-url.ts';
import { gatherStatistics, type Statistics } from './statistics.ts';
import { type StatusService, statusService } from './status-service.ts';

export interface ExplainOptions {
  /** Milliseconds to wait for the feed. Default 5,000: somebody looks on. */
  readonly within?: number;
  /** Default `GET`. */
  readonly method?: string;
  /** Headers that the caller sends; `host` as the authority. Default: none. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** As `mesh` among the options of `fetch`. Default: none. */
  readonly overrides?: Overrides;
}

/** `fetch`, which also takes overrides for the one call. */
export type MeshFetch = (
  input: Parameters<typeof globalThis.fetch>[0],
  init?: RequestInit & { readonly mesh?: Overrides },
) => Promise<Response>;

/** The mesh of a process: doors for its calls, and a view of what happens to them. Made by `createMesh`. */
export class Mesh implements AsyncDisposable {
  /** For undici's `request`, `stream`, `pipeline` and anything else that takes a dispatcher; undici 6, 7 and 8. */
  readonly dispatcher: MeshDispatcher;
  /** Values that steer routing and faults while the process runs: `layered_runtime` of the bootstrap. */
  readonly runtime: Runtime;
  readonly #parts: MeshParts;
  readonly #assembly: Assembly;
  readonly #overrides = new OverrideContext();
  readonly #incoming: IncomingOverrides;
  readonly #installation: Installation;
  /** The door of `fetch`. */
  readonly #fetchDoor: MeshDispatcher;
  #draining = false;
  #closed = false;
  #drained: Promise<void> | null = null;
  #whenIdle: (() => void) | null = null;

  constructor(parts: MeshParts) {
    this.#parts = parts;
    this.#incoming = new IncomingOverrides(parts.acceptOverrides);
    this.#assembly = assemble(parts, { draining: () => this.#draining, onIdle: () => this.#whenIdle?.() });
    const { runtimeFeed, feed, join, isMesh } = this.#assembly;
    this.runtime = runtimeFeed.runtime;
    this.#installation = new Installation((previous) => this.#door(previous));
    const without = new WithoutMesh();
    this.dispatcher = this.#door((legacy) => without.dispatcher(legacy));
    this.#fetchDoor = this.#door(() => without.builtIn());
    for (const service of parts.services) this.#lookup(service).pinned = true;
    for (const { target, authority } of feed?.store?.services() ?? []) {
      const colon = target.lastIndexOf(':');
      // Domains may have changed since.
      if (isMesh(target.slice(0, colon), Number(target.slice(colon + 1)))) join.prefetch(target, authority);
    }
  }

  /**
   * The runtime's own fetch over the mesh: its Request, Response and FormData, and the mesh's way of carrying them. `mesh` among its
   * options has overrides for this call.
   */
  readonly fetch: MeshFetch = async (input, init) => {
    const seen = new SeenCalls(this.#fetchDoor, init?.mesh);
    const response = await globalThis.fetch(input, { ...init, dispatcher: seen } as object as RequestInit);
    if (seen.last !== null) rememberResponse(response, seen.last);
    return response;
  };

  /**
   * Runs `fn`, and has all calls to services of the mesh that come of it, however deep and however late, follow the overrides; over those
   * in force already, and null takes these back. Throws a MeshError that names the field where one is wrong.
   */
  with<T>(overrides: Overrides | null, fn: () => T): T {
    return this.#overrides.run(overrides === null ? null : readOverrides(overrides), fn);
  }

  /**
   * The same with what a request that came in asks for in `x-inmesh-override`, as far as `acceptOverrides` allows. Throws a MeshError
   * (`access_denied`, `invalid_request`) that names what is not allowed, or wrong; where nothing is accepted the header means nothing.
   */
  withIncoming<T>(headers: IncomingHeaders, fn: () => T): T {
    const overrides = this.#incoming.read(headers);
    return overrides === null ? fn() : this.#overrides.run(overrides, fn);
  }

  /**
   * A stream of bytes to a service, over the listener, cluster and identity that the feed has for it: as a socket of `node:net`, for
   * clients of databases and whatever else speaks no HTTP. It connects by itself. What is not the mesh's is an ordinary connection.
   */
  socket(host: string, port: number, options: SocketOptions = {}): MeshSocket {
    return openSocket({ host, port, options, draining: this.#draining, ...this.#parts, ...this.#assembly });
  }

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
    const { listeners, join } = this.#assembly;
    listeners.wildcard?.start();
    await whenReady({
      named: [...this.#parts.services, ...services.map(serviceUrl)].map((url) => this.#lookup(url)),
      followed: join.entries,
      wildcard: listeners.wildcard,
      clock: this.#parts.clock,
      within,
      signal,
      place: { nodeId: this.#parts.bootstrap.node.id, ...this.#controlPlane() },
    });
  }

  /**
   * What would happen to a call, and why: each route and what it asks, filters, rules, clusters, endpoints. Overrides in force here count.
   * Waits for the feed. Nothing is sent.
   */
  async explain(url: string | URL, options: ExplainOptions = {}): Promise<Explanation> {
    if (this.#closed) throw closedError();
    const { within = 5_000, method = 'GET', headers = {}, overrides } = options;
    const { listeners, isMesh, join, tls } = this.#assembly;
    const { clock, outsideMesh } = this.#parts;
    const parsed = new URL(url);
    const { hostname } = parsed;
    const port = portOf(parsed);
    const target = `${hostname}:${port}`;
    const asked = { url: parsed, target, method, headers, overrides: this.#overrides.of(overrides, target) };
    const mesh = parsed.protocol === 'http:' && isMesh(hostname, port);
    let entry: JoinedAuthority | null = null;
    if (mesh) {
      const call = callOf(asked);
      entry = join.lookup(target, call.head.authority);
      await whenTold(listeners.wildcard, clock, within);
      await whenKnown(entry, call, clock, within);
    }
    const { flavour } = listeners;
    const tlsState: TlsStateOf = (context) => tls.state(context);
    return explainCall({ asked, mesh, entry, outsideMesh, clock, tlsState, origin: this.#origin(), flavour });
  }

  /** Live counters. */
  statistics(): Statistics {
    const { stats, filterStats, clusters, join, loadReports, tls, tcpJoin } = this.#assembly;
    return gatherStatistics({
      mesh: stats,
      filters: filterStats,
      certificates: tls.gauges(),
      loadReporters: loadReports.statistics(),
      clusters,
      entries: join.entries,
      tcp: tcpJoin.stats,
    });
  }

  /** The streams to the control planes and every resource on them; null where all configuration is static. */
  feed(): AdsStatus | null {
    return this.#assembly.feed?.status() ?? null;
  }

  /** The streams to servers of secrets (SDS) that are asked, and every secret on them, without what is secret of it. */
  secretServers(): readonly AdsStatus[] {
    return this.#assembly.tls.secretServers();
  }

  /**
   * What this process takes from its control planes, as the Client Status Discovery Service tells it: the JSON of
   * envoy.service.status.v3.ClientStatusResponse, each resource with its status, its content and what was refused. Secrets are replaced.
   */
  clientStatus(options: { readonly excludeContents?: boolean } = {}): Promise<ClientStatusJson> {
    return this.#assembly.clientStatus.json(options);
  }

  /** The same as a gRPC service (CSDS), to be mounted on a server that operators reach: configuration is nobody else's business. */
  statusService(): StatusService {
    return statusService(this.#assembly.clientStatus);
  }

  /**
   * Sets runtime values of the bootstrap's admin layer, as Envoy's `/runtime_modify` does; an empty text takes one back. Throws a
   * MeshError where the bootstrap has no such layer.
   */
  modifyRuntime(values: { readonly [key: string]: string | number | boolean }): void {
    this.#assembly.runtimeFeed.modify(values);
  }

  /** Takes no more calls, waits for those in flight, then closes. */
  drain(): Promise<void> {
    this.#draining = true;
    this.#drained ??= new Promise<void>((resolve) => {
      this.#whenIdle = resolve;
      if (this.#assembly.stats.downstream_rq_active === 0) resolve();
    }).then(() => this.close());
    return this.#drained;
  }

  /** Ends everything now: calls in flight fail, connections and streams close. Idempotent. */
  close(): void {
    if (this.#closed) return;
    const { clusters, join, tcpJoin, listeners, runtimeFeed, wholeFeed, loadReports, tls, feed } = this.#assembly;
    this.#closed = true;
    this.#draining = true;
    this.uninstall();
    // First the clusters: whoever follows them lets go of them, and then they would wait for their calls.
    clusters.destroy(closedError());
    join.close();
    tcpJoin.close();
    listeners.wildcard?.close();
    runtimeFeed.close();
    wholeFeed?.close();
    loadReports.close();
    tls.close();
    feed?.close();
  }

  /** As `drain`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
  }

  #door(previous: (legacy: boolean) => DispatcherLike): MeshDispatcher {
    const { outsideMesh, failAs } = this.#parts;
    return new MeshDispatcher({
      dispatch: this.#assembly.dispatch,
      isMesh: this.#assembly.isMesh,
      refuse:
        outsideMesh === 'refuse'
          ? (authority) =>
              new MeshError('not_in_mesh', 'the host is not in the mesh (outsideMesh: refuse)', { authority })
          : null,
      previous,
      failAs,
      overrides: (options, service) => this.#overrides.of(options, service),
      onPassThrough: () => {
        this.#assembly.stats.passed_through++;
      },
    });
  }

  #lookup(url: URL) {
    return this.#assembly.join.lookup(`${url.hostname}:${portOf(url)}`, url.host);
  }

  #controlPlane(): { controlPlane?: string } {
    return this.#assembly.feed === null ? {} : { controlPlane: this.#assembly.feed.serverUri };
  }

  #origin(): string {
    if (this.#assembly.feed === null) return this.#parts.bootstrap.origin;
    const { serverUri, via } = this.#assembly.feed.client.stream;
    return via === null ? `control plane ${serverUri}` : `control plane ${serverUri} (through ${via})`;
  }
}

function closedError(): MeshError {
  return new MeshError('draining', 'the mesh was closed');
}
