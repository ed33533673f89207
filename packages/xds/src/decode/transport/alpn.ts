import type { TransportConfig, TransportSocketConfig, UpstreamProtocol } from '@inmesh/core';
import { Refusal } from '../decoding.ts';

/** A protocol that ALPN chooses needs sockets that have it, all of them, as in Envoy. */
export function requireAlpn({ choice }: UpstreamProtocol, { socket, matches }: TransportConfig): void {
  if (choice !== 'auto') return;
  if (!hasAlpn(socket)) refuse('transport_socket');
  for (const [index, match] of matches.entries()) {
    if (!hasAlpn(match.socket)) refuse(`transport_socket_matches[${index}].transport_socket`);
  }
}

function hasAlpn(socket: TransportSocketConfig): boolean {
  switch (socket.kind) {
    case 'raw_buffer':
      return false;
    case 'tls':
    case 'unsupported':
      return true;
    case 'upstream_proxy_protocol':
    case 'http_11_proxy':
      return hasAlpn(socket.inner);
  }
}

function refuse(field: string): never {
  throw new Refusal(
    field,
    'ALPN configured for the cluster (auto_config), which has a non-ALPN transport socket: use TLS, or an explicit_http_config',
  );
}
