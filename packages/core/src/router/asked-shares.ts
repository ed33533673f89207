import { WEIGHTED_CLUSTER_DEFAULTS } from '../model/defaults.ts';
import type { ForwardAction, WeightedCluster } from '../model/route.ts';
import type { ClusterShare } from './cluster-share.ts';

/**
 * The clusters of a route for calls whose caller names one. Of a cluster that the route knows, be it with no weight, headers and filters are
 * the route's for it, so that a canary can be tried before it gets its first call; any other has only what all calls of the route have.
 */
export class AskedShares {
  readonly #action: ForwardAction;
  readonly #make: (share: WeightedCluster) => ClusterShare;
  /** By name; made when first asked for. Only names of the route: callers may bring any. */
  readonly #known = new Map<string, ClusterShare>();
  #other: ClusterShare | null = null;

  constructor(action: ForwardAction, shares: readonly ClusterShare[], make: (share: WeightedCluster) => ClusterShare) {
    this.#action = action;
    this.#make = make;
    for (const share of shares) if (!share.byCall) this.#known.set(share.name, share);
  }

  share(name: string): ClusterShare {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const config = this.#action.clusters.find((each) => each.name === name);
    if (config !== undefined) {
      const share = this.#make(config);
      this.#known.set(name, share);
      return share;
    }
    this.#other ??= this.#make({ ...WEIGHTED_CLUSTER_DEFAULTS, name: '', weight: 1 });
    return this.#other;
  }
}
