import assert from 'node:assert/strict';
import type { RuntimeFractionalPercent } from '../model/runtime.ts';
import { Runtime } from '../runtime/runtime.ts';
import { FilterScene } from '../testing/filter-scene.ts';
import { type CsrfPolicy, csrf } from './csrf.ts';

const share = (numerator: number, runtimeKey = ''): RuntimeFractionalPercent => ({
  defaultValue: { numerator, denominator: 100 },
  runtimeKey,
});
const policy = (some: Partial<CsrfPolicy> = {}): CsrfPolicy => ({
  filterEnabled: share(100),
  shadowEnabled: null,
  additionalOrigins: [],
  ...some,
});
const post = (...headers: string[]) => ({ method: 'POST', authority: 'shop', headers });

describe('csrf', () => {
  it('refuses what comes from elsewhere or from nowhere, and counts', () => {
    const scene = new FilterScene(csrf, policy());
    const statuses = [[], ['origin', 'http://shop'], ['origin', 'http://other'], ['referer', 'http://u@shop/x']].map(
      (headers) => scene.ask(post(...headers)).caller.status,
    );
    assert.deepEqual(statuses, [403, 200, 403, 200]);
    assert.deepEqual(
      { ...scene.stats },
      {
        'http.http.csrf.missing_source_origin': 1,
        'http.http.csrf.request_invalid': 2,
        'http.http.csrf.request_valid': 2,
      },
    );
    const { call, caller } = scene.ask(post());
    assert.deepEqual([caller.body, call.failure?.details], ['Invalid origin', 'csrf_origin_mismatch']);
  });

  it('only counts in the shadow', () => {
    const scene = new FilterScene(csrf, policy({ filterEnabled: share(0), shadowEnabled: share(100) }));
    assert.equal(scene.ask(post('origin', 'http://other')).caller.status, 200);
    assert.equal(scene.stats['http.http.csrf.request_invalid'], 1);
  });

  it('is left out where no call is ever asked, but not where a runtime key may say otherwise', () => {
    const { environment } = new FilterScene(csrf, policy());
    assert.ok(environment.runtime instanceof Runtime);
    assert.equal(csrf.compile(policy({ filterEnabled: share(0) }), [], environment), null);
    assert.notEqual(csrf.compile(policy({ filterEnabled: share(0, 'csrf.on') }), [], environment), null);
    assert.equal(csrf.compile(policy(), [policy({ filterEnabled: null })], environment), null);
  });
});
