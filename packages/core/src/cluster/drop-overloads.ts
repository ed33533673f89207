import { MeshError } from '../errors.ts';
import type { DropOverload } from '../model/endpoint.ts';
import type { Random } from '../util/random.ts';
import type { ClusterStats } from './stats.ts';

export interface DropParts {
  /** The cluster's name. */
  readonly cluster: string;
  readonly stats: ClusterStats;
  readonly random: Random;
}

/** Refuses the share of the calls to a cluster that the feed wants refused. (drop_overloads) */
export class DropOverloads {
  /** Calls that were refused, by category. */
  readonly counts: Map<string, number> = new Map();
  readonly #parts: DropParts;
  #overloads: readonly DropOverload[] = [];

  constructor(parts: DropParts) {
    this.#parts = parts;
  }

  follow(overloads: readonly DropOverload[]): void {
    this.#overloads = overloads;
  }

  /** Why this call is one of them; null where it is none. */
  draw(): MeshError | null {
    const { cluster, stats, random } = this.#parts;
    for (const { category, percent } of this.#overloads) {
      if (random() * percent.denominator >= percent.numerator) continue;
      stats.upstream_rq_drop_overload++;
      this.counts.set(category, (this.counts.get(category) ?? 0) + 1);
      const all = percent.numerator >= percent.denominator;
      return new MeshError(
        all ? 'unconditional_drop_overload' : 'drop_overload',
        `the feed wants ${all ? 'all' : 'a share of the'} calls refused: category ${category} (drop_overloads)`,
        { cluster },
      );
    }
    return null;
  }
}
