// Servers on loopback that write down who came, and end with their test.
import { once } from 'node:events';
import { type AddressInfo, createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls';

export class TestServer {
  readonly server: Server;
  readonly sockets: Socket[] = [];

  constructor(server: Server, event: 'connection' | 'secureConnection', onSocket: (socket: Socket) => void) {
    this.server = server;
    // Also those whose handshake never ends.
    server.on('connection', (socket: Socket) => {
      this.sockets.push(socket);
      socket.on('error', ignore);
    });
    server.on(event, (socket: Socket) => {
      socket.on('error', ignore);
      onSocket(socket);
    });
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async listen(options: ListenOptions): Promise<this> {
    this.server.listen(options);
    await once(this.server, 'listening');
    return this;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }
}

const LOOPBACK = { host: '127.0.0.1', port: 0 };

export function tcpServer(onSocket: (socket: Socket) => void, where: ListenOptions = LOOPBACK): Promise<TestServer> {
  return new TestServer(createServer({ allowHalfOpen: true }), 'connection', onSocket).listen(where);
}

export function tlsServer(options: TlsOptions, onSocket: (socket: TLSSocket) => void = ignore): Promise<TestServer> {
  const server = createTlsServer(options);
  // What a client made of the handshake is for the client to tell.
  server.on('tlsClientError', ignore);
  return new TestServer(server, 'secureConnection', onSocket as (socket: Socket) => void).listen(LOOPBACK);
}

/** The first bytes of a connection, until there are so many. */
export async function firstBytes(socket: Socket, count: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  while (length < count) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    chunks.push(chunk);
    length += chunk.length;
  }
  return Buffer.concat(chunks);
}

function ignore(): void {}
