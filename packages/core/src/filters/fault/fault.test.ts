import assert from 'node:assert/strict';
import type { FractionalPercent } from '../../model/runtime.ts';
import { flattenRuntime } from '../../runtime/runtime-value.ts';
import { FilterScene } from '../../testing/filter-scene.ts';
import { FAULT_RUNTIME_KEYS, type FaultConfig } from './config.ts';
import { fault } from './fault.ts';

const always: FractionalPercent = { numerator: 100, denominator: 100 };
const never: FractionalPercent = { numerator: 0, denominator: 100 };
const none: FaultConfig = {
  abort: null,
  delay: null,
  responseRateLimit: null,
  upstreamCluster: '',
  downstreamNodes: [],
  headers: [],
  maxActiveFaults: null,
  runtimeKeys: FAULT_RUNTIME_KEYS,
  disableDownstreamClusterStats: false,
  filterMetadata: null,
};
const abort = (http: number, percentage = always) => ({ percentage, status: { http }, responseBody: '' });
const delay = (duration: number, percentage = always) => ({ percentage, duration });

function scene(config: Partial<FaultConfig>, override?: Partial<FaultConfig>) {
  return new FilterScene(fault, { ...none, ...config }, override ? { override: { ...none, ...override } } : {});
}

describe('fault', () => {
  it('aborts, and counts what it did', () => {
    const { send, stats, inner } = scene({ abort: abort(503) });
    const { caller, call } = send({ headers: ['x-envoy-downstream-service-cluster', 'shop'] });
    assert.deepEqual([caller.status, caller.body, call.failure?.flag], [503, 'fault filter abort', 'FI']);
    assert.equal(inner.count, 0);
    assert.deepEqual(
      { ...stats },
      {
        'http.http.fault.active_faults': 0,
        'http.http.fault.aborts_injected': 1,
        'http.http.fault.shop.aborts_injected': 1,
      },
    );
  });

  it('delays for as long as it says, and then goes on', () => {
    const { send, inner, clock, stats } = scene({ delay: delay(250) });
    const { call } = send();
    clock.advance(249);
    assert.deepEqual([inner.count, stats['http.http.fault.active_faults']], [0, 1]);
    clock.advance(1);
    assert.deepEqual([inner.count, stats['http.http.fault.active_faults']], [1, 0]);
    assert.deepEqual(call.flags, ['DI']);
  });

  it('lets a caller give up while it delays: no timer is left, and nothing is sent', () => {
    const { send, inner, clock, stats } = scene({ delay: delay(250) });
    const { call, caller } = send();
    call.controller.abort(new Error('gone'));
    assert.deepEqual([caller.said, clock.pending, stats['http.http.fault.active_faults']], [['error gone'], 0, 0]);
    clock.advance(1_000);
    assert.equal(inner.count, 0);
  });

  it('aborts after a delay', () => {
    const { send, clock } = scene({ delay: delay(10), abort: abort(500) });
    const { caller, call } = send();
    assert.equal(caller.endings, 0);
    clock.advance(10);
    assert.deepEqual([caller.status, call.failure?.flag], [500, 'DI,FI']);
  });

  it('is what the route says, also where that is nothing', () => {
    assert.equal(scene({ abort: abort(503) }, { abort: abort(418) }).ask().caller.status, 418);
    assert.equal(scene({ abort: abort(503) }, {}).ask().caller.status, 200);
  });

  it('holds no more calls than max_active_faults', () => {
    const { send, inner, clock, stats } = scene({ delay: delay(100), maxActiveFaults: 1 });
    send();
    send();
    assert.equal(inner.count, 1);
    assert.equal(stats['http.http.fault.faults_overflow'], 1);
    clock.advance(100);
    assert.equal(inner.count, 2);
  });

  it('does as the runtime says, live, and as it says for the caller’s service', () => {
    const made = scene({ abort: abort(503, never), delay: delay(100, never) });
    const use = (values: { readonly [key: string]: unknown }) =>
      made.runtime.update([{ name: 'test', values: flattenRuntime(values) }]);
    assert.equal(made.ask().caller.status, 200);
    use({ 'fault.http.abort.abort_percent': 100, 'fault.http.abort.http_status': 429 });
    assert.equal(made.ask().caller.status, 429);
    use({ 'fault.http.shop.abort.abort_percent': 100 });
    assert.equal(made.ask().caller.status, 200);
    assert.equal(made.ask({ headers: ['x-envoy-downstream-service-cluster', 'shop'] }).caller.status, 503);
    use({ 'fault.http.max_active_faults': 0, 'fault.http.abort.abort_percent': 100 });
    assert.equal(made.ask().caller.status, 200);
    use({ 'fault.http.delay.fixed_delay_percent': 100, 'fault.http.delay.fixed_duration_ms': 7 });
    const { caller } = made.send();
    made.clock.advance(6);
    assert.equal(made.clock.pending, 1);
    made.clock.advance(1);
    made.inner.last.answer();
    assert.equal(caller.status, 200);
  });

  for (const [numerator, denominator] of [
    [1, 10_000],
    [500_000, 1_000_000],
    [1, 1_000_000],
  ] as const) {
    it(`draws ${numerator} of ${denominator}`, () => {
      const made = scene({ abort: abort(503, { numerator, denominator }) });
      const n = 40_000;
      let aborted = 0;
      for (let i = 0; i < n; i++) {
        const { caller } = made.send();
        if (caller.status === 503) aborted++;
        made.inner.exchanges.length = 0;
      }
      const expected = (n * numerator) / denominator;
      // The seed is fixed, so this cannot fail by chance; six deviations bound what any seed gives but once in 10^8.
      assert.ok(Math.abs(aborted - expected) <= 6 * Math.sqrt(expected) + 1, `${aborted} of ${n}`);
    });
  }

  describe('that slows a response down', () => {
    const slow = (kbps: number) => scene({ responseRateLimit: { percentage: always, kbps } });

    it('lets it through in portions of 50 ms, its end after the last', () => {
      const { send, inner, clock, stats } = slow(1);
      const { caller } = send();
      inner.last.begin().sent().start(200).data('x'.repeat(120)).end();
      assert.deepEqual(caller.said.slice(2), ['start 200']);
      const sizes: number[] = [];
      for (let i = 0; i < 3; i++) {
        clock.advance(50);
        sizes.push(caller.body.length);
      }
      assert.deepEqual([sizes, caller.said.at(-1)], [[51, 102, 120], 'end']);
      assert.deepEqual([stats['http.http.fault.response_rl_injected'], stats['http.http.fault.active_faults']], [1, 0]);
      assert.equal(clock.pending, 0);
    });

    it('stops the upstream at the buffer’s limit, and lets it go on below', () => {
      const { send, inner, clock } = slow(1_024);
      const { caller } = send();
      inner.last.begin().sent().start(200);
      const chunk = 'x'.repeat(600_000);
      inner.last.data(chunk).data(chunk);
      assert.deepEqual(inner.last.heard, ['pause']);
      clock.advance(200);
      assert.deepEqual(inner.last.heard, ['pause', 'resume']);
      inner.last.end();
      clock.advance(2_000);
      assert.deepEqual([caller.body.length, caller.said.at(-1)], [1_200_000, 'end']);
    });

    it('waits with a caller that has paused', () => {
      const { send, inner, clock } = slow(1);
      const { call, caller } = send();
      inner.last.begin().sent().start(200).data('x'.repeat(60));
      call.controller.pause();
      clock.advance(500);
      assert.equal(caller.body, '');
      call.controller.resume();
      inner.last.end();
      clock.advance(100);
      assert.equal(caller.said.at(-1), 'end');
    });

    it('drops what waits when the caller gives up, or the upstream breaks', () => {
      for (const breaks of [true, false]) {
        const { send, inner, clock } = slow(1);
        const { call, caller } = send();
        inner.last.begin().sent().start(200).data('x'.repeat(600));
        if (breaks) inner.last.break();
        else call.controller.abort(new Error('gone'));
        assert.equal(caller.endings, 1);
        assert.equal(clock.pending, 0);
      }
    });
  });
});
