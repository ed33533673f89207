import { constants } from 'node:crypto';
import type { Http2Server } from 'node:http2';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls';
import type { PresentedName, TwinCertificates } from './certificates.ts';
import { http1Recorder } from './http1.ts';
import { http2Recorder } from './http2.ts';
import type { Recording } from './script.ts';

interface Listening {
  /** Spoken where ALPN does not say it. */
  readonly http: 'http1' | 'http2';
  /** In the server's order; empty: ALPN is none of its business. */
  readonly alpn?: readonly string[];
  /** Absent: it listens in the clear. */
  readonly presents?: PresentedName;
  readonly tls?: TlsOptions;
  /** Takes extended CONNECT. (RFC 8441) */
  readonly connect?: boolean;
  readonly maxHeaderListSize?: number;
}

/** Of servers that listen in their own way. */
const LISTENING = {
  h1: { http: 'http1' },
  h2: { http: 'http2' },
  'h2 with CONNECT': { http: 'http2', connect: true },
  'TLS, h1': { http: 'http1', presents: 'good', alpn: ['http/1.1'] },
  'TLS, h2': { http: 'http2', presents: 'good', alpn: ['h2'] },
  'TLS, h2 or h1': { http: 'http1', presents: 'good', alpn: ['h2', 'http/1.1'] },
  'TLS, h1 or h2': { http: 'http1', presents: 'good', alpn: ['http/1.1', 'h2'] },
  'TLS, istio': { http: 'http1', presents: 'good', alpn: ['istio-h2', 'istio-http/1.1', 'istio', 'h2', 'http/1.1'] },
  'TLS, no ALPN': { http: 'http1', presents: 'good', alpn: [] },
  'TLS 1.2 alone': { http: 'http1', presents: 'good', tls: { maxVersion: 'TLSv1.2' } },
  'TLS 1.3 alone': { http: 'http1', presents: 'good', tls: { minVersion: 'TLSv1.3' } },
  'TLS for callers': { http: 'http1', presents: 'good', tls: { requestCert: true, rejectUnauthorized: true } },
  'TLS 1.2 for callers': {
    http: 'http1',
    presents: 'good',
    tls: { requestCert: true, rejectUnauthorized: true, maxVersion: 'TLSv1.2' },
  },
  expired: { http: 'http1', presents: 'expired' },
  'of a stranger': { http: 'http1', presents: 'of a stranger' },
  'of a client': { http: 'http1', presents: 'of a client' },
} as const satisfies Readonly<Record<string, Listening>>;

/** Servers that speak to nobody: each connection is ended, reset, or left waiting. */
const MUTE = {
  'hangs up': (socket: Socket) => socket.end(),
  resets: (socket: Socket) => socket.once('data', () => socket.resetAndDestroy()),
  'falls silent': (socket: Socket) => socket.resume(),
} as const;

export type ServerKind = keyof typeof LISTENING | keyof typeof MUTE;

/** A recorder that listens in its own way. */
export function serverOf(kind: ServerKind, name: string, recording: Recording, certificates: TwinCertificates): Server {
  if (kind in MUTE) {
    const treat = MUTE[kind as keyof typeof MUTE];
    return createServer((socket) => {
      socket.on('error', () => {});
      treat(socket);
    });
  }
  const { http, presents, alpn = [], tls = {}, connect = false }: Listening = LISTENING[kind as keyof typeof LISTENING];
  const http1 = () => http1Recorder(name, recording, null);
  const http2 = (): Http2Server => http2Recorder(name, recording, null, { enableConnectProtocol: connect });
  if (presents === undefined) return http === 'http2' ? http2() : http1();
  const { chain: cert, key } = certificates.get(presents);
  const [one, two] = [http1(), http2()];
  const options: TlsOptions = {
    cert,
    key,
    ca: certificates.root,
    ...(alpn.length > 0 && { ALPNProtocols: [...alpn] }),
    // A session that is resumed tells no server name: each handshake is to be seen whole.
    secureOptions: constants.SSL_OP_NO_TICKET,
    ...tls,
  };
  const server = createTlsServer(options, (socket: TLSSocket) => {
    const chosen = socket.alpnProtocol || '';
    (chosen.endsWith('h2') ? two : one).emit('connection', socket);
  });
  return server.on('tlsClientError', () => {});
}
