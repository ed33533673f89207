import assert from 'node:assert/strict';
import type { ClusterLoadAssignment, Locality } from '../model/endpoint.ts';
import { send as sendCall } from '../testing/caller.ts';
import { Harness } from '../testing/harness.ts';
import { assignment, forward, host, retryPolicy, route, virtualHost } from '../testing/models.ts';
import type { ClusterLoad } from './cluster-load.ts';
import type { OrcaReport } from './orca.ts';

const zone = (name: string): Locality => ({ region: 'eu', zone: name, subZone: '' });

/** Ports by zone; priority 0. */
function inZones(ports: Readonly<Record<string, readonly number[]>>): ClusterLoadAssignment {
  return {
    name: 'reviews',
    overprovisioningFactor: 140,
    localities: Object.entries(ports).map(([name, hosts]) => ({
      locality: zone(name),
      priority: 0,
      weight: 0,
      endpoints: hosts.map((port) => host(port)),
    })),
  };
}

/** A mesh whose server answers by itself: 200, or what the test says. */
function scene(ports: Readonly<Record<string, readonly number[]>>, loadMetrics: readonly string[] = []) {
  const report: OrcaReport = {
    cpuUtilization: 0.5,
    memUtilization: 0.25,
    applicationUtilization: 0,
    rpsFractional: 7,
    eps: 1,
    utilization: new Map([['disk', 0.75]]),
    requestCost: new Map(),
    namedMetrics: new Map([
      ['queue', 3],
      ['threads', 4],
    ]),
  };
  const harness = new Harness({ loadMetrics, orca: (headers) => (headers.has('load') ? report : null) });
  harness.cluster.assign(inZones(ports));
  harness.use(virtualHost([route(forward('reviews'))]));
  return harness;
}

/** Whoever waits for a connection gets it, and sends its request. */
function connect({ connector }: Harness): void {
  while (connector.opening.length > 0) connector.next.accept();
  const last = connector.exchanges.at(-1);
  if (last?.over === false) last.begin();
}

function send(harness: Harness): void {
  sendCall(harness.dispatch);
  connect(harness);
}

function short(load: ClusterLoad): string[] {
  return load
    .take()
    .localities.map(
      ({ locality, priority, issued, succeeded, errored, inProgress }) =>
        `${locality.zone}/${priority} issued ${issued} ok ${succeeded} error ${errored} in progress ${inProgress}`,
    );
}

describe('cluster load', () => {
  it('counts what was issued, succeeded, failed and is in flight, by locality and from one report to the next', () => {
    const harness = scene({ a: [1], b: [2] });
    const { cluster, connector } = harness;
    send(harness);
    connector.last.answer(200);
    const load = cluster.startLoad();
    for (const status of [200, 404, 503, 500]) {
      send(harness);
      connector.last.answer(status);
    }
    send(harness);
    assert.deepEqual(short(load).sort(), [
      'a/0 issued 2 ok 1 error 1 in progress 0',
      'b/0 issued 3 ok 1 error 1 in progress 1',
    ]);
    assert.deepEqual(short(load), ['b/0 issued 0 ok 0 error 0 in progress 1']);
    connector.last.answer(200);
    assert.deepEqual(short(load), ['b/0 issued 0 ok 1 error 0 in progress 0']);
    assert.deepEqual(short(load), []);
  });

  it('counts each attempt where it went', () => {
    const harness = scene({ a: [1], b: [2] });
    harness.use(virtualHost([route(forward('reviews', { retryPolicy: retryPolicy('5xx', { numRetries: 1 }) }))]));
    const load = harness.cluster.startLoad();
    send(harness);
    harness.connector.last.answer(503);
    harness.clock.advance(1_000);
    connect(harness);
    harness.connector.last.answer(200);
    const sums = short(load).sort();
    assert.equal(sums.length, 2);
    assert.match(sums.join(), /issued 1 ok 0 error 1/);
    assert.match(sums.join(), /issued 1 ok 1 error 0/);
  });

  it('takes gRPC’s status for what it is, in trailers and in headers alone', () => {
    const harness = scene({ a: [1] });
    const { cluster, connector } = harness;
    const load = cluster.startLoad();
    for (const [headers, trailers] of [
      [[], ['grpc-status', '0']],
      [[], ['grpc-status', '5']],
      [[], ['grpc-status', '14']],
      [['grpc-status', '13'], []],
    ] as const) {
      send(harness);
      connector.last.start(200, headers).end(trailers);
    }
    assert.deepEqual(short(load), ['a/0 issued 4 ok 2 error 2 in progress 0']);
  });

  it('loses nothing of endpoints that go or move while calls are in flight', () => {
    const harness = scene({ a: [1] });
    const { cluster, connector } = harness;
    const load = cluster.startLoad();
    send(harness);
    const first = connector.last;
    cluster.assign(inZones({ b: [1] }));
    assert.deepEqual(short(load).sort(), [
      'a/0 issued 1 ok 0 error 0 in progress 0',
      'b/0 issued 0 ok 0 error 0 in progress 1',
    ]);
    cluster.assign(inZones({ c: [2] }));
    send(harness);
    connector.last.answer(200);
    assert.ok(load.busy);
    assert.deepEqual(short(load).sort(), [
      'b/0 issued 0 ok 0 error 0 in progress 1',
      'c/0 issued 1 ok 1 error 0 in progress 0',
    ]);
    first.answer(500);
    assert.deepEqual(short(load), ['b/0 issued 0 ok 0 error 1 in progress 0']);
    assert.ok(!load.busy);
  });

  it('tells what the feed wanted refused, by category', () => {
    const { cluster } = scene({ a: [1] });
    const load = cluster.startLoad();
    const percent = { numerator: 100, denominator: 100 } as const;
    cluster.assign({ ...assignment(1), dropOverloads: [{ category: 'lb', percent }] });
    assert.deepEqual([cluster.drops.draw()?.flag, cluster.drops.draw()?.code], ['UDO', 'unconditional_drop_overload']);
    const { dropped, drops } = load.take();
    assert.deepEqual([dropped, [...drops]], [2, [['lb', 2]]]);
    assert.equal(load.take().dropped, 0);
    cluster.assign(assignment(1));
    assert.equal(cluster.drops.draw(), null);
  });

  it('tells endpoints apart, and what the limits did not let through', () => {
    const harness = scene({ a: [1, 2] });
    const { cluster, connector } = harness;
    cluster.configure({
      ...cluster.config,
      thresholds: { ...cluster.config.thresholds, default: { ...cluster.config.thresholds.default, maxRequests: 2 } },
    });
    const load = cluster.startLoad();
    for (let i = 0; i < 4; i++) send(harness);
    for (const exchange of connector.exchanges) exchange.answer(200);
    const { dropped, localities } = load.take();
    assert.equal(dropped, 2);
    assert.deepEqual(
      localities[0]?.endpoints.map(({ endpoint, issued, succeeded }) => [endpoint.key, issued, succeeded]),
      [
        ['10.0.0.1:1', 1, 1],
        ['10.0.0.1:2', 1, 1],
      ],
    );
    assert.deepEqual(load.take(), { dropped: 0, drops: new Map(), localities: [] });
  });

  it('adds up what the servers say of themselves, as far as the feed asks for it, once for each response', () => {
    const names = ['cpu_utilization', 'named_metrics.queue', 'named_metrics.none', 'utilization.*', 'unknown', 'x.*'];
    const harness = scene({ a: [1] }, names);
    const { cluster, connector } = harness;
    assert.equal(cluster.loadMetrics, null, 'nobody asks yet');
    const load = cluster.startLoad();
    for (let i = 0; i < 2; i++) {
      send(harness);
      connector.last.start(200, i === 0 ? ['load', '1'] : []).end(['load', '1']);
    }
    send(harness);
    connector.last.answer(200);
    const [locality] = load.take().localities;
    assert.deepEqual(Object.fromEntries(locality?.metrics ?? []), {
      cpu_utilization: { count: 2, total: 1 },
      'named_metrics.queue': { count: 2, total: 6 },
      'utilization.disk': { count: 2, total: 1.5 },
    });
    cluster.configure({ ...cluster.config, loadMetrics: [] });
    assert.equal(cluster.loadMetrics, null);
  });
});
