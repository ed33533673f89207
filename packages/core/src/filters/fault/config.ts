import type { HeaderMatch } from '../../model/matcher.ts';
import type { FractionalPercent } from '../../model/runtime.ts';
import type { MetadataStruct } from '../metadata.ts';

/** envoy.extensions.filters.http.fault.v3.HTTPFault */
export interface FaultConfig {
  readonly abort: FaultAbort | null;
  readonly delay: FaultDelay | null;
  readonly responseRateLimit: FaultRateLimit | null;
  /** Only calls to this cluster; empty for any. */
  readonly upstreamCluster: string;
  /** Only calls whose `x-envoy-downstream-service-node` is one of these; empty for any. */
  readonly downstreamNodes: readonly string[];
  /** Only calls that match all of these. */
  readonly headers: readonly HeaderMatch[];
  /** Faults at the same time, over all calls through the listener; null for no limit. */
  readonly maxActiveFaults: number | null;
  readonly runtimeKeys: FaultRuntimeKeys;
  /** No counters of its own for each `x-envoy-downstream-service-cluster`. */
  readonly disableDownstreamClusterStats: boolean;
  /** What a call that is delayed or aborted has in its metadata, under the filter's name; null for nothing. */
  readonly filterMetadata: MetadataStruct | null;
}

/** Where each takes its value from: the feed, or a header of the request (`header`). */
export interface FaultAbort {
  readonly percentage: FractionalPercent;
  readonly status: { readonly http: number } | { readonly grpc: number } | 'header';
  /** Empty for Envoy's own text. */
  readonly responseBody: string;
}

export interface FaultDelay {
  readonly percentage: FractionalPercent;
  /** Milliseconds. */
  readonly duration: number | 'header';
}

export interface FaultRateLimit {
  readonly percentage: FractionalPercent;
  /** KiB per second. */
  readonly kbps: number | 'header';
}

/** Keys under which the runtime may override what the configuration says. */
export interface FaultRuntimeKeys {
  readonly delayPercent: string;
  readonly abortPercent: string;
  readonly delayDuration: string;
  readonly abortHttpStatus: string;
  readonly abortGrpcStatus: string;
  readonly maxActiveFaults: string;
  readonly responseRateLimitPercent: string;
}

/** Envoy's keys where the configuration names none. */
export const FAULT_RUNTIME_KEYS: FaultRuntimeKeys = {
  delayPercent: 'fault.http.delay.fixed_delay_percent',
  abortPercent: 'fault.http.abort.abort_percent',
  delayDuration: 'fault.http.delay.fixed_duration_ms',
  abortHttpStatus: 'fault.http.abort.http_status',
  abortGrpcStatus: 'fault.http.abort.grpc_status',
  maxActiveFaults: 'fault.http.max_active_faults',
  responseRateLimitPercent: 'fault.http.rate_limit.response_percent',
};
