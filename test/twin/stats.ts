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

/** Of connections, which depend on how often what is safe to repeat was tried: compared where one case has the cluster for itself. */
const CONNECTION_COUNTERS = [
  'upstream_cx_total',
  'upstream_cx_http1_total',
  'upstream_cx_http2_total',
  'upstream_cx_connect_timeout',
  'upstream_cx_overflow',
  'upstream_cx_pool_overflow',
  'upstream_cx_max_requests',
  'upstream_cx_close_notify',
  'upstream_cx_destroy_local_with_active_rq',
  'upstream_cx_destroy_remote_with_active_rq',
  'upstream_rq_pending_total',
  'upstream_rq_pending_overflow',
  'upstream_rq_active_overflow',
  'upstream_rq_pending_failure_eject',
  'upstream_rq_rx_reset',
  'upstream_rq_tx_reset',
] as const;

/** Of `ssl.`. */
const SSL_COUNTERS = [
  'handshake',
  'connection_error',
  'fail_verify_no_cert',
  'fail_verify_error',
  'fail_verify_san',
  'fail_verify_cert_hash',
] as const;

/**
 * What the two sides count differently for these clusters, by cluster; both were asked the same. `connections`: those of which what
 * connections count is compared, too, and the counters that are not.
 */
export async function statDifferences(
  twin: Twin,
  clusters: readonly string[],
  connections: ReadonlyMap<string, readonly string[]>,
): Promise<Map<string, string[]>> {
  const result = new Map<string, string[]>();
  if (clusters.length === 0) return result;
  const theirs = await envoyCounters(twin.envoy.admin);
  const ours = twin.mesh.statistics().clusters;
  for (const cluster of clusters) {
    const lines: string[] = [];
    const compare = (name: string, inmesh: number | undefined) => {
      if (connections.get(cluster)?.includes(name)) return;
      const envoy = theirs.get(`cluster.${cluster}.${name}`) ?? 0;
      if (inmesh !== undefined && envoy !== inmesh) {
        lines.push(`statistics\n      ${cluster}.${name}: envoy ${envoy}, inmesh ${inmesh}`);
      }
    };
    for (const name of COUNTERS) compare(name, ours[cluster]?.[name]);
    if (connections.has(cluster)) {
      for (const name of CONNECTION_COUNTERS) compare(name, ours[cluster]?.[name]);
      for (const name of SSL_COUNTERS) compare(`ssl.${name}`, ours[cluster]?.ssl[name]);
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
