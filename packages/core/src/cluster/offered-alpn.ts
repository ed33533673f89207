import type { UpstreamTlsContext } from '../model/transport-socket.ts';
import type { ConnectionKey } from './connection-key.ts';

/** Where neither the call nor the feed says it, as Envoy's pools ask for it. */
const FALLBACK: { readonly [P in ConnectionKey['protocol']]: readonly string[] } = {
  http1: ['http/1.1'],
  http2: ['h2'],
  auto: ['h2', 'http/1.1'],
};

/** What a connection for HTTP offers by ALPN: what the call says, else the feed, else what the protocol is known by. */
export function offeredAlpn({ alpn, protocol }: ConnectionKey, { common }: UpstreamTlsContext): readonly string[] {
  return alpn ?? (common.alpnProtocols.length > 0 ? common.alpnProtocols : FALLBACK[protocol]);
}
