import type { Call } from '../call.ts';
import type { Holder } from '../controller.ts';
import type { Handler } from '../dispatch.ts';

/** Where calls wait for a connection. */
export interface Queue {
  /** Takes a waiting call out that was given up. */
  withdraw(pending: PendingCall): void;
}

/** A call that waits for a connection. */
export class PendingCall implements Holder {
  readonly call: Call;
  readonly handler: Handler;
  readonly #queue: Queue;
  #waiting = true;

  constructor(queue: Queue, call: Call, handler: Handler) {
    this.#queue = queue;
    this.call = call;
    this.handler = handler;
    call.controller.attach(this);
  }

  abort(error: Error): void {
    if (!this.leave()) return;
    this.#queue.withdraw(this);
    this.handler.onResponseError(error);
  }

  /** Ends the wait, once: what a handler does to other calls while several are failed must not fail one of them twice. */
  leave(): boolean {
    if (!this.#waiting) return false;
    this.#waiting = false;
    this.call.controller.detach(this);
    return true;
  }

  // Nothing flows yet: the connection looks at `controller.paused` when it starts.
  pause(): void {}
  resume(): void {}
}
