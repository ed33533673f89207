import { AsyncResource } from 'node:async_hooks';
import type { Duplex } from 'node:stream';
import type { Call, CallContext, CallOverrides, Handler, Headers, HttpProtocol } from '@inmesh/core';
import { type Dispatcher, errors } from '../undici/index.ts';
import { LegacyPassThroughHandler, PassThroughHandler } from './pass-through.ts';
import { NO_BODY, type RequestBody, requestBody } from './request-body.ts';

/** What an exchange asks of the door that it came through. */
export interface Door {
  readonly failAs: 'response' | 'error';
  /** False where a call that is none of the mesh's is refused. */
  readonly letsPass: boolean;
  /** Hands a call on to what was there before the mesh. */
  pass(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler, legacy: boolean): boolean;
}

/**
 * One call as an undici handler sees it: the mesh's handler inwards, undici's controller outwards; and what the caller said
 * of the call beside the request. One object for all three: a call pays for each object that it makes, and for each closure.
 *
 * The caller's code runs in the async context in which it made the call. undici's own handlers are AsyncResources made
 * for that; they enter their scope for their callbacks, but not for the events of the body, so we do.
 */
export class DoorExchange implements Handler, Dispatcher.DispatchController, CallContext {
  rawHeaders: Buffer[] | null = null;
  rawTrailers: Buffer[] | null = null;
  readonly failAs: 'response' | 'error';
  readonly target: string;
  readonly headersTimeoutMs: number | null;
  readonly bodyTimeoutMs: number | null;
  readonly overrides: CallOverrides | null;
  readonly #door: Door;
  readonly #options: Dispatcher.DispatchOptions;
  readonly #handler: Dispatcher.DispatchHandler;
  readonly #legacy: object | null;
  readonly #scope: AsyncResource;
  #body: RequestBody = NO_BODY;
  #call: Call | null = null;

  constructor(
    door: Door,
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
    legacy: object | null,
    target: string,
    overrides: CallOverrides | null,
  ) {
    this.failAs = door.failAs;
    this.target = target;
    this.overrides = overrides;
    this.headersTimeoutMs = options.headersTimeout ?? null;
    this.bodyTimeoutMs = options.bodyTimeout ?? null;
    this.#door = door;
    this.#options = options;
    this.#handler = handler;
    this.#legacy = legacy;
    this.#scope = handler instanceof AsyncResource ? handler : new AsyncResource('INMESH_CALL');
  }

  get aborted(): boolean {
    return this.#call?.controller.aborted ?? false;
  }

  get paused(): boolean {
    return this.#call?.controller.paused ?? false;
  }

  get reason(): Error | null {
    return this.#call?.controller.reason ?? null;
  }

  /** Whoever comes by undici's door speaks HTTP/1. */
  get protocol(): HttpProtocol {
    return 'http1';
  }

  get passThrough(): ((call: Call) => void) | null {
    return this.#door.letsPass ? (call) => this.#pass(call) : null;
  }

  /** Makes the caller's body ours; a failure of its stream ends the call. */
  takeBody(): RequestBody {
    const { body } = this.#options;
    if (body !== null && body !== undefined) this.#body = requestBody(body, (error) => this.abort(error));
    return this.#body;
  }

  begin(call: Call): void {
    this.#call = call;
    this.#handler.onRequestStart?.(this, null);
  }

  abort(reason: Error): void {
    this.#call?.controller.abort(reason ?? new errors.RequestAbortedError());
  }

  pause(): void {
    this.#call?.controller.pause();
  }

  resume(): void {
    this.#call?.controller.resume();
  }

  onRequestSent(complete: boolean): void {
    if (complete) this.#tell(this.#handler.onRequestSent);
  }

  onInformational(status: number, headers: Headers): void {
    this.onResponseStart(status, headers, '');
  }

  onUpgrade(status: number, headers: Headers, socket: Duplex): void {
    this.rawHeaders = headers.raw() as Buffer[];
    this.#tell(this.#handler.onRequestUpgrade, this, status, headers.record(), socket);
  }

  onResponseStart(status: number, headers: Headers, message: string): void {
    this.rawHeaders = headers.raw() as Buffer[];
    this.#tell(this.#handler.onResponseStart, this, status, headers.record(), message);
  }

  onResponseData(chunk: Uint8Array): void {
    this.#tell(this.#handler.onResponseData, this, chunk as Buffer);
  }

  onResponseEnd(trailers: Headers): void {
    this.rawTrailers = trailers.raw() as Buffer[];
    this.#tell(this.#handler.onResponseEnd, this, trailers.record());
  }

  onResponseError(error: Error): void {
    this.#tell(this.#handler.onResponseError, this, error);
  }

  /** Runs the caller's code in the caller's async context. A handler that throws has given its call up, as in undici. */
  #tell<A extends unknown[]>(event: ((...args: A) => void) | undefined, ...args: A): void {
    if (event === undefined) return;
    try {
      this.#scope.runInAsyncScope(event, this.#handler, ...args);
    } catch (error) {
      this.abort(error instanceof Error ? error : new Error('a handler threw', { cause: error }));
    }
  }

  /** The call is none of the mesh's after all: it goes on as it came. */
  #pass({ controller }: Call): void {
    this.#body.release();
    const legacy = this.#legacy;
    const onward =
      legacy === null
        ? new PassThroughHandler(controller, this.#handler)
        : (new LegacyPassThroughHandler(controller, legacy) as Dispatcher.DispatchHandler);
    this.#scope.runInAsyncScope(() => this.#door.pass(this.#options, onward, legacy !== null));
  }
}
