import { SslStats } from './ssl-stats.ts';

/**
 * Statistics are plain numbers under Envoy's names, bumped in place: reading them costs the reader, not the call.
 * Names that end in `_active` are gauges, the others only grow.
 */
export class ClusterStats {
  upstream_rq_total = 0;
  upstream_rq_active = 0;
  upstream_rq_completed = 0;
  upstream_rq_1xx = 0;
  upstream_rq_2xx = 0;
  upstream_rq_3xx = 0;
  upstream_rq_4xx = 0;
  upstream_rq_5xx = 0;
  upstream_rq_pending_total = 0;
  upstream_rq_pending_active = 0;
  upstream_rq_pending_overflow = 0;
  /** Calls refused because too many are in flight. (max_requests) */
  upstream_rq_active_overflow = 0;
  /** Calls refused because the feed wants a share of them refused. (drop_overloads) */
  upstream_rq_drop_overload = 0;
  upstream_internal_redirect_succeeded_total = 0;
  upstream_internal_redirect_failed_total = 0;
  upstream_rq_pending_failure_eject = 0;
  upstream_rq_cancelled = 0;
  upstream_rq_timeout = 0;
  upstream_rq_per_try_timeout = 0;
  upstream_rq_rx_reset = 0;
  upstream_rq_tx_reset = 0;
  upstream_rq_retry = 0;
  upstream_rq_retry_success = 0;
  upstream_rq_retry_overflow = 0;
  upstream_rq_retry_limit_exceeded = 0;
  upstream_cx_total = 0;
  upstream_cx_active = 0;
  upstream_cx_http1_total = 0;
  upstream_cx_http2_total = 0;
  upstream_cx_connect_fail = 0;
  upstream_cx_connect_timeout = 0;
  /** Streams of bytes for which all hosts that were tried failed. */
  upstream_cx_connect_attempts_exceeded = 0;
  upstream_cx_overflow = 0;
  upstream_cx_pool_overflow = 0;
  upstream_cx_idle_timeout = 0;
  upstream_cx_max_duration_reached = 0;
  upstream_cx_close_notify = 0;
  upstream_cx_destroy = 0;
  upstream_cx_destroy_local = 0;
  upstream_cx_destroy_remote = 0;
  upstream_cx_destroy_with_active_rq = 0;
  upstream_cx_destroy_local_with_active_rq = 0;
  upstream_cx_destroy_remote_with_active_rq = 0;
  upstream_cx_max_requests = 0;
  upstream_cx_none_healthy = 0;
  membership_total = 0;
  membership_healthy = 0;
  membership_change = 0;
  lb_healthy_panic = 0;
  update_success = 0;
  update_rejected = 0;
  update_empty = 0;
  readonly ssl: SslStats = new SslStats();
}

/** Per endpoint, as `/clusters` of Envoy's admin shows them. */
export class EndpointStats {
  cx_active = 0;
  cx_connect_fail = 0;
  cx_total = 0;
  rq_active = 0;
  rq_error = 0;
  rq_success = 0;
  rq_timeout = 0;
  rq_total = 0;
}

/** Per route, as Envoy's `vhost.<vhost>.route.<stat_prefix>`. */
export class RouteStats {
  upstream_rq_total = 0;
  upstream_rq_completed = 0;
  upstream_rq_1xx = 0;
  upstream_rq_2xx = 0;
  upstream_rq_3xx = 0;
  upstream_rq_4xx = 0;
  upstream_rq_5xx = 0;
  upstream_rq_timeout = 0;
  upstream_rq_retry = 0;
  upstream_rq_retry_success = 0;
  upstream_rq_retry_overflow = 0;
  upstream_rq_retry_limit_exceeded = 0;
}

interface StatusCounters {
  upstream_rq_completed: number;
  upstream_rq_1xx: number;
  upstream_rq_2xx: number;
  upstream_rq_3xx: number;
  upstream_rq_4xx: number;
  upstream_rq_5xx: number;
}

/** Counts a completed response by the class of its status. */
export function countStatus(stats: StatusCounters, status: number): void {
  stats.upstream_rq_completed++;
  if (status < 200) stats.upstream_rq_1xx++;
  else if (status < 300) stats.upstream_rq_2xx++;
  else if (status < 400) stats.upstream_rq_3xx++;
  else if (status < 500) stats.upstream_rq_4xx++;
  else stats.upstream_rq_5xx++;
}
