import type { RuntimeFractionalPercent } from '../model/runtime.ts';
import type { FilterEnvironment } from './filter.ts';

/** A multiple of every denominator, so that a number below it decides each share exactly. */
const SHARES = 1_000_000_000;

/** Draws anew whether a share of the calls has this one in it; null is none of them. */
export function drawn(
  share: RuntimeFractionalPercent | null,
  { runtime, random }: Pick<FilterEnvironment, 'runtime' | 'random'>,
): boolean {
  if (share === null) return false;
  return runtime.featureEnabled(share.runtimeKey, share.defaultValue, Math.floor(random() * SHARES));
}
