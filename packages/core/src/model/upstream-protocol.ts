/** Which HTTP a connection speaks. */
export type HttpProtocol = 'http1' | 'http2';

/** How the protocol towards a host is chosen. (envoy.extensions.upstreams.http.v3.HttpProtocolOptions) */
export interface UpstreamProtocol {
  /** `auto`: by ALPN, HTTP/1.1 where the server chooses none; `downstream`: the one that the caller speaks. */
  readonly choice: HttpProtocol | 'auto' | 'downstream';
  readonly http2: Http2Options;
  /** The request's authority is told as TLS server name. (`upstream_http_protocol_options.auto_sni`) */
  readonly autoSni: boolean;
  /** This header's value instead of the authority; empty for none. (`override_auto_sni_header`) */
  readonly overrideAutoSniHeader: string;
  /** The name that the call is for must be among the names of the certificate, also where another one or none is told. (`auto_san_validation`) */
  readonly autoSanValidation: boolean;
}

/** envoy.config.core.v3.Http2ProtocolOptions */
export interface Http2Options {
  /** Calls on one connection at the same time, at most; the server may want fewer. Envoy's default is 1,024. */
  readonly maxConcurrentStreams: number;
  /** Bytes; null for the transport's own choice. Envoy's default is 16 MiB. */
  readonly initialStreamWindowSize: number | null;
  /** Bytes; null for the transport's own choice. Envoy's default is 24 MiB. */
  readonly initialConnectionWindowSize: number | null;
  /** PING when nothing was heard for so long; null for none. */
  readonly keepalive: Http2Keepalive | null;
  /** Calls with `Upgrade` go as extended CONNECT (RFC 8441). */
  readonly allowConnect: boolean;
  /** A stream with broken HTTP is reset, and the connection stays. Plays no part: node:http2 decides that by the kind of fault. (override_stream_error_on_invalid_http_message) */
  readonly streamErrorOnInvalidMessage: boolean;
}

/** envoy.config.core.v3.KeepaliveSettings */
export interface Http2Keepalive {
  /** Milliseconds between PINGs; 0: only after the connection was idle. */
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Percent by which an interval is longer, at random. */
  readonly intervalJitterPercent: number;
  /** Milliseconds without use after which a PING goes before the next call; 0 for none. */
  readonly connectionIdleIntervalMs: number;
}

export const DEFAULT_HTTP2: Http2Options = {
  maxConcurrentStreams: 1024,
  initialStreamWindowSize: null,
  initialConnectionWindowSize: null,
  keepalive: null,
  allowConnect: false,
  streamErrorOnInvalidMessage: false,
};

/** What a cluster speaks where the feed does not say. */
export const HTTP1_UPSTREAM: UpstreamProtocol = {
  choice: 'http1',
  http2: DEFAULT_HTTP2,
  autoSni: false,
  overrideAutoSniHeader: '',
  autoSanValidation: false,
};
