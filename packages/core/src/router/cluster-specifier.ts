import type { Call } from '../call.ts';
import type { MeshError } from '../errors.ts';

/** Chooses the clusters of a route's calls in its stead. (envoy.config.route.v3.ClusterSpecifierPlugin) */
export interface ClusterSpecifier {
  /** For `explain`. */
  readonly label: string;
  /** The clusters that a call may go to, the best first, or why there is none; null while that is being found out. Leaves its choice in `call.specified`. */
  choose(call: Call): readonly string[] | MeshError | null;
}

/** What a specifier chose for a call. */
export interface SpecifiedClusters {
  readonly by: ClusterSpecifier;
  /** What of the call it was chosen by. */
  readonly id: string;
  readonly targets: readonly string[] | MeshError;
  /** For the upstream, as flat pairs. */
  readonly headers: readonly string[];
}
