import type { Address, TransportSocketConfig, UpstreamProxyProtocol, UpstreamTlsContext } from '@inmesh/core';

/** What happens on a socket once TCP has connected, the outermost first. */
export type Layer =
  | UpstreamProxyProtocol
  | { readonly kind: 'http_11_proxy'; readonly defaultProxy: Address | null; readonly overTls: boolean }
  | { readonly kind: 'tls'; readonly context: UpstreamTlsContext }
  /** Cannot be done: nothing is connected, since what is left out might be what protects. */
  | { readonly kind: 'unsupported'; readonly fields: readonly string[] };

/** The layers of a transport socket: they are nested in the feed, and one after the other on the wire. */
export function layersOf(socket: TransportSocketConfig): Layer[] {
  switch (socket.kind) {
    case 'raw_buffer':
      return [];
    case 'tls':
    case 'unsupported':
      return [socket];
    case 'upstream_proxy_protocol':
      return [socket, ...layersOf(socket.inner)];
    case 'http_11_proxy': {
      const inner = layersOf(socket.inner);
      const overTls = inner.some(({ kind }) => kind === 'tls');
      return [{ kind: 'http_11_proxy', defaultProxy: socket.defaultProxy, overTls }, ...inner];
    }
  }
}
