import type { Call } from '../call.ts';
import type { Handler } from '../dispatch.ts';
import type { MeshError } from '../errors.ts';
import type { Cluster } from './cluster.ts';
import type { ConnectError, Connection, ConnectionEnd } from './connection.ts';
import type { ConnectionKey } from './connection-key.ts';
import type { Endpoint } from './endpoint.ts';
import { IdleConnections } from './idle-connections.ts';
import type { PriorityLimits } from './limits.ts';
import type { PendingCall, Queue } from './pending-call.ts';
import { PendingCalls } from './pending-calls.ts';
import { PoolBooks } from './pool-books.ts';
import { type GrowingPool, PoolGrowth } from './pool-growth.ts';
import { PoolRoom } from './pool-room.ts';
import type { PooledConnection } from './pooled-connection.ts';
import { Probation } from './probation.ts';

/** What a pool asks of the pools of its host. */
export interface PoolOwner {
  readonly cluster: Cluster;
  readonly endpoint: Endpoint;
  /** Takes up a call that its pool cannot serve any more, as if it were new. */
  dispatch(call: Call, handler: Handler): void;
  /** It has no connection, and nobody waits in it. */
  emptied(pool: ConnectionPool): void;
}

const LOCAL: ConnectionEnd = { local: true, unfinished: false };

/**
 * The connections to one host that fit the same calls, and the calls of one priority that wait for one.
 *
 * Limits are the priority's, counted over all hosts as Envoy counts them: connections beyond `max_connections` are not opened
 * (but the first of a pool always is), calls beyond `max_pending_requests` and `max_requests` are refused with the flag UO.
 */
export class ConnectionPool implements GrowingPool, Queue {
  readonly key: ConnectionKey;
  readonly limits: PriorityLimits;
  /** True while it counts as one of the cluster's pools. (max_connection_pools) */
  counted = false;
  readonly #owner: PoolOwner;
  readonly #cluster: Cluster;
  readonly #books: PoolBooks;
  readonly #pending: PendingCalls;
  readonly #room: PoolRoom;
  readonly #idle: IdleConnections;
  readonly #probation: Probation;
  readonly #growth: PoolGrowth;
  #draining: boolean;
  /** Why no call is taken on any more; null before the end. */
  #destroyed: MeshError | null = null;

  constructor(owner: PoolOwner, key: ConnectionKey, limits: PriorityLimits, draining: boolean) {
    const { cluster, endpoint } = owner;
    this.key = key;
    this.limits = limits;
    this.#owner = owner;
    this.#cluster = cluster;
    this.#draining = draining;
    this.#books = new PoolBooks(cluster, endpoint, limits);
    this.#pending = new PendingCalls(this, limits, cluster.stats);
    this.#room = new PoolRoom(cluster);
    this.#growth = new PoolGrowth(this, { cluster, endpoint, key, books: this.#books, room: this.#room });
    this.#probation = new Probation(cluster.clock);
    this.#idle = new IdleConnections({
      clock: cluster.clock,
      lately: cluster.lately,
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

  get waiting(): number {
    return this.#pending.length;
  }

  get draining(): boolean {
    return this.#draining;
  }

  dispatch(call: Call, handler: Handler): void {
    const last = this.#room.ready.at(-1);
    if (last !== undefined) {
      if (!call.distrustful || !last.doubtful) {
        this.#attach(last, call, handler);
        this.#growth.grow();
        return;
      }
      // It makes room for the new one, whatever the limit.
      this.retire(last);
    }
    if (this.#destroyed !== null) {
      handler.onResponseError(this.#destroyed);
      return;
    }
    const [resting] = this.#room.resting;
    if (resting !== undefined && this.#pending.full && this.#room.woke(resting)) {
      this.#attach(resting, call, handler);
      return;
    }
    if (this.#pending.add(call, handler) === null) {
      handler.onResponseError(this.#books.overflow('too many calls wait for a connection (max_pending_requests)'));
      return;
    }
    this.#growth.grow();
  }

  /** Opens a connection ahead of the calls that are to be expected, if there is not enough room for them. (predictive_preconnect_ratio) */
  preconnect(ratio: number): boolean {
    return this.#growth.tryConnect(ratio);
  }

  withdraw(pending: PendingCall): void {
    if (!this.#pending.remove(pending)) return;
    this.#cluster.stats.upstream_rq_cancelled++;
    // A connection that nobody waits for any more would hold the process up until it is ready or has timed out.
    const surplus = [...this.#room.all].findLast(({ opening }) => opening !== null);
    if (surplus !== undefined && !this.#growth.wants(this.#room.free - surplus.free)) this.retire(surplus);
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
    if (pooled.draining) {
      this.#room.gave(pooled);
    } else if (this.#probation.on && pooled.connection?.protocol === 'http1') {
      this.#room.rests(pooled);
      this.#probation.whenLookedAt(() => this.#wake(pooled));
    } else {
      this.#room.gave(pooled);
      this.#serve();
      this.#noteIdle(pooled);
    }
  }

  limited(pooled: PooledConnection): void {
    if (pooled.connection === null || pooled.over) return;
    const before = pooled.free;
    pooled.maxConcurrent = pooled.connection.maxConcurrent;
    this.#growth.learn(pooled.maxConcurrent);
    this.#room.changed(pooled, before);
    this.#serve();
  }

  unsent(pooled: PooledConnection, call: Call, handler: Handler): void {
    this.#room.gave(pooled);
    call.books?.detached();
    if (pooled.connection?.protocol === 'http1') this.#probation.begin();
    if (call.controller.reason !== null) handler.onResponseError(call.controller.reason);
    else this.#owner.dispatch(call, handler);
  }

  leaves(pooled: PooledConnection, lost: boolean): void {
    if (!lost) this.#cluster.stats.upstream_cx_close_notify++;
    this.#room.stop(pooled);
  }

  opened(pooled: PooledConnection): void {
    this.#serve();
    this.#noteIdle(pooled);
  }

  /** As Envoy, fails all that wait rather than one call per failed connection: the host does not answer. */
  refused(error: ConnectError): void {
    this.#fail(this.#books.failure(error));
    this.#growth.grow();
    this.#settle();
  }

  closed(pooled: PooledConnection, end: ConnectionEnd): void {
    if (pooled.over) return;
    if (!end.local && this.#room.resting.includes(pooled)) this.#probation.goOn();
    else if (!end.local && end.unfinished && pooled.taken > 1) this.#probation.begin();
    this.#books.closed(end);
    this.#room.forget(pooled);
    this.#growth.grow();
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
      // Whoever waited for it waits for another.
      this.#growth.grow();
      this.#settle();
    } else if (pooled.active === 0) {
      // Its place is free at once; the socket tells its end later.
      this.closed(pooled, LOCAL);
    }
    connection?.close();
  }

  #attach(pooled: PooledConnection, call: Call, handler: Handler): void {
    if (this.limits.requests >= this.limits.max.maxRequests) {
      this.#cluster.stats.upstream_rq_active_overflow++;
      handler.onResponseError(this.#books.overflow('too many calls in flight (max_requests)'));
      return;
    }
    this.#room.took(pooled);
    if (pooled.spent) this.#cluster.stats.upstream_cx_max_requests++;
    // It is open: only such ones are ready.
    const connection = pooled.connection as Connection;
    call.books?.attached(this.limits, connection.protocol);
    connection.dispatch(call, handler);
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
    if (this.#pending.length > 0) this.#growth.grow();
    else if (this.#draining) this.retireAll();
  }

  #wake(pooled: PooledConnection): void {
    if (!this.#room.woke(pooled)) return;
    this.#probation.passed();
    this.#serve();
    this.#noteIdle(pooled);
  }

  #noteIdle(pooled: PooledConnection): void {
    if (pooled.active === 0 && !pooled.over) this.#idle.note(pooled);
  }

  #settle(): void {
    if (!this.empty) return;
    this.#idle.stop();
    this.#owner.emptied(this);
  }

  #fail(error: MeshError): void {
    this.#pending.endAll(({ handler }) => {
      this.#cluster.stats.upstream_rq_pending_failure_eject++;
      handler.onResponseError(error);
    });
  }
}
