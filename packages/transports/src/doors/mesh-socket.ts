import { connect, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import {
  MeshError,
  outsideContext,
  type TcpDestination,
  type TcpSession,
  type TcpSessionEvents,
  thisContext,
} from '@inmesh/core';
import { SocketFacts } from './socket-facts.ts';

export interface MeshSocketParts {
  readonly destination: TcpDestination;
  /** Ends only its own side when the peer has ended. Default false, as of `node:net`. */
  readonly allowHalfOpen: boolean;
  /** The way through the mesh; null where the destination is none of the mesh's. */
  readonly open: ((events: TcpSessionEvents) => TcpSession) | null;
  /** Why it may not go where it would without the mesh; null where it may. */
  readonly refuse: MeshError | null;
  /** Counts a stream that passes by. */
  readonly onPassThrough: () => void;
}

type WriteCallback = (error?: Error | null) => void;

/**
 * A stream of bytes over the mesh that looks like a socket of `node:net` to the clients of databases: it connects by itself, and
 * `connect()` of one that is connected tells so again. Bytes go straight to the connection and from it, with its back-pressure.
 */
export class MeshSocket extends Duplex implements TcpSessionEvents {
  connecting = true;
  bytesRead = 0;
  bytesWritten = 0;
  readonly #parts: MeshSocketParts;
  readonly #facts: SocketFacts;
  readonly #inContext = thisContext();
  #session: TcpSession | null = null;
  #upstream: Duplex | null = null;
  /** The mesh has no part in it: its errors are those of the platform. */
  #passes = false;
  /** What was written, or ended, before there was a connection. */
  #begin: (() => void) | null = null;
  #expired = false;

  constructor(parts: MeshSocketParts) {
    super({ allowHalfOpen: parts.allowHalfOpen });
    this.#parts = parts;
    this.#facts = new SocketFacts(() => this.emit('timeout'));
    process.nextTick(() => this.#start());
  }

  /** As of `node:net`, wherever it may be told to go: it is on its way already. */
  connect(...args: readonly unknown[]): this {
    const listener = args.at(-1);
    if (typeof listener === 'function') this.once('connect', listener as () => void);
    if (this.#upstream !== null && !this.connecting) process.nextTick(() => this.emit('connect'));
    return this;
  }

  get pending(): boolean {
    return this.connecting;
  }

  get readyState(): string {
    if (this.connecting) return 'opening';
    if (this.readable) return this.writable ? 'open' : 'readOnly';
    return this.writable ? 'writeOnly' : 'closed';
  }

  get remoteAddress(): string | undefined {
    return this.#facts.socket?.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.#facts.socket?.remotePort;
  }

  get remoteFamily(): string | undefined {
    return this.#facts.socket?.remoteFamily;
  }

  get localAddress(): string | undefined {
    return this.#facts.socket?.localAddress;
  }

  get localPort(): number | undefined {
    return this.#facts.socket?.localPort;
  }

  setNoDelay(noDelay = true): this {
    this.#facts.tell((socket) => socket.setNoDelay(noDelay));
    return this;
  }

  setKeepAlive(enable = false, initialDelay = 0): this {
    this.#facts.tell((socket) => socket.setKeepAlive(enable, initialDelay));
    return this;
  }

  /** Milliseconds without a byte either way, also while it connects, after which `timeout` is told; 0 for never. */
  setTimeout(ms: number, listener?: () => void): this {
    if (listener !== undefined) {
      if (ms === 0) this.off('timeout', listener);
      else this.once('timeout', listener);
    }
    this.#facts.await(ms);
    return this;
  }

  ref(): this {
    this.#facts.tell((socket) => socket.ref());
    return this;
  }

  unref(): this {
    this.#facts.tell((socket) => socket.unref());
    return this;
  }

  /** Once what was written is out. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  resetAndDestroy(): this {
    this.#facts.socket?.resetAndDestroy();
    return this.destroy();
  }

  onConnected(stream: Duplex): void {
    this.#attach(stream);
    this.#connected();
  }

  onPass(why: MeshError): void {
    if (this.#parts.refuse !== null) this.onError(why);
    else this.#pass();
  }

  onError(error: MeshError): void {
    this.#inContext(() => this.destroy(error));
  }

  onExpired(): void {
    this.#expired = true;
    this.#upstream?.destroy();
    this.#inContext(() => {
      this.push(null);
      this.end();
    });
  }

  override _read(): void {
    this.#upstream?.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: WriteCallback): void {
    const upstream = this.#upstream;
    if (upstream === null) {
      this.#begin = () => this._write(chunk, _encoding, callback);
      return;
    }
    if (this.#expired) {
      callback(new Error('the time of the stream is over (idle_timeout, or its longest duration)'));
      return;
    }
    this.bytesWritten += chunk.length;
    this.#facts.touch();
    this.#session?.sent(chunk.length);
    if (upstream.write(chunk)) callback();
    else upstream.once('drain', callback);
  }

  override _final(callback: WriteCallback): void {
    const upstream = this.#upstream;
    if (upstream === null) {
      this.#begin = () => this._final(callback);
      return;
    }
    if (!upstream.destroyed) upstream.end();
    callback();
  }

  override _destroy(error: Error | null, callback: WriteCallback): void {
    this.connecting = false;
    this.#session?.close();
    this.#facts.await(0);
    this.#upstream?.destroy();
    callback(error);
  }

  #start(): void {
    if (this.destroyed) return;
    const { open, refuse } = this.#parts;
    if (open !== null) this.#session = open(this);
    else if (refuse !== null) this.onError(refuse);
    else this.#pass();
  }

  /** To where it would go without the mesh, with no more than that. */
  #pass(): void {
    const { host, port } = this.#parts.destination;
    this.#passes = true;
    this.#session = null;
    this.#parts.onPassThrough();
    const socket = outsideContext(() => connect({ host, port, allowHalfOpen: true }));
    socket.once('connect', () => this.#connected());
    this.#attach(socket);
  }

  #attach(stream: Duplex): void {
    this.#upstream = stream;
    this.#facts.use(stream as Socket);
    const run = this.#inContext;
    stream.on('data', (chunk: Buffer) => run(() => this.#received(chunk)));
    stream.once('end', () => run(() => this.push(null)));
    stream.once('error', (error: Error) => run(() => this.destroy(this.#errorOf(error))));
    stream.once('close', () => {
      if (!this.#expired && !stream.readableEnded) run(() => this.destroy());
    });
  }

  #connected(): void {
    if (this.destroyed) return;
    this.connecting = false;
    const begin = this.#begin;
    this.#begin = null;
    this.#inContext(() => {
      this.emit('connect');
      this.emit('ready');
      begin?.();
    });
  }

  #received(chunk: Buffer): void {
    if (this.#expired) return;
    this.bytesRead += chunk.length;
    this.#facts.touch();
    this.#session?.received(chunk.length);
    if (!this.push(chunk)) this.#upstream?.pause();
  }

  #errorOf(error: Error): Error {
    if (this.#passes) return error;
    const { host, port } = this.#parts.destination;
    const place = { authority: `${host}:${port}`, cause: error };
    return new MeshError('connection_termination', `the connection ended: ${error.message}`, place);
  }
}
