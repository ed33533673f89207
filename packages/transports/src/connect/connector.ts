import type {
  Clock,
  ClusterConfig,
  ConnectError,
  Connecting,
  Connection,
  ConnectionEvents,
  Connector,
  Endpoint,
} from '@inmesh/core';
import { H1Connection } from './h1.ts';
import { openSocket } from './socket.ts';

/** Opens HTTP/1.1 connections over TCP and unix-domain sockets. */
export class SocketConnector implements Connector {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  connect(
    endpoint: Endpoint,
    config: ClusterConfig,
    events: ConnectionEvents,
    callback: (error: ConnectError | null, connection: Connection | null) => void,
  ): Connecting {
    const cancel = openSocket(
      { address: endpoint.config.address, timeoutMs: config.connectTimeoutMs, clock: this.#clock },
      (cause, timeout, socket) => {
        if (socket !== null) callback(null, new H1Connection(socket, endpoint, config, events));
        else if (cause !== null) callback({ timeout, cause }, null);
      },
    );
    return { cancel };
  }
}
