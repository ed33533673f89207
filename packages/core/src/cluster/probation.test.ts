import assert from 'node:assert/strict';
import type { ClusterOptions } from '../testing/models.ts';
import { PoolScene } from '../testing/pool-scene.ts';

/** A host that closed a connection, which had served before, under a call. */
function caught(options: ClusterOptions = {}): PoolScene {
  const scene = new PoolScene(options);
  scene.send();
  const connection = scene.connector.next.accept();
  connection.open[0]?.answer();
  scene.send();
  connection.lose();
  assert.equal(connection.gone, true);
  return scene;
}

describe('a host that closes connections behind its answers', () => {
  it('is asked again on a connection only after the sockets were looked at once more', () => {
    const scene = caught();
    scene.send();
    const connection = scene.connector.next.accept();
    connection.open[0]?.answer();
    const { caller } = scene.send();
    assert.equal(connection.busy, false);
    assert.equal(scene.connector.opening.length, 0, 'it has room');
    scene.clock.advance(0);
    connection.open[0]?.answer();
    assert.equal(caller.status, 200);
    scene.clock.advance(0);
    scene.quiet(1);
  });

  it('gets another connection where that one ended meanwhile, and no call was sent on it', () => {
    const scene = caught();
    scene.send();
    const closing = scene.connector.next.accept();
    closing.open[0]?.answer();
    const { caller } = scene.send();
    closing.lose();
    scene.connector.next.accept().open[0]?.answer();
    assert.equal(caller.status, 200);
    assert.equal(closing.exchanges.length, 1);
    scene.clock.advance(0);
    scene.quiet(1);
  });

  it('stays on probation for as long as it does so, though no call met it', () => {
    const scene = caught();
    for (let use = 0; use < 300; use++) {
      if (scene.connector.connections.at(-1)?.gone !== false) {
        scene.send();
        scene.connector.next.accept();
      } else {
        scene.send();
        scene.clock.advance(0);
      }
      const connection = scene.connector.connections.at(-1);
      connection?.open[0]?.answer();
      if (use % 60 === 59) connection?.lose();
      else scene.clock.advance(0);
    }
    scene.send();
    scene.connector.next.accept().open[0]?.answer();
    scene.send();
    assert.equal(scene.connector.connections.at(-1)?.busy, false);
  });

  it('is given two milliseconds where a call has met an end all the same', () => {
    const scene = caught();
    scene.send();
    const first = scene.connector.next.accept();
    first.open[0]?.answer();
    scene.send();
    scene.clock.advance(0);
    first.lose();
    scene.send();
    const second = scene.connector.next.accept();
    second.open[0]?.answer();
    const { caller } = scene.send();
    scene.clock.advance(1);
    assert.equal(second.busy, false);
    scene.clock.advance(1);
    second.open[0]?.answer();
    assert.equal(caller.status, 200);
  });

  it('does not cost a call its place where none may wait', () => {
    const scene = caught({ limits: { maxPendingRequests: 1, maxConnections: 2 } });
    scene.send();
    const connection = scene.connector.next.accept();
    connection.open[0]?.answer();
    scene.cluster.configure({
      ...scene.cluster.config,
      thresholds: {
        ...scene.cluster.config.thresholds,
        default: { ...scene.cluster.config.thresholds.default, maxPendingRequests: 0 },
      },
    });
    const { caller } = scene.send();
    assert.equal(caller.endings, 0);
    connection.open[0]?.answer();
    assert.equal(caller.status, 200);
  });

  it('is trusted again after a hundred uses without trouble', () => {
    const scene = caught();
    scene.send();
    const connection = scene.connector.next.accept();
    for (let use = 0; use < 100; use++) {
      connection.open[0]?.answer();
      scene.send();
      assert.equal(connection.busy, false, `use ${use}`);
      scene.clock.advance(0);
    }
    connection.open[0]?.answer();
    scene.send();
    assert.equal(connection.busy, true);
  });
});
