import type { Mesh } from 'inmesh';
import type { Ledger, Seen } from './services.ts';

/** Something that the demo says is so, and whether the counts bear it out. */
export interface Claim {
  readonly text: string;
  readonly held: boolean;
  /** The counts. */
  readonly detail: string;
}

export interface Stage {
  /** Of the user, who calls reviews and ratings. */
  readonly mesh: Mesh;
  readonly ledger: Ledger;
}

export interface Phase {
  readonly title: string;
  readonly play: (stage: Stage) => Promise<readonly Claim[]>;
}

/** `found` of `all` is exactly what is claimed; nothing is claimed of nothing. */
export function all(text: string, found: number, wanted: number): Claim {
  return { text, held: wanted > 0 && found === wanted, detail: `${found} of ${wanted}` };
}

export function none(text: string, found: number, of: number): Claim {
  return { text: `none ${text}`, held: of > 0 && found === 0, detail: `${found} of ${of}` };
}

/** Standard deviations of a binomial distribution that a share may be off: chance alone does that less than once in a million runs. */
const DEVIATIONS = 5;

export function about(text: string, found: number, of: number, share: number): Claim {
  const bound = DEVIATIONS * Math.sqrt(of * share * (1 - share));
  return { text, held: Math.abs(found - of * share) <= bound, detail: `${found} of ${of}, ± ${Math.round(bound)}` };
}

export function at(cluster: string, seen: readonly Seen[]): readonly Seen[] {
  return seen.filter((each) => each.cluster === cluster);
}

/** The same call many times, up to 20 at once; gives the statuses of the answers. */
export async function many(count: number, call: () => Promise<Response>): Promise<readonly number[]> {
  const statuses: number[] = [];
  let pending = 0;
  const worker = async () => {
    while (statuses.length + pending < count) {
      pending++;
      const response = await call();
      await response.arrayBuffer();
      pending--;
      statuses.push(response.status);
    }
  };
  await Promise.all(Array.from({ length: Math.min(20, count) }, worker));
  return statuses;
}
