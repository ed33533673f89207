import type { Twin } from './twin.ts';

/** Counters of a cluster that both sides keep under these names. */
const COUNTERS = [
  'upstream_rq_completed',
  'upstream_rq_2xx',
  'upstream_rq_3xx',
  'upstream_rq_4xx',
  'upstream_rq_5xx',
  'upstream_rq_retry',
  'upstream_rq_retry_success',
  'upstream_rq_retry_limit_exceeded',
  'upstream_rq_retry_overflow',
  'upstream_rq_timeout',
  'upstream_rq_per_try_timeout',
  'upstream_cx_connect_fail',
  'membership_total',
  'membership_healthy',
] as const;

/** What the two sides count differently for these clusters, by cluster; both were asked the same. */
export async function statDifferences(twin: Twin, clusters: readonly string[]): Promise<Map<string, string[]>> {
  const result = new Map<string, string[]>();
  if (clusters.length === 0) return result;
  const theirs = await envoyCounters(twin.envoy.admin);
  const ours = twin.mesh.statistics().clusters;
  for (const cluster of clusters) {
    const lines: string[] = [];
    for (const name of COUNTERS) {
      const envoy = theirs.get(`cluster.${cluster}.${name}`) ?? 0;
      const inmesh = ours[cluster]?.[name];
      if (inmesh !== undefined && envoy !== inmesh) {
        lines.push(`statistics\n      ${cluster}.${name}: envoy ${envoy}, inmesh ${inmesh}`);
      }
    }
    if (lines.length > 0) result.set(cluster, lines);
  }
  return result;
}

async function envoyCounters(admin: string): Promise<Map<string, number>> {
  const text = await (await fetch(`${admin}/stats?filter=${encodeURIComponent('^cluster\\.')}`)).text();
  const counters = new Map<string, number>();
  for (const line of text.split('\n')) {
    const colon = line.lastIndexOf(': ');
    counters.set(line.slice(0, colon), Number(line.slice(colon + 2)));
  }
  return counters;
}
