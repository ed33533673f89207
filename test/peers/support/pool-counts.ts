import assert from 'node:assert/strict';
import type { Mesh } from 'inmesh';
import type { Envoy } from './envoy.ts';
import { until } from './until.ts';

/** Whose counters are compared. */
export interface Counted {
  readonly envoy: Envoy;
  readonly mesh: Mesh;
  /** True where ALPN chooses the protocol. */
  readonly chosen?: boolean;
}

/** What both count of the connections of a cluster and of the calls on them. */
const COUNTED = [
  'upstream_cx_total',
  'upstream_cx_active',
  'upstream_cx_http1_total',
  'upstream_cx_http2_total',
  'upstream_cx_overflow',
  'upstream_cx_pool_overflow',
  'upstream_cx_max_requests',
  'upstream_cx_idle_timeout',
  'upstream_cx_max_duration_reached',
  'upstream_cx_close_notify',
  'upstream_cx_connect_fail',
  'upstream_cx_destroy',
  'upstream_cx_destroy_local',
  'upstream_cx_destroy_remote',
  'upstream_cx_destroy_with_active_rq',
  'upstream_cx_destroy_local_with_active_rq',
  'upstream_cx_destroy_remote_with_active_rq',
  'upstream_rq_total',
  'upstream_rq_active',
  'upstream_rq_pending_total',
  'upstream_rq_pending_active',
  'upstream_rq_pending_overflow',
  'upstream_rq_active_overflow',
  'upstream_rq_pending_failure_eject',
  'upstream_rq_cancelled',
] as const;

/**
 * Both come to count the same, and stay so: nothing is on its way any more that would change it. How often a connection was wanted
 * and not allowed is told exactly until calls end: from then on Envoy looks once for all that end in one turn of its loop.
 */
export async function same(feed: Counted, id: string, when: string, exactly: boolean): Promise<void> {
  let last: readonly [unknown, unknown] = [null, null];
  let times = 0;
  await until(
    `both count the same ${when}`,
    async () => {
      const envoy = await envoyCounts(feed, id);
      const inmesh = meshCounts(feed, id, Object.keys(envoy));
      if (!exactly) {
        for (const side of [envoy, inmesh]) side.upstream_cx_overflow = Math.sign(side.upstream_cx_overflow ?? 0);
      }
      last = [inmesh, envoy];
      times = JSON.stringify(envoy) === JSON.stringify(inmesh) ? times + 1 : 0;
      return times === 3;
    },
    { within: 2_000 },
  ).catch(() => assert.deepEqual(last[0], last[1], when));
}

export async function envoyCounts(feed: Counted, id: string): Promise<Record<string, number>> {
  const text = await (
    await fetch(`${feed.envoy.admin}/stats?filter=${encodeURIComponent(`^cluster\\.${id}\\.`)}`)
  ).text();
  const all = new Map(
    text.split('\n').map((line) => {
      const [name = '', value] = line.split(': ');
      return [name.slice(`cluster.${id}.`.length), Number(value)];
    }),
  );
  // Where ALPN chooses the protocol Envoy counts a connection once more when it has chosen.
  const { chosen = false } = feed;
  const twice = chosen ? (all.get('upstream_cx_http1_total') ?? 0) + (all.get('upstream_cx_http2_total') ?? 0) : 0;
  all.set('upstream_cx_total', (all.get('upstream_cx_total') ?? 0) - twice);
  const breakers = [...all.keys()].filter((name) => /^circuit_breakers\.(default|high)\./.test(name));
  return Object.fromEntries([...COUNTED, ...breakers].map((name) => [name, all.get(name) ?? 0]));
}

export function meshCounts(feed: Counted, id: string, names: readonly string[]): Record<string, number> {
  const { clusters, circuitBreakers } = feed.mesh.statistics();
  const values = new Map<string, number>(Object.entries(clusters[id] ?? {}));
  for (const [priority, gauges] of Object.entries(circuitBreakers[id] ?? {})) {
    for (const [name, value] of Object.entries(gauges)) values.set(`circuit_breakers.${priority}.${name}`, value);
  }
  return Object.fromEntries(names.map((name) => [name, values.get(name) ?? 0]));
}
