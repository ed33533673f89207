import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { type Body, BytesBody, StreamBody } from '../body.ts';
import { compose } from '../dispatch.ts';
import { isMeshError, MeshError } from '../errors.ts';
import { WEIGHTED_CLUSTER_DEFAULTS } from '../model/defaults.ts';
import type { FilterOverrides, HttpFilterConfig } from '../model/http-filter.ts';
import type { Route } from '../model/route.ts';
import { finalize } from '../router/finalize.ts';
import { router } from '../router/router.ts';
import { type CallOptions, send } from '../testing/caller.ts';
import { filterCompiler, Harness, routeTable } from '../testing/harness.ts';
import { Inner } from '../testing/inner.ts';
import { filterOverride, forward, httpFilter, prefix, route, virtualHost } from '../testing/models.ts';
import { NO_REDIRECTS } from '../testing/no-redirects.ts';
import { VirtualClock } from '../util/virtual-clock.ts';
import type { FilterCallbacks, FilterType, HttpFilter } from './filter.ts';
import { filters } from './filters.ts';
import { asFilterType, type OwnFilter } from './own-filter.ts';

interface Options {
  readonly entries?: readonly HttpFilterConfig[];
  readonly routes?: readonly Route[];
  readonly hostFilters?: FilterOverrides;
}

/** Filters under names, in this order, in front of something that answers as the test says. */
function setup(own: Readonly<Record<string, OwnFilter>>, options: Options = {}) {
  const inner = new Inner();
  const clock = new VirtualClock();
  const cluster = new Harness().cluster;
  const types = Object.fromEntries(Object.entries(own).map(([name, filter]) => [name, asFilterType(filter)]));
  const { hostFilters } = options;
  const host = virtualHost(options.routes ?? [route(forward('reviews'))], hostFilters ? { filters: hostFilters } : {});
  const table = routeTable(
    host,
    { reviews: cluster, v1: cluster, v2: cluster },
    { filters: options.entries ?? Object.keys(own).map((name) => httpFilter(name)), compiler: filterCompiler(types) },
  );
  const stack = compose([router(), filters({ clock }), finalize({ ...NO_REDIRECTS, clock })], inner.dispatch);
  return {
    inner,
    send: (call: CallOptions = {}) =>
      send((sent, handler) => {
        sent.table = table;
        stack(sent, handler);
      }, call),
  };
}

/** Notes what comes by, as `a>`, `<a`, and what it is told at the end. */
function noting(name: string, seen: string[]): HttpFilter {
  return {
    onRequestHeaders: () => void seen.push(`${name}>`),
    onResponseHeaders: (_, { status }) => void seen.push(`<${name} ${status}`),
    onResponseTrailers: () => void seen.push(`<${name} end`),
    onDone: () => void seen.push(`${name} done`),
  };
}

describe('filters', () => {
  it('see the request in the order of the feed and the response in the opposite one', () => {
    const seen: string[] = [];
    const { inner, send } = setup({ a: noting('a', seen), b: noting('b', seen) });
    const { caller } = send();
    inner.last.answer(201);
    assert.deepEqual(seen, ['a>', 'b>', '<b 201', '<a 201', '<b end', 'b done', '<a end', 'a done']);
    assert.deepEqual(caller.said, ['sending', 'sent', 'start 201', 'end']);
  });

  it('cost a call nothing where none of them does anything', () => {
    const idle: FilterType = { compile: () => null };
    const { inner, send } = setup({ a: idle, b: idle });
    const { call, caller } = send();
    assert.equal(inner.last.call, call);
    inner.last.answer();
    assert.equal(caller.endings, 1);
    const table = routeTable(
      virtualHost([]),
      {},
      { filters: [httpFilter('a')], compiler: filterCompiler({ a: idle }) },
    );
    assert.equal(table.filters.empty, true);
  });

  it('leave the response alone where they look at the request only', () => {
    const harness = new Harness();
    const { inner, send } = setup({ a: { onRequestHeaders: () => {} } });
    const { caller } = send();
    assert.deepEqual(harness.gauges.upstream_rq_active, 0);
    inner.last.answer(204);
    assert.equal(caller.status, 204);
  });

  it('change the head of the request, and of the response', () => {
    const { inner, send } = setup({
      a: {
        onRequestHeaders: ({ call }) => {
          call.head.headers.set('x-a', '1');
          call.head.path = '/changed';
        },
        onResponseHeaders: (_, response) => {
          response.headers.set('x-b', '2');
          response.status = 299;
        },
      },
    });
    const { caller } = send();
    assert.equal(inner.last.call.head.path, '/changed');
    assert.equal(inner.last.call.head.headers.get('x-a'), '1');
    inner.last.answer(200);
    assert.equal(caller.status, 299);
    assert.equal(caller.headers.get('x-b'), '2');
  });

  describe('that answer', () => {
    const denies: HttpFilter = {
      onRequestHeaders: (callbacks) => callbacks.reply({ status: 403, body: 'no', headers: ['x-why', 'because'] }),
    };

    it('let nothing through, and show the answer to all filters that look at responses', () => {
      const seen: string[] = [];
      const { inner, send } = setup({ a: noting('a', seen), deny: denies, b: noting('b', seen) });
      const { caller, call } = send();
      assert.equal(inner.count, 0);
      assert.deepEqual([caller.status, caller.body, caller.headers.get('x-why')], [403, 'no', 'because']);
      assert.deepEqual(seen, ['a>', '<b 403', '<a 403', '<b end', 'b done', '<a end', 'a done']);
      assert.equal(call.failure, null);
    });

    it('tell a failure by its error: as a response, or thrown', () => {
      const error = new MeshError('access_denied', 'not you');
      const { send } = setup({
        deny: { onRequestHeaders: (callbacks) => callbacks.reply({ status: 403, body: error.body, error }) },
      });
      const told = send();
      assert.deepEqual([told.caller.status, told.call.failure], [403, error]);
      assert.equal(send({ failAs: 'error' }).caller.error, error);
    });

    it('speak gRPC to a gRPC call', () => {
      const { send } = setup({ deny: denies });
      const { caller } = send({ method: 'POST', headers: ['content-type', 'application/grpc+proto'] });
      assert.equal(caller.status, 200);
      assert.deepEqual(caller.headers.flat(), [
        'x-why',
        'because',
        'content-type',
        'application/grpc',
        'grpc-status',
        '7',
        'content-length',
        '0',
        'grpc-message',
        'no',
      ]);
    });

    it('take the place of a response whose headers have not gone on', () => {
      const seen: string[] = [];
      const { inner, send } = setup({
        a: noting('a', seen),
        swap: {
          onResponseHeaders: (callbacks, { status }) => {
            if (status === 500) callbacks.reply({ status: 418, body: 'tea' });
          },
        },
      });
      const { caller } = send();
      inner.last.begin().sent().start(500);
      assert.deepEqual([caller.status, caller.body, caller.endings], [418, 'tea', 1]);
      assert.deepEqual(inner.last.heard, ['abort a filter answered in the place of the response']);
      assert.deepEqual(seen, ['a>', '<a 418', '<a end', 'a done']);
    });

    it('are too late once the headers have gone on', () => {
      const { inner, send } = setup({
        late: {
          onResponseData: (callbacks, chunk) => {
            callbacks.reply({ status: 500 });
            return chunk;
          },
        },
      });
      const { caller } = send();
      inner.last.begin().sent().start(200).data('x').end();
      assert.deepEqual(caller.said, ['sending', 'sent', 'start 200', 'data x', 'end']);
    });
  });

  it('see what the mesh answers itself further in, and that no route matches', () => {
    const seen: string[] = [];
    const { inner, send } = setup(
      { a: noting('a', seen) },
      { routes: [route(forward('reviews'), { path: prefix('/x') })] },
    );
    assert.equal(send().caller.status, 404);
    assert.deepEqual(seen.splice(0), ['a>', '<a 404', '<a end', 'a done']);
    const { caller, call } = send({ path: '/x' });
    inner.last.break();
    assert.equal(caller.status, 503);
    assert.ok(isMeshError(call.failure) && call.failure.flag === 'UC');
    assert.deepEqual(seen.splice(0), ['a>', '<a 503', '<a end', 'a done']);
    const thrown = send({ path: '/x', failAs: 'error' });
    inner.last.break();
    assert.deepEqual(thrown.caller.said, ['error connection_termination UC']);
    assert.deepEqual(seen, ['a>', 'a done']);
  });

  it('that throw, or break their promise, fail their call with a 500, which names the filter’s error', async () => {
    const broken = (): never => {
      throw new Error('oops');
    };
    for (const filter of [
      { onRequestHeaders: broken },
      { onRequestHeaders: async () => broken() },
      { onResponseHeaders: broken },
      { onResponseHeaders: async () => broken() },
    ] satisfies HttpFilter[]) {
      const { inner, send } = setup({ bad: filter });
      const { caller, call } = send();
      if (inner.count > 0) inner.last.begin().sent().start(200);
      await turn();
      assert.deepEqual([caller.status, caller.endings], [500, 1]);
      assert.match(call.failure?.message ?? '', /oops/);
    }
    for (const filter of [{ onResponseData: broken }, { onResponseTrailers: broken }] satisfies HttpFilter[]) {
      const { inner, send } = setup({ bad: filter });
      const { caller } = send();
      inner.last.begin().sent().start(200).data('x');
      if (!inner.last.over) inner.last.end();
      assert.equal(caller.said.at(-1), 'error filter_failed -');
    }
  });
});

describe('filters that wait', () => {
  /** Stops until the test says so. */
  function gate() {
    const state = { callbacks: null as FilterCallbacks | null, done: 0 };
    const filter: HttpFilter = {
      onRequestHeaders: (callbacks) => {
        state.callbacks = callbacks;
        return 'stop';
      },
      onDone: () => {
        state.done++;
      },
    };
    return { state, filter };
  }

  it('hold the request until they call back, once', () => {
    const { state, filter } = gate();
    const seen: string[] = [];
    const { inner, send } = setup({ gate: filter, b: noting('b', seen) });
    const { caller } = send();
    assert.deepEqual([inner.count, seen], [0, []]);
    state.callbacks?.continueRequest();
    state.callbacks?.continueRequest();
    assert.deepEqual([inner.count, seen], [1, ['b>']]);
    inner.last.answer();
    assert.deepEqual([caller.status, state.done], [200, 1]);
  });

  it('may call back before they have said that they wait', () => {
    const { inner, send } = setup({
      eager: {
        onRequestHeaders: (callbacks) => {
          callbacks.continueRequest();
          return 'stop';
        },
      },
    });
    send();
    assert.equal(inner.count, 1);
  });

  it('let the caller give up, and hear of it; what they say then goes nowhere', () => {
    const { state, filter } = gate();
    const { inner, send } = setup({ gate: filter });
    const { call, caller } = send();
    call.controller.abort(new Error('gone'));
    assert.deepEqual([caller.said, state.done], [['error gone'], 1]);
    state.callbacks?.continueRequest();
    state.callbacks?.reply({ status: 200 });
    assert.deepEqual([inner.count, caller.endings], [0, 1]);
  });

  it('may answer in the end', () => {
    const { state, filter } = gate();
    const { send } = setup({ gate: filter });
    const { caller } = send();
    state.callbacks?.reply({ status: 429 });
    assert.deepEqual([caller.status, caller.endings, state.done], [429, 1, 1]);
  });

  it('leave what the caller paused paused', () => {
    const { state, filter } = gate();
    const { send } = setup({ gate: filter });
    const { call, caller } = send();
    call.controller.pause();
    state.callbacks?.reply({ status: 200, body: 'later' });
    assert.deepEqual(caller.said, ['start 200']);
    call.controller.resume();
    assert.deepEqual(caller.said, ['start 200', 'data later', 'end']);
  });

  const streamed = (...chunks: string[]): Body =>
    new StreamBody(
      (async function* () {
        for (const chunk of chunks) {
          await turn();
          yield Buffer.from(chunk);
        }
      })(),
    );

  /** Awaits the whole body, and answers by itself where it does not like it. */
  const reader: HttpFilter = {
    async onRequestHeaders(callbacks) {
      const body = await callbacks.readBody(10);
      if (body === null) callbacks.reply({ status: 413 });
      else if (Buffer.from(body).includes('bad')) callbacks.reply({ status: 422, body: 'not that' });
    },
  };

  it('await, buffer a body and answer locally', async () => {
    const { inner, send } = setup({ reader });
    const good = send({ method: 'POST', body: streamed('go', 'od') });
    const bad = send({ method: 'POST', body: streamed('b', 'ad') });
    const long = send({ method: 'POST', body: streamed('0123456789', 'x') });
    const none = send();
    while (good.call.body?.bytes == null || !bad.caller.endings || !long.caller.endings || inner.count < 2)
      await turn();
    assert.deepEqual([bad.caller.status, bad.caller.body], [422, 'not that']);
    assert.equal(long.caller.status, 413);
    assert.equal(Buffer.from(good.call.body.bytes).toString(), 'good');
    const reached = inner.exchanges.map(({ call }) => call);
    assert.ok(reached.includes(good.call) && reached.includes(none.call));
  });

  it('read a body that is in memory without copying it', async () => {
    const bytes = Buffer.from('x');
    const { inner, send } = setup({ reader });
    send({ body: new BytesBody(bytes) });
    await turn();
    assert.equal(inner.last.call.body?.bytes, bytes);
  });

  it('let the caller’s own failure be the caller’s', async () => {
    const failing = new StreamBody(
      (async function* () {
        yield Buffer.from('x');
        throw new Error('disk full');
      })(),
    );
    const { inner, send } = setup({ reader });
    const { caller } = send({ method: 'POST', body: failing });
    while (caller.endings === 0) await turn();
    assert.deepEqual([caller.said, inner.count], [['error disk full'], 0]);
  });

  it('hold a response at its headers: the upstream pauses, and nothing is lost', () => {
    let held: FilterCallbacks | null = null;
    const { inner, send } = setup({
      holder: {
        onResponseHeaders: (callbacks) => {
          held = callbacks;
          return 'stop';
        },
      },
    });
    const { caller } = send();
    inner.last.begin().sent().start(200);
    assert.deepEqual(inner.last.heard, ['pause']);
    inner.last.data('a').data('b').end();
    assert.deepEqual(caller.said, ['sending', 'sent']);
    (held as FilterCallbacks | null)?.continueResponse();
    assert.deepEqual(caller.said, ['sending', 'sent', 'start 200', 'data a', 'data b', 'end']);
  });

  it('resume the upstream when they let the response go, unless the caller has paused it', () => {
    for (const pausedByCaller of [false, true]) {
      let held: FilterCallbacks | null = null;
      const { inner, send } = setup({
        holder: {
          onResponseHeaders: (callbacks) => {
            held = callbacks;
            return 'stop';
          },
        },
      });
      const { call } = send();
      inner.last.begin().sent().start(200);
      if (pausedByCaller) call.controller.pause();
      (held as FilterCallbacks | null)?.continueResponse();
      assert.deepEqual(inner.last.heard, pausedByCaller ? ['pause'] : ['pause', 'resume']);
      call.controller.resume();
      assert.equal(inner.last.heard.at(-1), 'resume');
      inner.last.end();
    }
  });

  it('take a whole response and send another', async () => {
    const chunks: Uint8Array[] = [];
    const { inner, send } = setup({
      upper: {
        onResponseHeaders: () => 'stop',
        onResponseData: (_, chunk) => {
          chunks.push(chunk);
          return null;
        },
        async onResponseTrailers(callbacks) {
          await turn();
          callbacks.sendData(Buffer.from(Buffer.concat(chunks).toString().toUpperCase()));
          callbacks.continueResponse();
        },
      },
    });
    const { call, caller } = send();
    inner.last.begin().sent().start(200).data('a').data('b').end();
    assert.deepEqual(inner.last.heard, []);
    while (caller.endings === 0) await turn();
    assert.deepEqual(caller.said, ['sending', 'sent', 'start 200', 'data AB', 'end']);
    assert.equal(call.controller.holder, null);
  });

  it('let the caller give up while they hold a response, before and after its end', () => {
    for (const ended of [false, true]) {
      let done = 0;
      const { inner, send } = setup({
        holder: {
          onResponseHeaders: () => 'stop',
          onDone: () => {
            done++;
          },
        },
      });
      const { call, caller } = send();
      inner.last.begin().sent().start(200);
      if (ended) inner.last.end();
      call.controller.abort(new Error('gone'));
      assert.deepEqual([caller.said.at(-1), done], ['error gone', 1]);
      assert.equal(inner.last.over, true);
    }
  });
});

describe('filters and routes', () => {
  const named = (name: string, path: string, options: Partial<Route> = {}) =>
    route(forward('reviews'), { name, path: prefix(path), ...options });
  const overrides = (entries: Record<string, Parameters<typeof filterOverride>[1]>): FilterOverrides =>
    new Map(Object.entries(entries).map(([name, options]) => [name, filterOverride(name, options)]));

  /** Says which configuration is in force. */
  const telling: FilterType<string> = {
    compile: (config, levels) => ({
      create: () => ({
        onRequestHeaders: ({ call }) => call.head.headers.append('x-config', [config, ...levels].join(' ')),
      }),
    }),
  };
  const told = ({ inner }: ReturnType<typeof setup>) => inner.last.call.head.headers.get('x-config');

  it('are configured by every level above the call, the most general first', () => {
    const scene = setup(
      { tell: telling as FilterType },
      {
        entries: [httpFilter('tell', { config: 'listener' })],
        hostFilters: overrides({ tell: { config: 'host' } }),
        routes: [
          named('a', '/a', { filters: overrides({ tell: { config: 'route' } }) }),
          route(
            {
              ...forward('reviews'),
              clusters: [
                {
                  ...WEIGHTED_CLUSTER_DEFAULTS,
                  name: 'v1',
                  weight: 1,
                  filters: overrides({ tell: { config: 'cluster' } }),
                },
              ],
            },
            { path: prefix('/b') },
          ),
          named('c', '/c'),
        ],
      },
    );
    const seen = ['/a', '/b', '/c', '/none'].map((path) => {
      scene.inner.exchanges.length = 0;
      scene.send({ path });
      return scene.inner.count === 0 ? 'none' : told(scene);
    });
    assert.deepEqual(seen, ['listener host route', 'listener host cluster', 'listener host', 'none']);
  });

  it('are disabled for a route, and enabled for one where the listener has them disabled', () => {
    const scene = setup(
      { on: telling as FilterType, off: telling as FilterType },
      {
        entries: [httpFilter('on', { config: 'on' }), httpFilter('off', { config: 'off', disabled: true })],
        routes: [
          named('a', '/a', { filters: overrides({ on: { disabled: true, config: null } }) }),
          named('b', '/b', { filters: overrides({ off: { config: null, support: 'skipped' } }) }),
          named('c', '/c'),
        ],
      },
    );
    const seen = ['/a', '/b', '/c'].map((path) => {
      scene.send({ path });
      return told(scene);
    });
    assert.deepEqual(seen, [undefined, 'on, off', 'on']);
  });

  it('go by the share that the call will take', () => {
    const clusters = [
      { ...WEIGHTED_CLUSTER_DEFAULTS, name: 'v1', weight: 1, filters: overrides({ tell: { config: 'one' } }) },
      { ...WEIGHTED_CLUSTER_DEFAULTS, name: 'v2', weight: 1, filters: overrides({ tell: { config: 'two' } }) },
    ];
    const scene = setup(
      { tell: telling as FilterType },
      {
        entries: [httpFilter('tell', { config: '' })],
        routes: [route({ ...forward('reviews'), clusters, totalWeight: 2 })],
      },
    );
    const seen = new Set<string>();
    for (let i = 0; i < 64; i++) {
      const { call } = scene.send();
      const filters = call.route?.filters(call);
      assert.equal(filters, call.route?.filters(call), 'asked again, it is the same');
      seen.add(told(scene) ?? '');
    }
    // Each of 64 calls takes one of two even shares: that all take the same has a chance of 2^-63.
    assert.deepEqual([...seen].sort(), [' one', ' two']);
  });

  it('may send the call another way, and meet it as that route has them', () => {
    const scene = setup(
      {
        divert: {
          onRequestHeaders: ({ call }) => {
            call.head.path = '/b';
            call.clearRoute();
          },
        },
        tell: telling as FilterType,
      },
      {
        entries: [httpFilter('divert'), httpFilter('tell', { config: 'listener' })],
        routes: [
          named('a', '/a', { filters: overrides({ tell: { config: 'a' } }) }),
          named('b', '/b', { filters: overrides({ tell: { config: 'b' } }) }),
        ],
      },
    );
    scene.send({ path: '/a' });
    assert.equal(scene.inner.last.call.route?.name, 'b');
    assert.equal(told(scene), 'listener b');
  });

  it('are made once for all routes that share a configuration', () => {
    const made: string[] = [];
    const counting: FilterType<string> = {
      compile: (config, levels) => {
        made.push([config, ...levels].join(' '));
        return null;
      },
    };
    const compiler = filterCompiler({ count: counting as FilterType });
    const entries = [httpFilter('count', { config: 'listener' })];
    const host = virtualHost([named('a', '/a'), named('b', '/b'), named('c', '/c')], {
      filters: overrides({ count: { config: 'host' } }),
    });
    const first = routeTable(host, {}, { filters: entries, compiler });
    assert.deepEqual(made, ['listener', 'listener host']);
    assert.equal(first.listener.http?.httpFilters.length, 1);
  });

  it('that nobody knows refuse the calls that they are enabled for, and no others', () => {
    const { inner, send } = setup(
      {},
      {
        entries: [
          httpFilter('strange', { support: 'unknown', typeUrl: 'type.googleapis.com/x.Strange' }),
          httpFilter('optional', { support: 'unknown', optional: true }),
        ],
        routes: [
          named('a', '/a', { filters: overrides({ strange: { disabled: true, config: null } }) }),
          named('b', '/b', { filters: overrides({ other: { support: 'unknown' } }) }),
        ],
      },
    );
    send({ path: '/a' });
    assert.equal(inner.count, 1);
    assert.match(
      send({ path: '/b', failAs: 'error' }).caller.error?.message ?? '',
      /strange \(type.googleapis.com\/x.Strange\)/,
    );
    assert.match(
      send({ path: '/c', failAs: 'error' }).caller.error?.message ?? '',
      /HTTP filters that this version lacks/,
    );
    assert.equal(inner.count, 1);
  });

  it('refuse calls whose overrides they cannot honour', () => {
    const { inner, send } = setup(
      { tell: telling as FilterType },
      {
        entries: [httpFilter('tell', { config: '' })],
        routes: [
          named('a', '/a', { filters: overrides({ tell: { support: 'unknown', typeUrl: 'x.Y' } }) }),
          named('b', '/b', { filters: overrides({ tell: { unsupported: ['field'] } }) }),
          named('c', '/c', { filters: overrides({ tell: { support: 'unknown', optional: true } }) }),
        ],
      },
    );
    assert.match(send({ path: '/a', failAs: 'error' }).caller.error?.message ?? '', /tell \(override of type x\.Y\)/);
    assert.match(send({ path: '/b', failAs: 'error' }).caller.error?.message ?? '', /tell \(field\)/);
    send({ path: '/c' });
    assert.equal(inner.count, 1);
  });

  it('of the application meet the response in the context of their call, also after a wait', () => {
    const store = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const note = () => void seen.push(store.getStore());
    let goOn = () => {};
    const waiting: HttpFilter = {
      onRequestHeaders: (callbacks) => {
        goOn = () => callbacks.continueRequest();
        return 'stop';
      },
    };
    const noting: HttpFilter = {
      onRequestHeaders: note,
      onResponseHeaders: note,
      onResponseTrailers: note,
      onDone: note,
    };
    const { inner, send } = setup({ waiting, noting });
    store.run('call', () => send());
    store.run('a stranger', () => {
      goOn();
      inner.last.answer();
    });
    assert.deepEqual(seen, ['call', 'call', 'call', 'call']);
  });

  it('that cannot be made of their configuration refuse the calls of their route, and of no other', () => {
    const choosy: FilterType<string> = {
      compile: (config, levels) => {
        if ([config, ...levels].includes('bad')) throw new RangeError('bad is not good');
        return null;
      },
    };
    const { inner, send } = setup(
      { choosy: choosy as FilterType },
      {
        entries: [httpFilter('choosy', { config: 'good' })],
        routes: [named('a', '/a', { filters: overrides({ choosy: { config: 'bad' } }) }), named('b', '/b')],
      },
    );
    const { error } = send({ path: '/a', failAs: 'error' }).caller;
    assert.match(
      error?.message ?? '',
      /\[filter_failed\] the HTTP filter choosy could not be made .*: bad is not good/,
    );
    assert.equal(isMeshError(error) && error.status, 500);
    send({ path: '/b' });
    assert.equal(inner.count, 1);
  });

  it('whose configuration has not come answer as Envoy does', () => {
    const { send } = setup(
      { late: asFilterType({}) },
      { entries: [httpFilter('late', { support: 'missing' })], routes: [named('a', '/')] },
    );
    const { error } = send().caller;
    assert.ok(isMeshError(error));
    assert.deepEqual(
      [error.status, error.body, error.flag, error.details],
      [500, '', 'NFCF', 'filter_config_not_found'],
    );
  });
});
