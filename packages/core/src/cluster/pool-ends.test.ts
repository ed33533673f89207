import assert from 'node:assert/strict';
import { MeshError } from '../errors.ts';
import { poolSetup } from '../testing/pool-setup.ts';

describe('a pool that drains', () => {
  it('closes what is idle at once, what is busy after its call', () => {
    const { connector, send, pool, quiet } = poolSetup();
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
    const { connector, send, pool, quiet } = poolSetup({ maxConnections: 1 });
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
    const { connector, send, pool, quiet } = poolSetup();
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
    const { connector, send, pool, quiet } = poolSetup({ maxConnections: 2 });
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
    const { connector, send, pool } = poolSetup();
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
    const { connector, send, cluster, quiet } = poolSetup();
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
    const { connector, send, cluster, quiet } = poolSetup();
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
