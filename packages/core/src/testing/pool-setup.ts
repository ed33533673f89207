import assert from 'node:assert/strict';
import { Cluster } from '../cluster/cluster.ts';
import { seededRandom } from '../util/random.ts';
import { VirtualClock } from '../util/virtual-clock.ts';
import { Caller, makeCall } from './caller.ts';
import { FakeConnector } from './fake-connector.ts';
import { routeTable } from './harness.ts';
import { assignment, type ClusterOptions, clusterConfig, forward, key, route, virtualHost } from './models.ts';

/** A pool over a cluster whose connections are made by hand, beside others of it, and the calls that go there. */
export function poolSetup(limits: ClusterOptions['limits'] = {}, ports: readonly number[] = [1]) {
  const connector = new FakeConnector();
  const cluster = new Cluster(clusterConfig({ limits, high: { maxConnections: 50 } }), {
    connector,
    clock: new VirtualClock(),
    random: seededRandom(1),
  });
  cluster.assign(assignment(...ports));
  const high = routeTable(virtualHost([route(forward('reviews', { priority: 'high' }))]), { reviews: cluster });
  const poolOf = (port: number) => {
    const endpoint = cluster.endpoints.get(key(port));
    assert.ok(endpoint);
    return cluster.poolsOf(endpoint);
  };
  const pool = poolOf(ports[0] as number);
  return {
    connector,
    cluster,
    stats: cluster.stats,
    pool,
    send(port = ports[0] as number, priority: 'default' | 'high' = 'default') {
      const call = makeCall();
      if (priority === 'high') call.route = high.match(call);
      const caller = new Caller();
      poolOf(port).dispatch(call, caller);
      return { call, caller };
    },
    quiet(connections = 0): void {
      const { upstream_rq_pending_active, upstream_cx_active } = cluster.stats;
      const open = [...cluster.endpoints.values()].reduce((sum, { stats }) => sum + stats.cx_active, 0);
      assert.deepEqual(
        { upstream_rq_pending_active, upstream_cx_active, open, connecting: cluster.connecting },
        { upstream_rq_pending_active: 0, upstream_cx_active: connections, open: connections, connecting: 0 },
      );
      assert.equal(connector.opening.length, 0);
    },
  };
}
