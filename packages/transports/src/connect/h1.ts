import type { Socket } from 'node:net';
import type {
  Call,
  ClusterConfig,
  Connection,
  ConnectionEnd,
  ConnectionEvents,
  Endpoint,
  Handler,
  TlsFacts,
} from '@inmesh/core';
import { Client, type Dispatcher } from '../undici/index.ts';
import { CUT, FINISHED, GIVEN_UP, H1Exchange, type H1Owner } from './h1-exchange.ts';
import { tlsFacts } from './tls-facts.ts';
import { goneError, isBrokenHttp } from './wire-errors.ts';

/** Milliseconds by which an idle connection is closed before the server's `keep-alive: timeout` hint: longer than a request needs to arrive. */
const KEEP_ALIVE_MARGIN_MS = 1_000;
/** The longest a timer of Node can be set to, 25 days; a longer one would fire at once. */
const FOR_EVER_MS = 2 ** 31 - 1;

/** Envoy's default. (max_response_headers_kb) */
const MAX_RESPONSE_HEADER_BYTES = 80 * 1024;

/** HTTP/1.1 on a socket that we opened, with undici's Client as codec: one request at a time. */
export class H1Connection implements Connection, H1Owner {
  readonly protocol = 'http1';
  readonly maxConcurrent = 1;
  readonly tls: TlsFacts | null;
  /** Of a response. */
  readonly maxHeaders: number;
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
  #gone = false;
  /** It was ended from our side, whatever is under way. */
  #destroyed = false;
  /** It speaks another protocol. */
  #upgraded = false;
  #ended = false;
  #error: Error | null = null;

  constructor(socket: Socket, endpoint: Endpoint, config: ClusterConfig, events: ConnectionEvents) {
    this.endpoint = endpoint;
    this.#socket = socket;
    this.maxHeaders = config.maxResponseHeaders;
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
      maxHeaderSize: config.maxResponseHeaderBytes ?? MAX_RESPONSE_HEADER_BYTES,
    });
    socket.on('error', (error) => {
      this.#error ??= error;
    });
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
    const exchange = new H1Exchange(this, call, handler, this.#served);
    call.controller.attach(exchange);
    const options: Dispatcher.DispatchOptions = {
      path: head.path,
      method: head.method as Dispatcher.HttpMethod,
      headers: ['host', head.authority, ...head.headers.flat()],
      // undici takes any async iterable, as its documentation says; its types name fewer.
      body: (body === null ? null : (body.bytes ?? body.open())) as Dispatcher.DispatchOptions['body'] & null,
      upgrade: head.upgrade,
      // undici would close the connection, for servers that send a body all the same.
      ...(head.method === 'HEAD' && { reset: false }),
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
    this.#destroyed = true;
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

  /** The socket is the caller's from now on; it takes a connection's place until it closes. */
  surrender(): void {
    this.#closing = true;
    this.#upgraded = true;
    this.#socket.once('end', () => {
      this.#ended = true;
    });
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

  get bytesRead(): number {
    return this.#socket.bytesRead;
  }

  get #endedByUs(): boolean {
    if (this.#destroyed || (this.#error !== null && isBrokenHttp(this.#error))) return true;
    return this.#upgraded && !this.#ended && this.#error === null;
  }

  #lost(): void {
    // Of a connection under a call undici tells more, in this same tick: the response may be complete by its end.
    if (this.#busy && !this.#destroyed && !this.#upgraded) {
      this.#closing = true;
      process.nextTick(() => this.#forget());
    } else this.#forget();
  }

  #forget(): void {
    if (!this.#gone) {
      this.#gone = true;
      if (this.#busy) this.events.onClosed(this, this.#endedByUs ? GIVEN_UP : CUT);
      else this.events.onClosed(this);
    }
    if (!this.#busy) this.#client.destroy().catch(ignore);
  }
}

function ignore(): void {}
