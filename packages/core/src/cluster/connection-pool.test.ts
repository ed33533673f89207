import assert from 'node:assert/strict';
import { MeshError } from '../errors.ts';
import { Caller, makeCall } from '../testing/caller.ts';
import { FakeConnector } from '../testing/fake-connector.ts';
import { routeTable } from '../testing/harness.ts';
import { assignment, type ClusterOptions, clusterConfig, forward, key, route, virtualHost } from '../testing/models.ts';
import { seededRandom } from '../util/random.ts';
import { VirtualClock } from '../util/virtual-clock.ts';
import { Cluster } from './cluster.ts';

function setup(limits: ClusterOptions['limits'] = {}, ports: readonly number[] = [1]) {
  const connector = new FakeConnector();
  const cluster = new Cluster(clusterConfig({ limits, high: { maxConnections: 50 } }), {
    connector,
    clock: new VirtualClock(),
    random: seededRandom(1),
  });
  cluster.assign(assignment(...ports));
  const high = routeTable(virtualHost([route(forward('reviews', { priority: 'high' }))]), { reviews: cluster });
  const poolOf = (port: number) => {
    const endpoint = cluster.endpoints.get(key(port));
    assert.ok(endpoint);
    return cluster.poolsOf(endpoint);
  };
  const pool = poolOf(ports[0] as number);
  return {
    connector,
    cluster,
    stats: cluster.stats,
    pool,
    send(port = ports[0] as number, priority: 'default' | 'high' = 'default') {
      const call = makeCall();
      if (priority === 'high') call.route = high.match(call);
      const caller = new Caller();
      poolOf(port).dispatch(call, caller);
      return { call, caller };
    },
    quiet(connections = 0): void {
      const { upstream_rq_pending_active, upstream_cx_active } = cluster.stats;
      const open = [...cluster.endpoints.values()].reduce((sum, { stats }) => sum + stats.cx_active, 0);
      assert.deepEqual(
        { upstream_rq_pending_active, upstream_cx_active, open, connecting: cluster.connecting },
        { upstream_rq_pending_active: 0, upstream_cx_active: connections, open: connections, connecting: 0 },
      );
      assert.equal(connector.opening.length, 0);
    },
  };
}

describe('pool', () => {
  it('opens a connection for each call that waits, and serves them in their order', () => {
    const { connector, send, stats, quiet } = setup();
    const callers = [send(), send(), send()].map(({ caller }) => caller);
    assert.equal(connector.opening.length, 3);
    assert.equal(stats.upstream_rq_pending_active, 3);
    for (const opening of [...connector.opening]) opening.accept();
    assert.deepEqual(
      connector.exchanges.map(({ handler }) => handler),
      callers,
    );
    for (const exchange of connector.exchanges) exchange.answer();
    assert.deepEqual(
      [stats.upstream_cx_total, stats.upstream_cx_http1_total, stats.upstream_rq_pending_total],
      [3, 3, 3],
    );
    quiet(3);
  });

  it('takes the connection that was used last, so that the others grow old', () => {
    const { connector, send } = setup();
    send();
    send();
    for (const opening of [...connector.opening]) opening.accept();
    const [first, second] = connector.connections;
    second?.exchanges[0]?.answer();
    first?.exchanges[0]?.answer();
    send();
    assert.equal(first?.busy, true);
    send();
    assert.equal(second?.busy, true);
    assert.equal(connector.attempts, 2);
  });

  it('gives the next call to a connection that came free first', () => {
    const { connector, send, quiet } = setup();
    send();
    connector.next.accept();
    const { caller } = send();
    assert.equal(connector.opening.length, 1);
    connector.exchanges[0]?.answer();
    connector.last.answer();
    assert.equal(caller.status, 200);
    connector.next.accept();
    quiet(2);
  });

  it('opens no more than max_connections over all hosts, but one for each host', () => {
    const { connector, send, stats } = setup({ maxConnections: 2 }, [1, 2, 3]);
    for (const port of [1, 1, 1, 2, 2, 3]) send(port);
    assert.deepEqual(
      connector.opening.map(({ endpoint }) => endpoint.key),
      [key(1), key(1), key(2), key(3)],
    );
    // The first connections to hosts 2 and 3 are beyond the limit, too, though they are opened.
    assert.equal(stats.upstream_cx_overflow, 4);
    for (const opening of [...connector.opening]) opening.accept();
    assert.equal(stats.upstream_cx_active, 4);
    for (let i = 0; i < connector.exchanges.length; i++) connector.exchanges[i]?.answer();
    assert.equal(connector.exchanges.length, 6, 'those that waited were served as connections came free');
    assert.equal(stats.upstream_rq_pending_active, 0);
  });

  it('refuses more than max_pending_requests with UO', () => {
    const { connector, send, stats, quiet } = setup({ maxPendingRequests: 2 });
    send();
    send();
    const { caller } = send();
    assert.deepEqual(caller.said, ['error upstream_overflow UO']);
    assert.match((caller.error as MeshError).body, /reset reason: overflow$/);
    assert.equal(stats.upstream_rq_pending_overflow, 1);
    for (const opening of [...connector.opening]) opening.accept();
    for (const exchange of connector.exchanges) exchange.answer();
    assert.equal(send().caller.endings, 0);
    connector.last.answer();
    quiet(2);
  });

  it('fails all that wait when a connection fails, as Envoy does', () => {
    const { connector, send, stats, cluster, quiet } = setup();
    const callers = [send(), send()].map(({ caller }) => caller);
    connector.next.refuse('connect ECONNREFUSED 10.0.0.1:1');
    for (const { said, error } of callers) {
      assert.deepEqual(said, ['error connection_failure UF']);
      assert.match(error?.message ?? '', /cannot connect: connect ECONNREFUSED.*endpoint 10\.0\.0\.1:1/);
      assert.match((error as MeshError).body, /reset reason: remote connection failure/);
      assert.equal(((error as MeshError).cause as Error).message, 'connect ECONNREFUSED 10.0.0.1:1');
    }
    assert.deepEqual([stats.upstream_cx_connect_fail, stats.upstream_cx_connect_timeout], [1, 0]);
    assert.equal(stats.upstream_rq_pending_failure_eject, 2);
    assert.equal(cluster.endpoints.get(key(1))?.stats.cx_connect_fail, 1);
    connector.next.accept();
    quiet(1);
  });

  it('tells a connection that took too long', () => {
    const { connector, send, stats, quiet } = setup();
    const { caller } = send();
    connector.next.timeOut();
    assert.match(caller.error?.message ?? '', /connect_timeout \(5000 ms\)/);
    assert.match((caller.error as MeshError).body, /reset reason: connection timeout$/);
    assert.equal(stats.upstream_cx_connect_timeout, 1);
    quiet();
  });

  it('gives a surplus attempt to connect up with the call that waited for it', () => {
    const { connector, send, stats, quiet } = setup();
    const first = send();
    const second = send();
    second.call.controller.abort(new Error('enough'));
    assert.deepEqual(second.caller.said, ['error enough']);
    assert.equal(connector.opening.length, 1);
    assert.equal(stats.upstream_rq_cancelled, 1);
    connector.next.accept();
    connector.last.answer();
    assert.equal(first.caller.status, 200);
    const third = send();
    const fourth = send();
    assert.equal(connector.opening.length, 1);
    // The third is on the connection; the fourth waits.
    third.call.controller.abort(new Error('enough'));
    fourth.call.controller.abort(new Error('enough'));
    quiet();
  });

  it('keeps an attempt to connect that others still wait for', () => {
    const { connector, send } = setup({ maxConnections: 1 });
    const [first, second] = [send(), send()];
    assert.equal(connector.opening.length, 1);
    first.call.controller.abort(new Error('enough'));
    assert.equal(connector.opening.length, 1);
    connector.next.accept();
    connector.last.answer();
    assert.equal(second.caller.status, 200);
  });

  it('opens another connection for those who wait when one is lost', () => {
    const { connector, send, quiet } = setup({ maxConnections: 1 });
    const [first, second] = [send(), send()];
    connector.next.accept();
    connector.connections[0]?.lose();
    assert.deepEqual(first.caller.said, ['error connection_termination UC']);
    connector.next.accept();
    connector.last.answer();
    assert.equal(second.caller.status, 200);
    quiet(1);
  });

  it('looks at the limit of the call that waits when one is lost', () => {
    const { connector, send } = setup({ maxConnections: 1 }, [1, 2]);
    send(2);
    for (let i = 0; i < 2; i++) send(1, 'high');
    assert.equal(connector.opening.length, 3);
    for (const opening of [...connector.opening]) opening.accept();
    const { caller } = send(1, 'high');
    connector.next.accept();
    connector.last.answer();
    assert.equal(caller.status, 200);
  });

  it('forgets an idle connection that is lost', () => {
    const { connector, send, quiet, pool } = setup();
    send();
    connector.next.accept();
    connector.last.answer();
    connector.connections[0]?.lose();
    assert.equal(pool.connections.length, 0);
    quiet();
    send();
    connector.next.accept();
    assert.equal(connector.connections[1]?.busy, true);
  });

  it('passes a call that met a dead connection on to another, and to a new one in the end', () => {
    const { connector, send, quiet, stats } = setup();
    for (let i = 0; i < 3; i++) send();
    for (const opening of [...connector.opening]) opening.accept();
    for (const exchange of [...connector.exchanges]) exchange.answer();
    for (const connection of connector.connections) connection.dead = true;
    const { caller } = send();
    assert.equal(stats.upstream_cx_destroy, 3);
    assert.equal(connector.opening.length, 1, 'one new connection, not one per dead one');
    connector.next.accept();
    connector.last.answer();
    assert.equal(caller.status, 200);
    quiet(1);
  });

  it('does not take up a call that was given up while its connection was dying', () => {
    const { connector, send } = setup();
    send();
    const connection = connector.next.accept();
    const call = makeCall();
    const caller = new Caller();
    call.controller.abort(new Error('enough'));
    connection.events.onUnsent(connection, call, caller);
    assert.deepEqual(caller.said, ['error enough']);
    assert.equal(connector.attempts, 1);
  });
});

describe('a pool that drains', () => {
  it('closes what is idle at once, what is busy after its call', () => {
    const { connector, send, pool, quiet } = setup();
    const first = send();
    send();
    for (const opening of [...connector.opening]) opening.accept();
    connector.exchanges[1]?.answer();
    pool.drain();
    assert.deepEqual(
      connector.connections.map(({ gone }) => gone),
      [false, true],
    );
    connector.exchanges[0]?.answer();
    assert.equal(first.caller.status, 200);
    assert.equal(pool.empty, true);
    quiet();
  });

  it('serves those who wait first', () => {
    const { connector, send, pool, quiet } = setup({ maxConnections: 1 });
    const calls = [send(), send(), send()];
    pool.drain();
    assert.equal(pool.empty, false);
    connector.next.accept();
    for (let i = 0; i < 3; i++) connector.exchanges[i]?.answer();
    assert.deepEqual(
      calls.map(({ caller }) => caller.status),
      [200, 200, 200],
    );
    assert.equal(pool.empty, true);
    quiet();
  });

  it('gives attempts to connect up where nobody waits', () => {
    const { connector, send, pool, quiet } = setup();
    send();
    connector.next.accept();
    send();
    connector.exchanges[0]?.answer();
    assert.equal(connector.opening.length, 1);
    pool.drain();
    connector.last.answer();
    quiet();
  });
});

describe('a pool that is destroyed', () => {
  const closed = new MeshError('draining', 'the mesh was closed');

  it('ends everything now, and takes no call on any more', () => {
    const { connector, send, pool, quiet } = setup({ maxConnections: 2 });
    const calls = [send(), send(), send()];
    connector.next.accept();
    pool.destroy(closed);
    for (const { caller } of calls) assert.deepEqual(caller.said, ['error draining OM']);
    quiet();
    const late = send();
    assert.deepEqual(late.caller.said, ['error draining OM']);
    quiet();
  });

  it('does not give a call to an idle connection that is closing', () => {
    const { connector, send, pool } = setup();
    send();
    connector.next.accept();
    connector.last.answer();
    const [connection] = connector.connections;
    assert.ok(connection);
    // A socket tells its end later than it is told to end.
    connection.destroy = () => {};
    pool.destroy(closed);
    assert.deepEqual(send().caller.said, ['error draining OM']);
    assert.equal(connection.exchanges.length, 1);
  });
});

describe('settings that connections are opened by', () => {
  it('take the old connections out of use when they change, and calls that wait with them', () => {
    const { connector, send, cluster, quiet } = setup();
    const first = send();
    connector.next.accept();
    send();
    connector.next.accept();
    connector.last.answer();
    const waiting = [send(), send()];
    const [busy, again] = connector.connections;
    assert.equal(again?.busy, true);
    assert.equal(connector.opening.length, 1);
    const opening = connector.next;
    cluster.configure({
      ...cluster.config,
      pool: { ...cluster.config.pool, bind: { host: '127.0.0.9', port: 0, extra: [] } },
    });
    assert.equal(opening.cancelled, true);
    assert.equal(connector.opening.length, 1, 'one for the call that waited');
    const renewed = connector.next.accept();
    assert.equal(renewed.busy, true);
    for (const exchange of [...connector.exchanges]) if (!exchange.over) exchange.answer();
    assert.deepEqual([busy?.gone, again?.gone, renewed.gone], [true, true, false]);
    assert.equal(first.caller.status, 200);
    for (const { caller } of waiting) assert.equal(caller.status, 200);
    quiet(1);
  });

  it('leave connections where they are when others change', () => {
    const { connector, send, cluster, quiet } = setup();
    send();
    connector.next.accept();
    connector.last.answer();
    cluster.configure({ ...cluster.config, connectTimeoutMs: 1, idleTimeoutMs: 5 });
    send();
    assert.equal(connector.attempts, 1);
    connector.last.answer();
    quiet(1);
  });
});
