import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type * as net from 'node:net';
import { SessionGuard } from '../http2/session-guard.ts';
import { CONNECTION_WINDOW, SESSION_MEMORY_MB, STREAM_WINDOW } from '../http2/session-limits.ts';
import { type GrpcServerMethod, refuse, ServerStream } from './server-stream.ts';
import { grpcCode } from './status.ts';
import { bindUnixSocket } from './unix-socket.ts';

export interface GrpcServerOptions {
  /** Path, such as `/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources`, to method. Others get UNIMPLEMENTED. */
  readonly services: Readonly<Record<string, GrpcServerMethod>>;
  /** PEM; with `ca` clients must present a certificate signed by it. Default null: in the clear, for the loopback. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string } | null;
  /** Longest message accepted, in bytes. Default 64 MB: a request names resources and never carries them. */
  readonly maxReceiveBytes?: number;
}

export type ListenAt = { readonly host?: string; readonly port: number } | { readonly path: string };

export interface GrpcServer {
  /** Resolves to a target for clients: `host:port` or `unix:path`. Default host 127.0.0.1: reachable from outside only if asked for. */
  listen(at: ListenAt): Promise<string>;
  /** Takes no new connections and streams, and resolves when the last stream has ended. */
  close(): Promise<void>;
  /** Cuts every connection. */
  destroy(): Promise<void>;
}

/** A gRPC server on HTTP/2, for streams of bytes; who decodes them is the caller. */
export function grpcServer(options: GrpcServerOptions): GrpcServer {
  return new Server(options);
}

class Server implements GrpcServer {
  readonly #server: Http2Server | Http2SecureServer;
  readonly #methods: ReadonlyMap<string, GrpcServerMethod>;
  readonly #maxReceiveBytes: number;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #sockets = new Set<net.Socket>();
  #closed: Promise<void> | null = null;

  constructor({ services, tls = null, maxReceiveBytes = 64 * 1024 * 1024 }: GrpcServerOptions) {
    const settings = { maxSessionMemory: SESSION_MEMORY_MB, settings: { initialWindowSize: STREAM_WINDOW } };
    this.#methods = new Map(Object.entries(services));
    this.#maxReceiveBytes = maxReceiveBytes;
    this.#server =
      tls === null
        ? createServer(settings)
        : createSecureServer({
            ...settings,
            cert: tls.cert,
            key: tls.key,
            ...(tls.ca === undefined ? {} : { ca: tls.ca, requestCert: true, rejectUnauthorized: true }),
          });
    this.#server.on('connection', (socket: net.Socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {}); // A client that goes away harms nobody; its streams hear of it.
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('session', (session: ServerHttp2Session) => this.#onSession(session));
    this.#server.on('sessionError', () => {}); // Node destroys the session; its streams hear of it.
    this.#server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) =>
      this.#onStream(stream, headers),
    );
  }

  async listen(at: ListenAt): Promise<string> {
    if ('path' in at) {
      await bindUnixSocket(this.#server, at.path);
      return `unix:${at.path}`;
    }
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(at.port, at.host ?? '127.0.0.1', () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    const { address, port, family } = this.#server.address() as net.AddressInfo;
    return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;
  }

  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.#server.close(() => resolve()); // Not listening is as good as closed.
      for (const session of this.#sessions) session.close();
    });
    return this.#closed;
  }

  destroy(): Promise<void> {
    const closed = this.close();
    for (const session of this.#sessions) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
    return closed;
  }

  #onSession(session: ServerHttp2Session): void {
    this.#sessions.add(session);
    session.setLocalWindowSize(CONNECTION_WINDOW);
    session.once('close', () => this.#sessions.delete(session));
    guarded(session);
    if (this.#closed !== null) session.close();
  }

  #onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    stream.on('error', () => {}); // 'close' tells the same, once.
    if (headers[':method'] !== 'POST') {
      refuse(stream, { ':status': 405 });
      return;
    }
    if (!(headers['content-type'] ?? '').startsWith('application/grpc')) {
      refuse(stream, { ':status': 415 });
      return;
    }
    const path = String(headers[':path']);
    const method = this.#methods.get(path);
    const made = new ServerStream(stream, path, headers, this.#maxReceiveBytes);
    if (method === undefined) made.end({ code: grpcCode.unimplemented, message: `this server has no method ${path}` });
    else made.start(method);
  }
}

/** Streams go on after a client's GOAWAY, and the last one closes. */
function guarded(session: ServerHttp2Session): void {
  const streams = new Set<ServerHttp2Stream>();
  const guard = new SessionGuard(session, session.socket, () => streams);
  let leaving = false;
  session.on('stream', (stream) => {
    streams.add(stream);
    stream.once('close', () => {
      streams.delete(stream);
      if (leaving && streams.size === 0) session.close();
    });
  });
  session.on('goaway', () => {
    leaving = true;
    guard.stayOpen();
    // Streams that came with the same bytes are told of after them.
    setImmediate(() => {
      if (streams.size === 0) session.close();
    });
  });
}
