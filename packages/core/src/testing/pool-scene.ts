import assert from 'node:assert/strict';
import { attempt, balance, endpoint as counted } from '../attempt.ts';
import type { Call } from '../call.ts';
import { Cluster } from '../cluster/cluster.ts';
import type { Endpoint } from '../cluster/endpoint.ts';
import type { HostPools } from '../cluster/host-pools.ts';
import { compose, type Dispatch } from '../dispatch.ts';
import type { RoutingPriority } from '../model/cluster.ts';
import { seededRandom } from '../util/random.ts';
import { VirtualClock } from '../util/virtual-clock.ts';
import { Caller, makeCall } from './caller.ts';
import { FakeConnector } from './fake-connector.ts';
import { routeTable } from './harness.ts';
import { assignment, type ClusterOptions, clusterConfig, forward, key, route, virtualHost } from './models.ts';

/** A cluster, and calls to the pools of its hosts: counted as in the stack, but to hosts that the test chooses. */
export class PoolScene {
  readonly clock = new VirtualClock();
  readonly connector = new FakeConnector();
  readonly cluster: Cluster;
  readonly #ports: readonly number[];
  readonly #priority: Readonly<Record<RoutingPriority, (call: Call) => void>>;
  readonly #dispatch: Dispatch;

  constructor(options: ClusterOptions = {}, ports: readonly number[] = [1]) {
    this.#ports = ports;
    this.cluster = new Cluster(clusterConfig(options), {
      connector: this.connector,
      clock: this.clock,
      random: seededRandom(1),
    });
    this.cluster.assign(assignment(...ports));
    const table = (priority: RoutingPriority) =>
      routeTable(virtualHost([route(forward('reviews', { priority }))]), { reviews: this.cluster });
    const tables = { default: table('default'), high: table('high') };
    this.#priority = {
      default: (call) => {
        call.route = tables.default.match(call);
      },
      high: (call) => {
        call.route = tables.high.match(call);
      },
    };
    this.#dispatch = compose([attempt({ clock: this.clock }), counted()], (call, handler) => {
      this.cluster.connect(call.endpoint as Endpoint, call, handler);
    });
  }

  get stats(): Cluster['stats'] {
    return this.cluster.stats;
  }

  endpoint(port: number = this.#first): Endpoint {
    const found = this.cluster.endpoints.get(key(port));
    assert.ok(found, `no host ${port}`);
    return found;
  }

  pools(port: number = this.#first): HostPools {
    return this.cluster.poolsOf(this.endpoint(port));
  }

  send(port: number = this.#first, priority: RoutingPriority = 'default'): { call: Call; caller: Caller } {
    const call = makeCall();
    return { call, caller: this.dispatch(call, port, priority) };
  }

  dispatch(call: Call, port: number = this.#first, priority: RoutingPriority = 'default'): Caller {
    this.#priority[priority](call);
    call.cluster = this.cluster;
    call.endpoint = this.endpoint(port);
    const caller = new Caller();
    this.#dispatch(call, caller);
    return caller;
  }

  sendMany(count: number, port: number = this.#first): Caller[] {
    return Array.from({ length: count }, () => this.send(port).caller);
  }

  /** A call whose host the balancer chooses. */
  sendAnywhere(): { call: Call; caller: Caller } {
    const call = makeCall();
    this.#priority.default(call);
    call.cluster = this.cluster;
    const caller = new Caller();
    compose([balance()], this.#dispatch)(call, caller);
    return { call, caller };
  }

  /** Nothing is going on any more but for so many connections that are open. */
  quiet(connections = 0): void {
    const { upstream_rq_pending_active, upstream_rq_active, upstream_cx_active } = this.stats;
    const { default: normal, high } = this.cluster.limits;
    const hosts = [...this.cluster.endpoints.values()];
    assert.deepEqual(
      {
        upstream_rq_pending_active,
        upstream_rq_active,
        upstream_cx_active,
        cx_active: hosts.reduce((sum, { stats }) => sum + stats.cx_active, 0),
        rq_active: hosts.reduce((sum, { stats }) => sum + stats.rq_active, 0),
        counted: normal.connections + high.connections,
        pending: normal.pending + high.pending,
        requests: normal.requests + high.requests,
        connecting: this.cluster.connecting,
      },
      {
        upstream_rq_pending_active: 0,
        upstream_rq_active: 0,
        upstream_cx_active: connections,
        cx_active: connections,
        rq_active: 0,
        counted: connections,
        pending: 0,
        requests: 0,
        connecting: 0,
      },
    );
    assert.equal(this.connector.opening.length, 0);
    if (connections > 0) return;
    assert.equal(this.cluster.free, 0);
    assert.equal(normal.pools + high.pools, 0);
  }

  get #first(): number {
    return this.#ports[0] as number;
  }
}
