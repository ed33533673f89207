import assert from 'node:assert/strict';
import { BytesBody } from './body.ts';
import { send } from './testing/caller.ts';
import { Harness, QUIET } from './testing/harness.ts';
import { forward, key, retryPolicy, route, virtualHost } from './testing/models.ts';

describe('outbound stack', () => {
  // DESIGN, section 1. Each step shows what its layer sees, and what only a layer outside or inside of it could not.
  it('observe > hold > connection manager > router > finalize > deadline > retry > attempt > cluster support > balance > endpoint > try > connection', () => {
    const harness = new Harness({ ports: [1, 2], limits: { maxRetries: 1 } });
    const { connector, cluster, clock, stats, authority } = harness;
    const routes = () => authority.table?.routes.map((entry) => entry.route.stats) ?? [];
    const table = virtualHost(
      [
        route(
          { kind: 'direct_response', status: 410, body: Buffer.from('gone'), bodyFormat: null },
          { path: { kind: 'path', value: '/gone', caseSensitive: true } },
        ),
        route(
          forward('reviews', {
            timeoutMs: 1_000,
            retryPolicy: retryPolicy('5xx', {
              numRetries: 9,
              perTryTimeoutMs: 100,
              avoidPreviousHosts: true,
              hostSelectionRetryMaxAttempts: 20,
            }),
          }),
          { path: { kind: 'prefix', value: '/api', caseSensitive: true } },
        ),
      ],
      { includeRequestAttemptCount: true },
    );

    // observe > hold: a call that waits for its routes is in flight, and one that waits in vain ends as a local reply.
    const waiting = send(harness.dispatch, { path: '/api' });
    const inVain = send(harness.dispatch, { path: '/api' });
    assert.deepEqual([stats.downstream_rq_active, authority.waiting], [2, 2]);
    inVain.call.controller.abort(new Error('enough'));
    assert.equal(stats.downstream_rq_rx_reset, 1);

    // hold > router: nothing was chosen while it waited, for there was nothing to choose from; nor has any time passed.
    assert.equal(waiting.call.route, null);
    clock.advance(14_000);
    harness.use(table);
    assert.notEqual(waiting.call.route, null);

    // connection manager > router: the request has its id before it is looked at.
    // router > finalize: where no route matches, no route has counted the call and no header of a route's was written.
    const lost = send(harness.dispatch, { path: '/other' });
    assert.equal(lost.caller.status, 404);
    assert.equal(lost.call.head.headers.has('x-request-id'), true);
    assert.equal(lost.call.head.headers.has('x-envoy-expected-rq-timeout-ms'), false);
    assert.deepEqual(
      routes().map(({ upstream_rq_total }) => upstream_rq_total),
      [0, 1],
    );

    // finalize > deadline: the answer of a route has no deadline; a timer would still be there when it is paused.
    const direct = send(
      (call, handler) => {
        call.controller.pause();
        harness.dispatch(call, handler);
      },
      { path: '/gone' },
    );
    clock.advance(0);
    direct.call.controller.resume();
    assert.equal(direct.caller.status, 410);
    assert.equal(routes()[0]?.upstream_rq_timeout, 0);

    // attempt > cluster support > balance > endpoint: a call is told its attempt, is refused for what its cluster needs, and
    // no host was asked for or has counted it.
    const second = send(harness.dispatch, { path: '/api', method: 'POST', body: new BytesBody(Buffer.from('x')) });
    assert.equal(cluster.stats.upstream_rq_pending_active, 2);
    const { config } = cluster;
    cluster.configure({ ...config, unsupported: ['transport_socket'] });
    const refused = send(harness.dispatch, { path: '/api' });
    cluster.configure(config);
    assert.equal(refused.caller.status, 503);
    assert.equal(refused.call.head.headers.get('x-envoy-attempt-count'), '1');
    assert.equal(refused.call.endpoint, null);
    assert.equal(cluster.stats.upstream_rq_pending_total, 2);
    second.call.controller.abort(new Error('enough'));

    // endpoint > try: while the call waits for a connection, the host's books are open and the try's 100 ms have not begun.
    const host = waiting.call.endpoint;
    assert.notEqual(waiting.call.books, null);
    clock.advance(200);
    assert.equal(waiting.caller.endings, 0);

    // try > connection: they begin with the connection, and end the exchange on it.
    connector.opening.find(({ endpoint }) => endpoint === host)?.accept();
    assert.equal(connector.exchanges.length, 1);
    assert.equal(host?.stats.rq_active, 1);
    const first = connector.last.begin().sent();
    clock.advance(100);
    assert.equal(first.over, true);
    assert.equal(cluster.stats.upstream_rq_per_try_timeout, 1);

    // retry > attempt > cluster support > balance: the next attempt has its own number and its own host, and counts anew.
    assert.deepEqual([cluster.retriesActive, cluster.stats.upstream_rq_active], [1, 0]);
    clock.advance(25);
    assert.equal(waiting.call.attempt, 2);
    assert.equal(waiting.call.head.headers.get('x-envoy-attempt-count'), '2');
    assert.notEqual(waiting.call.endpoint, host);
    connector.next.accept();
    assert.deepEqual([host?.stats.rq_active, waiting.call.endpoint?.stats.rq_active], [0, 1]);
    assert.equal(waiting.call.head.headers.get('x-request-id'), 'request-id');
    assert.equal(routes()[1]?.upstream_rq_total, 3, 'the route counts calls, not attempts');

    // deadline > retry: the attempts together have the route's second; what is left of it ends the second attempt, and
    // there is no third although the policy has seven left.
    clock.advance(1_000 - 325);
    assert.equal(waiting.caller.status, 504);
    assert.equal(waiting.caller.body, 'upstream request timeout');
    clock.advance(10_000);
    assert.equal(waiting.call.attempt, 2);

    // observe: it saw every one of them end, once, in its final form.
    assert.deepEqual({ ...stats.flags }, { NR: 1, UF: 1, UT: 1 });
    assert.deepEqual(
      [stats.downstream_rq_total, stats.downstream_rq_completed, stats.downstream_rq_rx_reset],
      [6, 4, 2],
    );
    assert.equal(harness.localReplies.length, 3);
    for (const { caller } of [waiting, inVain, lost, direct, second, refused]) assert.equal(caller.endings, 1);
    assert.deepEqual(harness.gauges, QUIET);
    assert.equal(clock.pending, 0);
  });

  it('hands the attempt to a connection of the chosen host, with the caller’s request', () => {
    const harness = new Harness({ ports: [7] });
    harness.use(virtualHost([route(forward('reviews'))]));
    const { call, caller } = send(harness.dispatch, { headers: ['Accept', 'text/plain'] });
    const { endpoint } = harness.connector.next;
    assert.equal(endpoint.key, key(7));
    harness.connector.next.accept();
    assert.equal(harness.connector.last.call, call);
    harness.connector.last.begin().sent();
    harness.connector.last.handler.onInformational(103, call.head.headers);
    harness.connector.last.start(200).data('hello').end();
    assert.deepEqual(caller.said, ['sending', 'sent', 'informational 103', 'start 200', 'data hello', 'end']);
    assert.deepEqual([endpoint.stats.rq_success, endpoint.stats.rq_error], [1, 0]);
    assert.deepEqual(harness.gauges, QUIET);
  });
});
