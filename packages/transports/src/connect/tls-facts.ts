import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { TlsFacts } from '@inmesh/core';

/** What the handshake on this socket has led to; null in the clear. */
export function tlsFacts(socket: Socket): TlsFacts | null {
  if (!(socket instanceof TLSSocket)) return null;
  const key = socket.getEphemeralKeyInfo();
  return {
    version: socket.getProtocol() ?? '',
    cipher: socket.getCipher().name,
    curve: key !== null && 'name' in key ? (key.name ?? '') : '',
    alpn: socket.alpnProtocol || '',
  };
}
