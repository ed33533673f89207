import type { Call } from '../call.ts';
import type { Handler } from '../dispatch.ts';
import { MeshError } from '../errors.ts';
import { ByteStreams } from './byte-streams.ts';
import type { Cluster } from './cluster.ts';
import type { ConnectionKey } from './connection-key.ts';
import { ConnectionPool, type PoolOwner } from './connection-pool.ts';
import type { Endpoint } from './endpoint.ts';
import type { PriorityLimits } from './limits.ts';
import type { PooledConnection } from './pooled-connection.ts';

/** Pools without connections that are kept for what they know of the host; keys can be as many as authorities. */
const KEPT = 16;

/** All connections to one host: a pool for each priority and each key. */
export class HostPools implements PoolOwner {
  readonly cluster: Cluster;
  readonly endpoint: Endpoint;
  readonly #pools = new Map<PriorityLimits, Map<string, ConnectionPool>>();
  /** Pools of settings that are in force no more, until their last call ends. */
  readonly #leaving = new Set<ConnectionPool>();
  #bytes: ByteStreams | null = null;
  /** The pool of the call before: most calls to a host are alike. */
  #recent: ConnectionPool | null = null;
  #draining: boolean;
  #destroyed: MeshError | null = null;

  constructor(cluster: Cluster, endpoint: Endpoint) {
    this.cluster = cluster;
    this.endpoint = endpoint;
    // A call that was in flight when its cluster went may still choose a host that was never called before.
    this.#draining = cluster.closed;
  }

  /** True while nothing is open, being opened or waited for. */
  get empty(): boolean {
    for (const pool of this.#known()) if (!pool.empty) return false;
    return this.#bytes?.empty !== false;
  }

  /** Those that are open or being opened. */
  get connections(): PooledConnection[] {
    return [...this.#known()].flatMap((pool) => [...pool.connections]);
  }

  dispatch(call: Call, handler: Handler): void {
    const { cluster } = this;
    const key = cluster.keyOf(this.endpoint, call);
    const pool = this.#poolOf(key, cluster.limitsOf(call));
    if (pool.counted) {
      pool.dispatch(call, handler);
      return;
    }
    if (this.#destroyed !== null) {
      handler.onResponseError(this.#destroyed);
    } else if (this.#admit(pool)) {
      pool.dispatch(call, handler);
      if (pool.empty) this.emptied(pool);
    } else {
      cluster.stats.upstream_cx_pool_overflow++;
      handler.onResponseError(this.#overflow());
    }
  }

  /** The streams of bytes to it. */
  get bytes(): ByteStreams {
    this.#bytes ??= new ByteStreams(this.cluster, this.endpoint);
    return this.#bytes;
  }

  /** Opens a connection for a call like this one, if the pool has too little room for one more. True where it opened one and may open another. */
  preconnect(call: Call, ratio: number): boolean {
    const { cluster } = this;
    const pool = this.#poolOf(cluster.keyOf(this.endpoint, call), cluster.limitsOf(call));
    if (!pool.counted && !this.#admit(pool)) return false;
    const more = pool.preconnect(ratio);
    if (pool.empty) this.emptied(pool);
    return more;
  }

  /** No connections but for those who wait, who are served first; idle ones close now, busy ones after their calls. */
  drain(): void {
    this.#draining = true;
    for (const pool of [...this.#known()]) pool.drain();
  }

  /** Connections end with their calls, and others may be opened. Streams of bytes stay. */
  retireAll(): void {
    for (const pool of [...this.#known()]) pool.retireAll();
  }

  /** The settings that connections are opened by have changed: those that are there end with their calls, and calls that wait get others. */
  renew(): void {
    const old = [...this.#current()];
    this.#pools.clear();
    this.#recent = null;
    for (const pool of old) {
      if (!pool.empty) this.#leaving.add(pool);
      pool.abandon();
    }
  }

  /** Closes everything now; calls in flight fail. */
  destroy(error: MeshError): void {
    this.#draining = true;
    this.#destroyed = error;
    for (const pool of [...this.#known()]) pool.destroy(error);
    this.#bytes?.destroy(error);
  }

  emptied(pool: ConnectionPool): void {
    this.#leaving.delete(pool);
    if (pool.counted) pool.limits.pools--;
    pool.counted = false;
    const pools = this.#pools.get(pool.limits);
    if (pools === undefined || pools.size <= KEPT || pools.get(pool.key.id) !== pool) return;
    pools.delete(pool.key.id);
    if (this.#recent === pool) this.#recent = null;
  }

  #poolOf(key: ConnectionKey, limits: PriorityLimits): ConnectionPool {
    const recent = this.#recent;
    if (recent !== null && recent.key === key && recent.limits === limits) return recent;
    let pools = this.#pools.get(limits);
    if (pools === undefined) {
      pools = new Map();
      this.#pools.set(limits, pools);
    }
    let pool = pools.get(key.id);
    if (pool === undefined) {
      pool = new ConnectionPool(this, key, limits, this.#draining);
      pools.set(key.id, pool);
    }
    this.#recent = pool;
    return pool;
  }

  /** Counts one more pool; where there are too many, one of the host's that has nothing to do makes room, as in Envoy. */
  #admit(pool: ConnectionPool): boolean {
    const { limits } = pool;
    if (limits.pools >= limits.max.maxConnectionPools) {
      const unused = [...(this.#pools.get(limits)?.values() ?? [])].find(({ counted, busy }) => counted && !busy);
      if (unused === undefined) return false;
      unused.retireAll();
    }
    limits.pools++;
    pool.counted = true;
    return true;
  }

  /** As Envoy, which takes it for a host that cannot be called. */
  #overflow(): MeshError {
    return new MeshError('no_healthy_upstream', 'too many pools of connections (max_connection_pools)', {
      cluster: this.cluster.name,
      endpoint: this.endpoint.key,
    });
  }

  *#current(): Iterable<ConnectionPool> {
    for (const pools of this.#pools.values()) yield* pools.values();
  }

  *#known(): Iterable<ConnectionPool> {
    yield* this.#current();
    yield* this.#leaving;
  }
}
