import assert from 'node:assert/strict';
import type { Call } from '../call.ts';
import { Cluster } from '../cluster/cluster.ts';
import type { AuthorityEntry, Directory } from '../directory.ts';
import type { Dispatch } from '../dispatch.ts';
import type { MeshError } from '../errors.ts';
import { FilterCompiler, type FilterCompilerParts } from '../filters/compile.ts';
import { type FilterType, newFilterStats } from '../filters/filter.ts';
import type { Headers } from '../headers.ts';
import type { OrcaCodec } from '../load/orca.ts';
import type { ConnectionManager } from '../model/connection-manager.ts';
import { ROUTE_CONFIGURATION_DEFAULTS } from '../model/defaults.ts';
import type { HttpFilterConfig } from '../model/http-filter.ts';
import type { Listener } from '../model/listener.ts';
import type { RouteConfiguration, VirtualHost } from '../model/route.ts';
import { type OutboundParts, outbound } from '../outbound.ts';
import type { ClusterChoice } from '../router/cluster-share.ts';
import type { ClusterSpecifier } from '../router/cluster-specifier.ts';
import { RouteTable } from '../router/route-table.ts';
import { Runtime } from '../runtime/runtime.ts';
import { MeshStats } from '../telemetry/observe.ts';
import { type Random, seededRandom } from '../util/random.ts';
import { noRegex, type RegexEngine } from '../util/regex.ts';
import { TimerWheel } from '../util/timer-wheel.ts';
import { VirtualClock } from '../util/virtual-clock.ts';
import { FakeConnector } from './fake-connector.ts';
import { assignment, type ClusterOptions, clusterConfig, listener } from './models.ts';

/** An authority whose routes the test brings. */
export class FakeAuthority implements AuthorityEntry {
  readonly authority = 'reviews:9080';
  table: RouteTable | null = null;
  error: MeshError | null = null;
  absent = false;
  readonly #waiting = new Set<() => void>();

  /** Calls that wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  whenSettled(callback: () => void): () => void {
    this.#waiting.add(callback);
    return () => this.#waiting.delete(callback);
  }

  settle(how: { table?: RouteTable | null; error?: MeshError | null; absent?: boolean }): void {
    this.table = how.table ?? null;
    this.error = how.error ?? null;
    this.absent = how.absent ?? false;
    // As the join does: whoever is in the list now is called, also where one of them takes another back meanwhile.
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const callback of waiting) callback();
  }
}

/** Makes the filters that a test brings, by name or by type URL. */
export function filterCompiler(
  types: Readonly<Record<string, FilterType>> = {},
  environment: Partial<FilterCompilerParts> = {},
): FilterCompiler {
  return new FilterCompiler({
    types: (name, typeUrl) => types[name] ?? types[typeUrl] ?? null,
    clock: new VirtualClock(),
    random: seededRandom(1),
    runtime: new Runtime(),
    regex: noRegex,
    peer: null,
    stats: newFilterStats(),
    ...environment,
  });
}

/** A route table as the join would make it, of clusters that the test made. */
export function routeTable(
  virtualHost: VirtualHost,
  clusters: Readonly<Record<string, ClusterChoice>>,
  options: {
    readonly random?: Random;
    readonly regex?: RegexEngine;
    readonly runtime?: Runtime;
    readonly filters?: readonly HttpFilterConfig[];
    readonly manager?: ConnectionManager;
    readonly previous?: RouteTable;
    readonly config?: Partial<RouteConfiguration>;
    readonly compiler?: FilterCompiler;
    readonly specifier?: ClusterSpecifier;
  } = {},
): RouteTable {
  const { specifier } = options;
  return new RouteTable({
    listener: withManager(listener(...(options.filters ?? [])), options.manager),
    config: { ...ROUTE_CONFIGURATION_DEFAULTS, ...options.config, name: 'routes', virtualHosts: [virtualHost] },
    virtualHost,
    clusterOf: (name) => clusters[name] as ClusterChoice,
    namedCluster: (name) => clusters[name] as ClusterChoice,
    specifierOf: () => specifier ?? assert.fail('the test brings no specifier'),
    random: options.random ?? seededRandom(1),
    regex: options.regex ?? noRegex,
    runtime: options.runtime ?? new Runtime(),
    filters: options.compiler ?? filterCompiler(),
    previous: options.previous ?? null,
  });
}

function withManager(made: Listener, manager: ConnectionManager | undefined): Listener {
  return made.http === null || manager === undefined ? made : { ...made, http: { ...made.http, manager } };
}

export interface HarnessOptions extends ClusterOptions {
  readonly ports?: readonly number[];
  readonly random?: Random;
  readonly maxHeld?: number;
  readonly orca?: OrcaCodec;
}

/** The whole outbound stack over a connector, a clock and a cluster that belong to the test. */
export class Harness {
  readonly clock = new VirtualClock();
  readonly wheel: TimerWheel;
  readonly connector = new FakeConnector();
  readonly random: Random;
  readonly runtime = new Runtime();
  readonly stats = new MeshStats();
  readonly authority = new FakeAuthority();
  readonly localReplies: { call: Call; headers: Headers; error: Error }[] = [];
  readonly cluster: Cluster;
  readonly parts: OutboundParts;
  readonly dispatch: Dispatch;
  idle = 0;

  constructor(options: HarnessOptions = {}) {
    this.random = options.random ?? seededRandom(1);
    this.wheel = new TimerWheel(this.clock);
    this.cluster = this.newCluster(options);
    this.cluster.assign(assignment(...(options.ports ?? [1])));
    const directory: Directory = { lookup: () => this.authority };
    this.parts = {
      directory,
      clock: this.clock,
      wheel: this.wheel,
      random: this.random,
      runtime: this.runtime,
      stats: this.stats,
      holdTimeoutMs: 15_000,
      maxHeld: options.maxHeld ?? 10_000,
      requestId: () => 'request-id',
      onLocalReply: (call, headers, error) => this.localReplies.push({ call, headers, error }),
      onIdle: () => {
        this.idle++;
      },
    };
    this.dispatch = outbound(this.parts);
  }

  newCluster(options: ClusterOptions & Pick<HarnessOptions, 'orca'>): Cluster {
    // Unless a test is about it, what nobody uses stays, so that no timer is left once all calls are done.
    return new Cluster(clusterConfig({ idleTimeoutMs: 0, ...options }), {
      connector: this.connector,
      clock: this.clock,
      random: this.random,
      orca: options.orca,
    });
  }

  /** Puts routes in force; the cluster `reviews` is the harness's. */
  use(virtualHost: VirtualHost, clusters: Readonly<Record<string, ClusterChoice>> = {}): RouteTable {
    const table = routeTable(virtualHost, { reviews: this.cluster, ...clusters }, { random: this.random });
    this.authority.settle({ table });
    return table;
  }

  /** All that must be zero when nothing is going on any more. */
  get gauges(): Readonly<Record<string, number>> {
    const { stats } = this.cluster;
    return {
      downstream_rq_active: this.stats.downstream_rq_active,
      upstream_rq_active: stats.upstream_rq_active,
      upstream_rq_pending_active: stats.upstream_rq_pending_active,
      connecting: this.cluster.connecting,
      retriesActive: this.cluster.retriesActive,
      rq_active: [...this.cluster.endpoints.values()].reduce((sum, { active }) => sum + active, 0),
    };
  }
}

export const QUIET: Readonly<Record<string, number>> = {
  downstream_rq_active: 0,
  upstream_rq_active: 0,
  upstream_rq_pending_active: 0,
  connecting: 0,
  retriesActive: 0,
  rq_active: 0,
};
