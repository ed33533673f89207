import assert from 'node:assert/strict';
import type { MeshError } from '../errors.ts';
import { Caller, makeCall } from '../testing/caller.ts';
import { key } from '../testing/models.ts';
import { poolSetup } from '../testing/pool-setup.ts';

describe('pool', () => {
  it('opens a connection for each call that waits, and serves them in their order', () => {
    const { connector, send, stats, quiet } = poolSetup();
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
    const { connector, send } = poolSetup();
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
    const { connector, send, quiet } = poolSetup();
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
    const { connector, send, stats } = poolSetup({ maxConnections: 2 }, [1, 2, 3]);
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
    const { connector, send, stats, quiet } = poolSetup({ maxPendingRequests: 2 });
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
    const { connector, send, stats, cluster, quiet } = poolSetup();
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
    const { connector, send, stats, quiet } = poolSetup();
    const { caller } = send();
    connector.next.timeOut();
    assert.match(caller.error?.message ?? '', /connect_timeout \(5000 ms\)/);
    assert.match((caller.error as MeshError).body, /reset reason: connection timeout$/);
    assert.equal(stats.upstream_cx_connect_timeout, 1);
    quiet();
  });

  it('gives a surplus attempt to connect up with the call that waited for it', () => {
    const { connector, send, stats, quiet } = poolSetup();
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
    const { connector, send } = poolSetup({ maxConnections: 1 });
    const [first, second] = [send(), send()];
    assert.equal(connector.opening.length, 1);
    first.call.controller.abort(new Error('enough'));
    assert.equal(connector.opening.length, 1);
    connector.next.accept();
    connector.last.answer();
    assert.equal(second.caller.status, 200);
  });

  it('opens another connection for those who wait when one is lost', () => {
    const { connector, send, quiet } = poolSetup({ maxConnections: 1 });
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
    const { connector, send } = poolSetup({ maxConnections: 1 }, [1, 2]);
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
    const { connector, send, quiet, pool } = poolSetup();
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
    const { connector, send, quiet, stats } = poolSetup();
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
    const { connector, send } = poolSetup();
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
