import type { Clock, Timer } from '@inmesh/core';

/** The longest that a timer of Node can run, some 25 days: what lives longer needs none. */
const longestTimerMs = 2 ** 31 - 1;

/** Runs while a resource is in force for a limited time (the TTL of its wrapper); null where it has no end. */
export function startTtl(clock: Clock, ttlMs: number | null, onEnd: (ttlMs: number) => void): Timer | null {
  if (ttlMs === null || ttlMs > longestTimerMs) return null;
  return clock.setTimer(Math.max(0, ttlMs), () => onEnd(ttlMs), { unref: true });
}
