import { type ClientHttp2Session, type ClientHttp2Stream, connect, type OutgoingHttpHeaders } from 'node:http2';
import * as net from 'node:net';
import * as tls from 'node:tls';
import type { StreamStatus, Timer } from '@inmesh/core';
import { certificateNames, describeNames } from '@inmesh/mtls';
import { CONNECTION_WINDOW, SESSION_MEMORY_MB, STREAM_WINDOW } from '../http2/session-limits.ts';
import type { FilledOptions, GrpcClientTls } from './client-options.ts';
import { grpcCode } from './status.ts';
import type { Address } from './target.ts';

/**
 * Milliseconds of silence until the kernel asks whether the other host is still there, and takes a connection whose host does
 * not answer ten times, a second apart (libuv's figures), for dead: within 40 s, where PINGs that servers put up with would take
 * minutes. It does not see through a proxy, nor help while something that was sent is not acknowledged; PINGs do.
 */
const tcpKeepaliveMs = 30_000;

/** One HTTP/2 connection: connect timeout, keepalive, and the words for its death. */
export class ClientSession {
  readonly options: FilledOptions;
  readonly #session: ClientHttp2Session;
  readonly #socket: net.Socket;
  #ready = false;
  #failure: string | null = null;
  #streams = 0;
  #whenReady: (() => void)[] = [];
  #connectTimer: Timer | null;
  #pingTimer: Timer | null = null;
  #pongTimer: Timer | null = null;

  constructor(options: FilledOptions, address: Address) {
    this.options = options;
    this.#socket = openSocket(options, address);
    this.#session = connect('http://localhost', {
      createConnection: () => this.#socket,
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW },
      maxSessionMemory: SESSION_MEMORY_MB,
    });
    this.#session.unref();
    this.#session.on('connect', () => this.#session.setLocalWindowSize(CONNECTION_WINDOW));
    this.#session.on('remoteSettings', () => this.#becomeReady());
    this.#session.on('error', (error) => this.#fail(error.message || describe(error)));
    this.#session.on('close', () => this.#stopTimers());
    this.#socket.on('error', (error) => this.#fail(describe(error)));
    this.#connectTimer = options.clock.setTimer(
      options.connectTimeoutMs,
      () => this.destroy(`no answer within ${options.connectTimeoutMs} ms`),
      { unref: true },
    );
  }

  /** False once the connection is dead or the server asked for a new one (GOAWAY). */
  get usable(): boolean {
    return this.#failure === null && !this.#session.closed && !this.#session.destroyed;
  }

  get dead(): boolean {
    return this.#session.destroyed;
  }

  /** Throws what Node throws for headers that are not valid. */
  request(signal: AbortSignal, headers: OutgoingHttpHeaders): ClientHttp2Stream {
    const stream = this.#session.request(headers, { endStream: false, signal });
    this.#streams++;
    stream.once('close', () => this.#streamClosed());
    if (this.#streams === 1) this.#scheduleKeepalive();
    return stream;
  }

  /** Calls back once the server has greeted us: soon, where it has already; never, where the connection does not come up. */
  whenReady(callback: () => void): void {
    if (this.#ready) queueMicrotask(callback);
    else this.#whenReady.push(callback);
  }

  /** What the end of this connection means to its streams. */
  lostStatus(): StreamStatus {
    const what = this.#ready ? `connection to ${this.options.target} lost` : `no connection to ${this.options.target}`;
    return { code: grpcCode.unavailable, message: `${what}: ${this.#failure ?? 'closed by the server'}` };
  }

  destroy(reason: string): void {
    this.#fail(reason);
    this.#session.destroy();
    this.#socket.destroy();
  }

  /** The first reason is the cause; later ones follow from it. */
  #fail(reason: string): void {
    this.#failure ??= reason;
  }

  #becomeReady(): void {
    this.#ready = true;
    this.#connectTimer?.cancel();
    this.#connectTimer = null;
    const waiting = this.#whenReady;
    this.#whenReady = [];
    for (const callback of waiting) callback();
  }

  #streamClosed(): void {
    this.#streams--;
    if (this.#streams > 0) return;
    this.#pingTimer?.cancel();
    this.#pingTimer = null;
  }

  #scheduleKeepalive(): void {
    const { clock, keepaliveMs } = this.options;
    if (keepaliveMs <= 0 || this.#pingTimer !== null) return;
    this.#pingTimer = clock.setTimer(keepaliveMs, () => this.#ping(), { unref: true });
  }

  #ping(): void {
    const { clock, keepaliveTimeoutMs } = this.options;
    this.#pingTimer = null;
    if (this.#session.destroyed || this.#streams === 0) return;
    if (!this.#ready || this.#pongTimer !== null) {
      this.#scheduleKeepalive();
      return;
    }
    this.#pongTimer = clock.setTimer(
      keepaliveTimeoutMs,
      () => this.destroy(`a keepalive PING was not answered within ${keepaliveTimeoutMs} ms`),
      { unref: true },
    );
    this.#session.ping((error) => {
      this.#pongTimer?.cancel();
      this.#pongTimer = null;
      if (error === null && this.#streams > 0) this.#scheduleKeepalive();
    });
  }

  #stopTimers(): void {
    for (const timer of [this.#connectTimer, this.#pingTimer, this.#pongTimer]) timer?.cancel();
    this.#connectTimer = null;
    this.#pingTimer = null;
    this.#pongTimer = null;
  }
}

function openSocket({ tls: given }: FilledOptions, { connect: where, serverName }: Address): net.Socket {
  const options = typeof given === 'function' ? given() : given;
  if (options === null) {
    const plain = { noDelay: true, keepAlive: true, keepAliveInitialDelay: tcpKeepaliveMs };
    return net.connect({ ...where, ...plain }).unref();
  }
  const name = options.serverName ?? serverName;
  const socket = tls.connect({
    ...where,
    ALPNProtocols: ['h2'],
    ...(name === '' ? {} : { servername: name }),
    ...(options.ca === undefined ? {} : { ca: listOf(options.ca) }),
    ...(options.cert === undefined ? {} : { cert: Buffer.from(options.cert) }),
    ...(options.key === undefined ? {} : { key: Buffer.from(options.key) }),
    ...(options.acceptsNames === undefined ? {} : { checkServerIdentity: namesCheck(options.acceptsNames) }),
    rejectUnauthorized: true,
  });
  socket.once('secureConnect', () => {
    if (socket.alpnProtocol !== 'h2') socket.destroy(new Error('the server does not speak HTTP/2 (ALPN h2)'));
  });
  socket.setNoDelay(true).setKeepAlive(true, tcpKeepaliveMs);
  return socket.unref();
}

/** Node asks after it verified the chain, for every connection: no session is resumed here. */
function namesCheck(
  accepts: NonNullable<GrpcClientTls['acceptsNames']>,
): (host: string, certificate: tls.PeerCertificate) => Error | undefined {
  return (_, { raw }) => {
    const names = certificateNames(raw);
    if (accepts(names)) return undefined;
    return new Error(`no name of the server's certificate (${describeNames(names)}) is one that is asked for`);
  };
}

function listOf(ca: NonNullable<GrpcClientTls['ca']>): Buffer[] {
  const list = typeof ca === 'string' || ca instanceof Uint8Array ? [ca] : ca;
  return list.map((one) => Buffer.from(one));
}

/** Node reports several failed addresses as one error without a message. */
function describe(error: Error): string {
  if (error instanceof AggregateError) return error.errors.map((one: Error) => one.message).join('; ');
  return error.message || error.name;
}
