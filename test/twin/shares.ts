/** Chance that one bound breaks though the split is right: a thousand such bounds in a suite stay below one in a million. */
const FALSE_ALARM = 1e-9;

/** The counts that a share of `n` independent calls stays within, but for the false-alarm chance. */
export interface Bounds {
  readonly least: number;
  readonly most: number;
}

/**
 * Chernoff's bound: the chance that a share `p` of `n` calls comes to `k` or further out is at most exp(-n·D(k/n‖p)), on each side.
 */
export function bounds(n: number, p: number): Bounds {
  if (p <= 0) return { least: 0, most: 0 };
  if (p >= 1) return { least: n, most: n };
  const enough = Math.log(2 / FALSE_ALARM) / n;
  let least = Math.floor(n * p);
  while (least > 0 && divergence(least / n, p) < enough) least--;
  let most = Math.ceil(n * p);
  while (most < n && divergence(most / n, p) < enough) most++;
  return { least, most };
}

/** Kullback and Leibler's, of two coins. */
function divergence(q: number, p: number): number {
  const term = (a: number, b: number) => (a === 0 ? 0 : a * Math.log(a / b));
  return term(q, p) + term(1 - q, 1 - p);
}
