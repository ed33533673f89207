import type { Socket } from 'node:net';
import { type Address, addressText, type EndpointConfig } from '@inmesh/core';
import { type Cancel, type DialOptions, dial, type Opened } from './dial.ts';
import { openTunnel } from './http-tunnel.ts';
import type { Layer } from './layers.ts';
import { proxyHeader } from './proxy-protocol.ts';
import { type HandshakeOptions, handshake } from './tls-handshake.ts';

/** The way to one host: what stands between TCP and whatever is spoken to it. */
export interface Way {
  readonly endpoint: EndpointConfig;
  readonly layers: readonly Layer[];
  /** Of the TLS layer; null where there is none. */
  readonly handshake: HandshakeOptions | null;
  readonly dial: DialOptions;
}

/** TCP, then one layer after the other; calls back once, later than this returns. */
export function goTo(address: Address, way: Way, opened: Opened): Cancel {
  const walk = new Walk(way, opened);
  walk.begin(address);
  return () => walk.cancel();
}

class Walk {
  readonly #way: Way;
  readonly #opened: Opened;
  #cancel: Cancel = nothing;
  #layer = 0;

  constructor(way: Way, opened: Opened) {
    this.#way = way;
    this.#opened = opened;
  }

  begin(address: Address): void {
    this.#cancel = dial(address, this.#way.dial, this.#next);
  }

  cancel(): void {
    this.#cancel();
  }

  readonly #next: Opened = (error, socket) => {
    if (socket === null) {
      this.#opened(error, null);
      return;
    }
    const layer = this.#way.layers[this.#layer++];
    if (layer === undefined) this.#opened(null, socket);
    else this.#apply(layer, socket);
  };

  #apply(layer: Layer, socket: Socket): void {
    const { endpoint, handshake: options } = this.#way;
    if (layer.kind === 'upstream_proxy_protocol') {
      socket.write(proxyHeader(layer, socket));
      this.#next(null, socket);
    } else if (layer.kind === 'http_11_proxy') {
      const authority = tunnelTo(endpoint, layer);
      if (authority === null) this.#next(null, socket);
      else this.#cancel = openTunnel(socket, authority, this.#next);
    } else if (options !== null) this.#cancel = handshake(socket, options, this.#next);
  }
}

/** Where TCP connects to: the addresses of the host, or the proxy on the way to it. */
export function addressesOf(endpoint: EndpointConfig, layers: readonly Layer[]): readonly Address[] {
  for (const layer of layers) {
    if (layer.kind !== 'http_11_proxy') continue;
    const proxy = endpoint.proxyAddress ?? layer.defaultProxy;
    if (proxy !== null) return [proxy];
  }
  return endpoint.additionalAddresses === undefined
    ? [endpoint.address]
    : [endpoint.address, ...endpoint.additionalAddresses];
}

/** What the proxy is asked for; null for nothing: as Envoy, bytes in the clear go to a default proxy without a tunnel. */
function tunnelTo(endpoint: EndpointConfig, layer: Extract<Layer, { kind: 'http_11_proxy' }>): string | null {
  const { address, hostname, proxyAddress } = endpoint;
  if (proxyAddress === undefined && (layer.defaultProxy === null || !layer.overTls)) return null;
  return hostname === '' || address.kind === 'pipe' ? addressText(address) : `${hostname}:${address.port}`;
}

function nothing(): void {}
