import assert from 'node:assert/strict';
import { BytesBody, StreamBody } from '../body.ts';
import type { ForwardAction } from '../model/route.ts';
import { type CallOptions, send } from '../testing/caller.ts';
import { Harness, type HarnessOptions, QUIET } from '../testing/harness.ts';
import { assignment, forward, key, retryPolicy, route, virtualHost } from '../testing/models.ts';

const EMPTY = ['content-length', '0'];

function setup(policy: ForwardAction['retryPolicy'], options: HarnessOptions = {}) {
  const harness = new Harness({ ports: [1, 2, 3], ...options });
  const [entry] = harness.use(virtualHost([route(forward('reviews', { retryPolicy: policy }))])).routes;
  const { connector, cluster, clock } = harness;
  return {
    harness,
    connector,
    cluster,
    clock,
    route: entry?.route,
    send: (given: CallOptions = {}) => send(harness.dispatch, { failAs: 'error', ...given }),
    /** The backoff passes, and the next connection is there. */
    again(): void {
      clock.advance(1_000);
      if (connector.opening.length > 0) connector.next.accept();
    },
  };
}

describe('retry', () => {
  it('repeats an attempt that failed, after its backoff, and counts it', () => {
    const { send, connector, cluster, clock, harness, route } = setup(retryPolicy('5xx', { numRetries: 2 }));
    const { call, caller } = send();
    connector.next.refuse();
    assert.equal(call.attempt, 2);
    assert.equal(connector.opening.length, 0);
    assert.equal(cluster.retriesActive, 1);
    clock.advance(25);
    connector.next.accept();
    connector.last.answer(200);
    assert.deepEqual(caller.said, ['sending', 'sent', 'start 200', 'end']);
    for (const stats of [cluster.stats, route?.stats]) {
      assert.deepEqual([stats?.upstream_rq_retry, stats?.upstream_rq_retry_success], [1, 1]);
    }
    assert.deepEqual(harness.gauges, QUIET);
  });

  it('lets nothing of an attempt that it repeats come through, and resets what is still coming', () => {
    const { send, connector, cluster, again, harness } = setup(retryPolicy('5xx'));
    const { caller } = send();
    connector.next.accept();
    const first = connector.last.begin().sent().start(503, ['content-length', '100']);
    assert.equal(first.over, true, 'the response is cut short');
    assert.equal(connector.connections[0]?.gone, true);
    first.handler.onResponseData(Buffer.from('late'));
    first.handler.onRequestSent(true);
    first.handler.onInformational(103, first.call.head.headers);
    again();
    connector.last.answer(200);
    assert.deepEqual(caller.said, ['sending', 'sent', 'sending', 'sent', 'start 200', 'end']);
    assert.equal(cluster.stats.upstream_rq_tx_reset, 0, 'over HTTP/1 it is the connection that ends');
    assert.equal(cluster.stats.upstream_rq_rx_reset, 0);
    assert.deepEqual(harness.gauges, QUIET);
  });

  for (const [what, method, status, headers] of [
    ['content-length: 0', 'GET', 503, EMPTY],
    ['HEAD', 'HEAD', 503, []],
  ] as const) {
    it(`keeps the connection of a response without a body (${what})`, () => {
      const { send, connector, again, harness } = setup(retryPolicy('5xx'), { ports: [1] });
      const { caller } = send({ method });
      connector.next.accept();
      connector.last.answer(status, headers);
      assert.equal(connector.connections[0]?.gone, false);
      again();
      assert.equal(connector.attempts, 1, 'the retry takes the same connection');
      connector.last.answer(200);
      assert.equal(caller.status, 200);
      assert.deepEqual(harness.gauges, QUIET);
    });
  }

  it('waits for the end of a response without a body, which may never come', () => {
    const { send, connector, clock, harness, cluster } = setup(retryPolicy('5xx'), { ports: [1] });
    const { caller } = send();
    connector.next.accept();
    connector.last.begin().sent().start(503, EMPTY);
    assert.equal(cluster.retriesActive, 1);
    clock.advance(14_000);
    assert.deepEqual(caller.said, ['sending', 'sent']);
    clock.advance(1_010);
    assert.equal(caller.said.at(-1), 'error request_timeout UT');
    assert.deepEqual(harness.gauges, QUIET);

    const broken = send();
    connector.next.accept();
    connector.last.begin().start(503, EMPTY).break();
    clock.advance(25);
    connector.next.accept();
    connector.last.answer(200);
    assert.equal(broken.caller.status, 200);

    const given = send();
    connector.last.begin().start(503, EMPTY);
    given.call.controller.abort(new Error('enough'));
    assert.equal(given.caller.said.at(-1), 'error enough');
    assert.deepEqual(harness.gauges, QUIET);
  });

  it('gives the last response when its attempts are used up', () => {
    const { send, connector, cluster, again, harness } = setup(retryPolicy('5xx', { numRetries: 2 }));
    const { caller } = send();
    connector.next.accept();
    for (const _ of [1, 2]) {
      connector.last.answer(503, EMPTY);
      again();
    }
    connector.last.answer(500, EMPTY);
    assert.equal(caller.status, 500);
    assert.equal(caller.endings, 1);
    assert.equal(cluster.stats.upstream_rq_retry, 2);
    assert.equal(cluster.stats.upstream_rq_retry_limit_exceeded, 1);
    assert.equal(cluster.stats.upstream_rq_retry_success, 0);
    assert.deepEqual(harness.gauges, QUIET);
  });

  it('flags the last error with URX when its attempts are used up, also where it had none (as Envoy), and not where none is called for', () => {
    const { send, connector, clock } = setup(retryPolicy('connect-failure', { numRetries: 1 }));
    const { caller } = send();
    connector.next.refuse();
    clock.advance(1_000);
    connector.next.refuse();
    assert.deepEqual(caller.said, ['error connection_failure URX,UF']);
    const none = setup(retryPolicy('connect-failure', { numRetries: 0 }));
    const single = none.send();
    none.connector.next.refuse();
    assert.deepEqual(single.caller.said, ['error connection_failure URX,UF']);
    const other = setup(retryPolicy('retriable-4xx'));
    const unrelated = other.send();
    other.connector.next.refuse();
    assert.deepEqual(unrelated.caller.said, ['error connection_failure UF']);
  });

  it('never repeats a call whose response has begun', () => {
    const { send, connector, harness } = setup(retryPolicy('5xx,reset', { numRetries: 5 }));
    const { caller } = send();
    connector.next.accept();
    connector.last.begin().sent().start(200).data('half').break();
    assert.deepEqual(caller.said.slice(2), ['start 200', 'data half', 'error connection_termination UC']);
    assert.deepEqual(harness.gauges, QUIET);
  });

  it('avoids hosts that were tried, as far as the policy looks for others', () => {
    const { send, connector, clock } = setup(
      retryPolicy('connect-failure', { numRetries: 2, avoidPreviousHosts: true, hostSelectionRetryMaxAttempts: 10 }),
    );
    const { caller } = send();
    const tried: string[] = [];
    for (let i = 0; i < 3; i++) {
      tried.push(connector.next.endpoint.key);
      connector.next.refuse();
      clock.advance(1_000);
    }
    assert.deepEqual(tried.sort(), [key(1), key(2), key(3)]);
    assert.equal(caller.endings, 1);
    const single = setup(retryPolicy('connect-failure', { avoidPreviousHosts: true }), { ports: [1] });
    single.send();
    single.connector.next.refuse();
    single.clock.advance(1_000);
    assert.equal(single.connector.next.endpoint.key, key(1), 'one host is better than none');
  });

  it('sends the whole body again, and does not repeat what it cannot send again', async () => {
    const { send, connector, again, harness } = setup(retryPolicy('5xx'));
    const replayed = send({ method: 'POST', body: new StreamBody([Buffer.from('ab'), Buffer.from('cd')]) });
    connector.next.accept();
    const read = async () => {
      let text = '';
      for await (const part of connector.last.call.body?.open() ?? []) text += Buffer.from(part).toString();
      return text;
    };
    assert.equal(await read(), 'abcd');
    connector.last.answer(503, EMPTY);
    again();
    assert.equal(await read(), 'abcd');
    connector.last.answer(200);
    assert.equal(replayed.caller.status, 200);

    const body = new StreamBody([Buffer.from('ab'), Buffer.from('cd')], { replayLimit: 3 });
    const once = send({ method: 'POST', body });
    connector.next.accept();
    assert.equal(await read(), 'abcd');
    connector.last.answer(503, EMPTY);
    assert.equal(once.caller.status, 503);
    assert.deepEqual(harness.gauges, QUIET);
  });

  it('gives the caller’s own error where the caller’s stream failed, and repeats nothing', async () => {
    const { send, connector, harness } = setup(retryPolicy('5xx,reset', { numRetries: 3 }));
    const body = new StreamBody(
      (async function* () {
        yield Buffer.from('a');
        throw new Error('disk');
      })(),
    );
    const { caller } = send({ method: 'POST', body, failAs: 'response' });
    connector.next.accept();
    await assert.rejects(async () => {
      for await (const _ of body.open());
    }, /disk/);
    connector.last.begin().break();
    assert.deepEqual(caller.said, ['sending', 'error disk']);
    assert.deepEqual(harness.gauges, QUIET);
    assert.equal(harness.stats.downstream_rq_rx_reset, 1);
  });

  it('abort during the backoff ends the call, and no attempt follows', () => {
    const { send, connector, clock, harness } = setup(retryPolicy('5xx', { numRetries: 3 }));
    const { call, caller } = send();
    connector.next.refuse();
    clock.advance(1_000);
    connector.next.refuse();
    call.controller.abort(new Error('enough'));
    assert.deepEqual(caller.said, ['error enough']);
    clock.advance(60_000);
    assert.equal(connector.attempts, 2);
    assert.deepEqual(harness.gauges, QUIET);
    assert.equal(clock.pending, 0);
  });

  it('an upgrade is a response that stays', () => {
    const { send, connector, clock, harness } = setup(retryPolicy('5xx'));
    const { caller } = send({ upgrade: 'websocket' });
    connector.next.refuse();
    clock.advance(1_000);
    connector.next.accept();
    connector.last.handler.onUpgrade(101, connector.last.call.head.headers, null as never);
    assert.deepEqual(caller.said, ['upgrade 101']);
    assert.equal(harness.cluster.retriesActive, 0);
    assert.equal(harness.cluster.stats.upstream_rq_retry_success, 1);
  });

  it('keeps the process alive during its backoff, outside the caller’s context', () => {
    const { send, connector, clock } = setup(retryPolicy('5xx'));
    send();
    const setTimer = clock.setTimer.bind(clock);
    const given: unknown[] = [];
    clock.setTimer = (ms: number, callback: () => void, options?: { readonly unref?: boolean }) => {
      given.push(options?.unref ?? false);
      return setTimer(ms, callback);
    };
    connector.next.refuse();
    assert.deepEqual(given, [false]);
  });
});

describe('the limit on retries', () => {
  const failing = (limits: HarnessOptions['limits'], calls: number, numRetries = 1) => {
    const given = setup(retryPolicy('connect-failure', { numRetries }), { ports: [1], limits: limits ?? {} });
    const sent = Array.from({ length: calls }, () => given.send());
    given.connector.next.refuse();
    for (const opening of [...given.connector.opening]) opening.refuse();
    return { ...given, callers: sent.map(({ caller }) => caller), calls: sent.map(({ call }) => call) };
  };

  it('is max_retries: what is beyond fails with the flag UO', () => {
    const { cluster, callers, harness, clock, connector } = failing({ maxRetries: 2 }, 5);
    assert.equal(cluster.retriesActive, 2);
    const ended = callers.filter(({ endings }) => endings === 1);
    assert.equal(ended.length, 3);
    for (const { said } of ended) assert.deepEqual(said, ['error connection_failure UO,UF']);
    assert.equal(cluster.stats.upstream_rq_retry_overflow, 3);
    clock.advance(1_000);
    for (const opening of [...connector.opening]) opening.accept();
    for (const exchange of [...connector.exchanges]) exchange.answer();
    assert.deepEqual(harness.gauges, QUIET);
  });

  it('counts a call once, however often it is repeated', () => {
    const { cluster, connector, clock, callers, harness } = failing({ maxRetries: 1 }, 1, 3);
    for (let i = 0; i < 2; i++) {
      assert.equal(cluster.retriesActive, 1);
      clock.advance(1_000);
      connector.next.refuse();
    }
    clock.advance(1_000);
    connector.next.accept();
    connector.last.answer(200);
    assert.equal(callers[0]?.status, 200);
    assert.equal(cluster.stats.upstream_rq_retry_overflow, 0);
    assert.deepEqual(harness.gauges, QUIET);
  });

  it('is a share of the calls in flight where the feed sets a budget, and some at least', () => {
    const budget = (budgetPercent: number, minRetryConcurrency: number) =>
      failing({ retryBudget: { budgetPercent, minRetryConcurrency }, maxRetries: 0 }, 10).cluster.retriesActive;
    assert.equal(budget(0, 4), 4);
    assert.equal(budget(0, 0), 0);
    // Nine of ten are in flight when the first has failed, eight when the second has, …
    assert.ok(budget(50, 0) >= 3);
    assert.ok(budget(100, 0) <= 9);
  });

  it('returns to zero whatever becomes of the retries', () => {
    const endings: readonly ((given: ReturnType<typeof failing>) => void)[] = [
      ({ calls }) => calls[0]?.controller.abort(new Error('in backoff')),
      ({ clock }) => clock.advance(20_000),
      ({ clock, connector }) => {
        clock.advance(1_000);
        connector.next.refuse();
      },
      ({ clock, connector }) => {
        clock.advance(1_000);
        connector.next.accept();
        connector.last.answer(503);
      },
      ({ clock, connector }) => {
        clock.advance(1_000);
        connector.next.accept();
        connector.last.begin().start(200).break();
      },
      ({ clock, cluster }) => {
        cluster.assign(assignment());
        clock.advance(1_000);
      },
      ({ clock, calls }) => {
        clock.advance(1_000);
        calls[0]?.controller.abort(new Error('in the pending queue'));
      },
      ({ clock, connector, calls }) => {
        clock.advance(1_000);
        connector.next.accept();
        calls[0]?.controller.abort(new Error('on a connection'));
      },
    ];
    for (const [index, end] of endings.entries()) {
      const given = failing({}, 1);
      assert.equal(given.cluster.retriesActive, 1);
      end(given);
      assert.equal(given.callers[0]?.endings, 1, `ending ${index}`);
      assert.deepEqual(given.harness.gauges, QUIET, `ending ${index}`);
      given.clock.advance(100);
      assert.equal(given.clock.pending, 0, `ending ${index}`);
    }
  });
});

describe('retries that the feed says nothing of', () => {
  it('go to another host at once where nothing was sent, at most twice', () => {
    const { send, connector, harness } = setup(null);
    const { caller } = send({ method: 'POST', body: new BytesBody(Buffer.from('x')) });
    const tried = [1, 2, 3].map(() => {
      const { endpoint } = connector.next;
      connector.next.refuse();
      return endpoint.key;
    });
    assert.deepEqual(tried.sort(), [key(1), key(2), key(3)]);
    assert.deepEqual(caller.said, ['error connection_failure UF']);
    assert.equal(harness.cluster.retriesActive, 0);
    assert.deepEqual(harness.gauges, QUIET);
  });

  for (const [method, sent, repeated] of [
    ['POST', false, true],
    ['POST', true, false],
    ['PATCH', true, false],
    ['GET', true, true],
    ['PUT', true, true],
  ] as const) {
    it(`${method} ${sent ? 'that was on its way' : 'of which nothing was sent'} is ${repeated ? '' : 'not '}repeated`, () => {
      const { send, connector, again, harness } = setup(null);
      const { caller } = send({ method });
      connector.next.accept();
      if (sent) connector.last.begin();
      connector.last.break();
      assert.equal(caller.endings, repeated ? 0 : 1);
      if (repeated) {
        again();
        connector.last.answer(200);
        assert.equal(caller.status, 200);
      } else assert.equal(caller.said.at(-1), 'error connection_termination UC');
      assert.deepEqual(harness.gauges, QUIET);
    });
  }

  it('do not look at the status', () => {
    const { send, connector } = setup(null);
    const { caller } = send();
    connector.next.accept();
    connector.last.answer(503);
    assert.equal(caller.status, 503);
  });

  it('are bounded by a budget: a service that is down is not asked three times by everyone', () => {
    const { send, connector, cluster } = setup(null);
    for (let i = 0; i < 300; i++) {
      send();
      while (connector.opening.length > 0) connector.next.refuse();
    }
    // A hundred are always allowed (ten per second over ten seconds), and a fifth of the calls.
    assert.equal(cluster.stats.upstream_rq_retry, 160);
    assert.ok(cluster.stats.upstream_rq_retry_overflow > 0);
    assert.equal(connector.attempts, 460);
  });
});
