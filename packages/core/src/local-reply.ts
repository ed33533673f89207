import type { Call } from './call.ts';
import type { Holder } from './controller.ts';
import type { Handler } from './dispatch.ts';
import type { MeshError } from './errors.ts';
import { Headers } from './headers.ts';
import { mutateResponse } from './router/response-headers.ts';
import type { Clock } from './util/clock.ts';

export interface LocalReply {
  readonly status: number;
  readonly body: Uint8Array;
  readonly contentType: string;
  /** Further headers as flat pairs; none by default. */
  readonly headers?: readonly string[];
}

const encoder = new TextEncoder();

/** The one place where the mesh answers in the stead of an upstream: Envoy's shape, content-length and content-type. */
export function localReply(
  call: Call,
  handler: Handler,
  { status, body, contentType, headers = [] }: LocalReply,
): void {
  const pairs: string[] = [...headers];
  if (body.byteLength > 0) pairs.push('content-length', `${body.byteLength}`, 'content-type', contentType);
  // Envoy's codec says so of a response that ends with its headers, where the status allows a body.
  else if (status !== 204 && status !== 304 && call.head.method !== 'HEAD') pairs.push('content-length', '0');
  call.body?.cancel(new Error('the request was answered before it was sent'));
  new Reply(call, handler, Headers.from(pairs), status, call.head.method === 'HEAD' ? null : body).start();
}

/** A failure as a sidecar would tell it. What the route does to the headers of answers is done to this one too. */
export function errorReply(call: Call, clock: Clock, handler: Handler, error: MeshError): void {
  const { status, code } = error;
  const headers = Headers.from(code === 'upstream_overflow' ? ['x-envoy-overloaded', 'true'] : []);
  mutateResponse(call, clock, status, headers);
  const reply = { status, body: encoder.encode(error.body), contentType: 'text/plain', headers: headers.flat() };
  localReply(call, handler, reply);
}

/** A reply that keeps to the rules of a stream: a caller that pauses gets the body when it resumes. */
class Reply implements Holder {
  readonly #call: Call;
  readonly #handler: Handler;
  readonly #headers: Headers;
  readonly #status: number;
  readonly #body: Uint8Array | null;
  #sent = false;
  #over = false;

  constructor(call: Call, handler: Handler, headers: Headers, status: number, body: Uint8Array | null) {
    this.#call = call;
    this.#handler = handler;
    this.#headers = headers;
    this.#status = status;
    this.#body = body;
  }

  start(): void {
    this.#call.controller.attach(this);
    this.#handler.onResponseStart(this.#status, this.#headers, '');
    this.#continue();
  }

  abort(error: Error): void {
    if (this.#over) return;
    this.#end();
    this.#handler.onResponseError(error);
  }

  pause(): void {}

  resume(): void {
    this.#continue();
  }

  #continue(): void {
    const { controller } = this.#call;
    if (this.#over || controller.paused) return;
    if (!this.#sent) {
      this.#sent = true;
      if (this.#body !== null && this.#body.byteLength > 0) this.#handler.onResponseData(this.#body);
      // The caller may have given up or paused at the sight of the body.
      if (this.#over || controller.paused) return;
    }
    this.#end();
    this.#handler.onResponseEnd(Headers.empty());
  }

  #end(): void {
    this.#over = true;
    this.#call.controller.detach(this);
  }
}
