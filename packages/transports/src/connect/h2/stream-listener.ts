import { type ClientHttp2Stream, constants, type IncomingHttpHeaders, type IncomingHttpStatusHeader } from 'node:http2';
import { Duplex } from 'node:stream';

/** What a stream tells the exchange that it carries. */
export interface StreamListener {
  onResponse(status: number, raw: string[], endStream: boolean): void;
  onInformational(status: number, raw: string[]): void;
  onData(chunk: Buffer): void;
  onTrailers(raw: string[]): void;
  /** The server's end of stream has come; what came before it may still wait to be read. */
  onEndOfStream(): void;
  onEnd(): void;
  onError(error: Error): void;
  onDrain(): void;
  onWantTrailers(): void;
  /** The last of all. */
  onClose(): void;
}

const listener: unique symbol = Symbol('listener');

/** Node's stream with who listens to it: its own listeners are the functions of this file, which costs a call less than closures do. */
interface CarryingStream extends ClientHttp2Stream {
  [listener]: StreamListener;
}

export function listenTo(stream: ClientHttp2Stream, to: StreamListener): void {
  (stream as CarryingStream)[listener] = to;
  stream.push = push;
  stream.on('response', onResponse);
  stream.on('headers', onInformational);
  stream.on('error', onError);
  stream.on('close', onClose);
}

/**
 * From now on nobody listens. Node's streams outlive their calls for a while, and would carry all that belongs to these into V8's old
 * generation.
 */
export function stopListening(stream: ClientHttp2Stream): void {
  (stream as CarryingStream)[listener] = NOBODY;
}

const nothing = (): void => {};

const NOBODY: StreamListener = {
  onResponse: nothing,
  onInformational: nothing,
  onData: nothing,
  onTrailers: nothing,
  onEndOfStream: nothing,
  onEnd: nothing,
  onError: nothing,
  onDrain: nothing,
  onWantTrailers: nothing,
  onClose: nothing,
};

/** For a request whose body is sent piece by piece, or has trailers. */
export function listenForRequest(stream: ClientHttp2Stream): void {
  stream.on('drain', onDrain);
  stream.on('wantTrailers', onWantTrailers);
}

/** Begins to read the body of the response. */
export function listenForBody(stream: ClientHttp2Stream): void {
  stream.on('data', onData);
  stream.on('trailers', onTrailers);
  stream.on('end', onEnd);
}

/** Told by nobody but this: Node ends a stream that was reset without an error as if its response were complete, but marks it closed before. */
function push(this: Duplex, chunk: unknown, encoding?: BufferEncoding): boolean {
  const stream = this as CarryingStream;
  if (chunk === null && !stream.closed) stream[listener].onEndOfStream();
  return Duplex.prototype.push.call(this, chunk, encoding);
}

function onResponse(
  this: ClientHttp2Stream,
  headers: IncomingHttpHeaders & IncomingHttpStatusHeader,
  flags: number,
  raw: string[],
): void {
  const endStream = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
  (this as CarryingStream)[listener].onResponse(headers[':status'] ?? 0, raw, endStream);
}

function onInformational(
  this: ClientHttp2Stream,
  headers: IncomingHttpHeaders & IncomingHttpStatusHeader,
  _flags: number,
  raw: string[],
): void {
  (this as CarryingStream)[listener].onInformational(headers[':status'] ?? 0, raw);
}

function onData(this: ClientHttp2Stream, chunk: Buffer | string): void {
  (this as CarryingStream)[listener].onData(chunk as Buffer);
}

function onTrailers(this: ClientHttp2Stream, _: IncomingHttpHeaders, _flags: number, raw?: string[]): void {
  (this as CarryingStream)[listener].onTrailers(raw ?? []);
}

function onEnd(this: ClientHttp2Stream): void {
  (this as CarryingStream)[listener].onEnd();
}

function onError(this: ClientHttp2Stream, error: Error): void {
  (this as CarryingStream)[listener].onError(error);
}

function onDrain(this: ClientHttp2Stream): void {
  (this as CarryingStream)[listener].onDrain();
}

function onWantTrailers(this: ClientHttp2Stream): void {
  (this as CarryingStream)[listener].onWantTrailers();
}

function onClose(this: ClientHttp2Stream): void {
  (this as CarryingStream)[listener].onClose();
}
