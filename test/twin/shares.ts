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

/**
 * True where two counts of `n` independent calls each may have the same share behind them. Hoeffding: a count is further than
 * √(n·ln(4/α)/2) from its mean with a chance of at most α/2, and the two are no further apart than twice that.
 */
export function sameShare(n: number, one: number, other: number): boolean {
  return Math.abs(one - other) <= 2 * Math.sqrt((n * Math.log(4 / FALSE_ALARM)) / 2);
}

/** Kullback and Leibler's, of two coins. */
function divergence(q: number, p: number): number {
  const term = (a: number, b: number) => (a === 0 ? 0 : a * Math.log(a / b));
  return term(q, p) + term(1 - q, 1 - p);
}
