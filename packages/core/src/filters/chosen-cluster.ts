import type { Call } from '../call.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { isMeshError } from '../errors.ts';

/** The cluster that the call's route has chosen so far; null where it has none, or it is not known. */
export function chosenCluster(call: Call): Cluster | null {
  const cluster = call.route?.choose(call)?.clusterOf(call) ?? null;
  return isMeshError(cluster) ? null : cluster;
}
