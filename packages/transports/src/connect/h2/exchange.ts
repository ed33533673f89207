import { type ClientHttp2Stream, type ClientSessionRequestOptions, constants } from 'node:http2';
import {
  type BodyReader,
  type Call,
  type Handler,
  Headers,
  type Holder,
  type MeshErrorOptions,
  outsideContext,
} from '@inmesh/core';
import { refusedError } from '../wire-errors.ts';
import type { ExchangeOwner } from './exchange-owner.ts';
import { declaredLength, hasTrailers, size } from './lengths.ts';
import { requestHeaders } from './request-headers.ts';
import { type Sender, sendBody, sendTrailers } from './send-body.ts';
import { listenForBody, listenForRequest, listenTo, type StreamListener, stopListening } from './stream-listener.ts';
import { oversizeError, resetError } from './wire-errors.ts';

const WHOLE: ClientSessionRequestOptions = { endStream: true };
const WITH_BODY: ClientSessionRequestOptions = { endStream: false };
const WITH_TRAILERS: ClientSessionRequestOptions = { endStream: false, waitForTrailers: true };

/** One request on one connection: a stream. */
export class Exchange implements Holder, Sender, StreamListener {
  readonly #owner: ExchangeOwner;
  readonly #call: Call;
  readonly #handler: Handler;
  #stream: ClientHttp2Stream | null = null;
  /** Sends RST_STREAM alone where the request is not complete: `close` of Node's stream would send an end of stream before it, as if it were. */
  #abort: AbortController | null = null;
  #reader: BodyReader | null = null;
  #room: PromiseWithResolvers<void> | null = null;
  /** The request is complete. */
  #sent = false;
  #answered = false;
  /** The server's end of stream was seen: an end without it is none. */
  #complete = false;
  #trailers: Headers | null = null;
  /** Bytes that the body of a refused upgrade must still have; NaN where nothing is to be looked at. */
  #left = Number.NaN;
  #error: Error | null = null;
  /** The stream is the caller's. */
  #upgraded = false;
  /** Its end was told, and its place given back. */
  over = false;

  /** It began before the server had told its limits. */
  readonly #early: boolean;
  readonly #heardBefore: number;

  constructor(owner: ExchangeOwner, call: Call, handler: Handler, early: boolean) {
    this.#early = early;
    this.#heardBefore = owner.heardCount;
    this.#owner = owner;
    this.#call = call;
    this.#handler = handler;
  }

  get stream(): ClientHttp2Stream | null {
    return this.#stream;
  }

  /** 0 before it has one. */
  get id(): number {
    return this.#stream?.id ?? 0;
  }

  /** Its response has begun. */
  get answered(): boolean {
    return this.#answered;
  }

  start(): void {
    const { head, body, controller } = this.#call;
    const bytes = body === null ? null : body.bytes;
    const length = body === null ? 0 : body.length;
    const reader = body === null || (bytes !== null && !hasTrailers(body.open())) ? null : body.open();
    const streams = bytes === null && reader !== null;
    let stream: ClientHttp2Stream;
    try {
      const headers = requestHeaders(head, length);
      const options = this.#options(length === 0 && reader === null && head.upgrade === null, reader !== null);
      stream = outsideContext(() => this.#owner.session.request(headers, options)) as ClientHttp2Stream;
    } catch (error) {
      this.#finish();
      this.#handler.onResponseError(refusedError(error as Error, this.#place()));
      return;
    }
    this.#stream = stream;
    this.#reader = reader;
    listenTo(stream, this);
    if (reader !== null) listenForRequest(stream);
    controller.attach(this);
    this.#handler.onRequestSent(false);
    if (this.over) return;
    if (streams) {
      void sendBody(reader, declaredLength(this.#call), stream, this);
    } else {
      if (bytes !== null && bytes.byteLength > 0) stream.end(bytes);
      else if (reader !== null) stream.end();
      if (head.upgrade === null) this.onSent();
    }
  }

  #options(whole: boolean, trailers: boolean): ClientSessionRequestOptions {
    if (whole) return WHOLE;
    const { body, head } = this.#call;
    if (body !== null && body.bytes !== null) return trailers ? WITH_TRAILERS : WITH_BODY;
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    return head.upgrade === null ? { ...WITH_TRAILERS, signal } : { ...WITH_BODY, signal };
  }

  onSent(): void {
    this.#sent = true;
    this.#handler.onRequestSent(true);
  }

  /** What the caller's stream failed with, or that it is not as long as was said. */
  onBodyError(error: Error): void {
    this.abort(this.#call.body?.failure === error ? error : refusedError(error, this.#place()));
  }

  room(): Promise<void> {
    this.#room = Promise.withResolvers();
    return this.#room.promise;
  }

  abort(error: Error): void {
    if (this.over) return;
    const { heardCount } = this.#owner;
    this.#reset();
    this.#fail(error);
    if (heardCount === this.#heardBefore) this.#owner.doubt();
  }

  pause(): void {
    this.#stream?.pause();
  }

  resume(): void {
    if (this.#answered) this.#stream?.resume();
  }

  /** The stream's listeners, from here on. */

  onResponse(status: number, raw: readonly string[], endStream: boolean): void {
    if (this.over) return;
    const stream = this.#stream as ClientHttp2Stream;
    this.#owner.heard();
    // nghttp2 lets a 1xx with an end of stream through to here; it is no response.
    if (status < 200 || this.#answered) {
      this.abort(resetError(constants.NGHTTP2_PROTOCOL_ERROR, this.#place()));
      return;
    }
    if (size(raw) > this.#owner.maxHeaderBytes) {
      this.abort(oversizeError(this.#owner.maxHeaderBytes, this.#place()));
      return;
    }
    const headers = Headers.from(raw.slice(2));
    if (this.#call.head.upgrade !== null) {
      if (status === 200 && !endStream) {
        this.#upgrade(stream, headers);
        return;
      }
      stream.end();
      this.onSent();
      // nghttp2 looks at no length of an answer to CONNECT.
      const length = headers.get('content-length');
      if (length !== undefined) this.#left = Number(length);
    }
    this.#answered = true;
    listenForBody(stream);
    if (this.#call.controller.paused) stream.pause();
    this.#handler.onResponseStart(status, headers, '');
  }

  onInformational(status: number, raw: readonly string[]): void {
    if (this.over) return;
    this.#owner.heard();
    this.#handler.onInformational(status, Headers.from(raw.slice(2)));
  }

  onData(chunk: Buffer): void {
    if (this.over) return;
    this.#owner.heard();
    this.#left -= chunk.byteLength;
    this.#handler.onResponseData(chunk);
  }

  onTrailers(raw: string[]): void {
    this.#trailers = Headers.from(raw);
  }

  onEndOfStream(): void {
    this.#complete = true;
  }

  onEnd(): void {
    if (!this.#complete || this.over) return;
    if (this.#left > 0 || this.#left < 0) {
      this.abort(resetError(constants.NGHTTP2_PROTOCOL_ERROR, this.#place()));
      return;
    }
    // The rest of the request is of no use to a server that has answered.
    if (!this.#sent) this.#reset();
    this.#finish();
    this.#handler.onResponseEnd(this.#trailers ?? Headers.empty());
  }

  onError(error: Error): void {
    this.#error ??= error;
  }

  onDrain(): void {
    this.#room?.resolve();
    this.#room = null;
  }

  onWantTrailers(): void {
    const stream = this.#stream as ClientHttp2Stream;
    try {
      sendTrailers(this.#reader as BodyReader, stream);
    } catch (error) {
      this.abort(refusedError(error as Error, this.#place()));
    }
  }

  onClose(): void {
    if (this.#upgraded) this.#owner.release(this, true);
    if (this.over) return;
    const owner = this.#owner;
    const code = this.#stream?.rstCode ?? constants.NGHTTP2_NO_ERROR;
    if (owner.lost) this.#fail(owner.lostError(this.#error, this.#place()));
    else if (code === constants.NGHTTP2_REFUSED_STREAM && this.#early && owner.overran) this.giveBack();
    else this.#fail(resetError(code, this.#place()));
  }

  /** Gives its place back; who hears of the end is for the one who asks. */
  #finish(): void {
    this.over = true;
    this.#call.controller.detach(this);
    this.onDrain();
    this.#owner.release(this, this.#complete);
    // Trailers of a request may still be asked for.
    if (this.#reader === null && this.#stream !== null) stopListening(this.#stream);
  }

  /** Leaves the call to another connection, as if nothing had been. */
  giveBack(): void {
    this.#finish();
    this.#owner.giveBack(this.#call, this.#handler);
  }

  /** The server went away before it came to this one. A connection that had not served before may be one of many that do so: once is enough. */
  refusedByGoaway(served: boolean): void {
    if (!served && this.#call.distrustful) {
      this.#fail(resetError(constants.NGHTTP2_REFUSED_STREAM, this.#place()));
      return;
    }
    if (!served) this.#call.distrustful = true;
    this.giveBack();
  }

  #fail(error: Error): void {
    this.#finish();
    this.#handler.onResponseError(error);
  }

  #reset(): void {
    if (this.#stream === null) return;
    this.#owner.keep(this.#stream);
    if (this.#sent || this.#abort === null) this.#stream.close(constants.NGHTTP2_CANCEL);
    else this.#abort.abort();
  }

  /** The stream is the caller's from now on; its place is taken until it closes. */
  #upgrade(stream: ClientHttp2Stream, headers: Headers): void {
    this.#call.controller.detach(this);
    this.over = true;
    this.#upgraded = true;
    headers.set('upgrade', this.#call.head.upgrade ?? '');
    headers.set('connection', 'upgrade');
    this.#handler.onUpgrade(101, headers, stream);
  }

  #place(): MeshErrorOptions {
    const { cluster, attempt } = this.#call;
    return {
      ...(cluster === null ? {} : { cluster: cluster.name }),
      endpoint: this.#owner.address,
      attempt,
      started: this.#answered,
    };
  }
}
