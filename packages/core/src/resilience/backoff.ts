import type { Random } from '../util/random.ts';

/**
 * Milliseconds before retry `n` (1 for the first): by chance between 0 and base × (2ⁿ − 1), at most `maxMs`, as Envoy's
 * fully jittered exponential backoff.
 */
export function jitteredBackoff(baseMs: number, maxMs: number, retry: number, random: Random): number {
  const ceiling = Math.min(maxMs, baseMs * (2 ** Math.min(retry, 30) - 1));
  return random() * ceiling;
}
