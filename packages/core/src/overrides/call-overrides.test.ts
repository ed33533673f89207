import assert from 'node:assert/strict';
import { MeshError } from '../errors.ts';
import type { ClusterLoadAssignment } from '../model/endpoint.ts';
import type { VirtualHost } from '../model/route.ts';
import type { ClusterChoice } from '../router/cluster-share.ts';
import { type CallOptions, send as sendCall } from '../testing/caller.ts';
import { Harness, QUIET } from '../testing/harness.ts';
import { assignment, forward, host, key, retryPolicy, route, virtualHost } from '../testing/models.ts';
import type { CallOverrides } from './call-overrides.ts';

const NOTHING: CallOverrides = { headers: [], cluster: null, endpoint: null, timeoutMs: null, retries: true };

function setup(vh: VirtualHost = virtualHost([route(forward('reviews'))]), ports: readonly number[] = [1]) {
  const harness = new Harness({ ports });
  const canary = harness.newCluster({ name: 'canary' });
  canary.assign(assignment(7));
  const clusters: Record<string, ClusterChoice> = {
    canary,
    absent: new MeshError('no_cluster', 'the cluster is not known', { cluster: 'absent', status: 503 }),
    late: null,
  };
  harness.use(vh, clusters);
  return {
    harness,
    clusters,
    canary,
    connector: harness.connector,
    send: (overrides: Partial<CallOverrides>, options: CallOptions = {}) =>
      sendCall(harness.dispatch, { failAs: 'error', ...options, overrides: { ...NOTHING, ...overrides } }),
  };
}

/** Metadata by port, as the feed tells subsets. */
function subsets(labels: Readonly<Record<number, string>>, unhealthy: readonly number[] = []): ClusterLoadAssignment {
  const whole = assignment(...Object.keys(labels).map(Number));
  const [locality] = whole.localities;
  const endpoints = Object.entries(labels).map(([port, version]) => ({
    ...host(Number(port), unhealthy.includes(Number(port)) ? { health: 'unhealthy' } : {}),
    metadata: { 'envoy.lb': { version } },
  }));
  return { ...whole, localities: [{ ...(locality as NonNullable<typeof locality>), endpoints }] };
}

describe('what a caller asks for over the feed', () => {
  it('is another cluster: the route, its timeout and its filters stay', () => {
    const { send, connector, harness, canary } = setup(virtualHost([route(forward('reviews', { timeoutMs: 50 }))]));
    const { call, caller } = send({ cluster: 'canary' });
    assert.equal(connector.next.endpoint.key, key(7));
    connector.next.accept();
    assert.equal(call.cluster, canary);
    harness.clock.advance(100);
    assert.match(`${caller.error?.message}`, /within the route's timeout \(50 ms\)/);
    assert.equal(harness.stats.overridden, 1);
    assert.deepEqual(harness.gauges, QUIET);
  });

  it('is a cluster of the route that has no weight yet: its own headers and host are used', () => {
    const action = forward({ reviews: 100, canary: 0 });
    const clusters = action.clusters.map((each) =>
      each.name === 'canary' ? { ...each, hostRewrite: 'canary.test' } : each,
    );
    const rewriting = { ...action, clusters, hostRewrite: { kind: 'literal', value: 'canary.test' } as const };
    const { send, connector } = setup(virtualHost([route(rewriting)]));
    for (let i = 0; i < 3; i++) {
      const { call } = send({ cluster: 'canary' });
      if (i === 0) connector.next.accept();
      connector.last.answer(200);
      assert.equal(call.share?.name, 'canary');
      assert.equal(call.head.authority, 'canary.test');
    }
    const { call } = send({});
    assert.equal(call.share?.name, 'reviews');
  });

  it('waits for a cluster that the feed has not told about, and is told where there is none', () => {
    const { send, harness, connector, clusters, canary } = setup();
    const vh = virtualHost([route(forward('reviews'))]);
    const waiting = send({ cluster: 'late' });
    assert.equal(harness.authority.waiting, 1);
    // Others do not wait with it.
    sendCall(harness.dispatch);
    assert.equal(connector.opening.length, 1);
    connector.next.accept().endpoint;
    connector.last.answer(200);
    harness.use(vh, { ...clusters, late: canary });
    connector.next.accept();
    connector.last.answer(200);
    assert.equal(waiting.caller.said.at(-1), 'end');
    const absent = send({ cluster: 'absent' });
    assert.equal(absent.caller.said.at(-1), 'error no_cluster NC');
    assert.deepEqual(harness.gauges, QUIET);
  });

  it('does not wait for the clusters that it takes the place of', () => {
    const { send, connector } = setup(virtualHost([route(forward('late'))]));
    send({ cluster: 'canary' });
    assert.equal(connector.next.endpoint.key, key(7));
  });

  it('leaves answers of the route itself, and is never sent past the mesh', () => {
    const body = Buffer.from('closed');
    const direct = setup(virtualHost([route({ kind: 'direct_response', status: 418, body, bodyFormat: null })]));
    assert.equal(direct.send({ cluster: 'canary' }).caller.status, 418);
    const { send, harness } = setup();
    harness.authority.settle({ error: new MeshError('no_route', 'there is no such listener'), absent: true });
    const passed: unknown[] = [];
    const { caller } = send({ cluster: 'canary' }, { passThrough: (call) => passed.push(call) });
    assert.equal(caller.said.at(-1), 'error no_route NR');
    send({ timeoutMs: 5 }, { passThrough: (call) => passed.push(call) });
    assert.equal(passed.length, 1);
  });

  it('is a timeout in the place of the route’s, or none', () => {
    const { send, harness, connector } = setup(virtualHost([route(forward('reviews', { timeoutMs: 1_000 }))]));
    const { call, caller } = send({ timeoutMs: 30 });
    connector.next.accept();
    assert.equal(call.head.headers.get('x-envoy-expected-rq-timeout-ms'), '30');
    harness.clock.advance(60);
    assert.match(`${caller.error?.message}`, /within the caller's timeout \(30 ms\)/);
    const patient = send({ timeoutMs: 0 });
    connector.next.accept();
    harness.clock.advance(100_000);
    connector.last.answer(200);
    assert.equal(patient.caller.status, 200);
    assert.equal(patient.call.head.headers.has('x-envoy-expected-rq-timeout-ms'), false);
  });

  it('is one attempt only, instead of the feed’s retries and of the mesh’s own', () => {
    for (const policy of [retryPolicy('5xx', { numRetries: 3 }), null]) {
      const { send, harness, connector } = setup(
        virtualHost([route(forward('reviews', { retryPolicy: policy }))]),
        [1, 2],
      );
      const { caller, call } = send({ retries: false });
      connector.next.refuse();
      assert.equal(caller.endings, 1);
      assert.equal(call.attempt, 1);
      assert.equal(harness.cluster.stats.upstream_rq_retry, 0);
      assert.deepEqual(harness.gauges, QUIET);
    }
  });

  it('is one endpoint, in every attempt and whatever its health', () => {
    const policy = retryPolicy('connect-failure', { numRetries: 1, avoidPreviousHosts: true });
    const { send, harness, connector } = setup(virtualHost([route(forward('reviews', { retryPolicy: policy }))]));
    harness.cluster.assign(assignment(1, [2, { health: 'unhealthy' }], 3));
    const { caller } = send({ endpoint: { kind: 'address', address: key(2) } });
    assert.equal(connector.next.endpoint.key, key(2));
    connector.next.refuse();
    harness.clock.advance(1_000);
    assert.equal(connector.next.endpoint.key, key(2));
    connector.next.accept();
    connector.last.answer(200);
    assert.equal(caller.status, 200);
    const none = send({ endpoint: { kind: 'address', address: '10.0.0.9:1' } });
    assert.match(
      `${none.caller.error?.message}`,
      /overrides ask for endpoint 10\.0\.0\.9:1.*does not have \(cluster reviews\)/,
    );
  });

  it('is any healthy endpoint with certain metadata, another one for each attempt', () => {
    const policy = retryPolicy('connect-failure', { numRetries: 1, avoidPreviousHosts: true });
    const { send, harness, connector } = setup(virtualHost([route(forward('reviews', { retryPolicy: policy }))]));
    harness.cluster.assign(subsets({ 1: 'v1', 2: 'v2', 3: 'v2', 4: 'v2' }, [4]));
    const wish = { kind: 'metadata', labels: { version: 'v2' } } as const;
    for (let i = 0; i < 20; i++) {
      send({ endpoint: wish });
      const first = connector.next.endpoint.key;
      connector.next.refuse();
      harness.clock.advance(1_000);
      const second = connector.next.endpoint.key;
      connector.next.refuse();
      assert.deepEqual([first, second].sort(), [key(2), key(3)]);
    }
    const { caller } = send({ endpoint: { kind: 'metadata', labels: { version: 'v9' } } });
    assert.match(
      `${caller.error?.message}`,
      /an endpoint with \{"version":"v9"\}, of which the cluster has 0, none healthy/,
    );
  });
});
