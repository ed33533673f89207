import { isIP, type Socket } from 'node:net';
import { connect } from 'node:tls';
import { type ConnectError, type ExpectedNames, isMeshError } from '@inmesh/core';
import type { FollowedTls } from '@inmesh/mtls';
import type { Cancel, Opened } from './dial.ts';

export interface HandshakeOptions {
  readonly tls: FollowedTls;
  /** Empty for none. An IP address is never told: it is no name. (RFC 6066, section 3) */
  readonly serverName: string;
  /** Empty for none. */
  readonly alpn: readonly string[];
  /** As in `ConnectionKey`. */
  readonly expected: ExpectedNames | null;
  /** HTTP/1.1 is what will be spoken, whatever is chosen. */
  readonly http1: boolean;
}

/**
 * TLS on an open socket. Nothing but the handshake is sent before the peer was judged: whoever gets the socket may speak to it.
 *
 * Node's own judgement plays no part (`rejectUnauthorized: false`): it knows no SPIFFE IDs and no rules of the feed, and leaves names
 * out where a session is resumed. None is: no session is ever offered.
 */
export function handshake(socket: Socket, options: HandshakeOptions, opened: Opened): Cancel {
  const { tls, serverName, alpn, expected } = options;
  const material = tls.current();
  if (isMeshError(material)) {
    socket.on('error', ignore).destroy();
    opened({ timeout: false, cause: material }, null);
    return ignore;
  }
  socket.on('error', ignore);
  const secured = connect({
    socket,
    secureContext: material.secureContext,
    rejectUnauthorized: false,
    checkServerIdentity: noOpinion,
    ...(serverName === '' || isIP(serverName) !== 0 ? {} : { servername: serverName }),
    ...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
  });
  const leave = () => secured.off('secureConnect', onSecure).off('error', onError).off('close', onClose);
  const fail = (error: ConnectError) => {
    leave();
    secured.on('error', ignore).destroy();
    opened(error, null);
  };
  const onSecure = () => {
    const refusal = material.verify(secured, expected);
    if (refusal !== null) {
      fail({ timeout: false, cause: new Error(refusal.message), tls: refusal.failure });
      return;
    }
    // undici would speak HTTP/2 on it; what Envoy says then, the server does not understand.
    if (options.http1 && secured.alpnProtocol === 'h2') {
      fail({ timeout: false, cause: new Error('the server chose h2 by ALPN, where the cluster speaks HTTP/1.1') });
      return;
    }
    leave();
    opened(null, secured);
  };
  const onError = (error: Error) => fail(failureOf(error));
  const onClose = () =>
    fail({ timeout: false, cause: new Error('the server closed the connection during the TLS handshake') });
  secured.once('secureConnect', onSecure).once('error', onError).once('close', onClose);
  return () => {
    leave();
    secured.on('error', ignore).destroy();
  };
}

/** Errors of TLS itself are counted; what TCP says of the connection is not, as in Envoy. */
function failureOf(cause: Error): ConnectError {
  const code = String((cause as { readonly code?: unknown }).code ?? '');
  const ours = code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_') || code === 'EPROTO';
  const error = new Error(`the TLS handshake failed: ${reasonOf(cause)}`, { cause });
  return ours ? { timeout: false, cause: error, tls: 'connection_error' } : { timeout: false, cause: error };
}

/** OpenSSL's reason by itself, where Node wrote file and line of OpenSSL around it. */
function reasonOf(error: Error): string {
  const { reason } = error as { readonly reason?: unknown };
  return typeof reason === 'string' && reason !== '' ? reason : error.message.trim();
}

function noOpinion(): undefined {}

function ignore(): void {}
