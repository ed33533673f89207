import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { createServer as createHttp2Server, type Http2ServerResponse } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';

/** A server that answers when the test says so. */
export interface HoldingServer {
  readonly port: number;
  /** Requests that wait for their answers. */
  readonly held: Set<ServerResponse | Http2ServerResponse>;
  release(): void;
  close(): Promise<void>;
}

/** `maxConcurrentStreams`: what an HTTP/2 server tells in its SETTINGS. */
export async function startHolding(
  protocol: 'http1' | 'http2',
  { maxConcurrentStreams }: { readonly maxConcurrentStreams?: number } = {},
): Promise<HoldingServer> {
  const held = new Set<ServerResponse | Http2ServerResponse>();
  const sockets = new Set<Socket>();
  const take = (_: unknown, response: ServerResponse | Http2ServerResponse) => {
    held.add(response);
    response.once('close', () => held.delete(response));
  };
  const server =
    protocol === 'http1'
      ? createServer({ keepAliveTimeout: 0 }, take)
      : createHttp2Server(maxConcurrentStreams === undefined ? {} : { settings: { maxConcurrentStreams } }, take);
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
