import assert from 'node:assert/strict';
import { StreamBody } from '../body.ts';
import type { InternalRedirectPolicy } from '../model/internal-redirect.ts';
import type { VirtualHost } from '../model/route.ts';
import { type CallOptions, send } from '../testing/caller.ts';
import { Harness, QUIET } from '../testing/harness.ts';
import { assignment, forward, prefix, route, virtualHost } from '../testing/models.ts';

function setup(policy: Partial<InternalRedirectPolicy> = {}) {
  const harness = new Harness();
  const internalRedirects: InternalRedirectPolicy = {
    max: 1,
    statuses: new Set([302]),
    predicates: [],
    allowCrossScheme: false,
    headersToCopy: [],
    ...policy,
  };
  harness.use(
    virtualHost([
      route(forward('reviews', { internalRedirects }), { path: prefix('/a'), name: 'a' }),
      route(forward('reviews', { internalRedirects }), { path: prefix('/b'), name: 'b' }),
    ]),
  );
  const start = (options: CallOptions = {}) => {
    const sent = send(harness.dispatch, { path: '/a', authority: 'shop', ...options });
    if (harness.connector.opening.length > 0) harness.connector.next.accept();
    return sent;
  };
  /** The service answers; a further attempt gets a connection. */
  const answer = (status: number, location = '') => {
    harness.connector.last.answer(status, ['location', location, 'content-length', '0']);
    if (harness.connector.opening.length > 0) harness.connector.next.accept();
  };
  return { harness, start, answer };
}

describe('internal redirects', () => {
  it('begin the call anew, and its caller hears of the last answer alone', () => {
    const { harness, start, answer } = setup();
    const { call, caller } = start();
    answer(302, 'http://shop/b?x');
    assert.equal(caller.status, 0);
    assert.equal(call.head.path, '/b?x');
    assert.equal(call.head.headers.get('x-envoy-original-url'), 'http://shop/a');
    answer(200);
    assert.equal(caller.status, 200);
    assert.equal(caller.endings, 1);
    assert.equal(harness.cluster.stats.upstream_internal_redirect_succeeded_total, 1);
    assert.deepEqual(harness.gauges, QUIET);
  });

  it('take what the caller asks for along to the same host, and to another one all but cluster and endpoint', () => {
    for (const [to, cluster] of [
      ['shop', 'canary'],
      ['other', 'reviews'],
    ]) {
      const { harness, start, answer } = setup();
      const canary = harness.newCluster({ name: 'canary' });
      canary.assign(assignment(7));
      harness.use(harness.authority.table?.virtualHost as VirtualHost, { canary });
      const overrides = { headers: [], cluster: 'canary', endpoint: null, timeoutMs: 9, retries: false };
      const { call, caller } = start({ overrides });
      assert.equal(call.cluster?.name, 'canary');
      answer(302, `http://${to}/b`);
      assert.equal(call.cluster?.name, cluster);
      assert.deepEqual([call.overrides?.timeoutMs, call.overrides?.retries], [9, false]);
      answer(200);
      assert.equal(caller.status, 200);
      assert.deepEqual(harness.gauges, QUIET);
    }
  });

  it('are bounded in number', () => {
    const { harness, start, answer } = setup({ max: 2 });
    const { caller } = start();
    for (let i = 0; i < 3; i++) answer(302, 'http://shop/b');
    assert.equal(caller.status, 302);
    assert.equal(harness.cluster.stats.upstream_internal_redirect_failed_total, 1);
  });

  for (const [what, location, policy] of [
    ['to where no route leads', 'http://shop/nowhere', {}],
    ['with another scheme', 'https://shop/b', {}],
    [
      'to a route that is not listed',
      'http://shop/b',
      { predicates: [{ kind: 'allow_listed_routes', names: new Set(['a']) }] },
    ],
    ['from http to https', 'https://shop/b', { allowCrossScheme: true, predicates: [{ kind: 'safe_cross_scheme' }] }],
  ] as const) {
    it(`are the caller’s to follow ${what}`, () => {
      const { start, answer } = setup(policy);
      const { call, caller } = start();
      answer(302, location);
      assert.equal(caller.status, 302);
      assert.deepEqual([call.head.path, call.head.authority, call.head.scheme], ['/a', 'shop', 'http']);
    });
  }

  it('are not followed where they led before, if the feed says so', () => {
    const { start, answer } = setup({ max: 5, predicates: [{ kind: 'previous_routes' }] });
    const { caller } = start();
    for (const path of ['/b', '/a', '/b']) answer(302, `http://shop${path}`);
    assert.equal(caller.status, 302);
  });

  it('send a streamed body again only once it has gone through', async () => {
    const { start, answer, harness } = setup();
    const { call } = start({ method: 'POST', body: new StreamBody([Buffer.from('hello')]) });
    for await (const chunk of call.body?.open() ?? []) assert.equal(Buffer.from(chunk).toString(), 'hello');
    harness.connector.last.handler.onRequestSent(true);
    answer(302, 'http://shop/b');
    assert.equal(Buffer.from(call.body?.bytes ?? []).toString(), 'hello');
    const other = setup();
    const streaming = other.start({ method: 'POST', body: new StreamBody([Buffer.from('hello')]) });
    other.answer(302, 'http://shop/b');
    assert.equal(streaming.caller.status, 302);
  });
});
