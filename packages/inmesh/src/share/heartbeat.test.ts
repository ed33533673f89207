import assert from 'node:assert/strict';
import { VirtualClock } from '@inmesh/core';
import { Heartbeat } from './heartbeat.ts';

function scene() {
  const clock = new VirtualClock(0);
  const heard = { beats: 0, deaths: 0 };
  const heartbeat = new Heartbeat({
    clock,
    everyMs: 1_000,
    deadMs: 5_000,
    onBeat: () => {
      heard.beats++;
    },
    onDead: () => {
      heard.deaths++;
    },
  });
  return { clock, heard, heartbeat };
}

describe('heartbeat', () => {
  it('says that the other end is dead after its silence, once', () => {
    const { clock, heard, heartbeat } = scene();
    clock.advance(4_000);
    heartbeat.heard();
    clock.advance(5_000);
    assert.deepEqual(heard, { beats: 9, deaths: 0 });
    clock.advance(1_000);
    assert.deepEqual(heard, { beats: 10, deaths: 1 });
    clock.advance(60_000);
    assert.deepEqual(heard, { beats: 10, deaths: 1 });
    assert.equal(clock.pending, 0);
  });

  it('reads what waits before it judges: it may be this process that stood still', () => {
    const clock = new VirtualClock(0);
    let stalledMs = 0;
    let afterInput: (() => void)[] = [];
    let deaths = 0;
    const stalling = {
      now: () => clock.now() + stalledMs,
      wallNow: () => clock.wallNow(),
      setTimer: clock.setTimer.bind(clock),
      afterInput: (callback: () => void) => void afterInput.push(callback),
    };
    const heartbeat = new Heartbeat({
      clock: stalling,
      everyMs: 1_000,
      deadMs: 5_000,
      onBeat: () => {},
      onDead: () => {
        deaths++;
      },
    });
    const read = () => {
      const waiting = afterInput;
      afterInput = [];
      for (const callback of waiting) callback();
    };
    stalledMs = 20_000;
    clock.advance(1_000);
    heartbeat.heard();
    read();
    clock.advance(5_000);
    read();
    assert.equal(deaths, 0);
    stalledMs = 40_000;
    clock.advance(1_000);
    read();
    assert.equal(deaths, 1);
  });

  it('ends with its stop', () => {
    const { clock, heard, heartbeat } = scene();
    heartbeat.stop();
    clock.advance(60_000);
    assert.deepEqual([heard, clock.pending], [{ beats: 0, deaths: 0 }, 0]);
  });
});
