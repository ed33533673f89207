import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import {
  type Clock,
  type ClusterConfig,
  type ClusterTransport,
  type ConnectError,
  type Connecting,
  type Connection,
  type ConnectionEvents,
  type ConnectionKey,
  type Endpoint,
  isMeshError,
  MeshError,
  type Random,
  type TlsFacts,
  type TransportEvents,
} from '@inmesh/core';
import type { Opened } from './dial.ts';
import { FollowedContexts, type TlsSource } from './followed-contexts.ts';
import { H1Connection } from './h1.ts';
import { H2Connection } from './h2/connection.ts';
import { handshakeFor } from './handshake-options.ts';
import { inTurns } from './happy-eyeballs.ts';
import { type Layer, layersOf } from './layers.ts';
import { Opening, refuse } from './opening.ts';
import { tlsFacts } from './tls-facts.ts';
import type { HandshakeOptions } from './tls-handshake.ts';
import { addressesOf } from './way.ts';

interface TransportParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly tls: TlsSource;
}

/** The transport of one cluster: sockets as its transport sockets want them, and the codec of the protocol on top. */
export class SocketTransport implements ClusterTransport {
  readonly #parts: TransportParts;
  readonly #tls: FollowedContexts;
  #config: ClusterConfig;

  constructor(config: ClusterConfig, events: TransportEvents, parts: TransportParts) {
    this.#parts = parts;
    this.#config = config;
    this.#tls = new FollowedContexts(parts.tls, events);
    this.#tls.configure(config);
  }

  get settled(): boolean {
    return this.#tls.settled;
  }

  configure(config: ClusterConfig): void {
    this.#config = config;
    this.#tls.configure(config);
  }

  connect(
    endpoint: Endpoint,
    key: ConnectionKey,
    events: ConnectionEvents,
    callback: (error: ConnectError | null, connection: Connection | null) => void,
  ): Connecting {
    const config = this.#config;
    return this.#open(endpoint, key, true, (error, socket) => {
      if (socket === null) callback(error, null);
      else if (speaksHttp2(key, socket))
        callback(null, new H2Connection(socket, endpoint, config, events, this.#parts));
      else callback(null, new H1Connection(socket, endpoint, config, events));
    });
  }

  connectBytes(
    endpoint: Endpoint,
    key: ConnectionKey,
    callback: (error: ConnectError | null, stream: Duplex | null, tls?: TlsFacts | null) => void,
  ): Connecting {
    return this.#open(endpoint, key, false, (error, socket) => {
      callback(error, socket, socket === null ? null : tlsFacts(socket));
    });
  }

  release(): void {
    this.#tls.release();
  }

  #open({ config: host }: Endpoint, key: ConnectionKey, http: boolean, opened: Opened): Connecting {
    const { connectTimeoutMs, pool } = this.#config;
    const layers = layersOf(key.socket);
    const handshake = this.#handshake(layers, key, http);
    if (isMeshError(handshake)) return refuse(handshake, opened);
    const addresses = addressesOf(host, layers);
    return new Opening(
      {
        addresses: addresses.length === 1 ? addresses : inTurns(addresses, pool.happyEyeballs),
        way: { endpoint: host, layers, handshake, dial: { keepalive: pool.tcpKeepalive, bind: pool.bind } },
        timeoutMs: connectTimeoutMs,
        clock: this.#parts.clock,
      },
      opened,
    );
  }

  /** Null where there is no TLS; an error where there should be and cannot: nothing is sent in the clear then. */
  #handshake(layers: readonly Layer[], key: ConnectionKey, http: boolean): HandshakeOptions | MeshError | null {
    const place = { cluster: this.#config.name };
    for (const layer of layers) {
      if (layer.kind === 'unsupported') {
        return new MeshError('connection_failure', `this version cannot do ${layer.fields.join(', ')}`, place);
      }
      if (layer.kind !== 'tls') continue;
      const tls = this.#tls.get(layer.context);
      if (tls === null) {
        const message = 'the transport socket is of a configuration that is no longer in force';
        return new MeshError('connection_failure', message, place);
      }
      const current = tls.current();
      return isMeshError(current) ? current : handshakeFor(key, { context: layer.context, tls, http });
    }
    return null;
  }
}

/** Where ALPN decides, and nothing was chosen, it is HTTP/1.1, as with Envoy. */
function speaksHttp2({ protocol }: ConnectionKey, socket: Socket): boolean {
  if (protocol !== 'auto') return protocol === 'http2';
  return socket instanceof TLSSocket && socket.alpnProtocol === 'h2';
}
