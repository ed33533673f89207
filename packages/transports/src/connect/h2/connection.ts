import type { ClientHttp2Session, ClientHttp2Stream, Settings } from 'node:http2';
import type { Socket } from 'node:net';
import {
  type Call,
  type Clock,
  type ClusterConfig,
  type Connection,
  type ConnectionEvents,
  type Endpoint,
  type Handler,
  MeshError,
  type MeshErrorOptions,
  type Random,
  type TlsFacts,
} from '@inmesh/core';
import { SessionGuard } from '../../http2/session-guard.ts';
import { tlsFacts } from '../tls-facts.ts';
import { Exchange } from './exchange.ts';
import type { ExchangeOwner } from './exchange-owner.ts';
import { Keepalive } from './keepalive.ts';
import { MAX_RESPONSE_HEADER_BYTES, openSession } from './session.ts';
import { connectionError, isBrokenHttp } from './wire-errors.ts';

export interface H2ConnectionParts {
  readonly clock: Clock;
  readonly random: Random;
}

/** Milliseconds within which a connection that nobody uses has said goodbye, or is cut: a server that has stopped reads nothing. */
const GOODBYE_MS = 1_000;

/** HTTP/2 on a socket that is open, in the clear or not: as many calls at once as both sides allow. */
export class H2Connection implements Connection, ExchangeOwner {
  readonly protocol = 'http2';
  readonly tls: TlsFacts | null;
  readonly endpoint: Endpoint;
  readonly session: ClientHttp2Session;
  maxConcurrent: number;
  readonly #socket: Socket;
  readonly #events: ConnectionEvents;
  readonly #config: ClusterConfig;
  readonly #clock: Clock;
  readonly #exchanges = new Set<Exchange>();
  readonly #guard: SessionGuard;
  readonly #keepalive: Keepalive;
  /** The server's SETTINGS came. */
  #greeted = false;
  overran = false;
  heardCount = 0;
  /** A response was complete: that the connection goes away is no accident of the endpoint's. */
  #served = false;
  /** Takes no further call. */
  #draining = false;
  #reason: Error | null = null;
  #gone = false;
  /** It ends by our will. */
  #local = false;
  /** The server sent what is no HTTP/2. */
  #broken = false;
  /** It ended under calls. */
  #cut = false;

  constructor(
    socket: Socket,
    endpoint: Endpoint,
    config: ClusterConfig,
    events: ConnectionEvents,
    { clock, random }: H2ConnectionParts,
  ) {
    this.tls = tlsFacts(socket);
    this.endpoint = endpoint;
    this.#socket = socket;
    this.#events = events;
    this.#config = config;
    this.#clock = clock;
    const { http2 } = config.protocol;
    this.maxConcurrent = http2.maxConcurrentStreams;
    this.session = openSession(socket, config);
    this.#guard = new SessionGuard(this.session, socket, () => this.#streams());
    this.session.on('remoteSettings', (settings) => this.#onSettings(settings));
    this.session.on('goaway', (_code, lastStreamId) => this.#onGoaway(lastStreamId));
    this.session.on('error', (error) => this.#lose(error));
    this.session.on('close', () => this.#onClosed());
    this.session.unref();
    this.#keepalive = new Keepalive(
      this.session,
      http2.keepalive,
      { clock, random },
      () => socket.bytesRead,
      (error) => this.destroy(error),
    );
    // Node would wait for the end of a socket that has had it.
    if (socket.destroyed) this.session.destroy();
  }

  get address(): string {
    return this.endpoint.key;
  }

  get maxHeaderBytes(): number {
    return this.#config.maxResponseHeaderBytes ?? MAX_RESPONSE_HEADER_BYTES;
  }

  get lost(): boolean {
    return this.session.destroyed;
  }

  dispatch(call: Call, handler: Handler): void {
    if (this.#draining || this.session.destroyed || this.session.closed) {
      this.#refuse(call, handler);
      return;
    }
    if (this.#exchanges.size === 0) {
      this.session.ref();
    }
    this.#keepalive.beforeCall();
    const exchange = new Exchange(this, call, handler, !this.#greeted);
    this.#exchanges.add(exchange);
    exchange.start();
  }

  close(): void {
    this.#draining = true;
    if (this.#exchanges.size === 0) this.#leave();
  }

  destroy(error: Error): void {
    this.#draining = true;
    this.#local = true;
    this.#lose(error);
    this.session.destroy();
    this.#socket.destroy();
  }

  lostError(cause: Error | null, place: MeshErrorOptions): Error {
    return this.#reason instanceof MeshError ? this.#reason : connectionError(this.#reason ?? cause, place);
  }

  heard(): void {
    this.heardCount++;
    this.#keepalive.heard();
  }

  doubt(): void {
    this.#keepalive.doubt();
  }

  release(exchange: Exchange, answered: boolean): void {
    if (!this.#exchanges.delete(exchange)) return;
    if (answered) this.#served = true;
    else if (this.session.destroyed) this.#cut = true;
    if (this.#exchanges.size === 0) {
      this.session.unref();
      if (this.#draining) this.#leave();
    }
    if (!this.#draining) this.#events.onFree(this);
  }

  keep(stream: ClientHttp2Stream): void {
    this.#guard.keep(stream);
  }

  giveBack(call: Call, handler: Handler): void {
    this.#events.onUnsent(this, call, handler);
  }

  #refuse(call: Call, handler: Handler): void {
    if (this.#served) {
      this.#events.onUnsent(this, call, handler);
      return;
    }
    const { cluster, attempt } = call;
    const place = { ...(cluster === null ? {} : { cluster: cluster.name }), endpoint: this.address, attempt };
    handler.onResponseError(this.lostError(null, place));
  }

  *#streams(): Iterable<ClientHttp2Stream> {
    for (const { stream } of this.#exchanges) if (stream !== null) yield stream;
  }

  #onSettings({ maxConcurrentStreams }: Settings): void {
    const limit = Math.min(this.#config.protocol.http2.maxConcurrentStreams, maxConcurrentStreams ?? Infinity);
    if (!this.#greeted) this.overran = limit > 0 && this.#exchanges.size > limit;
    this.#greeted = true;
    if (limit === this.maxConcurrent) return;
    this.maxConcurrent = limit;
    if (!this.#draining) this.#events.onLimit(this);
  }

  /** Those above the last stream were not processed, and go elsewhere; the others go on, whatever the code says, as Envoy has it. */
  #onGoaway(lastStreamId: number): void {
    this.#guard.stayOpen();
    this.#drain(false);
    for (const exchange of [...this.#exchanges]) {
      if (exchange.id <= lastStreamId || exchange.answered) continue;
      exchange.refusedByGoaway(this.#served);
    }
    // Once Node is through with the frame.
    queueMicrotask(() => {
      if (this.#exchanges.size === 0) this.#leave();
    });
  }

  /** Tells that no further call is taken; the last one in flight closes. */
  #drain(lost: boolean): void {
    if (this.#draining) return;
    this.#draining = true;
    this.#events.onDraining(this, lost);
  }

  /** Nobody uses it: says goodbye, and the pool forgets it at once. */
  #leave(): void {
    this.#draining = true;
    this.#local = true;
    if (!this.session.destroyed) this.session.destroy();
    if (!this.#socket.destroyed) this.#clock.setTimer(GOODBYE_MS, () => this.#socket.destroy(), { unref: true });
    this.#onClosed();
  }

  /** The first reason is the cause; later ones follow from it. */
  #lose(error: Error): void {
    this.#reason ??= error;
    // As Envoy, which resets the calls first and then closes: it ends under none.
    if (isBrokenHttp(error)) this.#broken = true;
    this.#cut ||= this.#exchanges.size > 0;
    this.#drain(true);
  }

  #onClosed(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#draining = true;
    this.#keepalive.stop();
    this.#events.onClosed(this, { local: this.#local || this.#broken, unfinished: this.#cut && !this.#broken });
  }
}
