import { type ClientHttp2Session, type ClientHttp2Stream, connect, type OutgoingHttpHeaders } from 'node:http2';
import type { Socket } from 'node:net';
import type { StreamStatus, Timer } from '@inmesh/core';
import { SessionGuard } from '../http2/session-guard.ts';
import { CONNECTION_WINDOW, SESSION_MEMORY_MB, STREAM_WINDOW } from '../http2/session-limits.ts';
import type { FilledOptions } from './client-options.ts';
import { openSocket } from './open-socket.ts';
import { errorName, grpcCode } from './status.ts';
import type { Address } from './target.ts';

/** Milliseconds within which a connection that has said goodbye is over, or is cut. */
const goodbyeMs = 1_000;

/** One HTTP/2 connection: connect timeout, keepalive, and the words for its death. */
export class ClientSession {
  readonly options: FilledOptions;
  readonly #session: ClientHttp2Session;
  readonly #socket: Socket;
  readonly #guard: SessionGuard;
  readonly #streams = new Set<ClientHttp2Stream>();
  #ready = false;
  #failure: string | null = null;
  /** The server asked for another connection. */
  #draining = false;
  /** Why it ended, where nothing else tells. */
  #farewell = 'closed by the server';
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
    this.#guard = new SessionGuard(this.#session, this.#socket, () => this.#streams);
    this.#session.on('goaway', (code) => this.#onGoaway(code));
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
    return this.#failure === null && !this.#draining && !this.#session.closed && !this.#session.destroyed;
  }

  get dead(): boolean {
    return this.#session.destroyed;
  }

  /** Throws what Node throws for headers that are not valid. */
  request(signal: AbortSignal, headers: OutgoingHttpHeaders): ClientHttp2Stream {
    const stream = this.#session.request(headers, { endStream: false, signal });
    this.#streams.add(stream);
    stream.once('close', () => this.#streamClosed(stream));
    if (this.#streams.size === 1) this.#scheduleKeepalive();
    return stream;
  }

  /** Before a stream is reset. */
  keep(stream: ClientHttp2Stream): void {
    this.#guard.keep(stream);
  }

  /** Calls back once the server has greeted us: soon, where it has already; never, where the connection does not come up. */
  whenReady(callback: () => void): void {
    if (this.#ready) queueMicrotask(callback);
    else this.#whenReady.push(callback);
  }

  /** What the end of this connection means to its streams. */
  lostStatus(): StreamStatus {
    const what = this.#ready ? `connection to ${this.options.target} lost` : `no connection to ${this.options.target}`;
    return { code: grpcCode.unavailable, message: `${what}: ${this.#failure ?? this.#farewell}` };
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

  #streamClosed(stream: ClientHttp2Stream): void {
    this.#streams.delete(stream);
    if (this.#streams.size > 0) return;
    this.#pingTimer?.cancel();
    this.#pingTimer = null;
    if (this.#draining) this.#leave();
  }

  /** Streams that the server has taken go on, whatever the code says, as in gRPC's own clients; it resets the others itself. */
  #onGoaway(code: number): void {
    this.#guard.stayOpen();
    this.#draining = true;
    this.#farewell = `closed by the server, which said GOAWAY with ${errorName(code)}`;
    // Once Node is through with the frame.
    queueMicrotask(() => {
      if (this.#streams.size === 0) this.#leave();
    });
  }

  /** Says goodbye; a server that has stopped reads nothing. */
  #leave(): void {
    if (this.#session.destroyed) return;
    this.#session.destroy();
    this.options.clock.setTimer(goodbyeMs, () => this.#socket.destroy(), { unref: true });
  }

  #scheduleKeepalive(): void {
    const { clock, keepaliveMs } = this.options;
    if (keepaliveMs <= 0 || this.#pingTimer !== null) return;
    this.#pingTimer = clock.setTimer(keepaliveMs, () => this.#ping(), { unref: true });
  }

  #ping(): void {
    const { clock, keepaliveTimeoutMs } = this.options;
    this.#pingTimer = null;
    if (this.#session.destroyed || this.#streams.size === 0) return;
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
      if (error === null && this.#streams.size > 0) this.#scheduleKeepalive();
    });
  }

  #stopTimers(): void {
    for (const timer of [this.#connectTimer, this.#pingTimer, this.#pongTimer]) timer?.cancel();
    this.#connectTimer = null;
    this.#pingTimer = null;
    this.#pongTimer = null;
  }
}

/** Node reports several failed addresses as one error without a message. */
function describe(error: Error): string {
  if (error instanceof AggregateError) return error.errors.map((one: Error) => one.message).join('; ');
  return error.message || error.name;
}
