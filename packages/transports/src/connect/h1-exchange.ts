import type { Duplex } from 'node:stream';
import {
  type Call,
  type Connection,
  type ConnectionEnd,
  type ConnectionEvents,
  type Endpoint,
  type Handler,
  type HeaderRecord,
  Headers,
  type Holder,
  isMeshError,
} from '@inmesh/core';
import type { Dispatcher } from '../undici/index.ts';
import { brokenError, HeadersOverflow, isBrokenHttp, isEnd, isGone, refusedError, wireError } from './wire-errors.ts';

/** It ends after an answer, because one side wants so. */
export const FINISHED: ConnectionEnd = { local: true, unfinished: false };
/** The other side closed it before it was used. */
const LOST: ConnectionEnd = { local: false, unfinished: false };
/** The other side closed it under a call. */
export const CUT: ConnectionEnd = { local: false, unfinished: true };
/** Its call was given up, or the other side spoke no HTTP. */
export const GIVEN_UP: ConnectionEnd = { local: true, unfinished: true };

/** The connection that an exchange is on. */
export interface H1Owner extends Connection {
  readonly endpoint: Endpoint;
  readonly events: ConnectionEvents;
  /** Of a response. */
  readonly maxHeaders: number;
  readonly bytesRead: number;
  /** The exchange is over. `end`: how the connection ends with it; null where both sides mean to keep it. */
  release(end: ConnectionEnd | null): void;
  /** The socket is the caller's from now on; it takes a connection's place until it closes. */
  surrender(): void;
}

/** One request on one connection, seen from undici. */
export class H1Exchange implements Dispatcher.DispatchHandler, Holder {
  readonly #connection: H1Owner;
  readonly #call: Call;
  readonly #handler: Handler;
  #wire: Dispatcher.DispatchController | null = null;
  /** Given before undici has begun with the request. */
  #abortedWith: Error | null = null;
  #reusable = true;
  #answered = false;
  readonly #served: boolean;
  /** Bytes that had come before the response, on this connection. */
  #heard: number;

  constructor(connection: H1Owner, call: Call, handler: Handler, served: boolean) {
    this.#served = served;
    this.#connection = connection;
    this.#heard = connection.bytesRead;
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
    const raw = (wire.rawHeaders ?? []) as Buffer[];
    if (raw.length > 2 * this.#connection.maxHeaders) {
      wire.abort(new HeadersOverflow());
      return;
    }
    const headers = Headers.fromWire(raw, record);
    this.#answered = true;
    if (status < 200) {
      this.#heard = this.#connection.bytesRead;
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
    // A response that ends within its headers is no HTTP; a reset is a reset, whatever came before.
    const cut = !this.#answered && isEnd(error) && this.#connection.bytesRead > this.#heard;
    if (this.#served && reason === null && !this.#answered) this.#call.distrustful = true;
    if (this.#wire === null && this.#served && reason === null && isGone(error)) {
      this.#connection.release(LOST);
      this.#connection.events.onUnsent(this.#connection, this.#call, this.#handler);
      return;
    }
    // A request that undici refused before it began leaves the connection as it was.
    const refused = this.#wire === null && !isGone(error);
    this.#connection.release(refused ? null : reason === null && !isBrokenHttp(error) ? CUT : GIVEN_UP);
    this.#handler.onResponseError(
      reason ??
        (isMeshError(error)
          ? error
          : (refused ? refusedError : cut ? brokenError : wireError)(error, {
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
