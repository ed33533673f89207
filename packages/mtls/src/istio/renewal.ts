import type { Clock, Random, Timer } from '@inmesh/core';

export interface RenewalTimes {
  /** Part of the lifetime that is left when a certificate is renewed. */
  readonly graceRatio: number;
  /** Most that is added to it or taken from it by chance, so that a fleet that started together does not renew together. */
  readonly graceJitter: number;
}

/** As istio-agent's: `SECRET_GRACE_PERIOD_RATIO` and `SECRET_GRACE_PERIOD_RATIO_JITTER`. */
export const HALF_LIFE: RenewalTimes = { graceRatio: 0.5, graceJitter: 0.01 };

/** A CA that gives certificates for no time at all is not asked without end. */
const LEAST_MS = 1_000;
/** A timer does not run while the machine sleeps; the certificate's time does. */
const LOOK_EVERY_MS = 600_000;

/** When (wall clock) a certificate is to be renewed that was made at `from`. */
export function renewalTime(from: number, notAfter: number, times: RenewalTimes, random: Random): number {
  const ratio = Math.min(1, Math.max(0, times.graceRatio + times.graceJitter * (2 * random() - 1)));
  return Math.max(from + LEAST_MS, notAfter - ratio * (notAfter - from));
}

/** Calls back at a time of the wall clock. */
export function setWallTimer(clock: Clock, at: number, callback: () => void): Timer {
  let timer: Timer;
  const look = (): void => {
    const left = at - clock.wallNow();
    if (left <= 0) callback();
    else timer = clock.setTimer(Math.min(left, LOOK_EVERY_MS), look, { unref: true });
  };
  timer = clock.setTimer(Math.max(0, Math.min(at - clock.wallNow(), LOOK_EVERY_MS)), look, { unref: true });
  return { cancel: () => timer.cancel() };
}
