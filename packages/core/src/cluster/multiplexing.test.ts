import assert from 'node:assert/strict';
import { DEFAULT_HTTP2 } from '../model/upstream-protocol.ts';
import { Caller } from '../testing/caller.ts';
import type { ClusterOptions } from '../testing/models.ts';
import { PoolScene } from '../testing/pool-scene.ts';

const H2 = { protocol: 'http2', maxConcurrent: 100 } as const;

function http2(options: ClusterOptions = {}, maxConcurrentStreams = 1024): PoolScene {
  const protocol = { choice: 'http2', http2: { ...DEFAULT_HTTP2, maxConcurrentStreams } } as const;
  return new PoolScene({ protocol, ...options });
}

describe('a pool of connections that carry many calls', () => {
  it('opens one, for which all calls wait', () => {
    const scene = http2();
    const callers = scene.sendMany(50);
    assert.equal(scene.connector.attempts, 1);
    const connection = scene.connector.next.accept(H2);
    assert.equal(connection.open.length, 50);
    const later = scene.send();
    for (const exchange of connection.open) exchange.answer();
    assert.deepEqual(
      [...callers, later.caller].map(({ status }) => status),
      Array.from({ length: 51 }, () => 200),
    );
    assert.deepEqual([scene.stats.upstream_cx_http1_total, scene.stats.upstream_cx_http2_total], [0, 1]);
    scene.quiet(1);
  });

  it('opens another once the first has as many as it can carry, and not before', () => {
    const scene = http2();
    scene.sendMany(2);
    const first = scene.connector.next.accept({ ...H2, maxConcurrent: 3 });
    scene.sendMany(1);
    assert.equal(scene.connector.attempts, 1);
    scene.sendMany(2);
    assert.equal(scene.connector.attempts, 2, 'one is enough for two calls');
    const second = scene.connector.next.accept({ ...H2, maxConcurrent: 3 });
    assert.deepEqual([first.open.length, second.open.length], [3, 2]);
  });

  it('asks for as many as the last one could carry, once it is known', () => {
    const scene = http2();
    scene.sendMany(7);
    scene.connector.next.accept({ ...H2, maxConcurrent: 2 });
    assert.equal(scene.connector.opening.length, 3, 'for five calls; never more than three at once');
    for (const opening of [...scene.connector.opening]) opening.accept({ ...H2, maxConcurrent: 2 });
    assert.equal(scene.connector.exchanges.length, 7);
  });

  it('serves who waits when the server wants more, and leaves it alone while it wants fewer', () => {
    const scene = http2({ limits: { maxConnections: 1 } });
    scene.sendMany(4);
    const connection = scene.connector.next.accept({ ...H2, maxConcurrent: 2 });
    assert.equal(connection.open.length, 2);
    connection.limit(3);
    assert.equal(connection.open.length, 3);
    connection.limit(1);
    connection.open[0]?.answer();
    connection.open[0]?.answer();
    assert.equal(connection.open.length, 1);
    connection.open[0]?.answer();
    assert.equal(connection.open.length, 1, 'the last one has its turn');
    connection.open[0]?.answer();
    scene.quiet(1);
  });

  it('fills one before it uses the other', () => {
    const scene = http2();
    scene.sendMany(3);
    const first = scene.connector.next.accept({ ...H2, maxConcurrent: 2 });
    const second = scene.connector.next.accept({ ...H2, maxConcurrent: 2 });
    for (const { open } of [first, second]) for (const exchange of open) exchange.answer();
    scene.sendMany(2);
    assert.deepEqual([first.open.length, second.open.length].sort(), [0, 2]);
  });

  it('sends what a connection that goes away did not process to another, and lets the rest end', () => {
    const scene = http2();
    const callers = scene.sendMany(3);
    const leaving = scene.connector.next.accept(H2);
    leaving.goAway(1);
    assert.deepEqual([leaving.gone, leaving.open.length], [false, 1]);
    const next = scene.connector.next.accept(H2);
    assert.equal(next.open.length, 2);
    for (const { open } of [leaving, next]) for (const exchange of open) exchange.answer();
    assert.deepEqual(
      callers.map(({ status }) => status),
      [200, 200, 200],
    );
    assert.equal(leaving.gone, true);
    assert.equal(scene.stats.upstream_cx_close_notify, 1);
    assert.equal(scene.stats.upstream_rq_total, 3, 'no call counts twice');
    scene.quiet(1);
  });

  it('counts one connection that ended under calls, however many there were', () => {
    const scene = http2();
    const callers = scene.sendMany(3);
    const connection = scene.connector.next.accept(H2);
    connection.lose();
    for (const { said } of callers) assert.deepEqual(said, ['error connection_termination UC']);
    assert.deepEqual(
      [
        scene.stats.upstream_cx_destroy,
        scene.stats.upstream_cx_destroy_with_active_rq,
        scene.stats.upstream_cx_destroy_remote,
      ],
      [1, 1, 1],
    );
    scene.quiet();
  });

  it('takes it that what carries calls is alive, also for a call that met a dead one', () => {
    const scene = http2();
    scene.send();
    const connection = scene.connector.next.accept(H2);
    const { call, caller } = scene.send();
    connection.open[1]?.break();
    assert.equal(caller.endings, 1);
    call.distrustful = true;
    scene.cluster.connect(scene.endpoint(), call, new Caller());
    assert.equal(connection.open.length, 2);
    for (const exchange of connection.open) exchange.answer();
    scene.cluster.connect(scene.endpoint(), call, new Caller());
    assert.equal(connection.gone, true, 'an idle one may be dead, too');
    assert.equal(scene.connector.opening.length, 1);
  });

  it('learns by ALPN what it has, and goes on with that', () => {
    const scene = new PoolScene({ protocol: { choice: 'auto' } });
    scene.sendMany(4);
    assert.equal(scene.connector.opening.length, 1, 'as Envoy, it hopes for HTTP/2');
    assert.equal(scene.connector.next.key.protocol, 'auto');
    scene.connector.next.accept();
    assert.equal(scene.connector.opening.length, 3);
    for (const opening of [...scene.connector.opening]) opening.accept();
    for (const exchange of scene.connector.exchanges) exchange.answer();
    assert.equal(scene.stats.upstream_cx_http1_total, 4);
    scene.quiet(4);
  });
});

describe('connections that end', () => {
  it('after as many calls as one may carry', () => {
    const scene = http2({ maxRequestsPerConnection: 3 });
    scene.sendMany(5);
    const first = scene.connector.next;
    assert.equal(scene.connector.opening.length, 2, 'one is for three calls and no more');
    const connection = first.accept(H2);
    assert.equal(connection.exchanges.length, 3);
    assert.equal(scene.stats.upstream_cx_max_requests, 1);
    for (const exchange of connection.open) exchange.answer();
    assert.equal(connection.gone, true);
    const next = scene.connector.next.accept(H2);
    for (const exchange of next.open) exchange.answer();
    assert.equal(next.gone, false);
    scene.quiet(1);
  });

  it('when they are old: idle ones at once, others after their calls', () => {
    const scene = http2({ pool: { maxConnectionDurationMs: 1_000 } });
    scene.send();
    const busy = scene.connector.next.accept(H2);
    scene.clock.advance(999);
    assert.equal(scene.stats.upstream_cx_max_duration_reached, 0);
    scene.clock.advance(1);
    assert.deepEqual([busy.gone, scene.stats.upstream_cx_max_duration_reached], [false, 1]);
    scene.send();
    const idle = scene.connector.next.accept(H2);
    idle.open[0]?.answer();
    busy.open[0]?.answer();
    assert.deepEqual([busy.gone, idle.gone], [true, false]);
    scene.clock.advance(1_000);
    assert.equal(idle.gone, true);
    scene.quiet();
    assert.equal(scene.clock.pending, 0);
  });

  it('when nobody has used them for the idle timeout', () => {
    const scene = new PoolScene({ idleTimeoutMs: 1_000 });
    scene.sendMany(2);
    for (const opening of [...scene.connector.opening]) opening.accept();
    const [first, second] = scene.connector.connections;
    first?.exchanges[0]?.answer();
    scene.clock.advance(600);
    second?.exchanges[0]?.answer();
    scene.clock.advance(400);
    assert.deepEqual([first?.gone, second?.gone], [true, false]);
    scene.clock.advance(500);
    scene.send();
    assert.equal(second?.busy, true);
    scene.clock.advance(5_000);
    assert.equal(second?.gone, false, 'in use');
    second?.open[0]?.answer();
    scene.clock.advance(999);
    assert.equal(second?.gone, false);
    scene.clock.advance(1);
    assert.equal(second?.gone, true);
    assert.deepEqual([scene.stats.upstream_cx_idle_timeout, scene.stats.upstream_cx_destroy_local], [2, 2]);
    scene.quiet();
    assert.equal(scene.clock.pending, 0);
  });
});
