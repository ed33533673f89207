import {
  constants,
  createSecureServer,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
  type Settings,
} from 'node:http2';
import type { TlsOptions } from 'node:tls';
import type { Answer, Pair, ResetCode } from '../case.ts';
import { pairs, valuesOf } from '../observation.ts';
import { type Recording, whenDue } from './script.ts';
import { answerTalk } from './talk.ts';
import { handshakeOf } from './wire.ts';

/** Headers of a connection of HTTP/1, which HTTP/2 has not. (RFC 9113, section 8.2.2) */
const OF_CONNECTIONS = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']);

const OPTIONS = { maxSendHeaderBlockLength: 1 << 20, settings: { maxHeaderListSize: 1 << 20 } };

/** A recorder that speaks HTTP/2; `tls`: null in the clear, to whoever knows that it does. `more`: settings beside its own. */
export function http2Recorder(
  name: string,
  recording: Recording,
  tls: TlsOptions | null,
  more: Settings = {},
): Http2Server {
  const options = { ...OPTIONS, settings: { ...OPTIONS.settings, ...more } };
  const server: Http2Server = tls === null ? createServer(options) : createSecureServer({ ...options, ...tls });
  server.on('stream', (stream, headers, _flags, raw) => void take(name, recording, stream, headers, raw));
  server.on('sessionError', () => {});
  return server;
}

async function take(
  name: string,
  recording: Recording,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  raw: readonly string[],
): Promise<void> {
  const gone = new AbortController();
  stream.once('close', () => gone.abort());
  stream.on('error', () => {});
  let trailers: readonly Pair[] = [];
  stream.on('trailers', (_headers: IncomingHttpHeaders, _flags: number, rawTrailers: string[]) => {
    trailers = pairs(rawTrailers);
  });
  if (headers.expect === '100-continue') stream.additionalHeaders({ ':status': 100 });
  const chunks: Buffer[] = [];
  const upgrade = headers[':protocol'] !== undefined;
  try {
    if (!upgrade) for await (const chunk of stream) chunks.push(chunk as Buffer);
  } catch {
    return; // The sender went away.
  }
  const named = pairs(raw);
  const chosen = recording.record({
    method: headers[':method'] ?? '',
    path: headers[':path'] ?? '',
    headers: asHttp1(named),
    body: Buffer.concat(chunks).toString('latin1'),
    trailers,
    connection: stream.session?.socket.remotePort ?? 0,
    wire: `HTTP/2${handshakeOf(stream.session?.socket)} ${valuesOf(named, ':scheme').join()}${upgrade ? ` to ${headers[':protocol']}` : ''}`,
  });
  await whenDue(chosen, gone.signal, () => {
    if (upgrade && chosen.status === 101) {
      stream.respond({ ':status': 200, ...multimap(chosen.headers ?? []) }, { sendDate: false } as object);
      answerTalk(name, stream);
    } else answer(stream, chosen, name);
  });
}

/** The authority is the host, as cases have it; method and path are told apart from the headers. */
function asHttp1(headers: readonly Pair[]): Pair[] {
  const host = headers.filter(([name]) => name === ':authority').map(([, value]): Pair => ['host', value]);
  return [...host, ...headers.filter(([name]) => !name.startsWith(':'))];
}

function answer(stream: ServerHttp2Stream, script: Answer, recorder: string): void {
  if (script.silent || stream.destroyed) return;
  const { reset, goAway, code } = script;
  if (goAway !== undefined) {
    const id = stream.id ?? 0;
    stream.session?.goaway(codeOf(code ?? 'NO_ERROR'), goAway === 'at' ? id : id - 2);
    if (goAway === 'below') return;
  }
  if (reset === 'before') {
    stream.close(codeOf(code ?? 'INTERNAL_ERROR'));
    return;
  }
  for (const status of script.informational ?? []) {
    stream.additionalHeaders({ ':status': status, ...(status === 103 && { link: '</style.css>; rel=preload' }) });
  }
  const { status = 200, headers = [], body = recorder, trailers = [] } = script;
  const bodyless = status === 204 || status === 304;
  const length = trailers.length > 0 || bodyless || script.reset ? {} : { 'content-length': Buffer.byteLength(body) };
  if (trailers.length > 0) stream.once('wantTrailers', () => stream.sendTrailers(multimap(trailers)));
  const endStream = bodyless || (body === '' && trailers.length === 0);
  const head = { ':status': status, ...length, ...multimap(headers) };
  stream.respond(head, { endStream, waitForTrailers: trailers.length > 0, sendDate: false } as object);
  if (endStream) return;
  if (reset === 'after') {
    stream.write(body, () => stream.close(codeOf(code ?? 'INTERNAL_ERROR')));
    return;
  }
  stream.end(body);
}

function codeOf(name: ResetCode): number {
  return constants[`NGHTTP2_${name}`];
}

function multimap(headers: readonly Pair[]): OutgoingHttpHeaders {
  const result: Record<string, string | string[]> = {};
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    if (OF_CONNECTIONS.has(lower)) continue;
    const before = result[lower];
    result[lower] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value];
  }
  return result;
}
