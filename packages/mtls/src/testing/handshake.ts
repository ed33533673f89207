import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import {
  type ConnectionOptions,
  connect,
  createServer,
  type PeerCertificate,
  type TLSSocket,
  type TlsOptions,
} from 'node:tls';
import type { CertifiedKey } from '../identity.ts';

/** The key and chain of a certificate, as node:tls wants them. */
export function tlsIdentity(certified: CertifiedKey): { readonly key: Buffer; readonly cert: string } {
  return { key: Buffer.from(certified.key.reveal()), cert: certified.chain };
}

export interface Handshake {
  /** What the client says of the server's chain; empty where it is good. */
  readonly verdict: string;
  /** What the client was shown. */
  readonly peer: PeerCertificate;
  readonly protocol: string | null;
}

/** One handshake over loopback, to the end whatever the client thinks of the chain. Fails where either side gives up. */
export async function handshake(
  server: TlsOptions,
  client: ConnectionOptions,
  accepted: (socket: TLSSocket) => void = () => undefined,
): Promise<Handshake> {
  const listener = createServer(server, (socket) => {
    accepted(socket);
    socket.end();
  });
  const refused = new Promise<never>((_, reject) => listener.once('tlsClientError', reject));
  refused.catch(() => undefined);
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const socket = connect({
    host: '127.0.0.1',
    port,
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
    ...client,
  });
  try {
    await once(socket, 'secureConnect');
    const verdict = socket.authorized ? '' : String(socket.authorizationError);
    const seen = { verdict, peer: socket.getPeerCertificate(), protocol: socket.getProtocol() };
    // With TLS 1.3 the server judges the client's certificate after the client is done.
    await Promise.race([once(socket.resume(), 'end'), refused]);
    return seen;
  } finally {
    socket.destroy();
    listener.close();
  }
}
