import assert from 'node:assert/strict';
import { compose, type Dispatch } from './dispatch.ts';
import { MeshError } from './errors.ts';
import type { FilterCallbacks } from './filters/filter.ts';
import { filters } from './filters/filters.ts';
import { asFilterType } from './filters/own-filter.ts';
import { hold, holdAgain } from './hold.ts';
import { router } from './router/router.ts';
import { send } from './testing/caller.ts';
import { FakeAuthority, filterCompiler, Harness, QUIET, routeTable } from './testing/harness.ts';
import { Inner } from './testing/inner.ts';
import { forward, httpFilter, prefix, route, virtualHost } from './testing/models.ts';
import type { Clock } from './util/clock.ts';
import { VirtualClock } from './util/virtual-clock.ts';

const table = () => routeTable(virtualHost([route(forward('reviews'))]), { reviews: new MeshError('no_cluster', 'x') });

const calls = (inner: Inner) => inner.exchanges.map(({ call }) => call);

function setup(options: { maxHeld?: number; clock?: Clock } = {}) {
  const clock = new VirtualClock();
  const authority = new FakeAuthority();
  const inner = new Inner();
  const asked: string[] = [];
  const dispatch: Dispatch = hold({
    directory: {
      lookup(target, name) {
        asked.push(`${target} ${name}`);
        return authority;
      },
    },
    clock: options.clock ?? clock,
    holdTimeoutMs: 15_000,
    maxHeld: options.maxHeld ?? 3,
  })(inner.dispatch);
  return { clock, authority, inner, dispatch, asked };
}

describe('hold', () => {
  it('lets a call pass where the routes are known, with the routes of that moment', () => {
    const { authority, inner, dispatch, asked, clock } = setup();
    const first = table();
    authority.settle({ table: first });
    const { call } = send(dispatch);
    authority.settle({ table: table() });
    assert.equal(inner.last.call, call);
    assert.equal(call.table, first);
    assert.deepEqual(asked, ['reviews:9080 reviews:9080']);
    assert.equal(clock.pending, 0);
  });

  it('holds only the calls of a route whose cluster has not come, until it has', () => {
    const { authority, inner, dispatch, clock } = setup();
    const host = virtualHost([
      route(forward('slow'), { path: prefix('/slow') }),
      route(forward({ slow: 1, reviews: 9 }), { path: prefix('/split') }),
      route(forward('reviews')),
    ]);
    const gone = new MeshError('no_cluster', 'x');
    const told = (slow: MeshError | null) => authority.settle({ table: routeTable(host, { slow, reviews: gone }) });
    told(null);
    const held = ['/slow', '/split'].map((path) => send(dispatch, { path }).call);
    const free = send(dispatch, { path: '/other' }).call;
    assert.deepEqual(calls(inner), [free]);
    told(null);
    assert.deepEqual(calls(inner), [free]);
    told(gone);
    assert.deepEqual(calls(inner), [free, ...held]);
    assert.ok(held.every((call) => call.table === authority.table));
    assert.equal(clock.pending, 0);
  });

  it('serves those who wait in the order in which they came', () => {
    const { authority, inner, dispatch, clock } = setup();
    const calls = ['a', 'b', 'c'].map((path) => send(dispatch, { path }).call);
    assert.equal(inner.count, 0);
    assert.equal(clock.pending, 3);
    authority.settle({ table: table() });
    assert.deepEqual(
      inner.exchanges.map(({ call }) => call),
      calls,
    );
    assert.equal(clock.pending, 0);
    assert.ok(calls.every((call) => call.table === authority.table));
  });

  it('refuses one more than may wait, and takes others once there is room', () => {
    const { authority, inner, dispatch } = setup({ maxHeld: 2 });
    const first = send(dispatch);
    send(dispatch);
    assert.deepEqual(send(dispatch).caller.said, ['error hold_overflow UO']);
    first.call.controller.abort(new Error('enough'));
    assert.deepEqual(send(dispatch).caller.said, []);
    assert.deepEqual(send(dispatch).caller.said, ['error hold_overflow UO']);
    authority.settle({ table: table() });
    assert.equal(inner.count, 2);
    authority.settle({});
    assert.deepEqual(send(dispatch).caller.said, []);
  });

  it('gives up after 15 s, each call after its own', () => {
    const { dispatch, clock, authority, inner } = setup();
    const first = send(dispatch);
    clock.advance(10_000);
    const second = send(dispatch);
    clock.advance(4_999);
    assert.deepEqual(first.caller.said, []);
    clock.advance(1);
    assert.deepEqual(first.caller.said, ['error config_timeout NR']);
    assert.deepEqual(second.caller.said, []);
    assert.equal(authority.waiting, 1);
    authority.settle({ table: table() });
    assert.equal(inner.last.call, second.call);
    assert.equal(clock.pending, 0);
  });

  it('tells why there are no routes, at once and to those who wait', () => {
    const { dispatch, authority, clock } = setup();
    const waiting = send(dispatch);
    authority.settle({ error: new MeshError('no_route', 'no virtual host matches') });
    assert.deepEqual(waiting.caller.said, ['error no_route NR']);
    assert.deepEqual(send(dispatch).caller.said, ['error no_route NR']);
    assert.equal(clock.pending, 0);
  });

  it('a caller that gives up leaves no timer and no place taken', () => {
    const { dispatch, authority, clock, inner } = setup({ maxHeld: 1 });
    const { call, caller } = send(dispatch);
    call.controller.abort(new Error('enough'));
    assert.deepEqual(caller.said, ['error enough']);
    assert.equal(clock.pending, 0);
    assert.equal(authority.waiting, 0);
    authority.settle({ table: table() });
    assert.equal(inner.count, 0);
  });

  it('a call that is admitted may give up those behind it', () => {
    const { dispatch, authority, clock, inner } = setup();
    const first = send(dispatch);
    const second = send(dispatch);
    const third = send(dispatch);
    first.caller.on.error = () => second.call.controller.abort(new Error('with the first'));
    authority.settle({ error: new MeshError('no_route', 'none') });
    assert.deepEqual(first.caller.said, ['error no_route NR']);
    assert.deepEqual(second.caller.said, ['error with the first']);
    assert.deepEqual(third.caller.said, ['error no_route NR']);
    assert.equal(clock.pending, 0);
    authority.settle({});
    // Three may wait again: nobody left twice.
    for (let i = 0; i < 3; i++) assert.deepEqual(send(dispatch).caller.said, []);
    assert.deepEqual(send(dispatch).caller.said, ['error hold_overflow UO']);
    assert.equal(inner.count, 0);
  });

  it('keeps the process alive while a call waits: its timer is not unref’d', () => {
    const options: unknown[] = [];
    const { dispatch } = setup({
      clock: {
        now: () => 0,
        wallNow: () => 0,
        setTimer(_ms, _callback, given) {
          options.push(given?.unref ?? false);
          return { cancel() {} };
        },
        afterInput() {},
      },
    });
    send(dispatch);
    assert.deepEqual(options, [false]);
  });
});

describe('hold, again', () => {
  const host = virtualHost([route(forward('late'), { path: prefix('/late') }), route(forward('reviews'))]);
  const gone = new MeshError('no_cluster', 'x');

  /** A filter sends all calls to `/late`. */
  function diverted() {
    const clock = new VirtualClock();
    const authority = new FakeAuthority();
    const inner = new Inner();
    const divert = {
      onRequestHeaders: ({ call }: FilterCallbacks) => {
        call.head.path = '/late';
        call.clearRoute();
      },
    };
    const compiler = filterCompiler({ divert: asFilterType(divert) });
    const use = (late: MeshError | null) =>
      authority.settle({
        table: routeTable(host, { late, reviews: gone }, { filters: [httpFilter('divert')], compiler }),
      });
    const options = { directory: { lookup: () => authority }, clock, holdTimeoutMs: 15_000, maxHeld: 1 };
    const dispatch = compose([hold(options), router(), filters({ clock }), holdAgain(options)], inner.dispatch);
    return { clock, authority, inner, dispatch, use };
  }

  it('lets a call wait that a filter led to a cluster which has not come, and goes by the routes that tell of it', () => {
    const { authority, inner, dispatch, use, clock } = diverted();
    use(null);
    const { call } = send(dispatch);
    assert.deepEqual([inner.count, authority.waiting], [0, 1]);
    use(gone);
    assert.equal(inner.last.call, call);
    assert.equal(call.route, authority.table?.routes[0]?.route);
    assert.equal(clock.pending, 0);
  });

  it('is bounded as the first wait is, and ends with the caller’s patience', () => {
    const { authority, dispatch, use, clock } = diverted();
    use(null);
    const { call, caller } = send(dispatch, { failAs: 'error' });
    assert.deepEqual(send(dispatch, { failAs: 'error' }).caller.said, ['error hold_overflow UO']);
    call.controller.abort(new Error('enough'));
    assert.deepEqual(caller.said, ['error enough']);
    assert.deepEqual([authority.waiting, clock.pending], [0, 0]);
    const inVain = send(dispatch, { failAs: 'error' });
    clock.advance(15_000);
    assert.deepEqual(inVain.caller.said, ['error config_timeout NR']);
  });

  it('costs a call whose cluster is there no second question', () => {
    const { authority, inner, dispatch, use } = diverted();
    use(gone);
    send(dispatch);
    assert.deepEqual([inner.count, authority.waiting], [1, 0]);
  });
});

describe('an authority that the feed has never known', () => {
  const absent = { error: new MeshError('no_route', 'no listener'), absent: true };

  it('passes by the mesh, at once and after a wait, and is in flight no more', () => {
    const harness = new Harness();
    const passed: unknown[] = [];
    const waiting = send(harness.dispatch, { passThrough: (call) => passed.push(call) });
    assert.equal(harness.stats.downstream_rq_active, 1);
    harness.authority.settle(absent);
    const later = send(harness.dispatch, { passThrough: (call) => passed.push(call) });
    assert.deepEqual(passed, [waiting.call, later.call]);
    assert.deepEqual([waiting.caller.said, later.caller.said], [[], []]);
    assert.deepEqual(harness.gauges, QUIET);
    assert.equal(harness.idle, 2);
    assert.equal(harness.clock.pending, 0);
  });

  it('fails where its door has no other way, and where it was known once', () => {
    const harness = new Harness();
    harness.authority.settle(absent);
    assert.equal(send(harness.dispatch).caller.status, 404);
    harness.authority.settle({ ...absent, absent: false });
    const passed: unknown[] = [];
    assert.equal(send(harness.dispatch, { passThrough: (call) => passed.push(call) }).caller.status, 404);
    assert.deepEqual(passed, []);
  });
});
