import assert from 'node:assert/strict';
import type { ForwardAction } from '../model/route.ts';
import { Runtime } from '../runtime/runtime.ts';
import { flattenRuntime } from '../runtime/runtime-value.ts';
import { makeCall } from '../testing/caller.ts';
import { forward } from '../testing/models.ts';
import { seededRandom } from '../util/random.ts';
import type { ClusterShare } from './cluster-share.ts';
import { WeightedShares } from './weighted-shares.ts';

function counts(weights: Readonly<Record<string, number>>, more: Partial<ForwardAction>, runtime: Runtime): object {
  const action = forward(weights, more);
  const shares = new WeightedShares(action, action.clusters as readonly WeightedShare[], {
    runtime,
    random: seededRandom(5),
  });
  const found: Record<string, number> = {};
  for (let i = 0; i < 100; i++) {
    const name = shares.choose(makeCall())?.name ?? 'none';
    found[name] = (found[name] ?? 0) + 1;
  }
  return found;
}

type WeightedShare = ForwardAction['clusters'][number] & ClusterShare;

function runtimeOf(values: Readonly<Record<string, number>>): Runtime {
  return new Runtime([{ name: 'test', values: flattenRuntime(values) }]);
}

describe('weights of the runtime', () => {
  it('replace those of the feed, and add up to their own sum', () => {
    const runtime = runtimeOf({ 'w.a': 0, 'w.b': 7 });
    assert.deepEqual(counts({ a: 100, b: 0 }, { runtimeKeyPrefix: 'w' }, runtime), { b: 100 });
    assert.deepEqual(counts({ a: 100, b: 0 }, { runtimeKeyPrefix: 'other' }, runtime), { a: 100 });
    assert.deepEqual(counts({ a: 100, b: 0 }, { runtimeKeyPrefix: 'w' }, runtimeOf({ 'w.a': 0 })), { none: 100 });
  });

  it('are asked anew for each call', () => {
    const runtime = new Runtime();
    const action = forward({ a: 1, b: 0 }, { runtimeKeyPrefix: 'w' });
    const shares = new WeightedShares(action, action.clusters as readonly WeightedShare[], {
      runtime,
      random: seededRandom(5),
    });
    assert.equal(shares.choose(makeCall())?.name, 'a');
    runtime.update([{ name: 'test', values: flattenRuntime({ w: { a: 0, b: 1 } }) }]);
    assert.equal(shares.choose(makeCall())?.name, 'b');
  });
});
