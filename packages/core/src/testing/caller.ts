import assert from 'node:assert/strict';
import type { Duplex } from 'node:stream';
import type { Body } from '../body.ts';
import { Call } from '../call.ts';
import type { Dispatch, Handler } from '../dispatch.ts';
import { isMeshError } from '../errors.ts';
import { Headers } from '../headers.ts';
import type { HttpProtocol } from '../model/upstream-protocol.ts';
import type { CallOverrides } from '../overrides/call-overrides.ts';

export interface CallOptions {
  readonly method?: string;
  readonly path?: string;
  readonly authority?: string;
  readonly headers?: readonly string[];
  readonly body?: Body | null;
  readonly upgrade?: string;
  readonly failAs?: 'response' | 'error';
  readonly overrides?: CallOverrides;
  readonly protocol?: HttpProtocol;
  readonly passThrough?: (call: Call) => void;
}

export function makeCall(options: CallOptions = {}): Call {
  const authority = options.authority ?? 'reviews:9080';
  return new Call(
    {
      method: options.method ?? 'GET',
      scheme: 'http',
      authority,
      path: options.path ?? '/',
      headers: Headers.from([...(options.headers ?? [])]),
      upgrade: options.upgrade ?? null,
    },
    options.body ?? null,
    {
      failAs: options.failAs ?? 'response',
      target: authority,
      headersTimeoutMs: null,
      bodyTimeoutMs: null,
      overrides: options.overrides ?? null,
      protocol: options.protocol ?? 'http1',
      passThrough: options.passThrough ?? null,
    },
  );
}

/** A caller that notes all that it hears, and insists that nothing comes after the end. */
export class Caller implements Handler {
  readonly said: string[] = [];
  status = 0;
  headers: Headers = Headers.empty();
  body = '';
  error: Error | null = null;
  socket: Duplex | null = null;
  /** 1 once the call is over. */
  endings = 0;
  /** Done at the sight of an event, as a caller's code would. */
  readonly on: { [event: string]: (() => void) | undefined } = {};

  onRequestSent(complete: boolean): void {
    this.#hear(complete ? 'sent' : 'sending');
  }

  onInformational(status: number): void {
    this.#hear(`informational ${status}`);
  }

  onUpgrade(status: number, _headers: Headers, socket: Duplex): void {
    this.socket = socket;
    this.#end(`upgrade ${status}`);
  }

  onResponseStart(status: number, headers: Headers): void {
    this.status = status;
    this.headers = headers;
    this.#hear(`start ${status}`);
  }

  onResponseData(chunk: Uint8Array): void {
    const text = Buffer.from(chunk).toString();
    this.body += text;
    this.#hear(`data ${text}`);
  }

  onResponseEnd(): void {
    this.#end('end');
  }

  onResponseError(error: Error): void {
    this.error = error;
    this.#end(isMeshError(error) ? `error ${error.code} ${error.flag}` : `error ${error.message}`);
  }

  #hear(what: string): void {
    assert.equal(this.endings, 0, `"${what}" after ${JSON.stringify(this.said)}`);
    this.said.push(what);
    this.on[what.split(' ')[0] as string]?.();
  }

  #end(what: string): void {
    this.#hear(what);
    this.endings++;
  }
}

/** Makes a call and gives it with the one who hears of it. */
export function send(dispatch: Dispatch, options: CallOptions = {}): { call: Call; caller: Caller } {
  const call = makeCall(options);
  const caller = new Caller();
  dispatch(call, caller);
  return { call, caller };
}
