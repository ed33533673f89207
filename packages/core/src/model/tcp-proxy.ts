import type { CidrRange } from './matcher.ts';

/** Where the bytes of a connection go. (envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy) */
export interface TcpProxy {
  readonly statPrefix: string;
  /** One entry for `cluster`; several for `weighted_clusters`. */
  readonly clusters: readonly { readonly name: string; readonly weight: number }[];
  /** Milliseconds without a byte either way; default one hour, as Envoy's; 0 for no limit. (idle_timeout) */
  readonly idleTimeoutMs: number;
  /** Milliseconds; 0 for no limit. (max_downstream_connection_duration) */
  readonly maxDurationMs: number;
  /** Percent by which it is longer, at most. (max_downstream_connection_duration_jitter_percentage) */
  readonly maxDurationJitterPercent: number;
  /** Hosts that are tried, one after the other; default 1. (max_connect_attempts) */
  readonly maxConnectAttempts: number;
  /** Between them; null for none. (backoff_options) */
  readonly backoff: { readonly baseMs: number; readonly maxMs: number } | null;
  /** What this version cannot honour and must not ignore, naming fields: its connections are refused. */
  readonly unsupported: readonly string[];
}

export const TCP_PROXY_DEFAULTS: Omit<TcpProxy, 'statPrefix' | 'clusters'> = {
  idleTimeoutMs: 3_600_000,
  maxDurationMs: 0,
  maxDurationJitterPercent: 0,
  maxConnectAttempts: 1,
  backoff: null,
  unsupported: [],
};

/** Which connections a chain of filters takes; empty fields take all. (envoy.config.listener.v3.FilterChainMatch) */
export interface FilterChainMatch {
  /** Of the destination. */
  readonly prefixRanges: readonly CidrRange[];
  /** In lower case; `*.a.example` for names that end so. Only TLS has one. */
  readonly serverNames: readonly string[];
  /** `tls` or `raw_buffer`; empty for both. */
  readonly transportProtocol: string;
  /** What is offered by ALPN, or seen in the bytes. */
  readonly applicationProtocols: readonly string[];
  /** It asks, too, where the connection comes from: a client cannot know what the feed takes it for, and is taken by none of these. */
  readonly bySource: boolean;
}

/** Takes every connection. */
export const ANY_CONNECTION: FilterChainMatch = {
  prefixRanges: [],
  serverNames: [],
  transportProtocol: '',
  applicationProtocols: [],
  bySource: false,
};
