import assert from 'node:assert/strict';
import { PoolScene } from '../testing/pool-scene.ts';

const tls = { version: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256', curve: 'X25519', alpn: '' };
const MINUTE = 60_000;

describe('new certificates', () => {
  it('serve new connections; old ones take no call after a minute, idle ones first', () => {
    const scene = new PoolScene({ idleTimeoutMs: 0 });
    scene.sendMany(4);
    for (const opening of [...scene.connector.opening]) opening.accept({ tls });
    const old = [...scene.connector.connections];
    old[2]?.open[0]?.answer();
    old[3]?.open[0]?.answer();
    scene.connector.events?.onRotated();
    scene.clock.advance(MINUTE / 2);
    assert.deepEqual(
      old.map(({ gone }) => gone),
      [false, false, true, true],
    );
    scene.clock.advance(MINUTE / 2);
    old[0]?.open[0]?.answer();
    old[1]?.open[0]?.answer();
    assert.ok(
      old.every(({ gone }) => gone),
      'busy ones end with their calls',
    );
    const { caller } = scene.send();
    scene.connector.next.accept({ tls }).open[0]?.answer();
    assert.equal(caller.status, 200);
    scene.clock.advance(2 * 3_600_000);
    scene.quiet(1);
    assert.equal(scene.clock.pending, 0);
  });

  it('cut what is still in flight after an hour', () => {
    const scene = new PoolScene({ idleTimeoutMs: 0 });
    const { caller } = scene.send();
    scene.connector.next.accept({ tls }).open[0]?.begin().start();
    scene.connector.events?.onRotated();
    scene.clock.advance(3_600_000 - 1);
    assert.equal(caller.endings, 0);
    scene.clock.advance(1);
    assert.match(caller.error?.message ?? '', /certificates that are in force no more/);
    scene.quiet();
  });

  it('come a hundred times under calls, and none fails', () => {
    const scene = new PoolScene({ idleTimeoutMs: 0 });
    const callers = scene.sendMany(30);
    for (const opening of [...scene.connector.opening]) opening.accept({ tls });
    for (let i = 0; i < 100; i++) {
      scene.connector.events?.onRotated();
      scene.clock.advance(1_500);
      for (const { open } of [...scene.connector.connections]) for (const exchange of open) exchange.answer();
      callers.push(...scene.sendMany(30));
      for (const opening of [...scene.connector.opening]) opening.accept({ tls });
    }
    for (const { open } of scene.connector.connections) for (const exchange of open) exchange.answer();
    assert.ok(scene.connector.connections.length > 60, 'connections were renewed');
    assert.deepEqual(new Set(callers.map(({ status }) => status)), new Set([200]));
  });

  it('come while connections are opened with the old ones: who waits for these waits for others', () => {
    const scene = new PoolScene({ idleTimeoutMs: 0 });
    const callers = scene.sendMany(2);
    scene.connector.events?.onRotated();
    scene.clock.advance(MINUTE);
    assert.equal(scene.connector.opening.length, 2);
    for (const opening of [...scene.connector.opening]) opening.accept({ tls });
    for (const { open } of scene.connector.connections) for (const exchange of [...open]) exchange.answer();
    assert.deepEqual(
      callers.map(({ status }) => status),
      [200, 200],
    );
  });

  it('are nothing to connections in the clear', () => {
    const scene = new PoolScene({ idleTimeoutMs: 0 });
    scene.send();
    const connection = scene.connector.next.accept();
    connection.open[0]?.answer();
    scene.connector.events?.onRotated();
    scene.clock.advance(2 * MINUTE);
    assert.equal(connection.gone, false);
  });
});
