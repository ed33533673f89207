import type { Duplex } from 'node:stream';
import type { Call } from './call.ts';
import type { Headers } from './headers.ts';

/** Hears what becomes of a call. Exactly one of `onResponseEnd`, `onResponseError` and `onUpgrade` comes last. */
export interface Handler {
  /** Facts about what was sent, which safe retries need: false when the first byte is about to leave, true once the request is complete. */
  onRequestSent(complete: boolean): void;
  /** A 1xx response other than 101. */
  onInformational(status: number, headers: Headers): void;
  /** The connection is the caller's from now on. */
  onUpgrade(status: number, headers: Headers, socket: Duplex): void;
  onResponseStart(status: number, headers: Headers, message: string): void;
  onResponseData(chunk: Uint8Array): void;
  onResponseEnd(trailers: Headers): void;
  onResponseError(error: Error): void;
}

/** The data path, and every part of it: takes a call on and reports to the handler. Never throws. */
export type Dispatch = (call: Call, handler: Handler) => void;

/** Wraps what lies inside. */
export type Layer = (next: Dispatch) => Dispatch;

/** One dispatch from many: the first layer in the list is the outermost. */
export function compose(layers: readonly Layer[], innermost: Dispatch): Dispatch {
  return layers.reduceRight((next, layer) => layer(next), innermost);
}

/** A handler that passes everything on; what a layer wants to see, it overrides. */
export class PassHandler implements Handler {
  protected readonly next: Handler;

  constructor(next: Handler) {
    this.next = next;
  }

  onRequestSent(complete: boolean): void {
    this.next.onRequestSent(complete);
  }

  onInformational(status: number, headers: Headers): void {
    this.next.onInformational(status, headers);
  }

  onUpgrade(status: number, headers: Headers, socket: Duplex): void {
    this.next.onUpgrade(status, headers, socket);
  }

  onResponseStart(status: number, headers: Headers, message: string): void {
    this.next.onResponseStart(status, headers, message);
  }

  onResponseData(chunk: Uint8Array): void {
    this.next.onResponseData(chunk);
  }

  onResponseEnd(trailers: Headers): void {
    this.next.onResponseEnd(trailers);
  }

  onResponseError(error: Error): void {
    this.next.onResponseError(error);
  }
}
