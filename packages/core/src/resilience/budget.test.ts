import assert from 'node:assert/strict';
import { VirtualClock } from '../util/virtual-clock.ts';
import { jitteredBackoff } from './backoff.ts';
import { RetryBudget } from './budget.ts';

const granted = (budget: RetryBudget): number => {
  let count = 0;
  while (budget.tryWithdraw()) count++;
  return count;
};

describe('retry budget', () => {
  it('always allows some, ten per second of its window', () => {
    assert.equal(granted(new RetryBudget(new VirtualClock())), 100);
    assert.equal(granted(new RetryBudget(new VirtualClock(), { ttlMs: 1_000, minRetriesPerSecond: 3 })), 3);
  });

  it('allows a fifth of the calls of the last ten seconds besides', () => {
    const clock = new VirtualClock();
    const budget = new RetryBudget(clock, { minRetriesPerSecond: 0 });
    for (let i = 0; i < 4; i++) budget.deposit();
    assert.equal(budget.tryWithdraw(), false);
    for (let i = 0; i < 46; i++) budget.deposit();
    assert.ok(Math.abs(budget.balance - 10) < 1e-9);
    clock.advance(9_000);
    for (let i = 0; i < 5; i++) budget.deposit();
    assert.ok(Math.abs(budget.balance - 11) < 1e-9);
    clock.advance(1_000);
    assert.ok(Math.abs(budget.balance - 1) < 1e-9, 'the deposits of the first second have expired');
    clock.advance(60_000);
    assert.equal(budget.balance, 0);
  });

  it('forgets what was taken as it forgets what was given', () => {
    const clock = new VirtualClock();
    const budget = new RetryBudget(clock, { minRetriesPerSecond: 1 });
    assert.equal(granted(budget), 10);
    clock.advance(9_999);
    assert.equal(granted(budget), 0);
    clock.advance(1);
    assert.equal(granted(budget), 10);
  });
});

describe('backoff', () => {
  it('is by chance between nothing and base × 2ⁿ⁻¹, at most the maximum', () => {
    const longest = () => 1;
    assert.deepEqual(
      [1, 2, 3, 4, 5, 60].map((retry) => jitteredBackoff(25, 250, retry, longest)),
      [25, 50, 100, 200, 250, 250],
    );
    assert.equal(
      jitteredBackoff(25, 250, 3, () => 0),
      0,
    );
    assert.equal(
      jitteredBackoff(25, 250, 1, () => 0.5),
      12.5,
    );
  });
});
