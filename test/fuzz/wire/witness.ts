import type { Duplex } from 'node:stream';
import { type Call, type Connection, type ConnectionEvents, type Handler, Headers } from '@inmesh/core';
import type { Taken } from './taken.ts';

/** One call, which must come to exactly one end. */
export class Witness implements Handler {
  readonly #method: string;
  readonly #body: Buffer[] = [];
  #status = 0;
  #headers = Headers.empty();
  ends = 0;
  taken: Taken | null = null;
  onOver: () => void = () => {};

  constructor(method: string) {
    this.#method = method;
  }

  onRequestSent(): void {}
  onInformational(status: number): void {
    if (status < 100 || status > 199) throw new Error(`${status} is not informational`);
  }
  onUpgrade(_status: number, _headers: Headers, socket: Duplex): void {
    socket.on('error', () => {});
    socket.destroy();
    this.end();
  }
  onResponseStart(status: number, headers: Headers): void {
    if (this.#status !== 0) throw new Error('two responses');
    this.#status = status;
    this.#headers = headers;
  }
  onResponseData(chunk: Uint8Array): void {
    if (this.#status === 0) throw new Error('a body before its response');
    this.#body.push(Buffer.from(chunk));
  }
  onResponseEnd(trailers: Headers): void {
    const body = Buffer.concat(this.#body);
    this.taken = { method: this.#method, status: this.#status, headers: this.#headers, body, trailers };
    this.end();
  }
  onResponseError(): void {
    this.end();
  }

  end(): void {
    this.ends++;
    this.onOver();
  }
}

/** Who the connection belongs to: hears once that it is closed. */
export class ClosingOwner implements ConnectionEvents {
  closings = 0;
  onOver: () => void = () => {};

  onFree(): void {}
  onLimit(): void {}
  onDraining(): void {}
  onUnsent(_connection: Connection, _call: Call, handler: Handler): void {
    (handler as Witness).end();
  }
  onClosed(): void {
    this.closings++;
    this.onOver();
  }
}
