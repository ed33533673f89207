import assert from 'node:assert/strict';
import { attempt } from '../attempt.ts';
import { BytesBody } from '../body.ts';
import { compose } from '../dispatch.ts';
import { MeshError } from '../errors.ts';
import type { VirtualHost } from '../model/route.ts';
import { type CallOptions, send } from '../testing/caller.ts';
import { Harness, routeTable } from '../testing/harness.ts';
import { Inner } from '../testing/inner.ts';
import { forward, retryPolicy, route, virtualHost } from '../testing/models.ts';
import { NO_REDIRECTS } from '../testing/no-redirects.ts';
import { VirtualClock } from '../util/virtual-clock.ts';
import type { ClusterChoice } from './cluster-share.ts';
import { finalize } from './finalize.ts';
import { router } from './router.ts';

function setup(vh: VirtualHost, clusters: Readonly<Record<string, ClusterChoice>> = {}) {
  const inner = new Inner();
  const cluster = new Harness().cluster;
  const table = routeTable(vh, { reviews: cluster, ...clusters });
  const clock = new VirtualClock();
  const stack = compose([router(), finalize({ ...NO_REDIRECTS, clock }), attempt({ clock })], inner.dispatch);
  return {
    inner,
    cluster,
    stats: table.routes[0]?.route.stats,
    send: (options: CallOptions = {}) =>
      send((call, handler) => {
        call.table = table;
        stack(call, handler);
      }, options),
  };
}

describe('finalize', () => {
  it('sends the call to the chosen cluster with Envoy’s headers, after the caller’s own', () => {
    const { inner, send, cluster } = setup(virtualHost([route(forward('reviews', { timeoutMs: 3_000 }))]));
    send({ headers: ['Accept', '*/*'] });
    assert.equal(inner.last.call.cluster, cluster);
    assert.deepEqual(inner.last.call.head.headers.flat(), ['Accept', '*/*', 'x-envoy-expected-rq-timeout-ms', '3000']);
  });

  describe('a route to the original destination', () => {
    const original = () => ({
      elsewhere: new Harness().newCluster({ name: 'elsewhere', discovery: { kind: 'original_dst' } }),
    });

    it('leaves the call as it came to what was there before the mesh', () => {
      const { inner, send } = setup(virtualHost([route(forward('elsewhere'))]), original());
      const { call } = send({ passThrough: () => {} });
      assert.equal(call.passes, true);
      assert.deepEqual(call.head.headers.flat(), []);
      assert.equal(inner.exchanges.length, 0);
    });

    it('is refused where nobody is there to take the call', () => {
      const { inner, send } = setup(virtualHost([route(forward('elsewhere'))]), original());
      const { call, caller } = send({ failAs: 'error' });
      assert.equal(call.passes, false);
      assert.equal((caller.error as MeshError).code, 'not_in_mesh');
      assert.equal(inner.exchanges.length, 0);
    });

    for (const [what, more] of [
      ['TLS', { transport: { socket: { kind: 'unsupported', fields: ['a socket of any kind'] }, matches: [] } }],
      ['HTTP/2', { protocol: { choice: 'http2' } }],
    ] as const) {
      it(`keeps a call that is to have ${what}: whoever was there before would do without`, () => {
        const elsewhere = new Harness().newCluster({ name: 'elsewhere', discovery: { kind: 'original_dst' }, ...more });
        const { inner, send } = setup(virtualHost([route(forward('elsewhere'))]), { elsewhere });
        const { call } = send({ passThrough: () => {} });
        assert.equal(call.passes, false);
        assert.equal(inner.last.call.cluster, elsewhere);
      });
    }
  });

  it('keeps the request id and the protocol that the caller gave', () => {
    const { inner, send } = setup(virtualHost([route(forward('reviews', { timeoutMs: 0 }))]));
    send({ headers: ['X-Request-Id', 'mine', 'X-Forwarded-Proto', 'https'] });
    assert.deepEqual(inner.last.call.head.headers.flat(), ['X-Request-Id', 'mine', 'X-Forwarded-Proto', 'https']);
  });

  for (const [timeoutMs, perTryTimeoutMs, expected] of [
    [15_000, 0, '15000'],
    [15_000, 2_000, '2000'],
    [1_000, 2_000, '1000'],
    [0, 2_000, '2000'],
    [0, 0, undefined],
  ] as const) {
    it(`tells the server what it has: ${expected} of ${timeoutMs} for the route and ${perTryTimeoutMs} per try`, () => {
      const policy = retryPolicy('5xx', { perTryTimeoutMs });
      const { inner, send } = setup(virtualHost([route(forward('reviews', { timeoutMs, retryPolicy: policy }))]));
      send({ headers: ['x-envoy-expected-rq-timeout-ms', '1'] });
      const told = inner.last.call.head.headers.get('x-envoy-expected-rq-timeout-ms');
      assert.equal(told, expected ?? '1');
    });
  }

  it('answers by itself where the route does', () => {
    const direct = { kind: 'direct_response', status: 410, body: Buffer.from('gone'), bodyFormat: null } as const;
    const { inner, send, stats } = setup(virtualHost([route(direct)]));
    const { caller } = send({ method: 'POST', body: new BytesBody(Buffer.from('x')) });
    assert.deepEqual(caller.said, ['start 410', 'data gone', 'end']);
    assert.equal(inner.count, 0);
    assert.deepEqual([stats?.upstream_rq_total, stats?.upstream_rq_4xx, stats?.upstream_rq_completed], [1, 1, 1]);
  });

  for (const status of [404, 500, 503]) {
    it(`says ${status} NC where the cluster is missing and the route wants that`, () => {
      const missing = new MeshError('no_cluster', 'not there', { cluster: 'ghost', status });
      const { inner, send } = setup(virtualHost([route(forward('ghost'))]), { ghost: missing });
      const { caller } = send();
      assert.equal(caller.error, missing);
      assert.deepEqual(caller.said, ['error no_cluster NC']);
      assert.equal(inner.count, 0);
    });
  }

  it('counts what the route’s calls came to', () => {
    const { inner, send, stats } = setup(virtualHost([route(forward('reviews'))]));
    for (const status of [200, 204, 301, 404, 503]) {
      send();
      inner.last.answer(status);
    }
    const { upstream_rq_2xx, upstream_rq_3xx, upstream_rq_4xx, upstream_rq_5xx, upstream_rq_total } = stats ?? {};
    assert.deepEqual(
      [upstream_rq_total, upstream_rq_2xx, upstream_rq_3xx, upstream_rq_4xx, upstream_rq_5xx],
      [5, 2, 1, 1, 1],
    );
  });
});

describe('attempt', () => {
  it('tells each attempt its number, and the caller the last, where the feed asks for it', () => {
    const harness = new Harness();
    harness.use(
      virtualHost([route(forward('reviews', { retryPolicy: retryPolicy('5xx', { numRetries: 2 }) }))], {
        includeRequestAttemptCount: true,
        includeAttemptCountInResponse: true,
      }),
    );
    const seen: (string | undefined)[] = [];
    const { caller } = send(harness.dispatch, { headers: ['X-Envoy-Attempt-Count', '9'] });
    harness.connector.onExchange = (exchange) => seen.push(exchange.call.head.headers.get('x-envoy-attempt-count'));
    harness.connector.next.accept();
    harness.connector.last.answer(503, ['content-length', '0']);
    harness.clock.advance(250);
    harness.connector.last.answer(503, ['content-length', '0']);
    harness.clock.advance(250);
    harness.connector.last.answer(200);
    assert.deepEqual(seen, ['1', '2', '3']);
    assert.equal(caller.status, 200);
    assert.equal(caller.headers.get('x-envoy-attempt-count'), '3');
  });

  it('says nothing of it where the feed does not ask', () => {
    const { inner, send } = setup(virtualHost([route(forward('reviews'))]));
    const { caller } = send();
    inner.last.answer();
    assert.equal(inner.last.call.head.headers.has('x-envoy-attempt-count'), false);
    assert.equal(caller.headers.has('x-envoy-attempt-count'), false);
  });
});
