import { randomUUID } from 'node:crypto';
import {
  type AuthorityEntry,
  Clusters,
  type ConfigSource,
  type Dispatch,
  FilterCompiler,
  type FilterStats,
  type Kind,
  MeshError,
  MeshStats,
  newFilterStats,
  outbound,
  RouteLookups,
  TcpSessions,
  TimerWheel,
} from '@inmesh/core';
import { dnsResolver } from '@inmesh/discovery';
import { SocketConnector } from '@inmesh/transports';
import {
  type Bootstrap,
  ClientStatus,
  chooseFlavour,
  filterTypes,
  httpFilters,
  Join,
  OutsideMemory,
  peerIdentity,
  RuntimeFeed,
  re2,
  readOrca,
  TcpJoin,
  WholeFeed,
} from '@inmesh/xds';
import { Feed } from './feed.ts';
import { type MeshListeners, meshListeners } from './listeners.ts';
import { LoadReports } from './load-reports.ts';
import { rememberError } from './local-errors.ts';
import { meshDomains, nodeDomain } from './mesh-domains.ts';
import type { MeshParts } from './mesh-parts.ts';
import { openLookupService } from './route-lookup-service.ts';
import { followRuntimeDirectory } from './runtime-disk.ts';
import { LateTls } from './secrets/late-tls.ts';
import { portOf } from './service-url.ts';
import { layeredSource, staticResources } from './sources.ts';
import { VERSION } from './version.ts';

/** What the parts of a mesh ask of the mesh itself. */
export interface AssemblyHooks {
  /** True once it takes no more calls. */
  readonly draining: () => boolean;
  /** No call is in flight any more. */
  readonly onIdle: () => void;
}

/** The parts of a mesh, made for each other. */
export interface Assembly {
  /** Null where all configuration is static. */
  readonly feed: Feed | null;
  readonly runtimeFeed: RuntimeFeed;
  /** Null where only what is called is followed. */
  readonly wholeFeed: WholeFeed | null;
  readonly loadReports: LoadReports;
  readonly tls: LateTls;
  readonly clusters: Clusters;
  readonly listeners: MeshListeners;
  readonly join: Join;
  readonly isMesh: (host: string, port: number) => boolean;
  readonly stats: MeshStats;
  readonly filterStats: FilterStats;
  readonly dispatch: Dispatch;
  readonly tcpJoin: TcpJoin;
  readonly tcpSessions: TcpSessions;
  readonly clientStatus: ClientStatus;
}

/** Makes the parts of a mesh, from where its configuration comes to where its calls go. Opens nothing yet. */
export function assemble(parts: MeshParts, hooks: AssemblyHooks): Assembly {
  const { bootstrap, clock, random } = parts;
  const stats = new MeshStats();
  const filterStats = newFilterStats();
  const chosen = chooseFlavour(bootstrap, bootstrap.flavour);
  const feed =
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
    feed,
    bootstrap.origin,
  );
  const runtimeFeed = new RuntimeFeed({
    layers: bootstrap.runtimeLayers,
    source,
    followDisk: followRuntimeDirectory(parts.onWarning),
  });
  const { runtime } = runtimeFeed;
  const loadReports = new LoadReports({
    bootstrap,
    node: chosen.node,
    serverOf: (cluster) => feed?.serverOf(cluster) ?? null,
    clock,
    random,
    onError: parts.onWarning,
  });
  // One engine, which keeps what it has compiled.
  const regex = re2();
  const tls = new LateTls({ ...parts, node: chosen.node, feed, regex });
  const wheel = new TimerWheel(clock);
  const clusters = new Clusters({
    source,
    resolver: dnsResolver({ clock }),
    connector: new SocketConnector({ clock, random, tls }),
    orca: readOrca,
    follower: loadReports,
    clock,
    lately: () => wheel.lately,
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
  const listeners = meshListeners({
    bootstrap,
    chosen,
    source,
    client: feed?.client ?? null,
    isMeshDomain,
    httpProxy: parts.httpProxy,
    memory: feed?.store ?? null,
  });
  const wholeFeed = followWhole(parts, feed, listeners, source);
  // Where all listeners are told, they are what says which hosts are the mesh's; elsewhere only names can.
  const isMesh = listeners.wildcard === null ? isMeshDomain : () => true;
  const server = bootstrap.servers[0] ?? null;
  const lookupParts = { server, clock, onError: parts.onWarning };
  const join = new Join({
    source,
    clusters: clusters,
    lookups: new RouteLookups({
      open: (config, onRecovered) => openLookupService(lookupParts, config, onRecovered),
      clock,
      random,
    }),
    random,
    regex,
    runtime,
    filters: new FilterCompiler({
      types: filterTypes(httpFilters, parts.filters),
      clock,
      random,
      runtime,
      regex,
      peer: peerIdentity(chosen.node),
      stats: filterStats,
    }),
    listeners: listeners.finder,
    idle: {
      clock,
      afterMs: parts.idleServiceMs,
      connected: () => feed === null || feed.client.status().stream.connected,
    },
    services: feed?.store ?? new OutsideMemory(clock),
  });
  const tcpJoin = new TcpJoin({ clusters, listeners: listeners.finder, clock, idleMs: parts.idleServiceMs });
  const tcpSessions = new TcpSessions({
    directory: tcpJoin,
    clock,
    random,
    holdTimeoutMs: parts.holdTimeoutMs,
    maxHeld: parts.maxHeld,
  });
  const dispatch = outbound({
    directory: {
      lookup: (target, authority) => (hooks.draining() ? refusal(authority) : join.lookup(target, authority)),
    },
    clock,
    random,
    wheel,
    holdTimeoutMs: parts.holdTimeoutMs,
    maxHeld: parts.maxHeld,
    stats,
    runtime,
    requestId: randomUUID,
    onLocalReply: rememberError,
    onIdle: () => hooks.onIdle(),
  });
  const clientStatus = new ClientStatus(
    () => ({
      node: chosen.node,
      userAgentVersion: VERSION,
      scope: '',
      staticResources: staticResources(bootstrap),
      resources: feed?.contents() ?? [],
    }),
    clock,
  );
  return {
    feed,
    runtimeFeed,
    wholeFeed,
    loadReports,
    tls,
    clusters,
    listeners,
    join,
    isMesh,
    stats,
    filterStats,
    dispatch,
    tcpJoin,
    tcpSessions,
    clientStatus,
  };
}

/** Follows all of a feed of whole types, where that is wished. */
function followWhole(
  { prefetch, onWarning }: MeshParts,
  feed: Feed | null,
  { wildcard }: MeshListeners,
  source: ConfigSource,
): WholeFeed | null {
  if (prefetch === 'used') return null;
  if (feed !== null && wildcard !== null) {
    return new WholeFeed({ feed: feed.client, source });
  }
  onWarning(new Error("prefetch: 'all' has no effect: this feed is asked by name, and tells nobody what there is"));
  return null;
}

/** What is known of any authority once the mesh takes no more calls. */
function refusal(authority: string): AuthorityEntry {
  const error = new MeshError('draining', 'the mesh takes no more calls', { authority });
  return { authority, table: null, error, absent: false, whenSettled: () => () => {} };
}

function hasStatic({ staticListeners, staticClusters, staticSecrets }: Bootstrap, kind: Kind, name: string): boolean {
  if (kind === 'listener') return staticListeners.some((listener) => listener.name === name);
  if (kind === 'secret') return staticSecrets.some((secret) => secret.name === name);
  return kind === 'cluster' && staticClusters.some((cluster) => cluster.name === name);
}
