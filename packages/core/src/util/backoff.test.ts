import assert from 'node:assert/strict';
import { Backoff } from './backoff.ts';

describe('backoff', () => {
  it('grows by 1.6 from 1 s to 120 s, and begins again after a reset', () => {
    const backoff = new Backoff(() => 0.5);
    const waits = Array.from({ length: 12 }, () => Math.round(backoff.next()));
    assert.deepEqual(waits.slice(0, 4), [1_000, 1_600, 2_560, 4_096]);
    assert.deepEqual(waits.slice(-2), [109_951, 120_000]);
    assert.equal(backoff.next(), 120_000);
    backoff.reset();
    assert.equal(backoff.next(), 1_000);
  });

  it('is shorter or longer by up to a fifth', () => {
    assert.equal(new Backoff(() => 0).next(), 800);
    assert.equal(Math.round(new Backoff(() => 0.999_999).next()), 1_200);
  });
});
