import { setTimeout as pause } from 'node:timers/promises';

export interface UntilOptions {
  /** Milliseconds; generous, because the machine may be busy: a state that comes is never waited for in vain. */
  readonly within?: number;
}

/** Asks again and again until the answer is neither null nor false; for states that only asking shows. */
export async function until<T>(
  what: string,
  ask: () => T | null | false | Promise<T | null | false>,
  { within = 20_000 }: UntilOptions = {},
): Promise<T> {
  const end = performance.now() + within;
  let last: unknown = null;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== null && answer !== false) return answer;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) throw new Error(`not within ${within} ms: ${what}`, { cause: last });
    await pause(15);
  }
}
