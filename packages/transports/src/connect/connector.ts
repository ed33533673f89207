import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type {
  Clock,
  ClusterConfig,
  ClusterTransport,
  ConnectError,
  Connecting,
  Connection,
  ConnectionEvents,
  ConnectionKey,
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

  open(config: ClusterConfig): ClusterTransport {
    return new SocketTransport(config, this.#clock);
  }
}

class SocketTransport implements ClusterTransport {
  readonly settled = true;
  readonly #clock: Clock;
  #config: ClusterConfig;

  constructor(config: ClusterConfig, clock: Clock) {
    this.#config = config;
    this.#clock = clock;
  }

  configure(config: ClusterConfig): void {
    this.#config = config;
  }

  connect(
    endpoint: Endpoint,
    _key: ConnectionKey,
    events: ConnectionEvents,
    callback: (error: ConnectError | null, connection: Connection | null) => void,
  ): Connecting {
    const config = this.#config;
    return this.#socket(endpoint, config, (error, socket) => {
      callback(error, socket === null ? null : new H1Connection(socket, endpoint, config, events));
    });
  }

  connectBytes(
    endpoint: Endpoint,
    _key: ConnectionKey,
    callback: (error: ConnectError | null, stream: Duplex | null) => void,
  ): Connecting {
    return this.#socket(endpoint, this.#config, callback);
  }

  release(): void {}

  #socket(
    endpoint: Endpoint,
    { connectTimeoutMs }: ClusterConfig,
    callback: (error: ConnectError | null, socket: Socket | null) => void,
  ): Connecting {
    const cancel = openSocket(
      { address: endpoint.config.address, timeoutMs: connectTimeoutMs, clock: this.#clock },
      (cause, timeout, socket) => callback(cause === null ? null : { timeout, cause }, socket),
    );
    return { cancel };
  }
}
