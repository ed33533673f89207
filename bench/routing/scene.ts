import {
  type AuthorityEntry,
  Call,
  Cluster,
  type Dispatch,
  FilterCompiler,
  type Handler,
  Headers,
  MeshStats,
  newFilterStats,
  outbound,
  RouteTable,
  Runtime,
  systemClock,
  TimerWheel,
} from '@inmesh/core';
import { filterTypes, httpFilters, re2 } from '@inmesh/xds';
import { atOnce } from './connection.ts';
import { appCluster, headersOf, type Kind, listenerWith, pathOf } from './routes.ts';

export interface Subject {
  readonly name: string;
  readonly kind: Kind;
  readonly routes: number;
  readonly filters: boolean;
}

/** One listener with its routes, and the whole stack over a connection that answers at once: no socket, no codec. */
export class Scene {
  readonly table: RouteTable;
  readonly #dispatch: Dispatch;
  readonly #path: string;
  readonly #headers: readonly string[];

  constructor({ kind, routes, filters }: Subject) {
    const clock = systemClock;
    const random = Math.random;
    const runtime = new Runtime();
    const regex = re2();
    const wheel = new TimerWheel(clock);
    const config = appCluster();
    const cluster = new Cluster(config, { connector: atOnce, clock, lately: () => wheel.lately, random });
    if (config.discovery.kind === 'static') cluster.assign(config.discovery.assignment);
    const listener = listenerWith(kind, routes, filters);
    const routeSource = listener.http?.routes;
    if (routeSource?.kind !== 'inline') throw new Error('the listener of the bench has its routes inline');
    const [virtualHost] = routeSource.config.virtualHosts;
    if (virtualHost === undefined) throw new Error('the listener of the bench has a virtual host');
    this.table = new RouteTable({
      listener,
      config: routeSource.config,
      virtualHost,
      clusterOf: () => cluster,
      namedCluster: () => cluster,
      specifierOf: () => {
        throw new Error('the bench looks no cluster up');
      },
      random,
      regex,
      runtime,
      filters: new FilterCompiler({
        types: filterTypes(httpFilters, {}),
        clock,
        random,
        runtime,
        regex,
        peer: null,
        stats: newFilterStats(),
      }),
    });
    const entry: AuthorityEntry = {
      authority: 'shop:80',
      table: this.table,
      error: null,
      absent: false,
      whenSettled: () => () => {},
    };
    this.#dispatch = outbound({
      directory: { lookup: () => entry },
      clock,
      random,
      runtime,
      wheel,
      holdTimeoutMs: 1_000,
      maxHeld: 1,
      stats: new MeshStats(),
      requestId: () => 'bench',
      onLocalReply: () => {},
      onIdle: () => {},
    });
    this.#path = pathOf(routes);
    this.#headers = headersOf(kind, routes);
  }

  call(): Call {
    return new Call(
      {
        method: 'GET',
        scheme: 'http',
        authority: 'shop',
        path: this.#path,
        headers: Headers.from(this.#headers.slice()),
        upgrade: null,
      },
      null,
      context,
    );
  }

  /** Which route and which cluster: what one decision is. */
  decide(call: Call): unknown {
    return this.table.match(call)?.choose(call);
  }

  /** Through the whole stack, to the end of the response. */
  send(handler: Handler): void {
    this.#dispatch(this.call(), handler);
  }
}

const context = {
  failAs: 'error',
  target: 'shop:80',
  headersTimeoutMs: null,
  bodyTimeoutMs: null,
  overrides: null,
  protocol: 'http1',
  passThrough: null,
} as const;
