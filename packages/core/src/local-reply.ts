import type { Call } from './call.ts';
import type { Holder } from './controller.ts';
import { type Handler, PassHandler } from './dispatch.ts';
import { isMeshError, type MeshError } from './errors.ts';
import { grpcMessage, grpcStatusOf, isGrpc } from './grpc.ts';
import { Headers } from './headers.ts';
import { mutateResponse } from './router/response-headers.ts';
import type { Clock } from './util/clock.ts';

export interface LocalReply {
  readonly status: number;
  readonly body: Uint8Array;
  /** Of the body; empty where the headers tell. */
  readonly contentType: string;
  /** Further headers as flat pairs; none by default. */
  readonly headers?: readonly string[];
  /** Status for a gRPC call; null for what gRPC makes of the HTTP status. Default: null. */
  readonly grpcStatus?: number | null;
}

const encoder = new TextEncoder();
const ANSWERED = 'the request was answered before it was sent';

/** The one place where the mesh answers in the stead of an upstream: Envoy's shape, content-length and content-type. */
export function localReply(call: Call, handler: Handler, reply: LocalReply): void {
  const { status, body, contentType, headers = [], grpcStatus = null } = call.rewriteReply?.(reply) ?? reply;
  const pairs: string[] = [...headers];
  if (isGrpc(call.head.headers)) {
    call.body?.cancel(new Error(ANSWERED));
    pairs.push('content-type', 'application/grpc', 'grpc-status', `${grpcStatus ?? grpcStatusOf(status)}`);
    if (call.head.method !== 'HEAD') {
      pairs.push('content-length', '0');
      if (body.byteLength > 0) pairs.push('grpc-message', grpcMessage(body));
    }
    new Reply(call, handler, Headers.from(pairs), 200, null).start();
    return;
  }
  if (body.byteLength > 0) {
    pairs.push('content-length', `${body.byteLength}`);
    if (contentType !== '') pairs.push('content-type', contentType);
  }
  // Envoy's codec says so of a response that ends with its headers, where the status allows a body.
  else if (status !== 204 && status !== 304 && call.head.method !== 'HEAD') pairs.push('content-length', '0');
  call.body?.cancel(new Error(ANSWERED));
  const bodiless = call.head.method === 'HEAD' || status === 204 || status === 304;
  new Reply(call, handler, Headers.from(pairs), status, bodiless ? null : body).start();
}

/** True where a failure before the response is told as an answer, not as an error. */
export function answersFailure(call: Call, error: Error): error is MeshError {
  if (!isMeshError(error) || call.context.failAs !== 'response') return false;
  return !call.controller.aborted && !call.passes && (call.body?.failure ?? null) === null;
}

/** Answers what fails further in. */
export class FailureReplies extends PassHandler {
  readonly #call: Call;
  readonly #clock: Clock;
  #started = false;

  constructor(call: Call, clock: Clock, handler: Handler) {
    super(handler);
    this.#call = call;
    this.#clock = clock;
  }

  override onResponseStart(status: number, headers: Headers, message: string): void {
    this.#started = true;
    this.next.onResponseStart(status, headers, message);
  }

  override onResponseError(error: Error): void {
    if (!this.#started && answersFailure(this.#call, error)) errorReply(this.#call, this.#clock, this.next, error);
    else this.next.onResponseError(error);
  }
}

/** By these headers Envoy tells that it was not the service that refused. */
const notes: { readonly [code: string]: string | undefined } = {
  upstream_overflow: 'x-envoy-overloaded',
  drop_overload: 'x-envoy-drop-overload',
  unconditional_drop_overload: 'x-envoy-unconditional-drop-overload',
};

/** A failure as a sidecar would tell it. What the route does to the headers of answers is done to this one too. */
export function errorReply(call: Call, clock: Clock, handler: Handler, error: MeshError): void {
  const { status, code } = error;
  call.failure = error.after(call.flags);
  const note = call.route?.envoyHeaders === false ? undefined : notes[code];
  const headers = Headers.from(note === undefined ? [] : [note, 'true']);
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
