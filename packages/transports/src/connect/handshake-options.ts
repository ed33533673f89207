import { type ConnectionKey, offeredAlpn, type UpstreamTlsContext } from '@inmesh/core';
import type { FollowedTls } from '@inmesh/mtls';
import type { HandshakeOptions } from './tls-handshake.ts';

interface HandshakeParts {
  readonly context: UpstreamTlsContext;
  readonly tls: FollowedTls;
  /** False for bytes, whose protocol nobody here knows. */
  readonly http: boolean;
}

/** The handshake that a key asks for. */
export function handshakeFor(key: ConnectionKey, { context, tls, http }: HandshakeParts): HandshakeOptions {
  const { alpn, sni, expected, protocol } = key;
  return {
    tls,
    serverName: sni ?? context.sni,
    alpn: http ? offeredAlpn(key, context) : (alpn ?? context.common.alpnProtocols),
    expected,
    http1: http && protocol === 'http1',
  };
}
