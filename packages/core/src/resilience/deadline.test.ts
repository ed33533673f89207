import assert from 'node:assert/strict';
import { BytesBody, StreamBody } from '../body.ts';
import { isMeshError } from '../errors.ts';
import { type CallOptions, send } from '../testing/caller.ts';
import { Harness, QUIET } from '../testing/harness.ts';
import { forward, retryPolicy, route, virtualHost } from '../testing/models.ts';

function setup(options: Parameters<typeof forward>[1]) {
  const harness = new Harness({ ports: [1, 2] });
  const [entry] = harness.use(virtualHost([route(forward('reviews', options))])).routes;
  return {
    harness,
    connector: harness.connector,
    route: entry?.route,
    send: (given: CallOptions = {}) => send(harness.dispatch, { failAs: 'error', ...given }),
  };
}

const bytes = () => new BytesBody(Buffer.from('x'));
const stream = () => new StreamBody([Buffer.from('x')]);

describe('the route’s timeout', () => {
  it('ends a call whose response does not end in time: 504 UT, connection and all', () => {
    const { harness, connector, send, route } = setup({ timeoutMs: 1_000 });
    const { caller } = send();
    connector.next.accept();
    connector.last.begin().sent();
    harness.clock.advance(999);
    assert.deepEqual(caller.said, ['sending', 'sent']);
    harness.clock.advance(6);
    assert.deepEqual(caller.said, ['sending', 'sent', 'error request_timeout UT']);
    assert.ok(isMeshError(caller.error));
    assert.equal(caller.error.status, 504);
    assert.equal(caller.error.place.cluster, 'reviews');
    assert.equal(connector.connections[0]?.gone, true);
    assert.equal(harness.cluster.stats.upstream_rq_timeout, 1);
    assert.equal(harness.cluster.stats.upstream_rq_tx_reset, 0, 'over HTTP/1 it is the connection that ends');
    assert.equal(harness.cluster.stats.upstream_rq_rx_reset, 0);
    assert.equal(route?.stats.upstream_rq_timeout, 1);
    assert.deepEqual(harness.gauges, QUIET);
    assert.equal(harness.clock.pending, 0);
  });

  it('counts the wait for a connection', () => {
    for (const body of [null, bytes()]) {
      const { harness, connector, send } = setup({ timeoutMs: 1_000 });
      const { caller } = send({ method: 'PUT', body });
      harness.clock.advance(1_005);
      assert.deepEqual(caller.said, ['error request_timeout UT']);
      assert.equal(connector.opening.length, 0, 'the attempt to connect is given up');
      assert.deepEqual(harness.gauges, QUIET);
    }
  });

  it('tells each further attempt what is left of it, and no more than the attempt has', () => {
    for (const [perTryTimeoutMs, first, second] of [
      [0, '5000', '4000'],
      [2_000, '2000', '2000'],
      [4_500, '4500', '4000'],
    ] as const) {
      const policy = retryPolicy('5xx', { perTryTimeoutMs });
      const { harness, connector, send } = setup({ timeoutMs: 5_000, retryPolicy: policy });
      const { call } = send();
      connector.next.accept();
      assert.equal(call.head.headers.get('x-envoy-expected-rq-timeout-ms'), first);
      harness.clock.advance(1_000 - 25);
      connector.last.answer(503);
      harness.clock.advance(25);
      const left = Number(call.head.headers.get('x-envoy-expected-rq-timeout-ms'));
      assert.ok(Math.abs(left - Number(second)) <= 25, `${left}`); // The backoff is drawn, up to 25 ms.
    }
  });

  it('begins with the end of a request that is a stream', () => {
    const { harness, connector, send } = setup({ timeoutMs: 1_000 });
    const { caller } = send({ method: 'PUT', body: stream() });
    connector.next.accept();
    connector.last.begin();
    harness.clock.advance(60_000);
    connector.last.sent();
    harness.clock.advance(995);
    assert.equal(caller.endings, 0);
    harness.clock.advance(10);
    assert.equal(caller.said.at(-1), 'error request_timeout UT');
  });

  it('covers all attempts together, also the pause between two', () => {
    const { harness, connector, send } = setup({
      timeoutMs: 1_000,
      retryPolicy: retryPolicy('5xx', { numRetries: 5, backoffBaseMs: 10_000, backoffMaxMs: 10_000 }),
    });
    const { caller } = send();
    connector.next.accept();
    harness.clock.advance(400);
    connector.last.answer(503, ['content-length', '0']);
    assert.equal(harness.cluster.retriesActive, 1);
    harness.clock.advance(599);
    assert.equal(caller.endings, 0);
    harness.clock.advance(6);
    assert.deepEqual(caller.said.at(-1), 'error request_timeout UT');
    harness.clock.advance(60_000);
    assert.equal(connector.exchanges.length, 1, 'no attempt after the end');
    assert.deepEqual(harness.gauges, QUIET);
  });

  it('is a reset of ours over HTTP/2', () => {
    const { harness, connector, send } = setup({ timeoutMs: 1_000 });
    send();
    connector.next.accept({ protocol: 'http2', maxConcurrent: 10 });
    connector.last.begin().sent();
    harness.clock.advance(1_006);
    assert.equal(harness.cluster.stats.upstream_rq_tx_reset, 1);
    assert.equal(harness.cluster.stats.upstream_rq_rx_reset, 0);
  });

  it('a response that is late goes nowhere', () => {
    const { harness, connector, send } = setup({ timeoutMs: 1_000 });
    const { caller } = send();
    connector.next.accept();
    const { handler } = connector.last.begin().sent();
    harness.clock.advance(2_000);
    assert.equal(caller.endings, 1);
    assert.equal(connector.last.over, true);
    connector.last.end();
    assert.equal(caller.endings, 1);
    assert.ok(handler);
  });

  it('cuts a response that has begun', () => {
    const { harness, connector, send } = setup({ timeoutMs: 1_000 });
    const { caller } = send({ failAs: 'response' });
    connector.next.accept();
    connector.last.begin().sent().start(200).data('half');
    harness.clock.advance(1_005);
    assert.deepEqual(caller.said.slice(2), ['start 200', 'data half', 'error request_timeout UT']);
    assert.equal(harness.stats.downstream_rq_tx_reset, 1);
  });

  it('is over with the call, and 0 means none', () => {
    const { harness, connector, send } = setup({ timeoutMs: 1_000 });
    send();
    connector.next.accept();
    connector.last.answer();
    harness.clock.advance(10);
    assert.equal(harness.clock.pending, 0);
    const endless = setup({ timeoutMs: 0 });
    const { caller } = endless.send();
    endless.connector.next.accept();
    // As long as the connection manager lets a call be silent.
    endless.harness.clock.advance(299_000);
    assert.equal(caller.endings, 0);
  });

  it('stops for an upgrade: the connection is the caller’s', () => {
    const { harness, connector, send } = setup({ timeoutMs: 1_000 });
    const { caller } = send({ upgrade: 'websocket' });
    connector.next.accept();
    connector.last
      .begin()
      .sent()
      .handler.onUpgrade(101, connector.last.call.head.headers, null as never);
    harness.clock.advance(5_000);
    assert.equal(caller.said.at(-1), 'upgrade 101');
    assert.equal(harness.stats.downstream_rq_active, 0);
    assert.equal(harness.cluster.stats.upstream_rq_active, 0);
  });
});

describe('the timeout of a try', () => {
  const perTry = (retryOn: string, numRetries = 1) => ({
    timeoutMs: 60_000,
    retryPolicy: retryPolicy(retryOn, { perTryTimeoutMs: 100, numRetries }),
  });

  it('begins when the request is on its way, not while it waits for a connection', () => {
    const { harness, connector, send } = setup(perTry(''));
    const { caller } = send();
    harness.clock.advance(5_000);
    connector.next.accept();
    connector.last.begin();
    harness.clock.advance(95);
    assert.equal(caller.endings, 0);
    harness.clock.advance(15);
    assert.equal(caller.said.at(-1), 'error request_timeout UT');
    assert.equal(harness.cluster.stats.upstream_rq_per_try_timeout, 1);
    assert.equal(harness.cluster.stats.upstream_rq_timeout, 0);
  });

  it('begins with the end of a request that is a stream, and with the start of one in memory', () => {
    for (const [body, early] of [
      [stream(), false],
      [bytes(), true],
    ] as const) {
      const { harness, connector, send } = setup(perTry(''));
      const { caller } = send({ method: 'PUT', body });
      connector.next.accept();
      connector.last.begin();
      harness.clock.advance(1_000);
      assert.equal(caller.endings === 1, early);
      if (early) continue;
      connector.last.sent();
      harness.clock.advance(110);
      assert.equal(caller.endings, 1);
    }
  });

  it('leads to another try as the policy says, to a new connection', () => {
    for (const token of ['5xx', 'gateway-error', 'reset']) {
      const { harness, connector, send } = setup(perTry(token));
      const { caller } = send();
      connector.next.accept();
      connector.last.begin().sent();
      harness.clock.advance(110);
      assert.equal(connector.connections[0]?.gone, true);
      harness.clock.advance(250);
      connector.next.accept();
      connector.last.answer(200);
      assert.equal(caller.status, 200, token);
      assert.deepEqual(harness.gauges, QUIET);
      harness.clock.advance(100);
      assert.equal(harness.clock.pending, 0);
    }
  });

  it('gives up when the tries are used up: 504, and says so', () => {
    const { harness, connector, send } = setup(perTry('5xx'));
    const { caller } = send();
    for (const _ of [1, 2]) {
      connector.next.accept();
      connector.last.begin().sent();
      harness.clock.advance(400);
    }
    assert.equal(caller.said.at(-1), 'error request_timeout URX,UT');
    assert.deepEqual(harness.gauges, QUIET);
  });

  it('ends with the start of the response, also of one that overtakes its request', () => {
    const { harness, connector, send } = setup(perTry('5xx'));
    const { caller } = send();
    connector.next.accept();
    connector.last.begin().sent().start(200).data('slow');
    harness.clock.advance(10_000);
    connector.last.end();
    assert.deepEqual(caller.said.slice(2), ['start 200', 'data slow', 'end']);
    const early = send({ method: 'PUT', body: stream() });
    connector.next.accept();
    connector.last.begin().start(200).sent();
    harness.clock.advance(10_000);
    connector.last.end();
    assert.equal(early.caller.said.at(-1), 'end');
  });
});
