import type { Thresholds } from '../model/cluster.ts';

/** Gauges of `circuit_breakers.<priority>.`: 1 for what is used up, and how much is left where the feed wants it told. (track_remaining) */
export interface CircuitBreakerStats {
  readonly cx_open: number;
  readonly cx_pool_open: number;
  readonly rq_pending_open: number;
  readonly rq_open: number;
  readonly rq_retry_open: number;
  readonly remaining_cx?: number;
  readonly remaining_cx_pools?: number;
  readonly remaining_pending?: number;
  readonly remaining_rq?: number;
  readonly remaining_retries?: number;
}

/**
 * What the calls of one priority use of a cluster, over all of its hosts: Envoy's resource manager. The numbers are counted
 * where they arise; a limit that the feed lowers takes nothing away from those who are over it.
 */
export class PriorityLimits {
  /** As the feed has it now. */
  max: Thresholds;
  /** Open or being opened. */
  connections = 0;
  /** Calls that wait for a connection. */
  pending = 0;
  /** Calls on a connection. */
  requests = 0;
  /** Retries that wait or are in flight. */
  retries = 0;
  /** Pools that have a connection, or somebody who waits for one. */
  pools = 0;

  constructor(max: Thresholds) {
    this.max = max;
  }

  /** Retries that may be at once: `max_retries`, or a share of all calls where the feed sets a budget. */
  get maxRetries(): number {
    const { retryBudget, maxRetries } = this.max;
    if (retryBudget === null) return maxRetries;
    const share = ((this.requests + this.pending) * retryBudget.budgetPercent) / 100;
    return Math.max(retryBudget.minRetryConcurrency, share);
  }

  get stats(): CircuitBreakerStats {
    const { max } = this;
    const open = {
      cx_open: isOpen(this.connections, max.maxConnections),
      cx_pool_open: isOpen(this.pools, max.maxConnectionPools),
      rq_pending_open: isOpen(this.pending, max.maxPendingRequests),
      rq_open: isOpen(this.requests, max.maxRequests),
      rq_retry_open: isOpen(this.retries, max.maxRetries),
    };
    if (!max.trackRemaining) return open;
    return {
      ...open,
      remaining_cx: left(this.connections, max.maxConnections),
      remaining_cx_pools: left(this.pools, max.maxConnectionPools),
      remaining_pending: left(this.pending, max.maxPendingRequests),
      remaining_rq: left(this.requests, max.maxRequests),
      // As Envoy: what a budget leaves changes with every call, and is not told.
      remaining_retries: max.retryBudget === null ? left(this.retries, max.maxRetries) : 0,
    };
  }
}

/** What Envoy tells where there is no limit: the largest number that it has. */
const NO_LIMIT = 2 ** 64;

/** As Envoy, a limit of 0 is not open before something was counted against it. */
function isOpen(used: number, max: number): number {
  return used > 0 && used >= max ? 1 : 0;
}

function left(used: number, max: number): number {
  return Math.min(NO_LIMIT, Math.max(0, max - used));
}
