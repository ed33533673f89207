import { constants, type IncomingHttpHeaders, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { StreamStatus } from '@inmesh/core';
import { MessageReader } from './framing.ts';
import { encodeGrpcMessage, grpcCode } from './status.ts';
import { writeMessage } from './write-message.ts';

/** The server's side of one stream. */
export interface GrpcServerStream {
  readonly path: string;
  /** Request headers without the pseudo-headers; names in lower case. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Who is connected: `host:port`, or `unix` for a unix socket. */
  readonly peer: string;
  /** Sends a message; false if the client is slower than the server: wait for `onDrain`. The bytes must not change afterwards. */
  send(message: Uint8Array): boolean;
  /** Stops reading: flow control towards the client. */
  pause(): void;
  resume(): void;
  /** Ends the stream with a status; later calls do nothing. */
  end(status: StreamStatus): void;
}

/** Hears what a client does on one stream. An exception in one of them ends that stream with INTERNAL. */
export interface GrpcServerHandlers {
  /** One whole message; the bytes belong to the receiver only during the call. */
  onMessage(message: Uint8Array): void;
  /** The client has sent its last message; the server may go on sending until `end`. */
  onHalfClose?(): void;
  /** `send` said false, and there is room again. */
  onDrain?(): void;
  /** Exactly once, whoever ended the stream; null where this side did. */
  onClose?(reason: string | null): void;
}

/** Called for each new stream, with its metadata; returns what listens to it. */
export type GrpcServerMethod = (stream: GrpcServerStream) => GrpcServerHandlers;

export class ServerStream implements GrpcServerStream {
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly peer: string;
  readonly #stream: ServerHttp2Stream;
  readonly #reader: MessageReader;
  #handlers: GrpcServerHandlers | null = null;
  #paused = false;
  #delivering = false;
  #halfClosed = false;
  #ended = false;

  constructor(stream: ServerHttp2Stream, path: string, headers: IncomingHttpHeaders, maxReceiveBytes: number) {
    this.path = path;
    this.metadata = metadataOf(headers);
    const socket = stream.session?.socket;
    this.peer = socket?.remoteAddress === undefined ? 'unix' : `${socket.remoteAddress}:${socket.remotePort}`;
    this.#stream = stream;
    this.#reader = new MessageReader(maxReceiveBytes);
  }

  /** Hands the stream to its method and starts to read. */
  start(method: GrpcServerMethod): void {
    this.#stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    this.#guard(() => {
      this.#handlers = method(this);
    });
    if (this.#handlers === null) return;
    this.#stream.on('data', (chunk: Buffer) => {
      this.#reader.push(chunk);
      this.#deliver();
    });
    this.#stream.on('end', () => {
      if (this.#stream.aborted || this.#stream.rstCode !== constants.NGHTTP2_NO_ERROR) return; // A reset, which 'close' tells.
      this.#halfClosed = true;
      this.#deliver();
    });
    this.#stream.on('drain', () => this.#guard(() => this.#handlers?.onDrain?.()));
    this.#stream.on('close', () => this.#onClose());
  }

  send(message: Uint8Array): boolean {
    return !this.#ended && writeMessage(this.#stream, message);
  }

  pause(): void {
    this.#paused = true;
    this.#stream.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#deliver();
    if (!this.#paused) this.#stream.resume();
  }

  end(status: StreamStatus): void {
    if (this.#ended) return;
    this.#ended = true;
    const trailers = { 'grpc-status': String(status.code), 'grpc-message': encodeGrpcMessage(status.message) };
    if (this.#stream.destroyed) return;
    if (!this.#stream.headersSent) {
      refuse(this.#stream, { ':status': 200, 'content-type': 'application/grpc', ...trailers });
      return;
    }
    this.#stream.once('wantTrailers', () => this.#stream.sendTrailers(trailers));
    this.#stream.end();
    this.#stream.resume();
  }

  #deliver(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    this.#guard(() => {
      while (!this.#paused && !this.#ended) {
        const next = this.#reader.next();
        if (next === null) break;
        if (next instanceof Uint8Array) this.#handlers?.onMessage(next);
        else this.end(next);
      }
    });
    this.#delivering = false;
    if (!this.#halfClosed || this.#paused || this.#ended) return;
    this.#halfClosed = false;
    if (this.#reader.atBoundary) this.#guard(() => this.#handlers?.onHalfClose?.());
    else this.end({ code: grpcCode.internal, message: 'the request ended within a message' });
  }

  #onClose(): void {
    const byUs = this.#ended;
    this.#ended = true;
    const reason =
      this.#stream.session?.destroyed === false ? `reset by the client (${this.#stream.rstCode})` : 'connection closed';
    this.#guard(() => this.#handlers?.onClose?.(byUs ? null : reason));
  }

  /** A fault of one method must not harm the other streams of the process. */
  #guard(body: () => void): void {
    try {
      body();
    } catch (error) {
      this.end({ code: grpcCode.internal, message: error instanceof Error ? error.message : String(error) });
    }
  }
}

/** Answers with headers alone. The rest of the request is read and dropped; a reset here could overtake the answer. */
export function refuse(stream: ServerHttp2Stream, headers: OutgoingHttpHeaders): void {
  stream.respond(headers, { endStream: true });
  stream.resume();
}

function metadataOf(headers: IncomingHttpHeaders): Record<string, string> {
  const metadata: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith(':') && value !== undefined) metadata[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return metadata;
}
