import { type Clock, systemClock } from '@inmesh/core';

/** Real time that runs faster: timeouts of seconds come within a test, and in the same order as ever. */
export function hurriedClock(factor: number): Clock {
  return {
    now: () => systemClock.now() * factor,
    wallNow: () => systemClock.wallNow(),
    setTimer: (ms, callback, options) => systemClock.setTimer(ms / factor, callback, options),
    afterInput: (callback) => systemClock.afterInput(callback),
  };
}
