import assert from 'node:assert/strict';
import type { Call } from '../call.ts';
import type { Holder } from '../controller.ts';
import type { Dispatch, Handler } from '../dispatch.ts';
import { MeshError, type MeshErrorCode } from '../errors.ts';
import { Headers } from '../headers.ts';

/** One request that reached the mock, which answers as the test says. */
export class Exchange implements Holder {
  readonly call: Call;
  readonly handler: Handler;
  /** What became of it by the caller's side. */
  readonly heard: string[] = [];
  over = false;
  readonly #released: (reusable: boolean) => void;

  constructor(call: Call, handler: Handler, released: (reusable: boolean) => void = () => {}) {
    this.call = call;
    this.handler = handler;
    this.#released = released;
    call.controller.attach(this);
  }

  abort(error: Error): void {
    this.heard.push(`abort ${error.message}`);
    this.fail(error);
  }

  pause(): void {
    this.heard.push('pause');
  }

  resume(): void {
    this.heard.push('resume');
  }

  /** The first byte of the request is about to leave. */
  begin(): this {
    this.handler.onRequestSent(false);
    return this;
  }

  /** All of the request was sent. */
  sent(): this {
    this.handler.onRequestSent(true);
    return this;
  }

  start(status = 200, headers: readonly string[] = []): this {
    this.handler.onResponseStart(status, Headers.from([...headers]), '');
    return this;
  }

  data(text: string): this {
    this.handler.onResponseData(Buffer.from(text));
    return this;
  }

  end(trailers: readonly string[] = []): this {
    if (this.#close(true)) this.handler.onResponseEnd(Headers.from([...trailers]));
    return this;
  }

  /** The whole request and the whole response. A server whose response is cut short says nothing more. */
  answer(status = 200, headers: readonly string[] = []): this {
    this.begin().sent().start(status, headers);
    return this.over ? this : this.end();
  }

  fail(error: Error): void {
    if (this.#close(false)) this.handler.onResponseError(error);
  }

  /** As the connection reports it. */
  break(code: MeshErrorCode = 'connection_termination'): void {
    this.fail(new MeshError(code, 'the connection ended'));
  }

  #close(reusable: boolean): boolean {
    if (this.over) return false;
    this.over = true;
    this.call.controller.detach(this);
    this.#released(reusable);
    return true;
  }
}

/** An inner dispatch that keeps what it is given until the test answers. */
export class Inner {
  readonly exchanges: Exchange[] = [];
  readonly dispatch: Dispatch = (call, handler) => {
    this.exchanges.push(new Exchange(call, handler));
  };

  get count(): number {
    return this.exchanges.length;
  }

  /** The request that came last. */
  get last(): Exchange {
    const last = this.exchanges.at(-1);
    assert.ok(last, 'nothing reached the inner dispatch');
    return last;
  }
}
