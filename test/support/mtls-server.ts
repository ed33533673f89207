import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { CertifiedKey } from '@inmesh/mtls';

/** A server that wants a certificate of its clients, and answers each call with the serial number of the caller's. */
export interface MtlsServer extends AsyncDisposable {
  readonly port: number;
  /** Serial number of the client's certificate, by open connection. */
  readonly open: ReadonlyMap<TLSSocket, string>;
  /** Ends all connections, not the server. */
  hangUp(): void;
  close(): Promise<void>;
}

export interface MtlsServerOptions {
  readonly identity: CertifiedKey;
  /** PEM: whose certificates clients may have. */
  readonly roots: string;
  readonly protocol: 'http1' | 'http2';
}

export async function startMtls({ identity, roots, protocol }: MtlsServerOptions): Promise<MtlsServer> {
  const options = {
    key: Buffer.from(identity.key.reveal()),
    cert: identity.chain,
    ca: roots,
    requestCert: true,
    rejectUnauthorized: true,
  };
  const answer = (
    request: IncomingMessage | Http2ServerRequest,
    response: ServerResponse | (Http2ServerResponse & { end(text: string): unknown }),
  ): void => {
    const serial = (request.socket as TLSSocket).getPeerCertificate().serialNumber;
    request.resume().on('end', () => response.end(serial));
  };
  const server = protocol === 'http1' ? createServer(options, answer) : createSecureServer(options, answer);
  const open = new Map<TLSSocket, string>();
  server.on('secureConnection', (socket: TLSSocket) => {
    open.set(socket, socket.getPeerCertificate().serialNumber);
    socket.on('error', () => undefined).on('close', () => open.delete(socket));
  });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const hangUp = (): void => {
    for (const socket of open.keys()) socket.destroy();
  };
  const close = async (): Promise<void> => {
    hangUp();
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };
  const { port } = server.address() as AddressInfo;
  return { port, open, hangUp, close, [Symbol.asyncDispose]: close };
}
