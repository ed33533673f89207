import type { Call } from '../call.ts';
import type { Handler } from '../dispatch.ts';
import type { Timer } from '../util/clock.ts';
import type { Connecting, Connection, ConnectionEnd, ConnectionEvents } from './connection.ts';

/** The pool of a connection: hears of it, and ends it. */
export interface ConnectionOwner {
  freed(pooled: PooledConnection): void;
  limited(pooled: PooledConnection): void;
  unsent(pooled: PooledConnection, call: Call, handler: Handler): void;
  /** It takes no more calls: by the host's wish, or because it is lost. */
  leaves(pooled: PooledConnection, lost: boolean): void;
  closed(pooled: PooledConnection, end: ConnectionEnd): void;
  retire(pooled: PooledConnection): void;
}

/** A connection as its pool sees it, from the attempt to open it to its end. */
export class PooledConnection implements ConnectionEvents {
  readonly #owner: ConnectionOwner;
  /** Calls that it may take in its life; 0 for no limit. */
  readonly #maxCalls: number;
  /** Null while it is being opened, and for good where that fails. */
  connection: Connection | null = null;
  /** Null once it is open or given up. */
  opening: Connecting | null = null;
  /** Calls at the same time; as is to be expected while it is being opened. */
  maxConcurrent: number;
  /** Calls that it carries. */
  active = 0;
  /** Calls that it was given. */
  taken = 0;
  /** On the clock of the cluster: since when it carries no call. */
  idleSince = 0;
  /** Takes no more calls: it ends with those that it carries. */
  draining = false;
  /** The pool does not count on it any more. */
  over = false;
  /** Ends its life. */
  ageTimer: Timer | null = null;

  constructor(owner: ConnectionOwner, maxConcurrent: number, maxCalls: number) {
    this.#owner = owner;
    this.maxConcurrent = maxConcurrent;
    this.#maxCalls = maxCalls;
  }

  /** Calls that it takes now, or will once it is open; below 0 where the server wants fewer than it has. */
  get free(): number {
    if (this.draining) return 0;
    const now = this.maxConcurrent - this.active;
    return this.#maxCalls === 0 ? now : Math.min(now, this.#maxCalls - this.taken);
  }

  /** It has taken as many calls as a connection may. (max_requests_per_connection) */
  get spent(): boolean {
    return this.taken === this.#maxCalls;
  }

  /** The other side may have closed it without our knowing: it has served, and nothing is under way on it. */
  get doubtful(): boolean {
    return this.taken > 0 && this.active === 0;
  }

  /** Takes no more calls, and closes once it carries none. */
  retire(): void {
    this.#owner.retire(this);
  }

  onFree(): void {
    this.#owner.freed(this);
  }

  onLimit(): void {
    this.#owner.limited(this);
  }

  onUnsent(_connection: Connection, call: Call, handler: Handler): void {
    this.#owner.unsent(this, call, handler);
  }

  onDraining(_connection: Connection, lost = false): void {
    this.#owner.leaves(this, lost);
  }

  onClosed(connection: Connection, end?: ConnectionEnd): void {
    const unfinished = connection.protocol === 'http2' && this.active > 0;
    this.#owner.closed(this, end ?? { local: this.draining, unfinished });
  }
}
