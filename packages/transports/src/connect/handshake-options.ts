import type { ConnectionKey, UpstreamTlsContext } from '@inmesh/core';
import type { FollowedTls } from '@inmesh/mtls';
import type { HandshakeOptions } from './tls-handshake.ts';

interface HandshakeParts {
  readonly context: UpstreamTlsContext;
  readonly tls: FollowedTls;
  /** False for bytes, whose protocol nobody here knows. */
  readonly http: boolean;
}

/** Where neither the call nor the feed says it, as Envoy's pools ask for it. */
const ALPN: { readonly [P in ConnectionKey['protocol']]: readonly string[] } = {
  http1: ['http/1.1'],
  http2: ['h2'],
  auto: ['h2', 'http/1.1'],
};

/** The handshake that a key asks for. */
export function handshakeFor(
  { alpn, sni, expected, protocol }: ConnectionKey,
  { context, tls, http }: HandshakeParts,
): HandshakeOptions {
  const { alpnProtocols } = context.common;
  const fallback = http ? ALPN[protocol] : [];
  return {
    tls,
    serverName: sni ?? context.sni,
    alpn: alpn ?? (alpnProtocols.length > 0 ? alpnProtocols : fallback),
    expected,
    http1: http && protocol === 'http1',
  };
}
