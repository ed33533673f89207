import type { Call } from '@inmesh/core';
import { type DispatcherLike, type MeshDispatcher, onCall } from '@inmesh/transports';
import type { Overrides } from './overrides/overrides.ts';

/** The dispatcher of one `fetch`: notes the call behind the response, the last one where there were redirects. */
export class SeenCalls implements DispatcherLike {
  readonly #dispatcher: MeshDispatcher;
  readonly #overrides: Overrides | undefined;
  last: Call | null = null;

  constructor(dispatcher: MeshDispatcher, overrides: Overrides | undefined) {
    this.#dispatcher = dispatcher;
    this.#overrides = overrides;
  }

  dispatch(...[options, handler]: Parameters<DispatcherLike['dispatch']>): boolean {
    const seen = (call: Call) => {
      this.last = call;
    };
    return this.#dispatcher.dispatch(Object.assign(options, { [onCall]: seen, mesh: this.#overrides }), handler);
  }
}
