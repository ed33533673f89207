import type { Random } from '../util/random.ts';

/**
 * Milliseconds before retry `n` (1 for the first): by chance between 0 and base × 2ⁿ⁻¹, at most `maxMs`. That is what Envoy's
 * code does; its documentation still tells of base × (2ⁿ − 1), which it once was.
 */
export function jitteredBackoff(baseMs: number, maxMs: number, retry: number, random: Random): number {
  const ceiling = Math.min(maxMs, baseMs * 2 ** Math.min(retry - 1, 30));
  return random() * ceiling;
}
