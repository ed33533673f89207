import assert from 'node:assert/strict';
import { assignment, key } from '../testing/models.ts';
import { PoolScene } from '../testing/pool-scene.ts';

describe('connections ahead of calls', () => {
  const preconnect = (perUpstreamRatio: number, predictiveRatio = 1) => ({
    pool: { preconnect: { perUpstreamRatio, predictiveRatio } },
  });

  it('are kept for a host in proportion to its calls', () => {
    const scene = new PoolScene(preconnect(1.5));
    scene.sendMany(2);
    assert.equal(scene.connector.opening.length, 3);
    for (const opening of [...scene.connector.opening]) opening.accept();
    assert.equal(scene.connector.exchanges.length, 2);
    scene.send();
    assert.equal(scene.connector.exchanges.length, 3, 'there was a spare one');
    assert.equal(scene.connector.opening.length, 2, 'three calls want five');
    for (const opening of [...scene.connector.opening]) opening.accept();
    for (const exchange of scene.connector.exchanges) exchange.answer();
    scene.quiet(5);
  });

  it('are opened where ALPN chose a protocol that carries less than was counted on', () => {
    const scene = new PoolScene({ protocol: { choice: 'auto' }, ...preconnect(1.5) });
    scene.send();
    assert.equal(scene.connector.opening.length, 1);
    scene.connector.next.accept();
    assert.equal(scene.connector.opening.length, 1, 'one call wants two');
  });

  it('are not kept for a host that is not well', () => {
    const scene = new PoolScene(preconnect(3));
    scene.cluster.assign(assignment([1, { health: 'unhealthy' }]));
    scene.sendMany(2);
    assert.equal(scene.connector.opening.length, 2);
  });

  it('never pass the limit of connections', () => {
    const scene = new PoolScene({ ...preconnect(3), limits: { maxConnections: 2 } });
    scene.send();
    assert.equal(scene.connector.opening.length, 2);
    assert.equal(scene.stats.upstream_cx_overflow, 1);
  });

  it('are opened to the hosts whose turn is next, which then get the calls they were opened for', () => {
    const scene = new PoolScene(preconnect(1, 2), [1, 2, 3, 4]);
    const { call } = scene.sendAnywhere();
    const opened = () => scene.connector.connections.map(({ endpoint }) => endpoint.key);
    const accept = () => {
      for (const opening of [...scene.connector.opening]) opening.accept();
    };
    assert.equal(scene.connector.opening.length, 3, 'its own, and room for one call more than this one, twice');
    accept();
    assert.deepEqual(new Set(opened()).size, 3);
    const [ahead] = opened().filter((host) => host !== call.endpoint?.key);
    const next = scene.sendAnywhere();
    assert.equal(next.call.endpoint?.key, ahead);
    assert.equal(scene.connector.exchanges.length, 2, 'its connection was there');
    accept();
    scene.sendAnywhere();
    scene.sendAnywhere();
    assert.deepEqual(new Set(opened()), new Set([1, 2, 3, 4].map(key)), 'all four in their turn');
  });

  it('are forgotten with the hosts that they were for', () => {
    const scene = new PoolScene(preconnect(1, 2), [1, 2]);
    scene.sendAnywhere();
    scene.cluster.assign(assignment(3));
    const { call } = scene.sendAnywhere();
    assert.equal(call.endpoint?.key, key(3));
  });
});
