import type { Call } from '../call.ts';
import type { Handler } from '../dispatch.ts';
import type { ClusterConfig } from '../model/cluster.ts';
import type { Endpoint } from './endpoint.ts';

/** An open connection that carries one call at a time. */
export interface Connection {
  /** Sends the call. Only a connection that is idle takes one. */
  dispatch(call: Call, handler: Handler): void;
  /** Takes no further call, and closes once the one in flight is done. */
  close(): void;
  /** Closes at once; a call in flight fails with this error. */
  destroy(error: Error): void;
}

/** What a connection tells its owner. */
export interface ConnectionEvents {
  /** The call is done and another may come. */
  onIdle(connection: Connection): void;
  /** A connection that had served before was found dead before a byte of the call left: it is for another connection, as if nothing had been. */
  onUnsent(call: Call, handler: Handler): void;
  /** The connection is gone, or takes no more calls; once. */
  onClosed(connection: Connection): void;
}

/** An attempt to connect that may be given up. */
export interface Connecting {
  cancel(): void;
}

/** Opens connections: sockets, TLS and codecs are behind it. */
export interface Connector {
  /** Calls back once, later than `connect` returns, within `config.connectTimeoutMs`; never after it was cancelled. */
  connect(
    endpoint: Endpoint,
    config: ClusterConfig,
    events: ConnectionEvents,
    callback: (error: ConnectError | null, connection: Connection | null) => void,
  ): Connecting;
}

/** Why no connection came up. */
export interface ConnectError {
  readonly timeout: boolean;
  /** What the platform said, such as `connect ECONNREFUSED 127.0.0.1:9080`. */
  readonly cause: Error;
}
