import type { PooledConnection } from './pooled-connection.ts';

/** Where the room of all pools of a cluster is added up. */
export interface RoomTotal {
  /** Calls that connections could take now, or will once they are open. */
  free: number;
}

/** The connections of a pool, which of them take a call now, and how many calls they have room for. */
export class PoolRoom {
  /** Those that take a call now. The one that came free last is the last, and is taken first, so that the others can grow old. */
  readonly ready: PooledConnection[] = [];
  /** Those that carry nothing and are looked at once more before they take a call. */
  readonly resting: PooledConnection[] = [];
  /** Those that are open or being opened. */
  readonly all: Set<PooledConnection> = new Set();
  /** Connections that are being opened. */
  connecting = 0;
  /** Calls on connections. */
  active = 0;
  /** Calls that connections could take now, or will once they are open. */
  free = 0;
  /** The part of `free` that connections will bring that are being opened. */
  freeConnecting = 0;
  readonly #total: RoomTotal;

  constructor(total: RoomTotal) {
    this.#total = total;
  }

  /** It is being opened. */
  add(pooled: PooledConnection): void {
    this.all.add(pooled);
    this.connecting++;
    this.freeConnecting += pooled.free;
    this.#count(pooled.free);
  }

  /** It is open, and can carry so many. */
  opened(pooled: PooledConnection, maxConcurrent: number): void {
    this.connecting--;
    this.freeConnecting -= pooled.free;
    this.#count(-pooled.free);
    pooled.opening = null;
    pooled.maxConcurrent = maxConcurrent;
    this.changed(pooled, 0);
  }

  /** It has one call more. */
  took(pooled: PooledConnection): void {
    const before = pooled.free;
    pooled.active++;
    pooled.taken++;
    this.active++;
    if (pooled.spent) pooled.draining = true;
    this.changed(pooled, before);
  }

  /** It has one call less. */
  gave(pooled: PooledConnection): void {
    if (pooled.over) return;
    const before = pooled.free;
    pooled.active--;
    this.active--;
    this.changed(pooled, before);
  }

  /** It has one call less, and is not ready for another before it `woke`. */
  rests(pooled: PooledConnection): void {
    this.resting.push(pooled);
    this.gave(pooled);
    this.#unready(pooled);
  }

  /** False where it is gone meanwhile, or ready already. */
  woke(pooled: PooledConnection): boolean {
    const index = this.resting.indexOf(pooled);
    if (index < 0) return false;
    this.resting.splice(index, 1);
    if (pooled.over || pooled.free <= 0) return false;
    this.ready.push(pooled);
    return true;
  }

  /** Brings sums and list in step with what the connection has free, after it had `before`. */
  changed(pooled: PooledConnection, before: number): void {
    const { free } = pooled;
    this.#count(free - before);
    if (free > 0 === before > 0) return;
    if (free > 0) this.ready.push(pooled);
    else this.#unready(pooled);
  }

  /** It takes no more calls. */
  stop(pooled: PooledConnection): void {
    if (pooled.draining) return;
    const before = pooled.free;
    if (pooled.opening !== null) this.freeConnecting -= before;
    pooled.draining = true;
    this.changed(pooled, before);
  }

  /** It is gone, with the calls that it may have. */
  forget(pooled: PooledConnection): void {
    this.stop(pooled);
    if (pooled.opening !== null) this.connecting--;
    pooled.opening = null;
    pooled.over = true;
    pooled.ageTimer?.cancel();
    this.active -= pooled.active;
    this.all.delete(pooled);
  }

  #unready(pooled: PooledConnection): void {
    if (this.ready.at(-1) === pooled) {
      this.ready.pop();
      return;
    }
    const index = this.ready.indexOf(pooled);
    if (index >= 0) this.ready.splice(index, 1);
  }

  #count(free: number): void {
    this.free += free;
    this.#total.free += free;
  }
}
