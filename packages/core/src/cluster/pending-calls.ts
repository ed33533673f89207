import type { Call } from '../call.ts';
import type { Handler } from '../dispatch.ts';
import type { PriorityLimits } from './limits.ts';
import { PendingCall, type Queue } from './pending-call.ts';
import type { ClusterStats } from './stats.ts';

/** The calls that wait in a pool, in their order, and their count in the limits of their priority. */
export class PendingCalls {
  readonly #queue: Queue;
  readonly #limits: PriorityLimits;
  readonly #stats: ClusterStats;
  #calls: PendingCall[] = [];

  constructor(queue: Queue, limits: PriorityLimits, stats: ClusterStats) {
    this.#queue = queue;
    this.#limits = limits;
    this.#stats = stats;
  }

  get length(): number {
    return this.#calls.length;
  }

  /** No more may wait. (max_pending_requests) */
  get full(): boolean {
    return this.#limits.pending >= this.#limits.max.maxPendingRequests;
  }

  /** Null where it is full. */
  add(call: Call, handler: Handler): PendingCall | null {
    if (this.full) {
      this.#stats.upstream_rq_pending_overflow++;
      return null;
    }
    this.#stats.upstream_rq_pending_total++;
    this.#stats.upstream_rq_pending_active++;
    this.#limits.pending++;
    const pending = new PendingCall(this.#queue, call, handler);
    this.#calls.push(pending);
    return pending;
  }

  /** The next call; of one that the other side may have closed already, not a call that has met such a one. */
  take(doubtful: boolean): PendingCall | undefined {
    const index = doubtful ? this.#calls.findIndex(({ call }) => !call.distrustful) : 0;
    const [taken] = index === 0 ? [this.#calls.shift()] : index < 0 ? [] : this.#calls.splice(index, 1);
    if (taken === undefined) return undefined;
    this.#left(1);
    taken.leave();
    return taken;
  }

  remove(pending: PendingCall): boolean {
    const index = this.#calls.indexOf(pending);
    if (index < 0) return false;
    this.#calls.splice(index, 1);
    this.#left(1);
    return true;
  }

  /** Ends the wait of all that wait now; whoever comes meanwhile is none of them. As in Envoy, each counts until it was told. */
  endAll(tell: (pending: PendingCall) => void): void {
    const calls = this.#calls;
    this.#calls = [];
    for (const pending of calls) {
      if (pending.leave()) tell(pending);
      this.#left(1);
    }
  }

  #left(count: number): void {
    this.#limits.pending -= count;
    this.#stats.upstream_rq_pending_active -= count;
  }
}
