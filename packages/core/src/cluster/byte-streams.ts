import type { Duplex } from 'node:stream';
import type { MeshError } from '../errors.ts';
import { outsideContext } from '../util/outside.ts';
import type { Cluster } from './cluster.ts';
import type { Connecting, ConnectionEnd } from './connection.ts';
import type { ConnectionKey } from './connection-key.ts';
import type { Endpoint } from './endpoint.ts';
import type { PriorityLimits } from './limits.ts';
import { PoolBooks } from './pool-books.ts';

/** Called once, later than it is asked for: with a stream, or with the reason why there is none. */
export type BytesCallback = (error: MeshError | null, stream: Duplex | null) => void;

/**
 * Streams of bytes to one host, without HTTP: a connection for each, counted by the same limits as those that carry calls.
 * As Envoy's TCP proxy, one that finds `max_connections` used up does not wait but is refused: connections are not shared, and
 * none would come free before a stream ends.
 */
export class ByteStreams {
  readonly #cluster: Cluster;
  readonly #endpoint: Endpoint;
  readonly #open = new Set<Duplex>();
  readonly #connecting = new Set<ByteStream>();

  constructor(cluster: Cluster, endpoint: Endpoint) {
    this.#cluster = cluster;
    this.#endpoint = endpoint;
  }

  get empty(): boolean {
    return this.#open.size + this.#connecting.size === 0;
  }

  open(key: ConnectionKey, limits: PriorityLimits, callback: BytesCallback): Connecting {
    const { stats } = this.#cluster;
    const books = new PoolBooks(this.#cluster, this.#endpoint, limits);
    const full = limits.pending >= limits.max.maxPendingRequests;
    if (full || !books.mayConnect) {
      if (full) stats.upstream_rq_pending_overflow++;
      else stats.upstream_cx_overflow++;
      const limit = full ? 'max_pending_requests' : 'max_connections, of all hosts or of one';
      return soon(() => callback(books.overflow(`too many streams of bytes (${limit})`), null));
    }
    const opening = new ByteStream(books, limits, this.#cluster, this.#endpoint, callback);
    this.#connecting.add(opening);
    opening.start(key, (stream) => {
      this.#connecting.delete(opening);
      if (stream === null) return;
      this.#open.add(stream);
      stream.once('close', () => this.#open.delete(stream));
    });
    return opening;
  }

  /** Ends all of them now. */
  destroy(error: MeshError): void {
    for (const opening of [...this.#connecting]) opening.fail(error);
    for (const stream of [...this.#open]) stream.destroy(error);
  }
}

/** One of them, from the attempt to connect to its end. */
class ByteStream implements Connecting {
  readonly #books: PoolBooks;
  readonly #limits: PriorityLimits;
  readonly #cluster: Cluster;
  readonly #endpoint: Endpoint;
  readonly #callback: BytesCallback;
  #opening: Connecting | null = null;
  #done: (stream: Duplex | null) => void = () => {};

  constructor(books: PoolBooks, limits: PriorityLimits, cluster: Cluster, endpoint: Endpoint, callback: BytesCallback) {
    this.#books = books;
    this.#limits = limits;
    this.#cluster = cluster;
    this.#endpoint = endpoint;
    this.#callback = callback;
  }

  start(key: ConnectionKey, done: (stream: Duplex | null) => void): void {
    const { stats, transport } = this.#cluster;
    this.#done = done;
    stats.upstream_rq_pending_total++;
    stats.upstream_rq_pending_active++;
    this.#limits.pending++;
    this.#books.connecting(null);
    this.#opening = outsideContext(() =>
      transport.connectBytes(this.#endpoint, key, (error, stream, tls) => {
        if (error !== null) {
          stats.upstream_rq_pending_failure_eject++;
          this.#books.failed(error);
          this.#settle(null);
          this.#callback(this.#books.failure(error), null);
        } else if (stream !== null) {
          this.#books.connected(null, tls ?? null);
          this.#begin(stream);
          this.#settle(stream);
          this.#callback(null, stream);
        }
      }),
    );
  }

  cancel(): void {
    if (!this.#abandon()) return;
    this.#cluster.stats.upstream_rq_cancelled++;
  }

  fail(error: MeshError): void {
    if (this.#abandon()) this.#callback(error, null);
  }

  #abandon(): boolean {
    if (this.#opening === null) return false;
    this.#opening.cancel();
    this.#books.cancelled();
    this.#settle(null);
    return true;
  }

  #settle(stream: Duplex | null): void {
    this.#opening = null;
    this.#limits.pending--;
    this.#cluster.stats.upstream_rq_pending_active--;
    this.#done(stream);
  }

  /** Counts it as a call for as long as it lasts. */
  #begin(stream: Duplex): void {
    const limits = this.#limits;
    const { stats } = this.#cluster;
    const host = this.#endpoint.stats;
    stats.upstream_rq_total++;
    stats.upstream_rq_active++;
    host.rq_total++;
    host.rq_active++;
    limits.requests++;
    let remote = false;
    stream.once('end', () => {
      remote = !stream.writableEnded;
    });
    stream.once('close', () => {
      stats.upstream_rq_active--;
      host.rq_active--;
      limits.requests--;
      const end: ConnectionEnd = { local: !remote, unfinished: remote };
      this.#books.closed(end);
    });
  }
}

function soon(callback: () => void): Connecting {
  let cancelled = false;
  queueMicrotask(() => {
    if (!cancelled) callback();
  });
  return {
    cancel: () => {
      cancelled = true;
    },
  };
}
