import assert from 'node:assert/strict';
import { seededRandom } from '../util/random.ts';
import { VirtualClock } from '../util/virtual-clock.ts';
import { AdaptiveThrottler } from './adaptive-throttler.ts';

function setup(random: () => number) {
  const clock = new VirtualClock();
  const throttler = new AdaptiveThrottler(clock, random);
  const register = (accepted: number, refused: number) => {
    for (let i = 0; i < accepted; i++) throttler.register(true);
    for (let i = 0; i < refused; i++) throttler.register(false);
  };
  return { clock, throttler, register };
}

describe('AdaptiveThrottler', () => {
  it('lets all through while the server takes half of them', () => {
    const { throttler, register } = setup(() => 0);
    assert.equal(throttler.throttles(), false);
    register(50, 50);
    assert.equal(throttler.throttles(), false);
  });

  it('holds back by (requests - 2 × accepts) / (requests + 8), and counts what it holds back as refused', () => {
    // 72 requests with 16 accepts: 40 / 80. One more that is refused: 41 / 81.
    let drawn = 0.5;
    const { throttler, register } = setup(() => drawn);
    register(16, 56);
    assert.equal(throttler.throttles(), false);
    drawn = 0.499;
    assert.equal(throttler.throttles(), true);
    drawn = 0.506;
    assert.equal(throttler.throttles(), true);
  });

  it('never holds all back, and forgets after 30 seconds', () => {
    const { clock, throttler, register } = setup(() => 0.995);
    register(0, 1000);
    assert.equal(throttler.throttles(), false);
    const { clock: other, throttler: strict, register: tell } = setup(() => 0);
    tell(0, 10);
    other.advance(29_000);
    assert.equal(strict.throttles(), true);
    other.advance(2_000);
    assert.equal(strict.throttles(), true, 'for the one that was held back itself');
    other.advance(31_000);
    assert.equal(strict.throttles(), false);
    clock.advance(1e9);
    assert.equal(throttler.throttles(), false);
  });

  it('comes to the share that it should', () => {
    // p = 500 / 508 at first, growing with each that is held back: of 1000 draws fewer than 900 fall below it with a chance far
    // under one in a million (binomial, n = 1000, p ≥ 0.98).
    const { throttler, register } = setup(seededRandom(7));
    register(0, 500);
    const held = Array.from({ length: 1000 }, () => throttler.throttles()).filter(Boolean).length;
    assert.ok(held > 900 && held < 1000, String(held));
  });
});
