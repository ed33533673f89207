import type { Duplex } from 'node:stream';
import type { Controller, Holder } from '@inmesh/core';
import type { Dispatcher } from 'undici';

/** Carries a call that turned out not to be the mesh's on: the caller has a controller already, and keeps it. */
export class PassThroughHandler implements Dispatcher.DispatchHandler, Holder {
  readonly #controller: Controller;
  readonly #handler: Dispatcher.DispatchHandler;
  #wire: Dispatcher.DispatchController | null = null;

  constructor(controller: Controller, handler: Dispatcher.DispatchHandler) {
    this.#controller = controller;
    this.#handler = handler;
    controller.attach(this);
  }

  abort(error: Error): void {
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
    if (this.#controller.reason !== null) wire.abort(this.#controller.reason);
    else if (this.#controller.paused) wire.pause();
  }

  onRequestUpgrade(
    wire: Dispatcher.DispatchController,
    status: number,
    headers: Parameters<NonNullable<Dispatcher.DispatchHandler['onRequestUpgrade']>>[2],
    socket: Duplex,
  ): void {
    this.#handler.onRequestUpgrade?.(wire, status, headers, socket);
  }

  onResponseStart(...args: Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseStart']>>): void {
    this.#handler.onResponseStart?.(...args);
  }

  onResponseData(...args: Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseData']>>): void {
    this.#handler.onResponseData?.(...args);
  }

  onResponseEnd(...args: Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseEnd']>>): void {
    this.#handler.onResponseEnd?.(...args);
  }

  onResponseError(...args: Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseError']>>): void {
    this.#handler.onResponseError?.(...args);
  }

  onRequestSent(): void {
    this.#handler.onRequestSent?.();
  }
}

/** What the dispatchers and handlers of undici 6 and 7 say to each other. */
interface LegacyHandler {
  onUpgrade?(...args: unknown[]): void;
  onHeaders?(...args: unknown[]): unknown;
  onData?(...args: unknown[]): unknown;
  onComplete?(...args: unknown[]): void;
  onError?(...args: unknown[]): void;
  onBodySent?(...args: unknown[]): void;
  onRequestSent?(...args: unknown[]): void;
}

/** The same for a caller of undici 6 or 7: such a dispatcher takes no other handler. */
export class LegacyPassThroughHandler implements Holder {
  readonly #controller: Controller;
  readonly #handler: LegacyHandler;
  #abort: ((reason: Error) => void) | null = null;

  constructor(controller: Controller, handler: object) {
    this.#controller = controller;
    this.#handler = handler as LegacyHandler;
    controller.attach(this);
  }

  abort(error: Error): void {
    this.#abort?.(error);
  }

  // Back-pressure is what `onData` returns here, and `onHeaders` brings its own `resume`.
  pause(): void {}
  resume(): void {}

  onConnect(abort: (reason: Error) => void): void {
    this.#abort = abort;
    if (this.#controller.reason !== null) abort(this.#controller.reason);
  }

  onUpgrade(...args: unknown[]): void {
    this.#handler.onUpgrade?.(...args);
  }

  onHeaders(...args: unknown[]): unknown {
    return this.#handler.onHeaders?.(...args);
  }

  onData(...args: unknown[]): unknown {
    return this.#handler.onData?.(...args);
  }

  onComplete(...args: unknown[]): void {
    this.#handler.onComplete?.(...args);
  }

  onError(...args: unknown[]): void {
    this.#handler.onError?.(...args);
  }

  onBodySent(...args: unknown[]): void {
    this.#handler.onBodySent?.(...args);
  }

  onRequestSent(...args: unknown[]): void {
    this.#handler.onRequestSent?.(...args);
  }
}
