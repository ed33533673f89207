import { outsideContext } from '../util/outside.ts';
import type { Cluster } from './cluster.ts';
import type { ConnectError } from './connection.ts';
import type { ConnectionKey } from './connection-key.ts';
import { type Endpoint, isHealthy } from './endpoint.ts';
import type { PoolBooks } from './pool-books.ts';
import type { PoolRoom } from './pool-room.ts';
import { type ConnectionOwner, PooledConnection } from './pooled-connection.ts';

/** Connections opened in one go, at most, when more are wanted than there are; as Envoy's. */
const AT_ONCE = 3;
/** The longest that a timer of the platform can be set to; a longer one would fire at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** A pool that grows. */
export interface GrowingPool extends ConnectionOwner {
  /** Calls that wait. */
  readonly waiting: number;
  /** Opens no connections but for those who wait. */
  readonly draining: boolean;
  opened(pooled: PooledConnection): void;
  refused(error: ConnectError): void;
}

export interface GrowthParts {
  readonly cluster: Cluster;
  readonly endpoint: Endpoint;
  readonly key: ConnectionKey;
  readonly books: PoolBooks;
  readonly room: PoolRoom;
}

/** Opens the connections of a pool: how many, and when, as Envoy does. */
export class PoolGrowth {
  readonly #pool: GrowingPool;
  readonly #parts: GrowthParts;
  /** What the last connection could carry: the best guess of what the next one can. Before there was one, as Envoy, the most that HTTP/2 allows. */
  #expected: number;

  constructor(pool: GrowingPool, parts: GrowthParts) {
    this.#pool = pool;
    this.#parts = parts;
    this.#expected = parts.key.protocol === 'http1' ? 1 : parts.cluster.config.protocol.http2.maxConcurrentStreams;
  }

  /** A connection tells what it can carry. */
  learn(maxConcurrent: number): void {
    if (maxConcurrent > 0) this.#expected = maxConcurrent;
  }

  /** More is asked for, or soon will be (per_upstream_preconnect_ratio), than connections can take that have `free` places between them. */
  wants(free: number): boolean {
    const { active } = this.#parts.room;
    return (this.#pool.waiting + active) * this.#ratio > free + active;
  }

  grow(): void {
    // What nearly every call comes to: nobody waits, and nothing is opened ahead of those who will.
    if (this.#pool.waiting === 0 && this.#parts.room.free >= 0 && this.#ratio <= 1) return;
    for (let i = 0; i < AT_ONCE; i++) if (!this.tryConnect(0)) return;
  }

  /** True where it opened one and may open another. `predictiveRatio`: for a call that is to be expected; 0 for none. */
  tryConnect(predictiveRatio: number): boolean {
    if (!this.#short(predictiveRatio)) return false;
    const { books, cluster, room } = this.#parts;
    const allowed = books.mayConnect;
    if (!allowed) cluster.stats.upstream_cx_overflow++;
    if (!allowed && room.all.size > 0) return false;
    this.#connect();
    return allowed;
  }

  get #ratio(): number {
    return this.#parts.cluster.config.pool.preconnect.perUpstreamRatio;
  }

  #short(predictiveRatio: number): boolean {
    const { waiting, draining } = this.#pool;
    if (waiting === 0 && draining) return false;
    const { active, free, freeConnecting } = this.#parts.room;
    // A host that is not well gets no more than what is asked of it now.
    if (!isHealthy(this.#parts.endpoint.health)) return waiting > freeConnecting;
    if (predictiveRatio === 0) return this.wants(free);
    return (waiting + active + 1) * predictiveRatio > free + active;
  }

  #connect(): void {
    const { cluster, endpoint, key, books, room } = this.#parts;
    const { config, transport } = cluster;
    const pooled = new PooledConnection(this.#pool, this.#expected, config.maxRequestsPerConnection);
    room.add(pooled);
    books.connecting(key.protocol);
    pooled.opening = outsideContext(() =>
      transport.connect(endpoint, key, pooled, (error, connection) => {
        if (connection !== null) {
          pooled.connection = connection;
          const promised = pooled.maxConcurrent;
          this.learn(connection.maxConcurrent);
          room.opened(pooled, connection.maxConcurrent);
          books.connected(key.protocol === 'auto' ? connection.protocol : null, connection.tls);
          this.#limitAge(pooled);
          this.#pool.opened(pooled);
          // ALPN chose a protocol that carries less than was counted on: as many are opened as are wanted besides.
          if (key.protocol === 'auto' && connection.maxConcurrent < promised) this.grow();
        } else if (error !== null) {
          books.failed(error);
          room.forget(pooled);
          this.#pool.refused(error);
        }
      }),
    );
  }

  #limitAge(pooled: PooledConnection): void {
    const { clock, config, stats } = this.#parts.cluster;
    const { maxConnectionDurationMs } = config.pool;
    if (maxConnectionDurationMs === 0) return;
    const expire = () => {
      if (!pooled.draining) stats.upstream_cx_max_duration_reached++;
      pooled.retire();
    };
    pooled.ageTimer = outsideContext(() =>
      clock.setTimer(Math.min(maxConnectionDurationMs, LONGEST_MS), expire, { unref: true }),
    );
  }
}
