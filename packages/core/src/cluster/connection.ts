import type { Duplex } from 'node:stream';
import type { Call } from '../call.ts';
import type { Handler } from '../dispatch.ts';
import type { MeshError } from '../errors.ts';
import type { ClusterConfig } from '../model/cluster.ts';
import type { HttpProtocol } from '../model/upstream-protocol.ts';
import type { ConnectionKey } from './connection-key.ts';
import type { Endpoint } from './endpoint.ts';

/** An open connection that carries calls: one at a time over HTTP/1, many over HTTP/2. */
export interface Connection {
  readonly protocol: HttpProtocol;
  /** Calls that it carries at the same time: 1 over HTTP/1; over HTTP/2 the lesser of our limit and the server's. */
  readonly maxConcurrent: number;
  /** What its handshake has led to; null in the clear. */
  readonly tls: TlsFacts | null;
  /** Sends the call. Only a connection that carries fewer than `maxConcurrent`, and was not closed, takes one. */
  dispatch(call: Call, handler: Handler): void;
  /** Takes no further call, and closes once those in flight are done. */
  close(): void;
  /** Closes at once; calls in flight fail with this error. */
  destroy(error: Error): void;
}

/** What a connection tells its owner. */
export interface ConnectionEvents {
  /** One of its calls is done and another may come in its place. Told before the call's handler hears of the end; not where the connection ends with it. */
  onFree(connection: Connection): void;
  /** `maxConcurrent` has changed: the server's SETTINGS came. */
  onLimit(connection: Connection): void;
  /** A call that certainly was not processed, through no fault of the host's: its connection, which had served before, was found dead before a byte left, or went away with a GOAWAY below it. It is for another connection, as if nothing had been. */
  onUnsent(connection: Connection, call: Call, handler: Handler): void;
  /** It takes no more calls; those in flight go on, and no `onFree` is told of them. At most once. `lost`: the other side said nothing of it, and it is about to close. */
  onDraining(connection: Connection, lost?: boolean): void;
  /**
   * The connection is gone, with or without `onDraining` before; once. Left out, `end` is told by whether its owner had closed it, and
   * over HTTP/2 by whether calls are open.
   */
  onClosed(connection: Connection, end?: ConnectionEnd): void;
}

/** How a connection ended, for statistics. */
export interface ConnectionEnd {
  /** By us, of our own will or for what the other side said: not by its closing. */
  readonly local: boolean;
  /** A call had not had all of its answer. */
  readonly unfinished: boolean;
}

/** An attempt to connect that may be given up. */
export interface Connecting {
  cancel(): void;
}

/** Opens connections: sockets, TLS and codecs are behind it. */
export interface Connector {
  /** Prepares what the connections of a cluster need, such as an identity and roots, and follows it until `release`. */
  open(config: ClusterConfig, events: TransportEvents): ClusterTransport;
}

/** What the transport of a cluster tells it. */
export interface TransportEvents {
  /** `settled` has become true; not while `open` or `configure` runs. */
  onSettled(): void;
  /** New certificates or roots are in force for new connections: those that are open were made with older ones. */
  onRotated(): void;
}

/** The transport of one cluster. */
export interface ClusterTransport {
  /** True once all secrets have come, or are known not to come: calls wait until then. Stays true for a configuration. */
  readonly settled: boolean;
  /** `settled` is of these settings then; until it is true, keys of the last settled ones are connected by, too. */
  configure(config: ClusterConfig): void;
  /** Calls back once, later than `connect` returns, within `connect_timeout`; never after it was cancelled. */
  connect(
    endpoint: Endpoint,
    key: ConnectionKey,
    events: ConnectionEvents,
    callback: (error: ConnectError | null, connection: Connection | null) => void,
  ): Connecting;
  /** The same without HTTP: bytes both ways, for TCP. The key's protocol plays no part. */
  connectBytes(
    endpoint: Endpoint,
    key: ConnectionKey,
    callback: (error: ConnectError | null, stream: Duplex | null, tls?: TlsFacts | null) => void,
  ): Connecting;
  /** What it holds is let go of; connections stay as they are. */
  release(): void;
}

/** Why no connection came up. */
export interface ConnectError {
  readonly timeout: boolean;
  /** What the platform said, such as `connect ECONNREFUSED 127.0.0.1:9080`; or a MeshError that names the missing secret. */
  readonly cause: Error | MeshError;
  /** What of TLS failed, as a counter of Envoy's (`cluster.<name>.ssl.*`); absent where it was not TLS. */
  readonly tls?: TlsFailure;
}

/** What a handshake has led to; the counters `ssl.handshake`, `ssl.versions.*`, `ssl.ciphers.*` and `ssl.curves.*` are made of it. */
export interface TlsFacts {
  /** Such as `TLSv1.3`. */
  readonly version: string;
  /** In OpenSSL's words. */
  readonly cipher: string;
  /** The group of the key exchange, such as `X25519MLKEM768`; empty where the runtime does not say. */
  readonly curve: string;
  /** What the server chose by ALPN; empty for nothing. */
  readonly alpn: string;
}

/** Counters of Envoy's under `ssl.`; `connection_error` is for what went wrong before there was a certificate to judge. */
export type TlsFailure =
  | 'connection_error'
  | 'fail_verify_no_cert'
  | 'fail_verify_error'
  | 'fail_verify_san'
  | 'fail_verify_cert_hash';
