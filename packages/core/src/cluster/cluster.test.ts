import assert from 'node:assert/strict';
import { isMeshError, MeshError } from '../errors.ts';
import { makeCall, send } from '../testing/caller.ts';
import { Harness, QUIET } from '../testing/harness.ts';
import {
  assignment,
  type ClusterOptions,
  clusterConfig,
  forward,
  key,
  retryPolicy,
  route,
  virtualHost,
} from '../testing/models.ts';

function setup(options: ClusterOptions = {}) {
  const harness = new Harness(options);
  const cluster = harness.newCluster(options);
  return {
    cluster,
    picks(count = 12): string[] {
      const seen = new Set<string>();
      for (let i = 0; i < count; i++) {
        const picked = cluster.pick(makeCall());
        seen.add(isMeshError(picked) ? picked.flag : picked.key);
      }
      return [...seen].sort();
    },
  };
}

describe('cluster', () => {
  it('keeps the object of a host that stays, with what is new about it', () => {
    const { cluster, picks } = setup();
    cluster.assign(assignment(1, 2));
    const before = cluster.endpoints.get(key(1));
    before!.stats.rq_total = 7;
    cluster.assign(assignment([1, { weight: 5, health: 'draining', priority: 1 }], 3));
    const after = cluster.endpoints.get(key(1));
    assert.equal(after, before);
    assert.deepEqual([after?.weight, after?.health, after?.priority, after?.stats.rq_total], [5, 'draining', 1, 7]);
    assert.deepEqual([...cluster.endpoints.keys()], [key(1), key(3)]);
    assert.deepEqual(picks(), [key(3)]);
    assert.equal(cluster.stats.membership_change, 2);
    assert.deepEqual([cluster.stats.membership_total, cluster.stats.membership_healthy], [2, 1]);
    cluster.assign(assignment([1, { weight: 2 }], 3));
    assert.equal(cluster.stats.membership_change, 2, 'weight and health are no change of membership');
  });

  it('takes the first of two hosts with one address', () => {
    const { cluster } = setup();
    cluster.assign(assignment([1, { weight: 3 }], [1, { weight: 9, priority: 1 }]));
    assert.equal(cluster.endpoints.size, 1);
    assert.equal(cluster.endpoints.get(key(1))?.weight, 3);
  });

  it('without hosts, and without healthy ones where health always counts, refuses with UH', () => {
    const { cluster, picks } = setup({ panic: 0 });
    assert.deepEqual(picks(1), ['UH']);
    assert.match((cluster.pick(makeCall()) as MeshError).message, /no endpoints.*cluster reviews/);
    cluster.assign(assignment([1, { health: 'unhealthy' }], [2, { health: 'timeout' }]));
    assert.match((cluster.pick(makeCall()) as MeshError).message, /none of 2 endpoints is healthy/);
    assert.equal(cluster.stats.upstream_cx_none_healthy, 3);
    cluster.assign(assignment());
    assert.deepEqual(picks(1), ['UH']);
  });

  it('takes healthy hosts, and those of which nothing is known', () => {
    const { cluster, picks } = setup({ panic: 0 });
    cluster.assign(
      assignment(
        [1, { health: 'healthy' }],
        2,
        [3, { health: 'unhealthy' }],
        [4, { health: 'draining' }],
        [5, { health: 'timeout' }],
      ),
    );
    assert.deepEqual(picks(), [key(1), key(2)]);
    assert.equal(cluster.stats.lb_healthy_panic, 0);
  });

  it('uses all hosts where fewer are healthy than the panic threshold says', () => {
    const { cluster, picks } = setup({ panic: 50 });
    cluster.assign(assignment(1, [2, { health: 'unhealthy' }], [3, { health: 'unhealthy' }]));
    assert.deepEqual(picks(), [key(1), key(2), key(3)]);
    assert.equal(cluster.stats.lb_healthy_panic, 12);
    cluster.assign(assignment(1, 2, [3, { health: 'unhealthy' }]));
    assert.deepEqual(picks(), [key(1), key(2)]);
    cluster.assign(assignment([1, { health: 'unhealthy' }]));
    assert.deepEqual(picks(), [key(1)]);
    cluster.configure(clusterConfig({ panic: 0 }));
    assert.deepEqual(picks(1), ['UH']);
  });

  it('takes the next priority where the first has no healthy host', () => {
    const { cluster, picks } = setup();
    const sick = { health: 'unhealthy' } as const;
    cluster.assign(assignment(1, [2, { priority: 1 }]));
    assert.deepEqual(picks(), [key(1)]);
    cluster.assign(assignment([1, sick], [2, { priority: 1 }]));
    assert.deepEqual(picks(), [key(2)]);
    cluster.assign(assignment([1, sick], [2, { ...sick, priority: 1 }]));
    assert.deepEqual(picks(), [key(1)], 'panic: the first priority');
  });

  it('does not panic while another priority can take the calls', () => {
    const { cluster, picks } = setup();
    const sick = { health: 'unhealthy' } as const;
    cluster.assign(assignment(1, [2, sick], [3, sick], [4, { priority: 1 }]));
    assert.deepEqual(picks(), [key(1)]);
    assert.equal(cluster.stats.lb_healthy_panic, 0);
  });

  it('keeps its hosts and their connections when its settings change', () => {
    const harness = new Harness({ ports: [1] });
    harness.use(virtualHost([route(forward('reviews'))]));
    send(harness.dispatch);
    harness.connector.next.accept();
    harness.connector.last.answer();
    harness.cluster.configure(clusterConfig({ lb: { kind: 'least_request', choiceCount: 2, activeRequestBias: 1 } }));
    const { caller } = send(harness.dispatch);
    harness.connector.last.answer(204);
    assert.equal(caller.status, 204);
    assert.equal(harness.connector.attempts, 1);
  });
});

describe('a host that the feed no longer names', () => {
  it('ends its calls well, gets no new one, and closes', () => {
    const harness = new Harness({ ports: [1] });
    harness.use(virtualHost([route(forward('reviews'))]));
    const { connector, cluster } = harness;
    const running = send(harness.dispatch);
    connector.next.accept();
    const idle = send(harness.dispatch);
    connector.next.accept();
    connector.last.answer();
    assert.equal(idle.caller.status, 200);
    const old = cluster.endpoints.get(key(1));
    cluster.assign(assignment(2));
    assert.equal(old?.removed, true);
    assert.deepEqual(
      connector.connections.map(({ gone }) => gone),
      [false, true],
    );
    const next = send(harness.dispatch);
    assert.equal(connector.next.endpoint.key, key(2));
    connector.exchanges[0]?.answer(201);
    assert.equal(running.caller.status, 201);
    assert.deepEqual([old?.stats.rq_active, old?.stats.cx_active], [0, 0]);
    connector.next.accept();
    connector.last.answer();
    assert.equal(next.caller.status, 200);
    assert.equal(cluster.stats.upstream_cx_active, 1);
    assert.deepEqual(harness.gauges, QUIET);
  });

  it('is another host when it comes back, while the first still ends its calls', () => {
    const harness = new Harness({ ports: [1] });
    harness.use(virtualHost([route(forward('reviews'))]));
    const { connector, cluster } = harness;
    const first = send(harness.dispatch);
    connector.next.accept();
    const old = cluster.endpoints.get(key(1));
    cluster.assign(assignment());
    cluster.assign(assignment(1));
    assert.notEqual(cluster.endpoints.get(key(1)), old);
    const second = send(harness.dispatch);
    connector.next.accept();
    for (const exchange of connector.exchanges) exchange.answer();
    assert.deepEqual([first.caller.status, second.caller.status], [200, 200]);
    assert.equal(cluster.stats.upstream_cx_active, 1);
  });

  it('is ended with its cluster, though the cluster names it no more', () => {
    const harness = new Harness({ ports: [1] });
    harness.use(virtualHost([route(forward('reviews'))]));
    const { caller } = send(harness.dispatch, { failAs: 'error' });
    harness.connector.next.accept();
    harness.cluster.assign(assignment(2));
    assert.equal(harness.cluster.empty, false);
    harness.cluster.destroy(new MeshError('draining', 'closed'));
    assert.deepEqual(caller.said, ['error draining OM']);
    assert.equal(harness.cluster.empty, true);
  });
});

describe('a cluster that ends', () => {
  it('lets its calls end, also those that wait for their next attempt on a host that was never called', () => {
    const harness = new Harness({ ports: [1, 2] });
    const policy = retryPolicy('5xx', { avoidPreviousHosts: true, hostSelectionRetryMaxAttempts: 5 });
    harness.use(virtualHost([route(forward('reviews', { retryPolicy: policy }))]));
    const { connector, cluster } = harness;
    const { caller } = send(harness.dispatch);
    const first = connector.next.endpoint;
    connector.next.refuse();
    cluster.close();
    assert.equal(cluster.empty, false);
    harness.clock.advance(1_000);
    assert.notEqual(connector.next.endpoint, first);
    connector.next.accept();
    connector.last.answer();
    assert.equal(caller.status, 200);
    assert.equal(cluster.stats.upstream_cx_active, 0, 'the connection does not stay');
    assert.equal(cluster.empty, true);
  });

  it('refuses what is tried again after it was destroyed', () => {
    const harness = new Harness({ ports: [1, 2] });
    harness.use(virtualHost([route(forward('reviews', { retryPolicy: retryPolicy('5xx', { numRetries: 5 }) }))]));
    const { caller } = send(harness.dispatch, { failAs: 'error' });
    harness.connector.next.refuse();
    harness.cluster.destroy(new MeshError('draining', 'closed'));
    harness.clock.advance(1_000);
    assert.deepEqual(caller.said, ['error draining OM']);
    assert.equal(harness.connector.attempts, 1);
    assert.deepEqual(harness.gauges, QUIET);
  });
});

describe('the cluster’s limits', () => {
  it('refuses calls beyond max_requests, once there is a connection for them, as Envoy', () => {
    const harness = new Harness({ limits: { maxRequests: 2 } });
    harness.use(virtualHost([route(forward('reviews'))]));
    send(harness.dispatch);
    send(harness.dispatch);
    const { caller } = send(harness.dispatch);
    assert.equal(caller.endings, 0);
    while (harness.connector.opening.length > 0) harness.connector.next.accept();
    assert.equal(caller.status, 503);
    assert.equal(caller.headers.get('x-envoy-overloaded'), 'true');
    assert.match(caller.body, /overflow$/);
    assert.equal(harness.stats.flags.UO, 1);
    assert.deepEqual(
      [harness.cluster.stats.upstream_rq_active_overflow, harness.cluster.stats.upstream_rq_pending_total],
      [1, 3],
    );
    assert.equal(harness.cluster.endpoints.get(key(1))?.stats.rq_active, 2);
    harness.connector.last.answer();
    assert.equal(send(harness.dispatch).caller.endings, 0);
  });

  it('says nothing against a host for a call that no connection took', () => {
    const harness = new Harness({ limits: { maxPendingRequests: 1 } });
    harness.use(virtualHost([route(forward('reviews'))]));
    send(harness.dispatch, { method: 'POST' });
    assert.equal(send(harness.dispatch).caller.status, 503);
    const stats = harness.cluster.endpoints.get(key(1))?.stats;
    assert.deepEqual([stats?.rq_total, stats?.rq_error, stats?.rq_active], [0, 0, 0]);
    harness.connector.next.accept();
    harness.connector.last.answer();
    assert.deepEqual([stats?.rq_total, stats?.rq_success, stats?.rq_active], [1, 1, 0]);
  });

  it('fails closed on what the cluster needs and this version lacks', () => {
    const harness = new Harness({ unsupported: ['transport_socket'] });
    harness.use(virtualHost([route(forward('reviews'))]));
    const { caller } = send(harness.dispatch, { failAs: 'error' });
    assert.deepEqual(caller.said, ['error unsupported UF']);
    assert.match(caller.error?.message ?? '', /transport_socket/);
    assert.equal(harness.connector.attempts, 0);
    assert.deepEqual(harness.gauges, QUIET);
  });
});
