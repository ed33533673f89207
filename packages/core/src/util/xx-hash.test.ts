import assert from 'node:assert/strict';
import { xxHash64 } from './xx-hash.ts';

describe('xxHash64', () => {
  // The first four from the reference implementation, the others from Envoy's tests (hash_test.cc).
  const cases: readonly [string, bigint, bigint][] = [
    ['', 0n, 0xef46_db37_51d8_e999n],
    ['a', 0n, 0xd24e_c4f1_a98c_6e5bn],
    ['abc', 0n, 0x44bc_2cf5_ad77_0999n],
    ['Nobody inspects the spammish repetition', 0n, 0xfbce_a83c_8a37_8bf1n],
    ['foo', 0n, 3728699739546630719n],
    ['bar', 0n, 5234164152756840025n],
  ];
  for (const [text, seed, expected] of cases) {
    it(JSON.stringify(text), () => assert.equal(xxHash64(Buffer.from(text), seed), expected));
  }

  it('depends on the seed', () => {
    assert.notEqual(xxHash64(Buffer.from('foo'), 1n), xxHash64(Buffer.from('foo')));
    assert.ok(xxHash64(Buffer.from('x'.repeat(100)), 2n ** 64n - 1n) < 2n ** 64n);
  });
});
