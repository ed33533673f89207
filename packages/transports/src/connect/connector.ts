import type { Clock, ClusterConfig, ClusterTransport, Connector, Random, TransportEvents } from '@inmesh/core';
import type { TlsSource } from './followed-contexts.ts';
import { NO_TLS } from './no-tls.ts';
import { SocketTransport } from './socket-transport.ts';

export interface SocketConnectorParts {
  readonly clock: Clock;
  readonly random: Random;
  /** Follows the secrets of TLS contexts. Default: nothing does, and clusters that want TLS are not connected to. */
  readonly tls?: TlsSource;
}

/** Opens connections over TCP and unix-domain sockets, with what the feed wants between them and HTTP. */
export class SocketConnector implements Connector {
  readonly #parts: SocketConnectorParts;

  constructor(parts: SocketConnectorParts) {
    this.#parts = parts;
  }

  open(config: ClusterConfig, events: TransportEvents): ClusterTransport {
    return new SocketTransport(config, events, { tls: NO_TLS, ...this.#parts });
  }
}
