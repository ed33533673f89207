import type { Duplex } from 'node:stream';
import type { Call } from '../call.ts';
import type { Holder } from '../controller.ts';
import { type Handler, PassHandler } from '../dispatch.ts';
import { isMeshError, MeshError } from '../errors.ts';
import type { Headers } from '../headers.ts';
import { thisContext } from '../util/outside.ts';
import type { FilterCallbacks, FilterReply, FilterResponse, FilterStatus, HttpFilter } from './filter.ts';
import { failure, sendReply } from './reply.ts';
import { readRequestBody } from './request-body.ts';

/** The way of a request from one filter to the next. */
export interface FilterRun {
  readonly call: Call;
  continue(): void;
  answer(reply: FilterReply): void;
}

/** One filter's place in one call: hears of the response before the filters that the request met earlier. */
export class Stage extends PassHandler implements FilterCallbacks, Holder {
  readonly call: Call;
  readonly #run: FilterRun;
  readonly #filter: HttpFilter;
  /** True where events of the response come through here. */
  readonly #listens: boolean;
  /** `asked`: the filter is looking at the request; `past`: it has gone on, was answered, or never came here. */
  #request: 'asked' | 'stopped' | 'past' = 'past';
  #answered = false;
  /** Of the caller; null for a request that was not stopped. */
  #inContext: ReturnType<typeof thisContext> | null = null;
  /** Response headers that have not gone on, and the data behind them. */
  #held: FilterResponse | null = null;
  #behind: Uint8Array[] = [];
  /** The headers have gone on. */
  #started = false;
  /** The upstream has said all. */
  #complete = false;
  #trailers: Headers | null = null;
  #endStopped = false;
  /** Who held the call before this stage took its place, to stop the response. */
  #inner: Holder | null = null;
  #paused = false;
  #over = false;

  constructor(run: FilterRun, filter: HttpFilter, next: Handler, listens: boolean) {
    super(next);
    this.call = run.call;
    this.#run = run;
    this.#filter = filter;
    this.#listens = listens;
  }

  /** Shows the request to the filter. False where it does not go on from here: it was stopped, or answered. */
  request(): boolean {
    this.#request = 'asked';
    let status: FilterStatus;
    try {
      status = this.#filter.onRequestHeaders?.(this);
    } catch (cause) {
      this.#fail(cause);
      return false;
    }
    if (this.#answered) return false;
    if (status === undefined || this.#request !== 'asked') {
      this.#request = 'past';
      return true;
    }
    this.#request = 'stopped';
    this.#inContext = thisContext();
    const { controller } = this.call;
    controller.attach(this);
    if (controller.reason !== null) this.abort(controller.reason);
    else if (status !== 'stop') this.#when(status, () => this.continueRequest());
    return false;
  }

  continueRequest(): void {
    const stopped = this.#request === 'stopped';
    if (this.#over || this.#answered) return;
    this.#request = 'past';
    if (!stopped) return;
    this.call.controller.detach(this);
    // Whatever called back: the filters that follow are met in the context of their call.
    this.#inContext?.(() => this.#run.continue());
  }

  readBody(limit: number): Promise<Uint8Array | null> {
    return readRequestBody(this.call, limit);
  }

  reply(reply: FilterReply): void {
    if (this.#over || this.#started) return;
    const { controller } = this.call;
    if (this.#request !== 'past') {
      this.#request = 'past';
      this.#answered = true;
      controller.detach(this);
      this.#run.answer(reply);
    } else if (this.#listens && !(this.#answered && this.#held === null)) {
      // Nothing that is still to come from the upstream is wanted.
      this.#end();
      const unwanted = new Error('a filter answered in the place of the response');
      if (this.#inner !== null) this.#inner.abort(unwanted);
      else controller.interrupt(unwanted);
      sendReply(this.call, this.next, reply, null);
    }
  }

  override onInformational(status: number, headers: Headers): void {
    if (!this.#over) this.next.onInformational(status, headers);
  }

  override onRequestSent(complete: boolean): void {
    if (!this.#over) this.next.onRequestSent(complete);
  }

  override onUpgrade(status: number, headers: Headers, socket: Duplex): void {
    this.#end();
    this.next.onUpgrade(status, headers, socket);
  }

  override onResponseStart(status: number, headers: Headers, message: string): void {
    if (this.#over) return;
    const filter = this.#filter;
    if (filter.onResponseHeaders === undefined) {
      this.#started = true;
      this.next.onResponseStart(status, headers, message);
      return;
    }
    const response = { status, headers, message };
    this.#held = response;
    let verdict: FilterStatus;
    try {
      verdict = filter.onResponseHeaders(this, response);
    } catch (cause) {
      this.#fail(cause);
      return;
    }
    if (this.#over || this.#held === null) return;
    if (verdict === undefined) {
      this.#start(response);
      return;
    }
    // Who wants to see the data before the headers go on gets them; else there is no use in their coming.
    if (filter.onResponseData === undefined) this.pauseResponse();
    if (verdict !== 'stop') this.#when(verdict, () => this.#releaseHeaders());
  }

  override onResponseData(chunk: Uint8Array): void {
    if (this.#over) return;
    const filter = this.#filter;
    if (filter.onResponseData === undefined) {
      this.sendData(chunk);
      return;
    }
    try {
      const given = filter.onResponseData(this, chunk);
      if (given !== null) this.sendData(given);
    } catch (cause) {
      this.#fail(cause);
    }
  }

  sendData(chunk: Uint8Array): void {
    if (this.#over || chunk.byteLength === 0) return;
    if (this.#held === null) this.next.onResponseData(chunk);
    else this.#behind.push(chunk);
  }

  override onResponseEnd(trailers: Headers): void {
    if (this.#over) return;
    this.#inner = null;
    this.#complete = true;
    let verdict: FilterStatus;
    try {
      verdict = this.#filter.onResponseTrailers?.(this, trailers);
    } catch (cause) {
      this.#fail(cause);
      return;
    }
    if (this.#over) return;
    this.#trailers = trailers;
    this.#endStopped = verdict !== undefined;
    // Whoever sent the response is done with the call: an abort is this stage's to hear from now on.
    if (this.#endStopped || this.#held !== null) this.call.controller.attach(this);
    if (verdict !== undefined && verdict !== 'stop') this.#when(verdict, () => this.#releaseEnd());
    this.#finish();
  }

  override onResponseError(error: Error): void {
    if (this.#over) return;
    this.#end();
    this.next.onResponseError(error);
  }

  continueResponse(): void {
    this.#releaseHeaders();
    this.#releaseEnd();
  }

  pauseResponse(): void {
    if (this.#paused || this.#over || this.#complete) return;
    this.#paused = true;
    const { controller } = this.call;
    const inner = controller.holder;
    if (inner !== this) {
      this.#inner = inner;
      controller.attach(this);
    }
    this.#inner?.pause();
  }

  resumeResponse(): void {
    if (!this.#paused) return;
    this.#paused = false;
    const { controller } = this.call;
    const inner = this.#inner;
    if (inner === null) return;
    // Where another stage stopped the response meanwhile, this one stays between it and the inner holder.
    if (controller.holder === this) {
      this.#inner = null;
      controller.attach(inner);
    } else if (controller.holder !== null) return;
    if (!controller.paused) inner.resume();
  }

  abort(error: Error): void {
    if (this.#inner !== null) this.#inner.abort(error);
    else this.onResponseError(error);
  }

  pause(): void {
    if (!this.#paused) this.#inner?.pause();
  }

  resume(): void {
    if (!this.#paused) this.#inner?.resume();
  }

  #releaseHeaders(): void {
    const held = this.#held;
    if (held === null || this.#over) return;
    this.#start(held);
    for (const chunk of this.#behind.splice(0)) this.sendData(chunk);
    this.resumeResponse();
    this.#finish();
  }

  #start({ status, headers, message }: FilterResponse): void {
    this.#held = null;
    this.#started = true;
    this.next.onResponseStart(status, headers, message);
  }

  #releaseEnd(): void {
    this.#endStopped = false;
    this.#finish();
  }

  #finish(): void {
    const trailers = this.#trailers;
    if (trailers === null || this.#over || this.#held !== null || this.#endStopped) return;
    this.#end();
    this.next.onResponseEnd(trailers);
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.call.controller.detach(this);
    this.#filter.onDone?.();
  }

  #when(promise: Promise<void>, then: () => void): void {
    promise.then(then, (cause) => this.#fail(cause));
  }

  /** The filter itself failed: its call does, and no other. */
  #fail(cause: unknown): void {
    if (this.#over) return;
    // The caller's own body broke off while the filter read it.
    if (cause instanceof Error && cause === this.call.body?.failure) {
      this.abort(cause);
      return;
    }
    const error = isMeshError(cause)
      ? cause
      : new MeshError('filter_failed', `an HTTP filter failed: ${cause instanceof Error ? cause.message : cause}`, {
          cause,
        });
    if (!this.#started) this.reply(failure(error));
    else if (this.#inner !== null || this.#complete) this.abort(error);
    else this.call.controller.interrupt(error);
  }
}
