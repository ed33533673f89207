import assert from 'node:assert/strict';
import type { Clock } from './clock.ts';
import { seededRandom } from './random.ts';
import { TimerWheel } from './timer-wheel.ts';
import { VirtualClock } from './virtual-clock.ts';

/** A clock whose timers fire when the test lets the loop turn, however late that is. */
class StalledLoop implements Clock {
  time = 0;
  timers: { at: number; callback: () => void; unref: boolean }[] = [];
  input: (() => void)[] = [];

  now(): number {
    return this.time;
  }

  wallNow(): number {
    return this.time;
  }

  setTimer(ms: number, callback: () => void, options?: { readonly unref?: boolean }) {
    const timer = { at: this.time + ms, callback, unref: options?.unref ?? false };
    this.timers.push(timer);
    return {
      cancel: () => {
        this.timers = this.timers.filter((other) => other !== timer);
      },
    };
  }

  afterInput(callback: () => void): void {
    this.input.push(callback);
  }

  /** One turn of the loop: timers that are due, then input, then what waits for it. */
  turn(ms: number, input: () => void = () => {}): void {
    this.time += ms;
    const due = this.timers.filter(({ at }) => at <= this.time);
    this.timers = this.timers.filter(({ at }) => at > this.time);
    for (const { callback } of due) callback();
    input();
    for (const callback of this.input.splice(0)) callback();
  }
}

describe('timer wheel', () => {
  it('never fires early, and one tick late at most, whenever a timeout is set, two where it is a long one', () => {
    const random = seededRandom(3);
    const clock = new VirtualClock();
    clock.advance(3.7);
    const wheel = new TimerWheel(clock);
    const lateness: number[] = [];
    const ofLong: number[] = [];
    let left = 2_000;
    for (let i = 0; i < 2_000; i++) {
      clock.advance(random() * 7);
      const ms = random() < 0.1 ? random() * 20_000 : random() * 200;
      const due = clock.now() + ms;
      wheel.set(ms, () => {
        left--;
        (ms < 10_000 ? lateness : ofLong).push(clock.now() - due);
      });
    }
    clock.advance(30_000);
    assert.equal(left, 0);
    assert.ok(Math.min(...lateness) >= 0, `${Math.min(...lateness)} ms early`);
    assert.ok(Math.max(...lateness) < 6, `${Math.max(...lateness)} ms late`);
    assert.ok(Math.min(...ofLong) >= 0, `${Math.min(...ofLong)} ms early`);
    assert.ok(Math.max(...ofLong) < 11, `${Math.max(...ofLong)} ms late`);
    assert.equal(clock.pending, 0);
  });

  it('tells times apart that share a slot: 512 ticks and more away', () => {
    const clock = new VirtualClock();
    const wheel = new TimerWheel(clock);
    const fired: string[] = [];
    wheel.set(10 + 2 * 512 * 5, () => fired.push(`third ${clock.now()}`));
    wheel.set(10, () => fired.push(`first ${clock.now()}`));
    wheel.set(10 + 512 * 5, () => fired.push(`second ${clock.now()}`));
    clock.advance(10_000);
    assert.deepEqual(fired, ['first 10', 'second 2570', 'third 5130']);
  });

  it('lets long timeouts count from its next tick, and forgets those that are cancelled before it', () => {
    const loop = new StalledLoop();
    const wheel = new TimerWheel(loop);
    const fired: number[] = [];
    wheel.set(10_000, () => fired.push(loop.time));
    wheel.set(10_000, () => fired.push(-1)).cancel();
    // What held the loop up is none of the time that a call has.
    loop.turn(40);
    while (loop.timers.length > 0) loop.turn(5);
    assert.deepEqual(fired, [10_040]);
  });

  it('tells the time of its last tick; the time itself while it has nothing to do', () => {
    const clock = new VirtualClock();
    const wheel = new TimerWheel(clock);
    clock.advance(7.5);
    assert.equal(wheel.lately, 7.5);
    const timer = wheel.set(100, () => {});
    clock.advance(9);
    assert.equal(wheel.lately, 15);
    timer.cancel();
    clock.advance(9);
    assert.equal(wheel.lately, clock.now());
  });

  it('forgets what was cancelled, also by another timeout of the same moment, and stops when nothing is left', () => {
    const clock = new VirtualClock();
    const wheel = new TimerWheel(clock);
    const fired: number[] = [];
    const timers = Array.from({ length: 1_000 }, (_, i) => wheel.set(100 + (i % 7), () => fired.push(i)));
    for (const timer of timers) timer.cancel();
    wheel.set(50, () => other.cancel());
    const other = wheel.set(50, () => fired.push(-1));
    assert.equal(clock.pending, 1);
    clock.advance(200);
    assert.deepEqual(fired, []);
    assert.equal(clock.pending, 0);
    other.cancel();
  });

  it('has one driver for all, which does not keep the process alive and starts again when needed', () => {
    const loop = new StalledLoop();
    const wheel = new TimerWheel(loop);
    assert.equal(loop.timers.length, 0);
    let fired = 0;
    for (let i = 0; i < 100; i++) wheel.set(20, () => fired++);
    assert.equal(loop.timers.length, 1);
    assert.equal(loop.timers[0]?.unref, true);
    for (let i = 0; i < 10; i++) loop.turn(5);
    assert.equal(fired, 100);
    assert.equal(loop.timers.length, 0);
    loop.turn(1_000);
    wheel.set(5, () => fired++);
    assert.equal(loop.timers.length, 1);
    loop.turn(5);
    assert.equal(fired, 101);
  });

  it('lets a timeout set another, also one that is due at once', () => {
    const clock = new VirtualClock();
    const wheel = new TimerWheel(clock);
    const fired: string[] = [];
    wheel.set(5, () => {
      fired.push('first');
      wheel.set(0, () => fired.push('at once'));
      wheel.set(5, () => fired.push('next'));
    });
    clock.advance(20);
    assert.deepEqual(fired, ['first', 'at once', 'next']);
    assert.equal(clock.pending, 0);
  });

  it('lets waiting input be read before it expires anything after the loop stood still', () => {
    const loop = new StalledLoop();
    const wheel = new TimerWheel(loop);
    const seen: string[] = [];
    const answered = wheel.set(30, () => seen.push('expired although its answer was there'));
    wheel.set(30, () => seen.push('expired'));
    loop.turn(200, () => {
      seen.push('input');
      answered.cancel();
    });
    assert.deepEqual(seen, ['input', 'expired']);
    assert.equal(loop.timers.length, 0);
  });

  it('expires at once where the loop was a little late only', () => {
    const loop = new StalledLoop();
    const wheel = new TimerWheel(loop);
    const seen: string[] = [];
    wheel.set(30, () => seen.push('expired'));
    loop.turn(50, () => seen.push('input'));
    assert.deepEqual(seen, ['expired', 'input']);
  });

  it('goes on after a timeout that throws', () => {
    const clock = new VirtualClock();
    const wheel = new TimerWheel(clock);
    let fired = 0;
    wheel.set(10, () => {
      throw new Error('bad handler');
    });
    wheel.set(50, () => fired++);
    assert.throws(() => clock.advance(20), /bad handler/);
    clock.advance(100);
    assert.equal(fired, 1);
  });
});
