import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket, type Server as TcpServer } from 'node:net';
import type { Duplex } from 'node:stream';

/** A server on a free port of 127.0.0.1, and how many connections it has seen. */
export interface Upstream<S extends TcpServer | Server = Server> extends AsyncDisposable {
  readonly port: number;
  readonly server: S;
  /** Connections accepted so far. */
  readonly accepted: number;
  /** Connections open now. */
  readonly open: ReadonlySet<Duplex>;
  close(): Promise<void>;
}

/** An HTTP service; without a listener it answers 200 with its port. */
export async function startHttp(listener?: RequestListener): Promise<Upstream> {
  const server = createServer((request, response) => {
    if (listener !== undefined) listener(request, response);
    else request.resume().on('end', () => response.end(`${portOf(server)}`));
  });
  return started(server);
}

/** A server below HTTP: does with each connection what `talk` says. */
export async function startTcp(
  talk: (socket: Socket) => void,
  options: { readonly allowHalfOpen?: boolean } = {},
  port = 0,
): Promise<Upstream<TcpServer>> {
  return started(createTcpServer(options, talk), port);
}

/** A port on which nobody listens: connections are refused. */
export async function refusingPort(): Promise<number> {
  const upstream = await startTcp((socket) => socket.destroy());
  await upstream.close();
  return upstream.port;
}

/** Resolves once the socket has brought the blank line after a request's headers; the result is all it brought. */
export async function requestHead(socket: Socket): Promise<string> {
  let text = '';
  while (!text.includes('\r\n\r\n')) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    text += chunk.toString('latin1');
  }
  return text;
}

async function started<S extends TcpServer>(server: S, port = 0): Promise<Upstream<S>> {
  const open = new Set<Duplex>();
  let accepted = 0;
  server.on('connection', (socket: Socket) => {
    accepted++;
    open.add(socket);
    socket.on('error', () => {}).on('close', () => open.delete(socket));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const close = async () => {
    for (const socket of open) socket.destroy();
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };
  return {
    port: portOf(server),
    server,
    open,
    get accepted() {
      return accepted;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function portOf(server: TcpServer): number {
  return (server.address() as AddressInfo).port;
}
