import type { Call } from '@inmesh/core';
import { type DispatcherLike, type MeshDispatcher, onCall } from '@inmesh/transports';

/** The dispatcher of one `fetch`: notes the call behind the response, the last one where there were redirects. */
export class SeenCalls implements DispatcherLike {
  readonly #dispatcher: MeshDispatcher;
  last: Call | null = null;

  constructor(dispatcher: MeshDispatcher) {
    this.#dispatcher = dispatcher;
  }

  dispatch(...[options, handler]: Parameters<DispatcherLike['dispatch']>): boolean {
    const seen = (call: Call) => {
      this.last = call;
    };
    return this.#dispatcher.dispatch(Object.assign(options, { [onCall]: seen }), handler);
  }
}
