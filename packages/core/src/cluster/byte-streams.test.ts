import assert from 'node:assert/strict';
import type { Duplex } from 'node:stream';
import { MeshError } from '../errors.ts';
import { makeCall } from '../testing/caller.ts';
import { assignment, type ClusterOptions } from '../testing/models.ts';
import { PoolScene } from '../testing/pool-scene.ts';

function closed(stream: Duplex): Promise<void> {
  return new Promise((resolve) => stream.once('close', resolve));
}

function setup(options: ClusterOptions = {}) {
  const scene = new PoolScene(options);
  const heard: (Duplex | MeshError)[] = [];
  return {
    scene,
    heard,
    open: () =>
      scene.cluster.connectBytes(scene.endpoint(), makeCall(), (error, stream) => {
        heard.push((error ?? stream) as Duplex | MeshError);
      }),
  };
}

describe('a stream of bytes to a host', () => {
  it('is a connection of its own, counted while it lasts', async () => {
    const { scene, heard, open } = setup();
    open();
    assert.deepEqual([scene.stats.upstream_rq_pending_active, scene.stats.upstream_cx_active], [1, 1]);
    const stream = scene.connector.bytes[0]?.accept();
    assert.equal(heard[0], stream);
    assert.deepEqual(
      [scene.stats.upstream_cx_total, scene.stats.upstream_rq_active, scene.endpoint().stats.rq_active],
      [1, 1, 1],
    );
    assert.equal(scene.pools().empty, false);
    stream?.destroy();
    await closed(stream as Duplex);
    assert.deepEqual([scene.stats.upstream_cx_destroy_local, scene.stats.upstream_cx_destroy_remote], [1, 0]);
    assert.equal(scene.pools().empty, true);
    scene.quiet();
  });

  it('fails with the reason why there is no connection', () => {
    const { scene, heard, open } = setup();
    open();
    scene.connector.bytes[0]?.refuse();
    assert.match((heard[0] as MeshError).message, /^\[connection_failure\] cannot connect: connect ECONNREFUSED/);
    assert.deepEqual([scene.stats.upstream_cx_connect_fail, scene.stats.upstream_rq_pending_failure_eject], [1, 1]);
    scene.quiet();
  });

  it('is refused beyond the limit, later than it is asked for', async () => {
    const { scene, heard, open } = setup({ limits: { maxConnections: 1 } });
    open();
    open();
    assert.equal(heard.length, 0);
    await Promise.resolve();
    assert.equal((heard[0] as MeshError).flag, 'UO');
    assert.deepEqual([scene.stats.upstream_cx_overflow, scene.connector.bytes.length], [1, 1]);
  });

  it('is given up while it is opened, and says no more', () => {
    const { scene, heard, open } = setup();
    open().cancel();
    assert.equal(scene.connector.bytes[0]?.cancelled, true);
    assert.deepEqual([heard.length, scene.stats.upstream_rq_cancelled], [0, 1]);
    scene.quiet();
  });

  it('stays when its host is named no more, and ends with the mesh', async () => {
    const { scene, heard, open } = setup();
    open();
    const stream = scene.connector.bytes[0]?.accept();
    stream?.on('error', () => {});
    open();
    scene.cluster.assign(assignment(2));
    assert.equal(stream?.destroyed, false);
    assert.equal(scene.cluster.empty, false);
    scene.cluster.destroy(new MeshError('draining', 'the mesh was closed'));
    assert.equal((heard[1] as MeshError).code, 'draining');
    await closed(stream as Duplex);
    assert.equal(scene.cluster.empty, true);
  });

  it('stays with a host that the feed says is not well, as do connections for calls', () => {
    const { scene, open } = setup({ idleTimeoutMs: 0 });
    open();
    const stream = scene.connector.bytes[0]?.accept();
    scene.send();
    scene.connector.next.accept().open[0]?.answer();
    scene.cluster.assign(assignment([1, { health: 'unhealthy' }]));
    assert.deepEqual([stream?.destroyed, scene.connector.connections[0]?.gone], [false, false]);
  });

  it('stays when hosts come, where connections for calls are to end then', () => {
    for (const closeOnHostSetChange of [true, false]) {
      const { scene, open } = setup({ pool: { closeOnHostSetChange }, idleTimeoutMs: 0 });
      open();
      const stream = scene.connector.bytes[0]?.accept();
      scene.sendMany(2);
      for (const opening of [...scene.connector.opening]) opening.accept();
      const [busy, idle] = scene.connector.connections;
      idle?.open[0]?.answer();
      scene.cluster.assign(assignment(1));
      assert.equal(idle?.gone, false, 'nothing came or went');
      scene.cluster.assign(assignment(1, 2));
      assert.deepEqual([stream?.destroyed, busy?.gone, idle?.gone], [false, false, closeOnHostSetChange]);
      busy?.open[0]?.answer();
      assert.equal(busy?.gone, closeOnHostSetChange);
    }
  });
});
