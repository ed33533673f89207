import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket, type TlsOptions } from 'node:tls';
import type { Answer, Pair } from '../case.ts';
import { type Arrival, pairs } from '../observation.ts';
import { type Recording, whenDue } from './script.ts';
import { answerTalk } from './talk.ts';
import { handshakeOf } from './wire.ts';

const OPTIONS: ServerOptions = {
  requireHostHeader: false,
  maxHeaderSize: 1 << 20,
  keepAliveTimeout: 0,
  joinDuplicateHeaders: false,
};

const BAD_REQUEST = 'HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n';

/** A recorder that speaks HTTP/1.1; `tls`: null in the clear. */
export function http1Recorder(name: string, recording: Recording, tls: TlsOptions | null): Server {
  const record = (request: IncomingMessage, response: ServerResponse) => void take(name, recording, request, response);
  const server = tls === null ? createServer(OPTIONS, record) : createSecureServer({ ...OPTIONS, ...tls }, record);
  // It takes a request whose sender waits for a word first, and says the word only where the script does.
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    response.writeContinue();
    record(request, response);
  });
  server.on('checkExpectation', record);
  server.on('upgrade', (request: IncomingMessage, socket: Duplex) => upgrade(name, recording, request, socket));
  // Leaves time to read the answer: to end with bytes unread would be a reset.
  server.on('clientError', (_error: Error, socket: Duplex) => socket.end(BAD_REQUEST));
  server.requestTimeout = 0;
  server.headersTimeout = 0;
  server.maxRequestsPerSocket = 0;
  return server;
}

async function take(
  name: string,
  recording: Recording,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request) chunks.push(chunk as Buffer);
  } catch {
    return; // The sender went away.
  }
  const chosen = recording.record(arrivalOf(request, Buffer.concat(chunks)));
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  await whenDue(chosen, gone.signal, () => answer(response, chosen, name));
}

function arrivalOf(request: IncomingMessage, body: Buffer): Omit<Arrival, 'recorder'> {
  return {
    method: request.method ?? '',
    path: request.url ?? '',
    headers: pairs(request.rawHeaders),
    body: body.toString('latin1'),
    trailers: pairs(request.rawTrailers),
    connection: request.socket.remotePort ?? 0,
    wire: `HTTP/${request.httpVersion}${handshakeOf(request.socket)}`,
  };
}

/** Changes its protocol where the script says so, and speaks as `talk.ts` has it; else it answers as ever. */
function upgrade(name: string, recording: Recording, request: IncomingMessage, socket: Duplex): void {
  const { status = 200, headers = [], body = name } = recording.record(arrivalOf(request, Buffer.alloc(0)));
  const upgraded = status === 101;
  const own: Pair[] = upgraded
    ? [
        ['connection', 'upgrade'],
        ['upgrade', request.headers.upgrade ?? ''],
      ]
    : [['content-length', `${Buffer.byteLength(body)}`]];
  const lines = [...own, ...headers].map(([key, value]) => `${key}: ${value}\r\n`).join('');
  socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines}\r\n${upgraded ? '' : body}`);
  if (upgraded) answerTalk(name, socket);
}

function answer(response: ServerResponse, script: Answer, recorder: string): void {
  if (script.silent) return;
  const { socket } = response;
  if (socket === null || script.reset === 'before') {
    if (socket !== null) breakOff(socket);
    return;
  }
  if (script.raw !== undefined) {
    socket.end(script.raw, 'latin1');
    return;
  }
  for (const status of script.informational ?? []) {
    if (status === 103) response.writeEarlyHints({ link: '</style.css>; rel=preload' });
    else response.writeProcessing();
  }
  const { status = 200, headers = [], body = recorder, trailers = [] } = script;
  response.sendDate = false;
  // Says nothing of the connection by itself: what the script says is all there is.
  response.removeHeader('connection');
  const bodyless = status === 204 || status === 304;
  const length =
    trailers.length > 0 || bodyless || script.reset ? [] : ['content-length', `${Buffer.byteLength(body)}`];
  const named = headers.some(([name]) => name.toLowerCase() === 'content-length');
  response.writeHead(status, [...headers.flat(), ...(named ? [] : length)]);
  if (trailers.length > 0) response.addTrailers(trailers.map(([name, value]): [string, string] => [name, value]));
  if (script.reset === 'after') {
    response.write(body, () => breakOff(socket));
    return;
  }
  response.end(bodyless ? undefined : body);
}

/** With a RST; over TLS, where the platform has no way to send one, with a FIN that TLS did not announce. */
function breakOff(socket: Socket): void {
  if (socket instanceof TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}
