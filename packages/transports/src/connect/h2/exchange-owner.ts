import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import type { Call, Handler, MeshErrorOptions } from '@inmesh/core';
import type { Exchange } from './exchange.ts';

/** The connection, as one of its exchanges sees it. */
export interface ExchangeOwner {
  readonly session: ClientHttp2Session;
  readonly address: string;
  /** Of a response's headers, names and values. Node counts, too, but only on streams that the server's word on our SETTINGS has preceded. */
  readonly maxHeaderBytes: number;
  /** True where the connection is gone, and not only this stream. */
  readonly lost: boolean;
  /** What its end means to a call on it. */
  lostError(cause: Error | null, place: MeshErrorOptions): Error;
  /** True where the server may refuse a stream because we did not know its limit yet: it is for another turn, not for the caller to hear of. */
  readonly overran: boolean;
  /** Something was heard of the server. */
  heard(): void;
  /** How often something was. */
  readonly heardCount: number;
  /** A call was given up, and nothing was heard while it was there. */
  doubt(): void;
  /** The stream is closed, or about to be: another may take its place. `answered`: with its whole response. */
  release(exchange: Exchange, answered: boolean): void;
  /** A stream is about to be reset that may not be done with what was written to it. */
  keep(stream: ClientHttp2Stream): void;
  /** Gives a call back that the server certainly did nothing with. */
  giveBack(call: Call, handler: Handler): void;
}
