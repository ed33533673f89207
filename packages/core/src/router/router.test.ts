import assert from 'node:assert/strict';
import { isMeshError, MeshError } from '../errors.ts';
import type { VirtualHost } from '../model/route.ts';
import { makeCall, send } from '../testing/caller.ts';
import { Harness, routeTable } from '../testing/harness.ts';
import { Inner } from '../testing/inner.ts';
import { forward, httpFilter, prefix, route, virtualHost } from '../testing/models.ts';
import { seededRandom } from '../util/random.ts';
import type { RouteTable } from './route-table.ts';
import { routeRefusal, router, selectRoute } from './router.ts';

const gone = new MeshError('no_cluster', 'gone');

function setup(table: RouteTable | null) {
  const inner = new Inner();
  const layer = router()(inner.dispatch);
  return {
    inner,
    send: (path: string) =>
      send(
        (call, handler) => {
          call.table = table;
          layer(call, handler);
        },
        { path, failAs: 'error' },
      ),
  };
}

const named = (name: string, value = '/') => route(forward('a'), { name, path: prefix(value) });
const table = (virtualHost: VirtualHost) => routeTable(virtualHost, { a: gone });

describe('router', () => {
  it('takes the first route that matches, by the path without its query', () => {
    const { inner, send } = setup(table(virtualHost([named('api', '/api'), named('rest'), named('never', '/api/v1')])));
    send('/api/v1?x=/');
    assert.equal(inner.last.call.route?.name, 'api');
    send('/other?/api');
    assert.equal(inner.last.call.route?.name, 'rest');
    send('/api#fragment');
    assert.equal(inner.last.call.route?.name, 'api');
  });

  it('lets what no route matches go on to the filters; afterwards it is refused and says where: 404 NR', () => {
    const { inner, send } = setup(table(virtualHost([named('api', '/api')])));
    const { call } = send('/other');
    assert.equal(inner.count, 1);
    const error = routeRefusal(call);
    assert.deepEqual([error?.code, error?.flag, error?.status], ['no_route', 'NR', 404]);
    assert.deepEqual(error?.place, { authority: 'reviews:9080', listener: 'reviews:9080' });
    assert.deepEqual(routeRefusal(setup(null).send('/').call)?.place, { authority: 'reviews:9080' });
  });

  it('chooses again by what the call says then, once the choice was taken back', () => {
    const routes = [route(forward('a'), { name: 'new', path: prefix('/new'), unsupported: ['x'] }), named('old')];
    const { inner, send } = setup(table(virtualHost(routes)));
    send('/');
    const { call } = inner.last;
    call.clearRoute();
    assert.equal(call.route, null);
    call.head.path = '/new';
    assert.equal(selectRoute(call)?.name, 'new');
    assert.equal(routeRefusal(call)?.code, 'unsupported');
  });

  it('refuses a route that needs what is not there, and only that one', () => {
    const { inner, send } = setup(
      table(
        virtualHost([
          route(forward('a'), { name: 'mirrored', path: prefix('/m'), unsupported: ['request_mirror_policies'] }),
          route({ kind: 'refused' }, { path: null, unsupported: ['redirect', 'match.connect_matcher'] }),
        ]),
      ),
    );
    const { caller } = send('/m');
    assert.deepEqual(caller.said, ['error unsupported NFCF']);
    assert.match(caller.error?.message ?? '', /request_mirror_policies.*route vh\/mirrored/);
    assert.match(send('/anything').caller.error?.message ?? '', /redirect, match\.connect_matcher.*route vh\/\?/);
    assert.equal(inner.count, 0);
  });

  it('refuses every route under a filter that is not there, and none under one that may be left out', () => {
    const filter = (support: 'unknown' | 'skipped') =>
      httpFilter('jwt', { typeUrl: 'type.googleapis.com/x.JwtAuthn', support });
    const vh = virtualHost([named('all')]);
    const refusing = setup(routeTable(vh, { a: gone }, { filters: [filter('unknown')] }));
    assert.match(refusing.send('/').caller.error?.message ?? '', /jwt \(type\.googleapis\.com\/x\.JwtAuthn\)/);
    const skipping = setup(routeTable(vh, { a: gone }, { filters: [filter('skipped')] }));
    skipping.send('/');
    assert.equal(skipping.inner.count, 1);
  });
});

describe('weighted clusters', () => {
  const distribution = (weights: Readonly<Record<string, number>>, draws: number) => {
    const harness = new Harness();
    const clusters = Object.fromEntries(Object.keys(weights).map((name) => [name, harness.newCluster({ name })]));
    const [entry] = routeTable(virtualHost([route(forward(weights))]), clusters, { random: seededRandom(7) }).routes;
    const counts: Record<string, number> = {};
    for (let i = 0; i < draws; i++) {
      const call = makeCall();
      const chosen = entry?.route.choose(call)?.choice ?? entry?.route.noCluster();
      const name = isMeshError(chosen) ? chosen.code : (chosen?.name ?? '');
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  };

  it('are chosen as often as their weights say', () => {
    const counts = distribution({ a: 90, b: 10 }, 10_000);
    assert.ok(Math.abs((counts.a ?? 0) - 9_000) < 120, JSON.stringify(counts));
    assert.equal((counts.a ?? 0) + (counts.b ?? 0), 10_000);
    const even = distribution({ a: 1, b: 1, c: 1 }, 9_000);
    for (const name of ['a', 'b', 'c']) assert.ok(Math.abs((even[name] ?? 0) - 3_000) < 150, JSON.stringify(even));
  });

  it('with weight 0 are never chosen, wherever they stand', () => {
    assert.deepEqual(distribution({ a: 0, b: 1 }, 100), { b: 100 });
    assert.deepEqual(distribution({ a: 1, b: 0 }, 100), { a: 100 });
    const counts = distribution({ a: 1, b: 0, c: 1 }, 1_000);
    assert.deepEqual(Object.keys(counts).sort(), ['a', 'c']);
  });

  it('without any weight are refused, not chosen', () => {
    assert.deepEqual(distribution({ a: 0 }, 10), { no_cluster: 10 });
  });

  it('are not resolved where their weight is 0', () => {
    const entry = routeTable(virtualHost([route(forward({ a: 0, b: 1 }))]), { b: gone }).routes[0];
    assert.deepEqual(
      entry?.route.choices().map(({ name }) => name),
      ['b'],
    );
  });
});

describe('the random value of a call', () => {
  it('is drawn once, whole, and below 2^48', () => {
    let draws = 0;
    const highest = () => {
      draws++;
      return 1 - 2 ** -32;
    };
    const call = makeCall();
    assert.equal(call.randomValue(highest), 2 ** 48 - 1);
    assert.equal(call.randomValue(highest), 2 ** 48 - 1);
    assert.equal(draws, 2);
    assert.equal(
      makeCall().randomValue(() => 0),
      0,
    );
  });

  it('lets a call that is routed again go to the same cluster', () => {
    const harness = new Harness();
    const clusters = { a: harness.newCluster({ name: 'a' }), b: harness.newCluster({ name: 'b' }) };
    const routes = routeTable(virtualHost([route(forward({ a: 1, b: 1 }))]), clusters, { random: seededRandom(3) });
    for (let i = 0; i < 50; i++) {
      const call = makeCall();
      const first = selectRouteIn(routes, call)?.choose(call);
      call.clearRoute();
      assert.equal(selectRouteIn(routes, call)?.choose(call), first);
    }
  });
});

function selectRouteIn(table: RouteTable, call: ReturnType<typeof makeCall>) {
  call.table = table;
  return selectRoute(call);
}

describe('route table', () => {
  it('keeps the counters of routes that stay when the feed changes', () => {
    const before = table(virtualHost([named('api', '/api'), named('', '/x')]));
    for (const { route } of before.routes) route.stats.upstream_rq_total = 7;
    const after = routeTable(
      virtualHost([named('new'), named('', '/x'), named('api', '/v2')]),
      { a: gone },
      {
        previous: before,
      },
    );
    assert.deepEqual(
      after.routes.map(({ route }) => [route.label, route.stats.upstream_rq_total]),
      [
        ['vh/new', 0],
        ['vh/prefix /x', 7],
        ['vh/api', 7],
      ],
    );
  });

  it('takes the virtual host’s retry policy where the route brings none', () => {
    const policy = {
      retryOn: ['5xx'],
      numRetries: 4,
      retriableStatusCodes: [],
      perTryTimeoutMs: 0,
      backoffBaseMs: 1,
      backoffMaxMs: 10,
      avoidPreviousHosts: false,
      hostSelectionRetryMaxAttempts: 1,
    };
    const routes = [
      route(forward('a')),
      route(forward('a', { retryPolicy: { ...policy, numRetries: 1 } })),
      route({ kind: 'direct_response', status: 200, body: new Uint8Array(), bodyFormat: null }),
    ];
    const given = table(virtualHost(routes, { retryPolicy: policy })).routes.map(({ route }) => route);
    assert.deepEqual(
      given.map(({ retryPolicy }) => retryPolicy.numRetries),
      [4, 1, 4],
    );
    assert.equal(table(virtualHost(routes)).routes[0]?.route.retryPolicy.fromFeed, false);
    assert.equal(given[2]?.timeoutMs, 0);
  });
});
