import type { Call } from '../call.ts';
import type { Cluster } from './cluster.ts';

/** Connections that are opened ahead for one call, at most; as Envoy's. */
const AT_ONCE = 3;

/**
 * Opens connections to the hosts whose turn is next, before the calls that will need them: where all hosts of the cluster
 * together have too little room for one more call. (predictive_preconnect_ratio) Only where the balancer's next choices are
 * known, which is round robin; Envoy can tell them of no other policy that the feed may choose here either.
 */
export function preconnect(cluster: Cluster, call: Call): void {
  const { config, limits } = cluster;
  const ratio = config.pool.preconnect.predictiveRatio;
  if (config.lb.kind !== 'round_robin') return;
  for (let i = 0; i < AT_ONCE; i++) {
    const pending = limits.default.pending + limits.high.pending;
    const active = limits.default.requests + limits.high.requests;
    if ((pending + active + 1) * ratio <= cluster.free + active) return;
    const next = cluster.predict(call);
    if (next === null || !cluster.poolsOf(next).preconnect(call, ratio)) return;
  }
}
