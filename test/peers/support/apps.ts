import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createHttp2Server, type ServerHttp2Session } from 'node:http2';
import { createServer as createTcpServer, type Socket, type Server as TcpServer } from 'node:net';
import { portOf } from './ports.ts';

/** A request as an app saw it. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  /** Local port of the caller: the same for requests on one connection. */
  readonly connection: number;
}

/** A local service: says its name in the body, and remembers what it was asked. */
export interface App extends AsyncDisposable {
  readonly name: string;
  readonly port: number;
  readonly seen: Seen[];
  close(): Promise<void>;
}

/** An app of its own behaviour, or one that answers `200` with its name. */
export async function startApp(name: string, listener: RequestListener = answerWith(name)): Promise<App> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    const { method = '', url = '', headers, socket } = request;
    seen.push({ method, url, headers, connection: socket.remotePort ?? 0 });
    listener(request, response);
  });
  const { port, close } = await listening(server);
  const closeAll = async () => {
    server.closeAllConnections();
    await close();
  };
  return { name, port, seen, close: closeAll, [Symbol.asyncDispose]: closeAll };
}

/** The same behind HTTP/2 with prior knowledge, as proxies call a service that is said to speak it: it answers with its name and the path. */
export async function startHttp2App(name: string): Promise<App> {
  const seen: Seen[] = [];
  const sessions = new Set<ServerHttp2Session>();
  const server = createHttp2Server((request, response) => {
    const { method, url, headers, stream } = request;
    seen.push({ method, url, headers, connection: stream.session?.socket.remotePort ?? 0 });
    request.resume().on('end', () => response.end(`${name} ${url}`));
  });
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session)).on('error', () => {});
  });
  const { port, close } = await listening(server);
  const closeAll = async () => {
    for (const session of sessions) session.destroy();
    await close();
  };
  return { name, port, seen, close: closeAll, [Symbol.asyncDispose]: closeAll };
}

/** A server below HTTP: does with each connection what `talk` says. */
export async function startTcp(talk: (socket: Socket) => void): Promise<{ port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    talk(socket);
  });
  const { port, close } = await listening(server);
  return {
    port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await close();
    },
  };
}

function answerWith(name: string): RequestListener {
  return (request, response) => {
    request.resume().on('end', () => response.setHeader('x-app', name).end(name));
  };
}

async function listening(server: Server | TcpServer): Promise<{ port: number; close(): Promise<void> }> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server);
  return {
    port,
    close: async () => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}
