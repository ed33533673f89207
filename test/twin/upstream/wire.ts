import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** What a recorder saw of the handshake: the server name, the chosen protocol, who called. Nothing in the clear. */
export function handshakeOf(socket: Socket | undefined): string {
  if (!(socket instanceof TLSSocket)) return '';
  const { subjectaltname = 'nobody' } = socket.getPeerCertificate() ?? {};
  return ` over TLS: ${named(socket)} (${socket.alpnProtocol || 'no ALPN'}) from ${subjectaltname}`;
}

function named(socket: TLSSocket & { readonly servername?: string | false }): string {
  return socket.servername || 'no server name';
}
