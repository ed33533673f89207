import assert from 'node:assert/strict';
import { type App, startApp } from './support/apps.ts';
import { answer, cluster, host, split, to } from './support/feed.ts';
import { describeWithPeers } from './support/peers.ts';
import { type FeedContent, SharedFeed } from './support/shared-feed.ts';
import type { Ask, Outcome } from './support/sides.ts';

/**
 * A real Envoy and inmesh are given the same feed by the same control plane, and then the same calls: a table of
 * virtual hosts whose domains overlap in every way that Envoy has, and routes with every path match that both claim.
 * What decides is the answer: each cluster has one app, which says its name.
 */
describeWithPeers(['envoy'], 'the same feed to Envoy and inmesh: decisions', () => {
  let feed: SharedFeed;
  const apps = new Map<string, App>();
  // `absent` is there at first and then taken away: what was never there is known only when its timer runs out.
  const names = ['exact', 'suffix', 'longer', 'prefix', 'any', 'one', 'two', 'three'];

  before(async () => {
    for (const name of names) apps.set(name, await startApp(name));
    const content: FeedContent = {
      virtualHosts: [
        host('any', ['*'], [to('any')]),
        host('suffix', ['*.example'], [to('suffix')]),
        host('longer', ['*.shop.example'], [to('longer')]),
        host('prefix', ['api.*'], [to('prefix')]),
        host('exact', ['api.shop.example'], [to('exact')]),
        host(
          'paths',
          ['paths'],
          [
            answer(200, 'exactly', { path: '/exact' }),
            answer(200, 'separated', { path_separated_prefix: '/v1' }),
            answer(200, 'whatever case', { path: '/CasePath', case_sensitive: false }),
            answer(200, 'lower', { prefix: '/case', case_sensitive: false }),
            answer(200, 'prefix', '/prefix'),
            answer(418, 'I am a route', '/teapot'),
            answer(204, '', '/nothing'),
            answer(301, 'gone elsewhere', '/moved'),
            to('one', '/one'),
          ],
        ),
        host(
          'broken',
          ['broken'],
          [
            to('absent', '/503'),
            to('absent', '/404', { cluster_not_found_response_code: 'NOT_FOUND' }),
            to('absent', '/500', { cluster_not_found_response_code: 'INTERNAL_SERVER_ERROR' }),
            to('empty', '/empty'),
          ],
        ),
        host('weights', ['weights'], [split({ one: 90, two: 10 })]),
        host('zero', ['zero'], [split({ one: 0, two: 1 })]),
        host('counted', ['counted'], [to('three', '/', { timeout: '7s' })], {
          include_request_attempt_count: true,
          include_attempt_count_in_response: true,
        }),
        host('endless', ['endless'], [to('three', '/', { timeout: '0s' })]),
      ],
      resources: [...names.flatMap((name) => cluster(name, [apps.get(name)?.port ?? 0])), ...cluster('empty', [])],
    };
    feed = await SharedFeed.start({ ...content, resources: [...content.resources, ...cluster('absent', [])] });
    await feed.mesh.ready({ services: ['http://broken'] });
    await feed.change(content);
  });
  after(async () => {
    await feed.stop();
    for (const app of apps.values()) await app.close();
  });

  /** The call through both; both must come to the same, which is returned. */
  async function both(ask: Ask): Promise<Outcome> {
    const [envoy, inmesh] = [await feed.sides[0].call(ask), await feed.sides[1].call(ask)];
    const facts = ({ status, body, flags, headers }: Outcome) => ({
      status,
      body,
      flags,
      type: headers['content-type'],
      length: headers['content-length'],
      app: headers['x-app'],
    });
    assert.deepEqual(facts(inmesh), facts(envoy), `${ask.method ?? 'GET'} ${ask.authority} ${ask.path}`);
    return inmesh;
  }

  describe('domains', () => {
    for (const [authority, app] of [
      ['api.shop.example', 'exact'],
      ['API.Shop.Example', 'exact'],
      ['cart.shop.example', 'longer'],
      ['cart.example', 'suffix'],
      ['api.test', 'prefix'],
      ['api.example', 'suffix'],
      ['shop', 'any'],
      ['shop:8080', 'any'],
      ['cart.example:80', 'any'],
      ['api.shop.example:80', 'prefix'],
    ] as const) {
      it(`${authority} → ${app}`, async () => {
        const outcome = await both({ authority, path: '/' });
        assert.equal(outcome.body, app);
      });
    }
  });

  describe('paths', () => {
    for (const [path, body] of [
      ['/exact', 'exactly'],
      ['/exact?with=query', 'exactly'],
      ['/exact/', ''],
      ['/Exact', ''],
      ['/v1', 'separated'],
      ['/v1/', 'separated'],
      ['/v1/a?b', 'separated'],
      ['/v1?b', 'separated'],
      ['/v10', ''],
      ['/CASE/x', 'lower'],
      ['/cAsEpAtH', 'whatever case'],
      ['/prefixed', 'prefix'],
      ['/one/two', 'one'],
      ['/ONE', ''],
      ['/one%2Ftwo', 'one'],
      ['//one', ''],
      ['/teapot', 'I am a route'],
      ['/nothing', ''],
      ['/moved', 'gone elsewhere'],
    ] as const) {
      it(`${path} → ${body || 'no body'}`, async () => {
        const outcome = await both({ authority: 'paths', path });
        assert.equal(outcome.body, body);
      });
    }

    for (const [path, status] of [
      ['/teapot', 418],
      ['/nowhere', 404],
      ['/nothing', 204],
    ] as const) {
      it(`HEAD ${path} → ${status} without a body`, async () => {
        const outcome = await both({ authority: 'paths', path, method: 'HEAD' });
        assert.deepEqual([outcome.status, outcome.body], [status, '']);
      });
    }
  });

  describe('what cannot be routed', () => {
    for (const [path, status, flags, body] of [
      ['/503', 503, 'NC', ''],
      ['/404', 404, 'NC', ''],
      ['/500', 500, 'NC', ''],
      ['/nowhere', 404, 'NR', ''],
      ['/empty', 503, 'UH', 'no healthy upstream'],
    ] as const) {
      it(`${path} → ${status} ${flags} ${body}`, async () => {
        const outcome = await both({ authority: 'broken', path });
        assert.deepEqual([outcome.status, outcome.flags, outcome.body], [status, flags, body]);
      });
    }
  });

  describe('weights', () => {
    // Each of 2,000 calls goes to `two` with probability 0.1: mean 200, standard deviation 13.4. Within 75 of the mean
    // (5.6 standard deviations) two-sided, the chance that a right split fails is below 1e-7, and each test has two.
    const N = 2_000;
    for (const side of [0, 1] as const) {
      it(`${['envoy', 'inmesh'][side]} splits ${N} calls 90/10`, async () => {
        const counts: Record<string, number> = { one: 0, two: 0 };
        for (let i = 0; i < N; i += 20) {
          const ask = { authority: 'weights', path: '/' };
          const outcomes = await Promise.all(Array.from({ length: 20 }, () => feed.sides[side].call(ask)));
          for (const { body } of outcomes) counts[body] = (counts[body] ?? 0) + 1;
        }
        const { one = 0, two = 0 } = counts;
        assert.equal(one + two, N);
        assert.ok(Math.abs(two - N / 10) <= 75, `${two} of ${N}`);
      });
    }

    it('a weight of zero is never chosen', async () => {
      for (let i = 0; i < 20; i++) assert.equal((await both({ authority: 'zero' })).body, 'two');
    });
  });

  describe('headers that the app gets', () => {
    const mesh = /^x-(request-id|forwarded-proto|envoy-.*)$/;
    /** What the app saw of each side's call. */
    async function seen(ask: Ask) {
      const app = apps.get('three') as App;
      app.seen.length = 0;
      await both(ask);
      const [envoy, inmesh] = app.seen.map(({ headers }) => headers);
      assert.ok(envoy !== undefined && inmesh !== undefined);
      return { envoy, inmesh };
    }
    const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

    for (const [authority, timeout, attempt] of [
      ['counted', '7000', '1'],
      ['endless', undefined, undefined],
    ] as const) {
      it(`${authority}: the same names, and the same values but for the id`, async () => {
        const { envoy, inmesh } = await seen({ authority });
        for (const headers of [envoy, inmesh]) {
          assert.match(String(headers['x-request-id']), UUID);
          assert.equal(headers['x-forwarded-proto'], 'http');
          assert.equal(headers['x-envoy-expected-rq-timeout-ms'], timeout);
          assert.equal(headers['x-envoy-attempt-count'], attempt);
          assert.equal(headers.host, authority);
          delete headers['x-request-id'];
        }
        const ours = Object.entries(inmesh).filter(([name]) => mesh.test(name));
        const theirs = Object.entries(envoy).filter(([name]) => mesh.test(name));
        assert.deepEqual(new Map(ours), new Map(theirs));
      });
    }

    it('an id and a scheme that the caller gives are kept', async () => {
      const headers = { 'x-request-id': 'b4b2c6a0-0000-4000-8000-0123456789ab', 'x-forwarded-proto': 'https' };
      const { envoy, inmesh } = await seen({ authority: 'counted', headers });
      for (const name of ['x-request-id', 'x-forwarded-proto'] as const) {
        assert.equal(inmesh[name], headers[name]);
        assert.equal(envoy[name], headers[name]);
      }
    });

    it('the attempt count comes back in the response', async () => {
      for (const side of feed.sides) {
        assert.equal((await side.call({ authority: 'counted' })).headers['x-envoy-attempt-count'], '1', side.name);
      }
    });
  });
});
