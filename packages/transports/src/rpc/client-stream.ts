import { type ClientHttp2Stream, constants, type IncomingHttpHeaders, type IncomingHttpStatusHeader } from 'node:http2';
import { outsideContext, type RpcStream, type StreamHandlers, type StreamStatus } from '@inmesh/core';
import type { ClientSession } from './client-session.ts';
import { MessageReader } from './framing.ts';
import { grpcCode, statusOfHeaders, statusOfHttp, statusOfReset } from './status.ts';
import { writeMessage } from './write-message.ts';

/** One call: headers out, messages both ways, one status at the end. */
export class ClientStream implements RpcStream {
  readonly #session: ClientSession;
  readonly #handlers: StreamHandlers;
  readonly #reader: MessageReader;
  readonly #stream: ClientHttp2Stream | null;
  /** Aborting sends RST_STREAM alone; `close` of Node's stream sends an end of stream before it, which looks like a half-close. */
  readonly #abort = new AbortController();
  #paused = false;
  #delivering = false;
  /** Closed by its owner or told its end: nothing is reported any more. */
  #done = false;
  /** Known, and reported once the messages before it are delivered. */
  #end: StreamStatus | null = null;
  /** From headers of a trailers-only response, or from trailers. */
  #told: StreamStatus | null = null;
  /** Why the body of this response is not gRPC; null while it is. */
  #notGrpc: StreamStatus | null = null;

  constructor(
    session: ClientSession,
    path: string,
    metadata: Readonly<Record<string, string>>,
    handlers: StreamHandlers,
  ) {
    this.#session = session;
    this.#handlers = handlers;
    this.#reader = new MessageReader(session.options.maxReceiveBytes);
    this.#stream = this.#request(path, metadata);
  }

  send(message: Uint8Array): void {
    if (this.#stream !== null && !this.#done && this.#end === null) writeMessage(this.#stream, message);
  }

  finish(): void {
    if (!this.#done && this.#end === null) this.#stream?.end();
  }

  pause(): void {
    this.#paused = true;
    this.#stream?.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    outsideContext(() => {
      this.#deliver();
      if (!this.#paused) this.#stream?.resume();
    });
  }

  close(): void {
    if (this.#done) return;
    this.#done = true;
    this.#reset();
  }

  #request(path: string, metadata: Readonly<Record<string, string>>): ClientHttp2Stream | null {
    let stream: ClientHttp2Stream;
    try {
      checkMetadata(metadata);
      stream = this.#session.request(this.#abort.signal, {
        'user-agent': 'inmesh',
        ...metadata,
        ':method': 'POST',
        ':scheme': this.#session.options.tls === null ? 'http' : 'https',
        ':authority': this.#session.options.authority,
        ':path': path,
        te: 'trailers',
        'content-type': 'application/grpc',
      });
    } catch (error) {
      const status = { code: grpcCode.internal, message: `the request could not be made: ${(error as Error).message}` };
      queueMicrotask(() => this.#finish(status));
      return null;
    }
    stream.on('response', (headers) => this.#onResponse(headers));
    stream.on('data', (chunk: Buffer) => this.#onData(chunk));
    stream.on('trailers', (trailers) => {
      this.#told ??= statusOfHeaders(trailers);
    });
    stream.on('end', () => this.#onStreamEnd());
    stream.on('error', () => {}); // The status is made from what 'close' finds.
    stream.on('close', () => this.#onClose());
    this.#session.whenReady(() => {
      if (!this.#done && this.#end === null) this.#handlers.onOpen?.();
    });
    return stream;
  }

  #onResponse(headers: IncomingHttpHeaders & IncomingHttpStatusHeader): void {
    const httpStatus = headers[':status'] ?? 0;
    const type = headers['content-type'] ?? '';
    const encoding = headers['grpc-encoding'] ?? 'identity';
    this.#told = statusOfHeaders(headers);
    if (httpStatus !== 200) {
      this.#notGrpc = statusOfHttp(httpStatus);
    } else if (!type.startsWith('application/grpc')) {
      this.#notGrpc = { code: grpcCode.unknown, message: `the response is not gRPC: content-type "${type}"` };
    } else if (encoding !== 'identity') {
      this.#notGrpc = {
        code: grpcCode.unimplemented,
        message: `the response is compressed (${encoding}), which was not offered`,
      };
      this.#finish(this.#notGrpc);
    }
  }

  #onData(chunk: Buffer): void {
    if (this.#done || this.#notGrpc !== null) return;
    this.#reader.push(chunk);
    this.#deliver();
  }

  #onStreamEnd(): void {
    // The trailers are told before 'end'; the turn is for a Node that one day does it the other way round.
    if (this.#told !== null) this.#finishWithTold();
    else setImmediate(() => this.#finishWithTold());
  }

  #finishWithTold(): void {
    const lost = this.#session.dead ? this.#session.lostStatus() : null;
    const code = this.#stream?.rstCode ?? constants.NGHTTP2_NO_ERROR;
    const reset = code === constants.NGHTTP2_NO_ERROR ? null : statusOfReset(code);
    const untold = { code: grpcCode.unknown, message: 'the server ended the stream without grpc-status' };
    this.#finish(this.#told ?? this.#notGrpc ?? lost ?? reset ?? untold);
  }

  #onClose(): void {
    const lost = this.#session.dead ? this.#session.lostStatus() : null;
    const reset = statusOfReset(this.#stream?.rstCode ?? constants.NGHTTP2_NO_ERROR);
    this.#finish(this.#told ?? lost ?? this.#notGrpc ?? reset);
  }

  /** Hands out what is complete, as long as nobody asks to wait; a handler may pause, resume or close in the middle. */
  #deliver(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    try {
      while (!this.#paused && !this.#done) {
        const next = this.#reader.next();
        if (next === null) break;
        if (!(next instanceof Uint8Array)) {
          this.#end = next;
          break;
        }
        this.#handlers.onMessage(next);
      }
    } finally {
      this.#delivering = false;
    }
    if (this.#end !== null && !this.#paused) this.#report();
  }

  #finish(status: StreamStatus): void {
    if (this.#done || this.#end !== null) return;
    this.#end = status;
    this.#deliver();
  }

  #report(): void {
    if (this.#done || this.#end === null) return;
    this.#done = true;
    const cut = this.#end.code === grpcCode.ok && !this.#reader.atBoundary;
    const status = cut ? { code: grpcCode.internal, message: 'the stream ended within a message' } : this.#end;
    this.#reset();
    this.#handlers.onEnd(status);
  }

  #reset(): void {
    if (this.#stream !== null) this.#session.keep(this.#stream);
    this.#abort.abort();
  }
}

/** Node lets bytes through that the server would drop or choke on. */
function checkMetadata(metadata: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(metadata)) {
    if (!/^[0-9a-z_.-]+$/i.test(name)) throw new Error(`"${name}" is not a name for metadata`);
    if (!/^[ -~]*$/.test(value)) throw new Error(`the value of metadata "${name}" is not printable ASCII`);
  }
}
