import { type Clock, type SubjectAltName, systemClock } from '@inmesh/core';

/** TLS towards the server; certificates are PEM. The server's certificate is always verified. */
export interface GrpcClientTls {
  /** Trusted roots. Default: those of Node, because that is what a public control plane is signed with. */
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[] | undefined;
  /** Own certificate chain, for mTLS. */
  readonly cert?: string | Uint8Array | undefined;
  readonly key?: string | Uint8Array | undefined;
  /** Name for SNI and certificate check. Default: the target's host, as in gRPC. */
  readonly serverName?: string | undefined;
  /** Whether the names of the server's certificate are good ones; it then takes the place of the check of `serverName`. Default: that check. */
  readonly acceptsNames?: ((names: readonly SubjectAltName[]) => boolean) | undefined;
}

export interface GrpcChannelOptions {
  /** `host:port`, `dns:///host:port`, `ipv4:…`, `ipv6:…`, `unix:path`, `unix:///path`. */
  readonly target: string;
  /**
   * Null: in the clear. There is no default, because it must be somebody's decision. A function is asked for each connection, because
   * certificates are renewed; it must not throw.
   */
  readonly tls: GrpcClientTls | (() => GrpcClientTls) | null;
  /** `:authority` of the requests. Default: the target's host and port, `localhost` for a unix socket, as in gRPC. */
  readonly authority?: string | undefined;
  /** Milliseconds between PINGs while a stream is open; 0 for none. Default 0: servers may answer pings that they did not ask for with GOAWAY. */
  readonly keepaliveMs?: number | undefined;
  /** Milliseconds that a PING may stay unanswered until the connection is destroyed. Default 20,000, as in gRPC. */
  readonly keepaliveTimeoutMs?: number | undefined;
  /** Milliseconds for name, TCP, TLS and the server's SETTINGS together. Default 10,000: twice Envoy's 5 s for the connect alone, and half of gRPC's 20 s. */
  readonly connectTimeoutMs?: number | undefined;
  /** Longest message accepted, in bytes. Default Infinity: a control plane's response grows with the mesh, and one refused for its size would freeze the configuration. */
  readonly maxReceiveBytes?: number | undefined;
  /** Default: the system's. */
  readonly clock?: Clock | undefined;
}

/** The same with every default filled in. */
export type FilledOptions = { readonly [K in keyof GrpcChannelOptions]-?: Exclude<GrpcChannelOptions[K], undefined> };

export function fillOptions(options: GrpcChannelOptions, authority: string): FilledOptions {
  return {
    target: options.target,
    tls: options.tls,
    authority: options.authority ?? authority,
    keepaliveMs: options.keepaliveMs ?? 0,
    keepaliveTimeoutMs: options.keepaliveTimeoutMs ?? 20_000,
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    maxReceiveBytes: options.maxReceiveBytes ?? Number.POSITIVE_INFINITY,
    clock: options.clock ?? systemClock,
  };
}
