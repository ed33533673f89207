import {
  type Call,
  type Connection,
  type ConnectionEvents,
  type Connector,
  type Handler,
  Headers,
  noConnector,
} from '@inmesh/core';

/** Connections that are there at once and answer each call before `dispatch` returns. */
export const atOnce: Connector = {
  open: (...args) => ({
    ...noConnector.open(...args),
    connect(_endpoint, _key, events, callback) {
      queueMicrotask(() => callback(null, new AtOnce(events)));
      return { cancel: () => {} };
    },
  }),
};

const HEADERS: readonly string[] = ['content-type', 'text/plain', 'content-length', '0'];

class AtOnce implements Connection {
  readonly protocol = 'http1';
  readonly maxConcurrent = 1;
  readonly tls = null;
  readonly #events: ConnectionEvents;

  constructor(events: ConnectionEvents) {
    this.#events = events;
  }

  dispatch(_call: Call, handler: Handler): void {
    handler.onRequestSent(true);
    handler.onResponseStart(200, Headers.from(HEADERS.slice()), 'OK');
    this.#events.onFree(this);
    handler.onResponseEnd(Headers.empty());
  }

  close(): void {
    this.#events.onClosed(this);
  }

  destroy(): void {
    this.#events.onClosed(this);
  }
}
