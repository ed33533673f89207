import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  type Call,
  type ClusterConfig,
  type Connection,
  type ConnectionEnd,
  type ConnectionEvents,
  type Endpoint,
  type Handler,
  type HeaderRecord,
  Headers,
  type Holder,
  isMeshError,
  type TlsFacts,
} from '@inmesh/core';
import { Client, type Dispatcher } from '../undici/index.ts';
import { tlsFacts } from './tls-facts.ts';
import { goneError, isGone, refusedError, wireError } from './wire-errors.ts';

/** Milliseconds by which an idle connection is closed before the server's `keep-alive: timeout` hint: longer than a request needs to arrive. */
const KEEP_ALIVE_MARGIN_MS = 1_000;
/** The longest a timer of Node can be set to, 25 days; a longer one would fire at once. */
const FOR_EVER_MS = 2 ** 31 - 1;

/** It ends after an answer, because one side wants so. */
const FINISHED: ConnectionEnd = { local: true, unfinished: false };
/** The other side closed it before it was used. */
const LOST: ConnectionEnd = { local: false, unfinished: false };
/** The other side closed it under a call, or spoke no HTTP. */
const CUT: ConnectionEnd = { local: false, unfinished: true };
/** Its call was given up. */
const GIVEN_UP: ConnectionEnd = { local: true, unfinished: true };

/** HTTP/1.1 on a socket that we opened, with undici's Client as codec: one request at a time. */
export class H1Connection implements Connection {
  readonly protocol = 'http1';
  readonly maxConcurrent = 1;
  readonly tls: TlsFacts | null;
  readonly endpoint: Endpoint;
  readonly #client: Client;
  readonly #socket: Socket;
  readonly events: ConnectionEvents;
  /** True once undici reads the socket. */
  #attached = false;
  #busy = false;
  /** True once a response was complete: that the connection is gone then is no accident of the endpoint's. */
  #served = false;
  #closing = false;
  /** True once it was ended from our side whatever is under way. */
  #cut = false;
  #gone = false;

  constructor(socket: Socket, endpoint: Endpoint, config: ClusterConfig, events: ConnectionEvents) {
    this.endpoint = endpoint;
    this.#socket = socket;
    this.tls = tlsFacts(socket);
    this.events = events;
    this.#client = new Client('http://mesh', {
      connect: (_, callback) => this.#attach(callback),
      pipelining: 1,
      allowH2: false,
      // Its pool ends a connection that nobody uses, by the feed's timeout; here only what the server says of its own.
      keepAliveTimeout: FOR_EVER_MS,
      keepAliveMaxTimeout: FOR_EVER_MS,
      keepAliveTimeoutThreshold: KEEP_ALIVE_MARGIN_MS,
      // How long a call may be silent is the feed's to say; the mesh's own timers see to it.
      headersTimeout: 0,
      bodyTimeout: 0,
      // Node's own limit is 16 KiB.
      maxHeaderSize: config.maxResponseHeaderBytes,
    });
    socket.on('error', ignore);
    socket.once('close', () => this.#lost());
    // Until undici reads it, we do: bytes or an end before any request mean that the connection is of no use.
    socket.once('readable', this.#unexpected);
    socket.unref();
  }

  dispatch(call: Call, handler: Handler): void {
    this.#busy = true;
    if (!this.#attached) {
      this.#socket.off('readable', this.#unexpected);
      this.#socket.ref();
    }
    const { head, body, context } = call;
    const exchange = new Exchange(this, call, handler, this.#served);
    call.controller.attach(exchange);
    const options: Dispatcher.DispatchOptions = {
      path: head.path,
      method: head.method as Dispatcher.HttpMethod,
      headers: ['host', head.authority, ...head.headers.flat()],
      // undici takes any async iterable, as its documentation says; its types name fewer.
      body: (body === null ? null : (body.bytes ?? body.open())) as Dispatcher.DispatchOptions['body'] & null,
      upgrade: head.upgrade,
    };
    if (context.headersTimeoutMs !== null) options.headersTimeout = context.headersTimeoutMs;
    if (context.bodyTimeoutMs !== null) options.bodyTimeout = context.bodyTimeoutMs;
    this.#client.dispatch(options, exchange);
  }

  close(): void {
    this.#closing = true;
    if (!this.#busy) this.destroy(goneError());
  }

  destroy(error: Error): void {
    this.#closing = true;
    this.#cut = true;
    this.#client.destroy(error).catch(ignore);
    this.#socket.destroy();
  }

  /** The exchange is over. `end`: how the connection ends with it; null where both sides mean to keep it. */
  release(end: ConnectionEnd | null): void {
    this.#busy = false;
    if (end === null) this.#served = true;
    // Without undici nobody would notice its end, nor its being idle for too long.
    if (end !== null || !this.#attached) this.#closing = true;
    if (this.#gone) return;
    if (!this.#closing) this.events.onFree(this);
    else this.#leave(end ?? FINISHED);
  }

  /** The socket is the caller's from now on. */
  surrender(): void {
    this.#gone = true;
    this.events.onClosed(this, FINISHED);
    this.#client.destroy().catch(ignore);
  }

  #attach(callback: (...args: [error: Error, socket: null] | [error: null, socket: Socket]) => void): void {
    if (this.#attached || this.#socket.destroyed) {
      callback(goneError(), null);
      return;
    }
    this.#attached = true;
    // undici looks for work when the callback comes, but not while it is asking for the socket.
    queueMicrotask(() => callback(null, this.#socket));
  }

  readonly #unexpected = (): void => {
    this.#socket.destroy();
  };

  /** Lets the last bytes out, then closes; the pool forgets the connection at once. */
  #leave(end: ConnectionEnd): void {
    this.#gone = true;
    this.events.onClosed(this, end);
    this.#client.close().catch(ignore);
    if (!this.#attached) this.#socket.destroy();
  }

  #lost(): void {
    if (!this.#gone) {
      this.#gone = true;
      // The socket tells its end before undici tells the call.
      if (this.#busy) this.events.onClosed(this, this.#cut ? GIVEN_UP : CUT);
      else this.events.onClosed(this);
    }
    if (!this.#busy) this.#client.destroy().catch(ignore);
  }
}

/** One request on one connection, seen from undici. */
class Exchange implements Dispatcher.DispatchHandler, Holder {
  readonly #connection: H1Connection;
  readonly #call: Call;
  readonly #handler: Handler;
  #wire: Dispatcher.DispatchController | null = null;
  /** Given before undici has begun with the request. */
  #abortedWith: Error | null = null;
  #reusable = true;
  #answered = false;
  readonly #served: boolean;

  constructor(connection: H1Connection, call: Call, handler: Handler, served: boolean) {
    this.#served = served;
    this.#connection = connection;
    this.#call = call;
    this.#handler = handler;
  }

  abort(error: Error): void {
    this.#abortedWith ??= error;
    this.#wire?.abort(error);
  }

  pause(): void {
    this.#wire?.pause();
  }

  resume(): void {
    this.#wire?.resume();
  }

  onRequestStart(wire: Dispatcher.DispatchController): void {
    this.#wire = wire;
    if (this.#abortedWith !== null) wire.abort(this.#abortedWith);
    else this.#handler.onRequestSent(false);
  }

  onRequestSent(): void {
    this.#handler.onRequestSent(true);
  }

  onResponseStart(
    wire: Dispatcher.DispatchController,
    status: number,
    record: HeaderRecord,
    message: string | undefined,
  ): void {
    const headers = Headers.fromWire((wire.rawHeaders ?? []) as Buffer[], record);
    this.#answered = true;
    if (status < 200) {
      this.#handler.onInformational(status, headers);
      return;
    }
    const { connection } = record;
    if (connection !== undefined && connection !== 'keep-alive' && saysClose(connection)) {
      this.#reusable = false;
      this.#connection.events.onDraining(this.#connection);
    }
    if (this.#call.controller.paused) wire.pause();
    this.#handler.onResponseStart(status, headers, message ?? '');
  }

  onResponseData(_: unknown, chunk: Buffer): void {
    this.#handler.onResponseData(chunk);
  }

  onResponseEnd(wire: Dispatcher.DispatchController, record: HeaderRecord): void {
    this.#call.controller.detach(this);
    // Free first: the call that the end of this one gives rise to finds the connection.
    this.#connection.release(this.#reusable ? null : FINISHED);
    this.#handler.onResponseEnd(Headers.fromWire((wire.rawTrailers ?? []) as Buffer[], record));
  }

  onRequestUpgrade(wire: Dispatcher.DispatchController, status: number, record: HeaderRecord, socket: Duplex): void {
    this.#call.controller.detach(this);
    this.#connection.surrender();
    this.#handler.onUpgrade(status, Headers.fromWire((wire.rawHeaders ?? []) as Buffer[], record), socket);
  }

  onResponseError(_: unknown, error: Error): void {
    const { controller, cluster, attempt } = this.#call;
    controller.detach(this);
    const reason = this.#abortedWith;
    if (this.#served && reason === null && !this.#answered) this.#call.distrustful = true;
    if (this.#wire === null && this.#served && reason === null && isGone(error)) {
      this.#connection.release(LOST);
      this.#connection.events.onUnsent(this.#connection, this.#call, this.#handler);
      return;
    }
    // A request that undici refused before it began leaves the connection as it was.
    const refused = this.#wire === null && !isGone(error);
    this.#connection.release(refused ? null : reason === null ? CUT : GIVEN_UP);
    this.#handler.onResponseError(
      reason ??
        (isMeshError(error)
          ? error
          : (refused ? refusedError : wireError)(error, {
              ...(cluster === null ? {} : { cluster: cluster.name }),
              endpoint: this.#connection.endpoint.key,
              attempt,
              started: this.#answered,
            })),
    );
  }
}

function saysClose(connection: string | string[]): boolean {
  return String(connection)
    .toLowerCase()
    .split(',')
    .some((token) => token.trim() === 'close');
}

function ignore(): void {}
