import assert from 'node:assert/strict';
import type { FractionalPercent } from '../model/runtime.ts';
import { Runtime } from './runtime.ts';
import { flattenRuntime, RuntimeValueError } from './runtime-value.ts';

function runtime(...layers: { readonly [key: string]: unknown }[]): Runtime {
  return new Runtime(layers.map((layer, index) => ({ name: `${index}`, values: flattenRuntime(layer) })));
}

const half: FractionalPercent = { numerator: 50, denominator: 100 };

describe('runtime', () => {
  it('takes the last layer that has the key', () => {
    const values = runtime({ a: 1, b: 1 }, { b: 2, c: { d: 3 } });
    assert.deepEqual(
      ['a', 'b', 'c.d', 'e'].map((key) => values.integer(key, 9)),
      [1, 2, 3, 9],
    );
    assert.equal(values.value('e'), null);
  });

  it('reads a value as what is asked for, and gives the default where it is nothing of the kind', () => {
    const values = runtime({
      n: 3.7,
      neg: -2,
      zero: 0,
      t: true,
      yes: 'True',
      text: 'words',
      written: ' 42 ',
      empty: {},
    });
    const keys = ['n', 'neg', 'zero', 't', 'yes', 'text', 'written', 'empty'];
    assert.deepEqual(
      keys.map((key) => values.integer(key, 9)),
      [3, 9, 0, 9, 9, 9, 42, 9],
    );
    assert.deepEqual(
      keys.map((key) => values.number(key, 9)),
      [3.7, -2, 0, 9, 9, 9, 42, 9],
    );
    const unset = keys.filter((key) => values.boolean(key, true) !== values.boolean(key, false));
    assert.deepEqual(unset, ['n', 'text', 'empty']);
    assert.deepEqual(
      ['neg', 'zero', 't', 'yes', 'written'].map((key) => values.boolean(key, false)),
      [true, false, true, true, true],
    );
  });

  it('reads shares: a whole number counts in hundredths, a malformed one is none', () => {
    const values = runtime({
      whole: 7,
      share: { numerator: 5, denominator: 'TEN_THOUSAND' },
      bare: { numerator: 5 },
      none: { denominator: 'MILLION' },
      wrong: { numerator: 5, denominator: 'DOZEN' },
      friend: { numerator: 5, other: 1 },
      text: '{"numerator": 9, "denominator": "MILLION"}',
      words: 'soon',
    });
    const found = Object.fromEntries([...values.snapshot.keys()].map((key) => [key, values.percent(key, half)]));
    assert.deepEqual(found, {
      whole: { numerator: 7, denominator: 100 },
      share: { numerator: 5, denominator: 10_000 },
      bare: { numerator: 5, denominator: 100 },
      none: { numerator: 0, denominator: 1_000_000 },
      wrong: half,
      friend: half,
      text: { numerator: 9, denominator: 1_000_000 },
      words: half,
    });
  });

  it('enables a feature for exactly its share of the numbers', () => {
    const values = runtime({ on: 101, off: 0, some: { numerator: 25, denominator: 'TEN_THOUSAND' } });
    const share = (key: string): number =>
      Array.from({ length: 10_000 }, (_, random) => values.featureEnabled(key, half, random)).filter(Boolean).length;
    assert.deepEqual(['on', 'off', 'some', 'unset', ''].map(share), [10_000, 0, 25, 5_000, 5_000]);
    assert.equal(new Runtime().featureEnabled('x', half, 2 ** 52 + 49), (2 ** 52 + 49) % 100 < 50);
  });

  it('changes under whoever holds it', () => {
    const values = runtime({ a: 1 });
    const ask = (): number => values.integer('a', 0);
    assert.equal(ask(), 1);
    values.update([{ name: 'x', values: flattenRuntime({ a: 2 }) }]);
    assert.equal(ask(), 2);
    values.update([]);
    assert.equal(ask(), 0);
  });

  it('holds no lists and no nulls', () => {
    for (const value of [[], null]) {
      assert.throws(() => flattenRuntime({ a: { b: value } }), new RuntimeValueError('a.b'));
    }
  });
});
