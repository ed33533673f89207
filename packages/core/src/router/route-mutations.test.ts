import assert from 'node:assert/strict';
import type { HeaderToAdd, MessageMutations } from '../model/header-mutation.ts';
import type { HttpFilterConfig } from '../model/http-filter.ts';
import type { RouteConfiguration } from '../model/route.ts';
import { send } from '../testing/caller.ts';
import { Harness, routeTable } from '../testing/harness.ts';
import { assignment, forward, route, virtualHost } from '../testing/models.ts';

function append(name: string, value: string): HeaderToAdd {
  return { name, value, action: 'append_if_exists_or_add', keepEmptyValue: false };
}

/** Says its own name on the way in and out. */
function level(name: string): MessageMutations {
  return {
    request: { add: [append('level', name)], remove: [] },
    response: { add: [append('level', name), append('status', '%RESPONSE_CODE%')], remove: ['server'] },
  };
}

function harnessOf(config: Partial<RouteConfiguration> = {}): Harness {
  const harness = new Harness();
  const action = forward('reviews');
  const clusters = action.clusters.map((share) => ({ ...share, mutations: level('share') }));
  const routes = [route({ ...action, clusters }, { mutations: level('route') })];
  const table = routeTable(
    virtualHost(routes, { mutations: level('host') }),
    { reviews: harness.cluster },
    { config: { mutations: level('config'), ...config } },
  );
  harness.authority.settle({ table });
  return harness;
}

function levels(pairs: readonly string[]): string[] {
  return pairs.filter((_, index) => index % 2 === 1 && pairs[index - 1] === 'level');
}

describe('header mutations of routing', () => {
  it('go from the share to the whole, so that the most general comes last', () => {
    const harness = harnessOf();
    const { caller } = send(harness.dispatch);
    harness.connector.next.accept();
    const { last } = harness.connector;
    assert.deepEqual(levels(last.call.head.headers.flat()), ['share', 'route', 'host', 'config']);
    last.answer(204, ['server', 'x', 'a', '1']);
    assert.deepEqual(levels(caller.headers.flat()), ['share', 'route', 'host', 'config']);
    assert.equal(caller.headers.get('status'), '204, 204, 204, 204');
    assert.equal(caller.headers.has('server'), false);
  });

  it('go the other way about where the most specific wins', () => {
    const harness = harnessOf({ mostSpecificHeaderMutationsWins: true });
    send(harness.dispatch);
    harness.connector.next.accept();
    assert.deepEqual(levels(harness.connector.last.call.head.headers.flat()), ['share', 'config', 'host', 'route']);
  });

  it('are made once, also where a request is tried again', () => {
    const harness = harnessOf();
    send(harness.dispatch);
    harness.connector.next.refuse();
    harness.clock.advance(250);
    harness.connector.next.accept();
    assert.deepEqual(levels(harness.connector.last.call.head.headers.flat()), ['share', 'route', 'host', 'config']);
  });

  it('are made to answers that the mesh itself gives', () => {
    const harness = harnessOf();
    harness.cluster.assign(assignment());
    const { caller } = send(harness.dispatch);
    assert.equal(caller.status, 503);
    assert.deepEqual(levels(caller.headers.flat()), ['share', 'route', 'host', 'config']);
  });
});

describe('suppress_envoy_headers', () => {
  const router = (suppressEnvoyHeaders: boolean): HttpFilterConfig => ({
    name: 'router',
    typeUrl: '',
    support: 'terminal',
    disabled: false,
    optional: false,
    config: { suppressEnvoyHeaders },
    unsupported: [],
  });

  function sentHeaders(suppress: boolean): readonly string[] {
    const harness = new Harness();
    const action = forward('reviews', { pathRewrite: { kind: 'prefix', value: '/new' } });
    const filters = [router(suppress)];
    harness.authority.settle({
      table: routeTable(virtualHost([route(action)]), { reviews: harness.cluster }, { filters }),
    });
    send(harness.dispatch);
    harness.connector.next.accept();
    return harness.connector.last.call.head.headers.flat().filter((name) => name.startsWith('x-envoy-'));
  }

  it('leaves out what the router would tell of itself', () => {
    assert.deepEqual(sentHeaders(false), ['x-envoy-expected-rq-timeout-ms', 'x-envoy-original-path']);
    assert.deepEqual(sentHeaders(true), []);
  });
});
