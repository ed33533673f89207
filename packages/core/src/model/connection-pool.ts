/** How the connections of a cluster are opened and kept; the limits over all hosts are in `Thresholds`. */
export interface ConnectionPoolConfig {
  /** Milliseconds from its opening until a connection takes no more calls; 0 for no limit. (max_connection_duration) */
  readonly maxConnectionDurationMs: number;
  /** envoy.config.cluster.v3.Cluster.PreconnectPolicy */
  readonly preconnect: {
    /** Capacity kept for a host beyond what its calls need now: 1 for none, 3 at most. */
    readonly perUpstreamRatio: number;
    /** The same over all hosts, ahead of the balancer's next choices: 1 for none, 3 at most. */
    readonly predictiveRatio: number;
  };
  /** Null: TCP's own keepalive as the transport has it. (`upstream_connection_options.tcp_keepalive`) */
  readonly tcpKeepalive: TcpKeepalive | null;
  /** Null: the system's choice. (`upstream_bind_config.source_address`) */
  readonly bind: SourceAddress | null;
  /** In which order the addresses of a host are tried; absent for Envoy's default. (`upstream_connection_options.happy_eyeballs_config`) */
  readonly happyEyeballs?: HappyEyeballs;
  /** Connections end with their calls when hosts come or go, so that balancers by hash find their hosts again. (`common_lb_config.close_connections_on_host_set_change`) */
  readonly closeOnHostSetChange: boolean;
}

/** envoy.config.core.v3.TcpKeepalive; null where the feed leaves it to the system. */
export interface TcpKeepalive {
  readonly probes: number | null;
  readonly timeMs: number | null;
  readonly intervalMs: number | null;
}

/** envoy.config.cluster.v3.UpstreamConnectionOptions.HappyEyeballsConfig */
export interface HappyEyeballs {
  /** Null: the family of the first address, which is the default. */
  readonly firstFamily: 'v4' | 'v6' | null;
  /** Addresses of that family before the first one of the other; default 1. */
  readonly firstFamilyCount: number;
}

/** envoy.config.core.v3.BindConfig */
export interface SourceAddress {
  readonly host: string;
  /** 0 for any. */
  readonly port: number;
  /** Others, for hosts whose address is of another family. */
  readonly extra: readonly { readonly host: string; readonly port: number }[];
}

export const DEFAULT_POOL: ConnectionPoolConfig = {
  maxConnectionDurationMs: 0,
  preconnect: { perUpstreamRatio: 1, predictiveRatio: 1 },
  tcpKeepalive: null,
  bind: null,
  closeOnHostSetChange: false,
};
