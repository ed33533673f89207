import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { Endpoints, type ServerQuestion } from '../http/endpoints.ts';
import { argument, endWithParent, tellParent } from '../processes.ts';
import { PreparedFrames } from './frames.ts';

export interface ConnectionServerOptions {
  /** Of each kind. */
  readonly ports: number;
  readonly bodyBytes: number;
  readonly maxStreams: number;
  /** PEM. */
  readonly chain: string;
  readonly key: string;
  readonly root: string;
}

/** Ports by what is spoken there. */
export interface ServerPorts {
  /** HTTP/1.1 in the clear: behind an Envoy. */
  readonly plain: readonly number[];
  /** HTTP/1.1 over mutual TLS. */
  readonly http1: readonly number[];
  /** HTTP/2 over mutual TLS. */
  readonly http2: readonly number[];
}

/** What was counted so far. */
export interface Counted {
  readonly handshakes: number;
  readonly resumed: number;
}

const options = argument<ConnectionServerOptions>();
const endpoints = new Endpoints(options.bodyBytes);
const frames = new PreparedFrames(options.bodyBytes, options.maxStreams);
let handshakes = 0;
let resumed = 0;
const ports: ServerPorts = {
  plain: await listen(() => createServer({ noDelay: true }, (socket) => endpoints.serve(socket))),
  http1: await listen(() => secure('http/1.1', (socket) => endpoints.serve(socket))),
  http2: await listen(() => secure('h2', (socket) => frames.serve(socket))),
};
endWithParent();
process.on('message', (question: ServerQuestion | 'count') =>
  tellParent(question === 'count' ? ({ handshakes, resumed } satisfies Counted) : endpoints.answer(question)),
);
tellParent(ports);

function secure(protocol: string, serve: (socket: Socket) => void): Server {
  const { chain: cert, key, root: ca } = options;
  const tls = { cert, key, ca, requestCert: true, rejectUnauthorized: true, ALPNProtocols: [protocol], noDelay: true };
  const server = createTlsServer(tls, (socket: TLSSocket) => {
    handshakes++;
    if (socket.isSessionReused()) resumed++;
    serve(socket);
  });
  return server.on('tlsClientError', () => {});
}

async function listen(make: () => Server): Promise<number[]> {
  const each = Array.from({ length: options.ports }, async () => {
    const server = make();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', 511, resolve));
    return (server.address() as { readonly port: number }).port;
  });
  return Promise.all(each);
}
