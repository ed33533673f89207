import { type ConnectionKey, offeredAlpn, type UpstreamTlsContext } from '@inmesh/core';
import type { FollowedTls } from '@inmesh/mtls';
import type { HandshakeOptions } from './tls-handshake.ts';

interface HandshakeParts {
  readonly context: UpstreamTlsContext;
  readonly tls: FollowedTls;
  /** False for bytes, whose protocol nobody here knows. */
  readonly http: boolean;
}

/** Istio's exchange of metadata: who offers it must begin with it, before the bytes of the application. Nobody here does. */
const PEER_EXCHANGE = 'istio-peer-exchange';

/** The handshake that a key asks for. */
export function handshakeFor(key: ConnectionKey, { context, tls, http }: HandshakeParts): HandshakeOptions {
  const { alpn, sni, expected, protocol } = key;
  const listed = alpn ?? context.common.alpnProtocols;
  return {
    tls,
    serverName: sni ?? context.sni,
    alpn: http ? offeredAlpn(key, context) : listed.filter((name) => name !== PEER_EXCHANGE),
    expected,
    http1: http && protocol === 'http1',
  };
}
