// Thousands of calls through the whole stack in virtual time, over servers that are slow, refuse, hang, reset and close
// what is idle, under a feed that moves: whatever happens, each call ends exactly once and nothing is left behind.
import assert from 'node:assert/strict';
import { BytesBody, StreamBody } from './body.ts';
import type { Call } from './call.ts';
import type { Cluster } from './cluster/cluster.ts';
import { Clusters } from './cluster/clusters.ts';
import type { Endpoint } from './cluster/endpoint.ts';
import { MeshError } from './errors.ts';
import type { Route } from './model/route.ts';
import { Caller, makeCall } from './testing/caller.ts';
import type { FakeConnection } from './testing/fake-connector.ts';
import { Harness, routeTable } from './testing/harness.ts';
import type { Exchange } from './testing/inner.ts';
import { assignment, clusterConfig, forward, prefix, retryPolicy, route, virtualHost } from './testing/models.ts';
import { ScriptedSource } from './testing/scripted-source.ts';
import { seededRandom } from './util/random.ts';

const CALLS = 1_500;
const IDLE_MS = 10_000;

const routes: readonly Route[] = [
  route(forward('reviews'), { path: prefix('/safe') }),
  route(
    forward('reviews', {
      timeoutMs: 300,
      retryPolicy: retryPolicy('5xx,reset,connect-failure', {
        numRetries: 3,
        perTryTimeoutMs: 80,
        avoidPreviousHosts: true,
        hostSelectionRetryMaxAttempts: 5,
      }),
    }),
    { path: prefix('/eager') },
  ),
  route(forward({ reviews: 1, ratings: 1 }, { timeoutMs: 500, priority: 'high', retryPolicy: retryPolicy('reset') }), {
    path: prefix('/split'),
  }),
  route(
    { kind: 'direct_response', status: 200, body: Buffer.from('hi'), bodyFormat: null },
    { path: prefix('/direct') },
  ),
  route(forward('ratings', { timeoutMs: 2_000 }), { path: prefix('/ratings') }),
];

class Simulation {
  readonly harness = new Harness({ ports: [], maxHeld: 50 });
  readonly random: () => number;
  readonly source = new ScriptedSource();
  readonly clusters: Clusters;
  readonly calls: { call: Call; caller: Caller }[] = [];
  readonly seenClusters = new Set<Cluster>();
  readonly seenEndpoints = new Set<Endpoint>();
  readonly #handles;

  constructor(seed: number) {
    this.random = seededRandom(seed);
    const { harness, source } = this;
    this.clusters = new Clusters({
      source,
      resolver: source,
      connector: harness.connector,
      clock: harness.clock,
      random: this.random,
    });
    this.#handles = ['reviews', 'ratings'].map((name) => this.clusters.acquire(name, () => this.#join()));
    harness.connector.onOpening = (opening) => {
      this.seenEndpoints.add(opening.endpoint);
      this.after(this.random() * 30, () => {
        if (opening.cancelled) return;
        const chance = this.random();
        if (chance < 0.1) opening.refuse();
        else if (chance < 0.13) opening.timeOut();
        else opening.accept();
      });
    };
    harness.connector.onExchange = (exchange, connection) => this.#serve(exchange, connection);
  }

  after(ms: number, what: () => void): void {
    this.harness.clock.setTimer(ms, what);
  }

  chance(share: number): boolean {
    return this.random() < share;
  }

  /** Settles the authority once both clusters are known, and swaps its routes when one comes or goes. */
  #join(): void {
    if (this.#handles === undefined || !this.#handles.every(({ settled }) => settled)) return;
    const choices = Object.fromEntries(
      this.#handles.map(({ name, cluster, error }) => [name, cluster ?? error ?? new MeshError('no_cluster', name)]),
    );
    for (const { cluster } of this.#handles) if (cluster !== null) this.seenClusters.add(cluster);
    const previous = this.harness.authority.table;
    this.harness.authority.settle({
      table: routeTable(virtualHost(routes, { includeRequestAttemptCount: true }), choices, {
        random: this.random,
        ...(previous === null ? {} : { previous }),
      }),
    });
  }

  /** A server: mostly well, sometimes not. Times are shares of what the whole exchange takes. */
  #serve(exchange: Exchange, connection: FakeConnection): void {
    const length = this.random() * 60;
    const fate = this.random();
    const empty = this.chance(0.5) ? ['content-length', '0'] : [];
    const steps: [at: number, what: () => void][] = [
      [0, () => exchange.begin()],
      [0.2, () => exchange.sent()],
      [0.5, () => exchange.start(this.chance(0.1) ? 503 : 200, empty)],
      [0.8, () => exchange.data('body')],
      [1, () => this.#rest(exchange, connection)],
    ];
    // It hangs or breaks after one of the steps.
    const broken = fate < 0.2 ? Math.floor(this.random() * 5) : steps.length;
    const hangs = this.chance(0.4);
    for (const [index, [at, what]] of steps.entries()) {
      this.after(at * length, () => {
        if (exchange.over) return;
        if (index < broken) what();
        else if (index === broken && !hangs) exchange.break();
        // What a connection does about silence (Envoy's stream_idle_timeout): a request that was not sent has no deadline.
        else if (index === broken) this.after(IDLE_MS, () => exchange.break('request_timeout'));
      });
    }
  }

  /** The exchange is done; the connection may not live long. */
  #rest(exchange: Exchange, connection: FakeConnection): void {
    exchange.end();
    const fate = this.random();
    if (fate < 0.05) connection.dead = true;
    if (fate > 0.95) {
      this.after(5, () => {
        if (!connection.busy && !connection.gone) connection.lose();
      });
    }
  }

  send(): void {
    const kinds = ['/safe', '/eager', '/split', '/direct', '/ratings', '/nowhere'];
    const method = this.chance(0.5) ? 'GET' : 'POST';
    const bytes = Buffer.from('request');
    const call = makeCall({
      method,
      path: kinds[Math.floor(this.random() * kinds.length)] as string,
      failAs: this.chance(0.5) ? 'response' : 'error',
      body: method === 'GET' ? null : this.chance(0.5) ? new BytesBody(bytes) : new StreamBody([bytes]),
    });
    const caller = new Caller();
    this.calls.push({ call, caller });
    const { controller } = call;
    if (this.chance(0.02)) controller.abort(new Error('before it began'));
    if (this.chance(0.1)) this.after(this.random() * 100, () => controller.abort(new Error('enough')));
    if (this.chance(0.1)) {
      controller.pause();
      this.after(this.random() * 100, () => controller.resume());
    }
    if (this.chance(0.02)) caller.on.start = () => controller.abort(new Error('at the start'));
    // A caller that gives another of its calls up when this one fails.
    const other = this.calls[Math.floor(this.random() * this.calls.length)];
    if (this.chance(0.1)) caller.on.error = () => other?.call.controller.abort(new Error('with another'));
    this.harness.dispatch(call, caller);
  }

  changeEndpoints(name: string): void {
    const hosts = [1, 2, 3, 4, 5, 6]
      .filter(() => this.chance(0.6))
      .map(
        (port) =>
          [
            port,
            {
              weight: 1 + Math.floor(this.random() * 3),
              health: this.chance(0.2) ? 'unhealthy' : 'healthy',
              priority: this.chance(0.2) ? 1 : 0,
            },
          ] as const,
      );
    this.source.say('clusterLoadAssignment', name, assignment(...hosts));
  }

  changeCluster(name: string): void {
    const limits = { maxConnections: 12, maxPendingRequests: 30, maxRequests: 60, maxRetries: 5 };
    this.source.say(
      'cluster',
      name,
      clusterConfig({
        name,
        limits: this.chance(0.5) ? limits : { ...limits, retryBudget: { budgetPercent: 20, minRetryConcurrency: 3 } },
        lb: this.chance(0.5)
          ? { kind: 'round_robin' }
          : { kind: 'least_request', choiceCount: 2, activeRequestBias: 1 },
      }),
    );
  }

  run(): void {
    const { clock } = this.harness;
    for (let at = 0; this.calls.length < CALLS; at++) {
      // The feed comes when the first calls wait already.
      if (at === 20) for (const name of ['reviews', 'ratings']) this.changeCluster(name);
      if (at === 25) for (const name of ['reviews', 'ratings']) this.changeEndpoints(name);
      if (at > 25) {
        if (this.chance(0.05)) this.changeEndpoints('reviews');
        if (this.chance(0.02)) this.changeEndpoints('ratings');
        if (this.chance(0.01)) this.changeCluster('reviews');
        if (this.chance(0.004)) this.source.lose('cluster', 'ratings');
        if (this.chance(0.02)) this.changeCluster('ratings');
      }
      while (this.chance(0.6)) this.send();
      clock.advance(1 + this.random() * 3);
      for (const { endpoints } of this.seenClusters)
        for (const endpoint of endpoints.values()) this.seenEndpoints.add(endpoint);
    }
  }

  /** Everything that counts what is going on now. */
  gauges(): Readonly<Record<string, number>> {
    const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0);
    const clusters = [...this.seenClusters];
    const endpoints = [...this.seenEndpoints];
    return {
      downstream_rq_active: this.harness.stats.downstream_rq_active,
      upstream_rq_active: sum(clusters.map(({ stats }) => stats.upstream_rq_active)),
      upstream_rq_pending_active: sum(clusters.map(({ stats }) => stats.upstream_rq_pending_active)),
      retriesActive: sum(clusters.map(({ retriesActive }) => retriesActive)),
      connecting: sum(clusters.map(({ connecting }) => connecting)),
      rq_active: sum(endpoints.map(({ stats }) => stats.rq_active)),
      waiting: this.harness.authority.waiting,
    };
  }

  connections(): Readonly<Record<string, number>> {
    const { connector } = this.harness;
    const clusters = [...this.seenClusters];
    return {
      open: connector.connections.filter(({ gone }) => !gone).length,
      opening: connector.opening.length,
      upstream_cx_active: clusters.reduce((total, { stats }) => total + stats.upstream_cx_active, 0),
      cx_active: [...this.seenEndpoints].reduce((total, { stats }) => total + stats.cx_active, 0),
    };
  }
}

const NOTHING = {
  downstream_rq_active: 0,
  upstream_rq_active: 0,
  upstream_rq_pending_active: 0,
  retriesActive: 0,
  connecting: 0,
  rq_active: 0,
  waiting: 0,
};
const CLOSED = { open: 0, opening: 0, upstream_cx_active: 0, cx_active: 0 };

describe('simulation', () => {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    it(`seed ${seed}: every call ends once, and nothing is left`, () => {
      const simulation = new Simulation(seed);
      const { harness, calls } = simulation;
      simulation.run();
      assert.ok((simulation.gauges().downstream_rq_active as number) > 0, 'calls are in flight when the feed stops');
      harness.clock.advance(120_000);
      for (const { call, caller } of calls) {
        assert.equal(caller.endings, 1, `${call.head.method} ${call.head.path}: ${caller.said.join(', ')}`);
      }
      assert.deepEqual(simulation.gauges(), NOTHING);
      const { open, upstream_cx_active, cx_active, opening } = simulation.connections();
      assert.deepEqual([upstream_cx_active, cx_active, opening], [open, open, 0]);
      simulation.clusters.destroy(new MeshError('draining', 'closed'));
      harness.clock.advance(1_000);
      assert.deepEqual(simulation.connections(), CLOSED);
      assert.equal(harness.clock.pending, 0);
      assert.equal(harness.stats.downstream_rq_total, calls.length);

      // It was no idle exercise: every kind of ending occurred.
      const endings = new Set(calls.map(({ caller }) => caller.said.at(-1)?.split(' ').slice(0, 2).join(' ')));
      for (const kind of [
        'end',
        'error enough',
        'error request_timeout',
        'error connection_termination',
        'error no_route',
      ]) {
        assert.ok(endings.has(kind), `${kind} among ${[...endings].join(', ')}`);
      }
      const retries = [...simulation.seenClusters].reduce((sum, { stats }) => sum + stats.upstream_rq_retry, 0);
      assert.ok(retries > 50, `${retries} retries`);
    });

    it(`seed ${seed}: ends at once when everything is closed in the middle`, () => {
      const simulation = new Simulation(seed);
      const { harness, calls } = simulation;
      simulation.run();
      const closed = new MeshError('draining', 'closed');
      simulation.clusters.destroy(closed);
      harness.authority.settle({ error: closed });
      assert.deepEqual({ ...simulation.connections() }, CLOSED);
      harness.clock.advance(1_000);
      // Only a local reply that its caller has paused may last longer than a backoff, and no caller pauses that long.
      for (const { caller } of calls) assert.equal(caller.endings, 1, caller.said.join(', '));
      assert.deepEqual(simulation.gauges(), NOTHING);
      assert.deepEqual(simulation.connections(), CLOSED);
      // The servers' own timers.
      harness.clock.advance(IDLE_MS);
      assert.equal(harness.clock.pending, 0);
    });

    it(`seed ${seed}: is the same again`, () => {
      const [one, two] = [new Simulation(seed), new Simulation(seed)];
      for (const simulation of [one, two]) {
        simulation.run();
        simulation.harness.clock.advance(120_000);
      }
      assert.deepEqual(
        one.calls.map(({ caller }) => caller.said),
        two.calls.map(({ caller }) => caller.said),
      );
    });
  }
});
