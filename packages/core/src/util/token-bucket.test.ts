import assert from 'node:assert/strict';
import { TokenBucket } from './token-bucket.ts';
import { VirtualClock } from './virtual-clock.ts';

describe('token bucket', () => {
  it('is full at first, and fills steadily up to its limit', () => {
    const clock = new VirtualClock();
    const bucket = new TokenBucket({ maxTokens: 3, tokensPerFill: 2, fillIntervalMs: 1_000 }, clock);
    const taken = () => {
      let count = 0;
      while (bucket.take()) count++;
      return count;
    };
    assert.equal(taken(), 3);
    assert.equal(bucket.nextTokenMs, 500);
    clock.advance(499);
    assert.equal(bucket.take(), false);
    clock.advance(1);
    assert.equal(taken(), 1);
    clock.advance(1_250);
    assert.equal(bucket.tokens, 2);
    clock.advance(100_000);
    assert.deepEqual([bucket.tokens, bucket.nextTokenMs, taken()], [3, 0, 3]);
  });

  it('gives just the rate in the long run', () => {
    const clock = new VirtualClock();
    const bucket = new TokenBucket({ maxTokens: 10, tokensPerFill: 7, fillIntervalMs: 100 }, clock);
    let given = 0;
    for (let i = 0; i < 100_000; i++) {
      clock.advance(1);
      while (bucket.take()) given++;
    }
    assert.ok(Math.abs(given - 7_010) <= 1, `${given}`);
  });
});
