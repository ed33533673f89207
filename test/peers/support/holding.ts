import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { createServer as createHttp2Server, createSecureServer, type Http2ServerResponse } from 'node:http2';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server, Socket } from 'node:net';
import { CertificateAuthority } from '@inmesh/mtls/ca';
import type { Protocol } from './protocols.ts';

/** A server that answers when the test says so. */
export interface HoldingServer {
  readonly port: number;
  /** Requests that wait for their answers. */
  readonly held: Set<ServerResponse | Http2ServerResponse>;
  release(): void;
  close(): Promise<void>;
}

/** Key and certificate of a server that nobody judges. */
export interface ServerCertificate {
  readonly key: Buffer;
  readonly cert: string;
}

export async function selfIssued(): Promise<ServerCertificate> {
  const authority = await CertificateAuthority.create();
  const { key, chain } = await authority.issue({ dnsNames: ['holding.test'] });
  return { key: Buffer.from(key.reveal()), cert: chain };
}

export interface HoldingOptions {
  /** What an HTTP/2 server tells in its SETTINGS. */
  readonly maxConcurrentStreams?: number;
  /** Wanted where the protocol is chosen by ALPN. */
  readonly trust?: ServerCertificate;
}

export async function startHolding(
  protocol: Protocol,
  { maxConcurrentStreams, trust }: HoldingOptions = {},
): Promise<HoldingServer> {
  const held = new Set<ServerResponse | Http2ServerResponse>();
  const sockets = new Set<Socket>();
  const take = (_: unknown, response: ServerResponse | Http2ServerResponse) => {
    held.add(response);
    response.once('close', () => held.delete(response));
  };
  const http2 = maxConcurrentStreams === undefined ? {} : { settings: { maxConcurrentStreams } };
  const server: Server = {
    http1: () => createServer({ keepAliveTimeout: 0 }, take),
    http2: () => createHttp2Server(http2, take),
    'auto-http1': () => createTlsServer({ keepAliveTimeout: 0, ALPNProtocols: ['http/1.1'], ...trust }, take),
    'auto-http2': () => createSecureServer({ ...http2, ...trust }, take),
  }[protocol]();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    held,
    release: () => {
      for (const response of held) response.end('done');
      held.clear();
    },
    close: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      if (sockets.size > 0) await once(server, 'close');
    },
  };
}
