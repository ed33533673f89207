import type { Call } from '../call.ts';
import { requestHeader } from '../format/values.ts';
import type { ForwardAction } from '../model/route.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Random } from '../util/random.ts';
import type { ClusterShare } from './cluster-share.ts';

const U64 = 1n << 64n;

/** Chooses among the clusters of a route by their weights. (envoy.config.route.v3.WeightedCluster) */
export class WeightedShares {
  readonly #shares: readonly ClusterShare[];
  readonly #total: number;
  readonly #header: string;
  readonly #byHash: boolean;
  /** The runtime's keys of the weights; null where the feed's are fixed. */
  readonly #keys: readonly string[] | null;
  readonly #runtime: Runtime;
  readonly #random: Random;

  constructor(
    { totalWeight, weightHeader, weightsByHash, runtimeKeyPrefix }: ForwardAction,
    shares: readonly ClusterShare[],
    { runtime, random }: { readonly runtime: Runtime; readonly random: Random },
  ) {
    this.#shares = shares;
    this.#total = totalWeight;
    this.#header = weightHeader;
    this.#byHash = weightsByHash;
    this.#keys = runtimeKeyPrefix === '' ? null : shares.map(({ name }) => `${runtimeKeyPrefix}.${name}`);
    this.#runtime = runtime;
    this.#random = random;
  }

  /** Null where no cluster has any weight. */
  choose(call: Call): ClusterShare | null {
    const shares = this.#shares;
    if (this.#keys !== null) return this.#chooseByRuntime(call, this.#keys);
    if (shares.length <= 1) return shares[0] ?? null;
    let point = this.#point(call, this.#total);
    for (const share of shares) {
      if (point < share.weight) return share;
      point -= share.weight;
    }
    return shares.at(-1) ?? null;
  }

  #chooseByRuntime(call: Call, keys: readonly string[]): ClusterShare | null {
    const weights = this.#shares.map(({ weight }, index) => this.#runtime.integer(keys[index] as string, weight));
    const total = weights.reduce((sum, each) => sum + each, 0);
    if (total <= 0) return null;
    let point = this.#point(call, total);
    for (const [index, share] of this.#shares.entries()) {
      const weight = weights[index] as number;
      if (point < weight) return share;
      point -= weight;
    }
    return null;
  }

  /** What the call says for the sake of its own consistency, else chance; below the total. */
  #point(call: Call, total: number): number {
    const hash = this.#byHash ? call.hash() : null;
    if (hash !== null) return Number(hash % BigInt(total));
    const said = this.#header === '' ? null : requestHeader(call.head, this.#header);
    if (said !== null && /^\d{1,20}$/.test(said) && BigInt(said) < U64) return Number(BigInt(said) % BigInt(total));
    return call.randomValue(this.#random) % total;
  }
}
