import assert from 'node:assert/strict';
import { seededRandom } from './random.ts';
import { VirtualClock } from './virtual-clock.ts';

describe('virtual clock', () => {
  it('runs timers in the order of their time, then of their setting, at their time', () => {
    const clock = new VirtualClock(1_000);
    const seen: string[] = [];
    const note = (name: string) => () => seen.push(`${name} ${clock.now()} ${clock.wallNow()}`);
    clock.setTimer(20, note('b'));
    clock.setTimer(10, note('a'));
    clock.setTimer(20, note('c'));
    clock.setTimer(10, () => {
      clock.setTimer(5, note('set by a timer'));
      clock.afterInput(note('at once'));
    });
    const cancelled = clock.setTimer(15, note('never'));
    cancelled.cancel();
    cancelled.cancel();
    clock.advance(20);
    assert.deepEqual(seen, ['a 10 1010', 'at once 10 1010', 'set by a timer 15 1015', 'b 20 1020', 'c 20 1020']);
    assert.equal(clock.pending, 0);
    assert.equal(clock.now(), 20);
  });
});

describe('seeded random', () => {
  it('gives the same run for the same seed, even and in [0, 1)', () => {
    const draw = (seed: number) => {
      const random = seededRandom(seed);
      return Array.from({ length: 10_000 }, random);
    };
    assert.deepEqual(draw(1), draw(1));
    assert.notDeepEqual(draw(1), draw(2));
    const drawn = draw(3);
    assert.ok(drawn.every((value) => value >= 0 && value < 1));
    assert.ok(Math.abs(drawn.reduce((sum, value) => sum + value, 0) / drawn.length - 0.5) < 0.02);
  });
});
