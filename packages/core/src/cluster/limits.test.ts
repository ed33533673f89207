import assert from 'node:assert/strict';
import { DEFAULT_HTTP2 } from '../model/upstream-protocol.ts';
import { makeCall } from '../testing/caller.ts';
import { PoolScene } from '../testing/pool-scene.ts';

const H2 = { protocol: 'http2', maxConcurrent: 100 } as const;

describe('limits of a cluster', () => {
  it('are counted for each priority by itself', () => {
    const scene = new PoolScene({
      limits: { maxPendingRequests: 1, maxConnections: 1 },
      high: { maxPendingRequests: 2, maxConnections: 2 },
    });
    scene.send();
    assert.deepEqual(scene.send().caller.said, ['error upstream_overflow UO']);
    for (let i = 0; i < 2; i++) assert.equal(scene.send(1, 'high').caller.endings, 0);
    assert.deepEqual(scene.send(1, 'high').caller.said, ['error upstream_overflow UO']);
    assert.deepEqual([scene.cluster.limits.default.pending, scene.cluster.limits.high.pending], [1, 2]);
    assert.equal(scene.stats.upstream_rq_pending_active, 3);
    assert.equal(scene.connector.attempts, 3, 'the connections of one priority are none of the other’s');
    for (const opening of [...scene.connector.opening]) opening.accept();
    for (const exchange of scene.connector.exchanges) exchange.answer();
    scene.quiet(3);
  });

  it('max_requests: calls beyond are refused once a connection could take them', () => {
    const protocol = { choice: 'http2', http2: DEFAULT_HTTP2 } as const;
    const scene = new PoolScene({ protocol, limits: { maxRequests: 2 } });
    const callers = scene.sendMany(3);
    scene.connector.next.accept(H2);
    assert.deepEqual(
      callers.map(({ said }) => said),
      [[], [], ['error upstream_overflow UO']],
    );
    assert.deepEqual(scene.send().caller.said, ['error upstream_overflow UO']);
    assert.deepEqual([scene.stats.upstream_rq_active_overflow, scene.stats.upstream_rq_pending_overflow], [2, 0]);
    assert.equal(scene.endpoint().stats.rq_error, 0, 'nothing is said against the host');
    scene.connector.exchanges[0]?.answer();
    assert.equal(scene.send().caller.endings, 0);
    assert.equal(scene.stats.upstream_rq_total, 3);
  });

  it('max_connections of one host', () => {
    const scene = new PoolScene({ limits: { maxConnectionsPerHost: 2 } }, [1, 2]);
    scene.sendMany(4);
    scene.sendMany(1, 2);
    assert.deepEqual(
      [scene.endpoint(1), scene.endpoint(2)].map(({ stats }) => stats.cx_active),
      [2, 1],
    );
    assert.equal(scene.stats.upstream_cx_overflow, 2);
    for (const opening of [...scene.connector.opening]) opening.accept();
    for (let i = 0; i < scene.connector.exchanges.length; i++) scene.connector.exchanges[i]?.answer();
    assert.equal(scene.connector.exchanges.length, 5);
    scene.quiet(3);
  });

  it('max_connection_pools: one that has nothing to do makes room, else the call is refused', () => {
    const scene = new PoolScene({ limits: { maxConnectionPools: 1 }, protocol: { choice: 'downstream' } }, [1, 2]);
    const { caller } = scene.send();
    const connection = scene.connector.next.accept();
    const http2 = makeCall({ protocol: 'http2' });
    const { limits } = scene.cluster;
    const other = scene.dispatch(http2);
    assert.deepEqual(other.said, ['error no_healthy_upstream UH']);
    assert.match(other.error?.message ?? '', /max_connection_pools/);
    assert.deepEqual([scene.stats.upstream_cx_pool_overflow, limits.default.pools], [1, 1]);
    assert.deepEqual(
      scene.send(2).caller.said,
      ['error no_healthy_upstream UH'],
      'that of another host does not make room',
    );
    connection.open[0]?.answer();
    assert.equal(caller.status, 200);
    const again = scene.dispatch(makeCall({ protocol: 'http2' }));
    assert.equal(connection.gone, true);
    scene.connector.next.accept(H2).open[0]?.answer();
    assert.equal(again.status, 200);
    assert.equal(limits.default.pools, 1);
    scene.connector.connections[1]?.lose();
    assert.equal(limits.default.pools, 0);
    assert.equal(scene.send(2).caller.endings, 0);
  });

  it('tell as Envoy’s gauges what is used up, and what is left where the feed wants it told', () => {
    const limits = { maxConnections: 2, maxPendingRequests: 2, maxRequests: 2, maxRetries: 3, trackRemaining: true };
    const scene = new PoolScene({ limits });
    const { default: normal, high } = scene.cluster.limits;
    assert.deepEqual(high.stats, { cx_open: 0, cx_pool_open: 0, rq_pending_open: 0, rq_open: 0, rq_retry_open: 0 });
    scene.sendMany(2);
    assert.deepEqual(normal.stats, {
      cx_open: 1,
      cx_pool_open: 0,
      rq_pending_open: 1,
      rq_open: 0,
      rq_retry_open: 0,
      remaining_cx: 0,
      remaining_cx_pools: 2 ** 64,
      remaining_pending: 0,
      remaining_rq: 2,
      remaining_retries: 3,
    });
    for (const opening of [...scene.connector.opening]) opening.accept();
    assert.deepEqual([normal.stats.rq_pending_open, normal.stats.rq_open, normal.stats.remaining_rq], [0, 1, 0]);
  });

  it('follow the feed: those who are over a limit that was lowered stay', () => {
    const scene = new PoolScene({ limits: { maxConnections: 3 } });
    scene.sendMany(3);
    const { config } = scene.cluster;
    scene.cluster.configure({
      ...config,
      thresholds: { ...config.thresholds, default: { ...config.thresholds.default, maxConnections: 1 } },
    });
    for (const opening of [...scene.connector.opening]) opening.accept();
    scene.sendMany(1);
    assert.equal(scene.connector.attempts, 3);
    for (let i = 0; i < 4; i++) scene.connector.exchanges[i]?.answer();
    scene.quiet(3);
  });
});
