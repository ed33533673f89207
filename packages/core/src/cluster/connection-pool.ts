import type { Call } from '../call.ts';
import type { Handler } from '../dispatch.ts';
import type { MeshError } from '../errors.ts';
import { outsideContext } from '../util/outside.ts';
import type { Cluster } from './cluster.ts';
import type { ConnectError, Connection, ConnectionEnd } from './connection.ts';
import type { ConnectionKey } from './connection-key.ts';
import { type Endpoint, isHealthy } from './endpoint.ts';
import { IdleConnections } from './idle-connections.ts';
import type { PriorityLimits } from './limits.ts';
import type { PendingCall, Queue } from './pending-call.ts';
import { PendingCalls } from './pending-calls.ts';
import { PoolBooks } from './pool-books.ts';
import { PoolRoom } from './pool-room.ts';
import { type ConnectionOwner, PooledConnection } from './pooled-connection.ts';

/** What a pool asks of the pools of its host. */
export interface PoolOwner {
  readonly cluster: Cluster;
  readonly endpoint: Endpoint;
  /** Takes up a call that its pool cannot serve any more, as if it were new. */
  dispatch(call: Call, handler: Handler): void;
  /** It has no connection, and nobody waits in it. */
  emptied(pool: ConnectionPool): void;
}

/** Connections opened in one go, at most, when more are wanted than there are; as Envoy's. */
const AT_ONCE = 3;
const LOCAL: ConnectionEnd = { local: true, unfinished: false };

/**
 * The connections to one host that fit the same calls, and the calls of one priority that wait for one.
 *
 * Limits are the priority's, counted over all hosts as Envoy counts them: connections beyond `max_connections` are not opened
 * (but the first of a pool always is), calls beyond `max_pending_requests` and `max_requests` are refused with the flag UO.
 */
export class ConnectionPool implements ConnectionOwner, Queue {
  readonly key: ConnectionKey;
  readonly limits: PriorityLimits;
  /** True while it counts as one of the cluster's pools. (max_connection_pools) */
  counted = false;
  readonly #owner: PoolOwner;
  readonly #cluster: Cluster;
  readonly #endpoint: Endpoint;
  readonly #books: PoolBooks;
  readonly #pending: PendingCalls;
  readonly #room: PoolRoom;
  readonly #idle: IdleConnections;
  /** What the last connection could carry: the best guess of what the next one can. Before there was one, as Envoy, the most that HTTP/2 allows. */
  #expected: number;
  #draining: boolean;
  /** Why no call is taken on any more; null before the end. */
  #destroyed: MeshError | null = null;

  constructor(owner: PoolOwner, key: ConnectionKey, limits: PriorityLimits, draining: boolean) {
    const { cluster, endpoint } = owner;
    this.key = key;
    this.limits = limits;
    this.#owner = owner;
    this.#cluster = cluster;
    this.#endpoint = endpoint;
    this.#draining = draining;
    this.#books = new PoolBooks(cluster, endpoint, limits);
    this.#pending = new PendingCalls(this, limits, cluster.stats);
    this.#room = new PoolRoom(cluster);
    this.#expected = key.protocol === 'http1' ? 1 : cluster.config.protocol.http2.maxConcurrentStreams;
    this.#idle = new IdleConnections({
      clock: cluster.clock,
      connections: this.#room.ready,
      timeoutMs: () => cluster.config.idleTimeoutMs,
      expire: (pooled) => {
        cluster.stats.upstream_cx_idle_timeout++;
        this.retire(pooled);
      },
    });
  }

  /** Those that are open or being opened. */
  get connections(): Iterable<PooledConnection> {
    return this.#room.all;
  }

  /** True while nothing is open, being opened or waited for. */
  get empty(): boolean {
    return this.#room.all.size + this.#pending.length === 0;
  }

  /** True while it has calls: on its connections, or waiting for one. */
  get busy(): boolean {
    return this.#room.active + this.#pending.length > 0;
  }

  dispatch(call: Call, handler: Handler): void {
    const last = this.#room.ready.at(-1);
    if (last !== undefined) {
      if (!call.distrustful || !last.doubtful) {
        this.#attach(last, call, handler);
        this.#grow();
        return;
      }
      // It makes room for the new one, whatever the limit.
      this.retire(last);
    }
    if (this.#destroyed !== null) {
      handler.onResponseError(this.#destroyed);
      return;
    }
    if (this.#pending.add(call, handler) === null) {
      handler.onResponseError(this.#books.overflow('too many calls wait for a connection (max_pending_requests)'));
      return;
    }
    this.#grow();
  }

  /** Opens a connection ahead of the calls that are to be expected, if there is not enough room for them. (predictive_preconnect_ratio) */
  preconnect(ratio: number): boolean {
    return this.#tryConnect(ratio);
  }

  withdraw(pending: PendingCall): void {
    if (!this.#pending.remove(pending)) return;
    this.#cluster.stats.upstream_rq_cancelled++;
    // A connection that nobody waits for any more would hold the process up until it is ready or has timed out.
    const surplus = [...this.#room.all].findLast(({ opening }) => opening !== null);
    if (surplus !== undefined && !this.#wants(this.#room.free - surplus.free)) this.retire(surplus);
    else this.#settle();
  }

  /** No connections but for those who wait, who are served first; idle ones close now, busy ones after their calls. */
  drain(): void {
    this.#draining = true;
    if (this.#pending.length === 0) this.retireAll();
    else for (const pooled of this.#room.ready.filter(({ active }) => active === 0)) this.retire(pooled);
    this.#settle();
  }

  /** None of the connections that are there takes one more call; others may be opened. */
  retireAll(): void {
    for (const pooled of [...this.#room.all]) this.retire(pooled);
  }

  /** Ends; calls that wait are for other connections. */
  abandon(): void {
    this.#draining = true;
    this.#pending.endAll(({ call, handler }) => this.#owner.dispatch(call, handler));
    this.drain();
  }

  /** Closes everything now; calls in flight fail. */
  destroy(error: MeshError): void {
    this.#draining = true;
    this.#destroyed = error;
    this.#fail(error);
    this.#room.ready.length = 0;
    for (const pooled of [...this.#room.all]) {
      if (pooled.connection === null) this.retire(pooled);
      else pooled.connection.destroy(error);
    }
    this.#settle();
  }

  freed(pooled: PooledConnection): void {
    this.#room.gave(pooled);
    if (pooled.draining) return;
    this.#serve();
    this.#rest(pooled);
  }

  limited(pooled: PooledConnection): void {
    if (pooled.connection === null || pooled.over) return;
    const before = pooled.free;
    pooled.maxConcurrent = pooled.connection.maxConcurrent;
    this.#expected = pooled.maxConcurrent;
    this.#room.changed(pooled, before);
    this.#serve();
  }

  unsent(pooled: PooledConnection, call: Call, handler: Handler): void {
    this.#room.gave(pooled);
    call.books?.detached();
    if (call.controller.reason !== null) handler.onResponseError(call.controller.reason);
    else this.#owner.dispatch(call, handler);
  }

  notified(pooled: PooledConnection): void {
    if (pooled.draining) return;
    this.#cluster.stats.upstream_cx_close_notify++;
    this.#room.stop(pooled);
  }

  closed(pooled: PooledConnection, end: ConnectionEnd): void {
    if (pooled.over) return;
    this.#books.closed(end);
    this.#room.forget(pooled);
    this.#grow();
    this.#settle();
  }

  retire(pooled: PooledConnection): void {
    const { connection, opening } = pooled;
    if (pooled.over) return;
    this.#room.stop(pooled);
    if (opening !== null) {
      opening.cancel();
      this.#books.cancelled();
      this.#room.forget(pooled);
      this.#settle();
    } else if (pooled.active === 0) {
      // Its place is free at once; the socket tells its end later.
      this.closed(pooled, LOCAL);
    }
    connection?.close();
  }

  #attach(pooled: PooledConnection, call: Call, handler: Handler): void {
    if (this.limits.requests >= this.limits.max.maxRequests) {
      this.#cluster.stats.upstream_rq_pending_overflow++;
      handler.onResponseError(this.#books.overflow('too many calls in flight (max_requests)'));
      return;
    }
    this.#room.took(pooled);
    if (pooled.spent) this.#cluster.stats.upstream_cx_max_requests++;
    call.books?.attached(this.limits);
    // It is open: only such ones are ready.
    (pooled.connection as Connection).dispatch(call, handler);
    if (pooled.spent) pooled.connection?.close();
  }

  /** Hands calls that wait to connections that have room. */
  #serve(): void {
    while (this.#pending.length > 0) {
      const pooled = this.#room.ready.at(-1);
      if (pooled === undefined) break;
      const next = this.#pending.take(pooled.doubtful && this.#room.connecting > 0);
      if (next === undefined) break;
      this.#attach(pooled, next.call, next.handler);
    }
    if (this.#pending.length > 0) this.#grow();
    else if (this.#draining) this.retireAll();
  }

  #rest(pooled: PooledConnection): void {
    if (pooled.active === 0 && !pooled.over) this.#idle.note(pooled);
  }

  #settle(): void {
    if (!this.empty) return;
    this.#idle.stop();
    this.#owner.emptied(this);
  }

  /** More is asked for, or soon will be, than connections can take that have `free` places between them. */
  #wants(free: number): boolean {
    const { perUpstreamRatio } = this.#cluster.config.pool.preconnect;
    const { active } = this.#room;
    return (this.#pending.length + active) * perUpstreamRatio > free + active;
  }

  #grow(): void {
    for (let i = 0; i < AT_ONCE; i++) if (!this.#tryConnect(0)) return;
  }

  /** True where it opened one and may open another. */
  #tryConnect(predictiveRatio: number): boolean {
    if (!this.#shortOfConnections(predictiveRatio)) return false;
    const allowed = this.#books.mayConnect;
    if (!allowed) this.#cluster.stats.upstream_cx_overflow++;
    if (!allowed && this.#room.all.size > 0) return false;
    this.#connect();
    return allowed;
  }

  #shortOfConnections(predictiveRatio: number): boolean {
    const pending = this.#pending.length;
    if (pending === 0 && this.#draining) return false;
    const { active, free, freeConnecting } = this.#room;
    // A host that is not well gets no more than what is asked of it now.
    if (!isHealthy(this.#endpoint.health)) return pending > freeConnecting;
    if (predictiveRatio === 0) return this.#wants(free);
    return (pending + active + 1) * predictiveRatio > free + active;
  }

  #connect(): void {
    const { config, transport } = this.#cluster;
    const pooled = new PooledConnection(this, this.#expected, config.maxRequestsPerConnection);
    this.#room.add(pooled);
    this.#books.connecting();
    pooled.opening = outsideContext(() =>
      transport.connect(this.#endpoint, this.key, pooled, (error, connection) => {
        if (connection !== null) this.#opened(pooled, connection);
        else if (error !== null) this.#refused(pooled, error);
      }),
    );
  }

  #opened(pooled: PooledConnection, connection: Connection): void {
    pooled.connection = connection;
    this.#expected = connection.maxConcurrent;
    this.#room.opened(pooled, connection.maxConcurrent);
    this.#books.connected(connection);
    this.#grewOlder(pooled);
    this.#serve();
    this.#rest(pooled);
  }

  #grewOlder(pooled: PooledConnection): void {
    const { maxConnectionDurationMs } = this.#cluster.config.pool;
    if (maxConnectionDurationMs === 0) return;
    const expire = () => {
      if (!pooled.draining) this.#cluster.stats.upstream_cx_max_duration_reached++;
      this.retire(pooled);
    };
    pooled.ageTimer = outsideContext(() =>
      this.#cluster.clock.setTimer(maxConnectionDurationMs, expire, { unref: true }),
    );
  }

  /** As Envoy, fails all that wait rather than one call per failed connection: the host does not answer. */
  #refused(pooled: PooledConnection, error: ConnectError): void {
    this.#books.failed(error);
    this.#room.forget(pooled);
    this.#fail(this.#books.failure(error));
    this.#grow();
    this.#settle();
  }

  #fail(error: MeshError): void {
    this.#pending.endAll(({ handler }) => {
      this.#cluster.stats.upstream_rq_pending_failure_eject++;
      handler.onResponseError(error);
    });
  }
}
