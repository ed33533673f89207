import assert from 'node:assert/strict';
import { type Duplex, PassThrough } from 'node:stream';
import type { Call } from '../call.ts';
import type {
  ClusterTransport,
  ConnectError,
  Connecting,
  Connection,
  ConnectionEnd,
  ConnectionEvents,
  Connector,
  TlsFacts,
  TlsFailure,
  TransportEvents,
} from '../cluster/connection.ts';
import type { ConnectionKey } from '../cluster/connection-key.ts';
import type { Endpoint } from '../cluster/endpoint.ts';
import type { Handler } from '../dispatch.ts';
import type { ClusterConfig } from '../model/cluster.ts';
import type { HttpProtocol } from '../model/upstream-protocol.ts';
import { Exchange } from './inner.ts';

type BytesCallback = (error: ConnectError | null, stream: Duplex | null) => void;
type Callback = (error: ConnectError | null, connection: Connection | null) => void;

/** An attempt to connect that the test lets succeed or fail. */
export class Opening implements Connecting {
  readonly endpoint: Endpoint;
  readonly key: ConnectionKey;
  cancelled = false;
  readonly #connector: FakeConnector;
  readonly #events: ConnectionEvents;
  readonly #callback: Callback;

  constructor(
    connector: FakeConnector,
    endpoint: Endpoint,
    key: ConnectionKey,
    events: ConnectionEvents,
    callback: Callback,
  ) {
    this.#connector = connector;
    this.endpoint = endpoint;
    this.key = key;
    this.#events = events;
    this.#callback = callback;
  }

  accept(options: FakeConnectionOptions = {}): FakeConnection {
    this.#leave();
    const connection = new FakeConnection(this.#connector, this.endpoint, this.#events, options);
    this.#connector.connections.push(connection);
    this.#callback(null, connection);
    return connection;
  }

  refuse(message = 'connect ECONNREFUSED', tls?: TlsFailure): void {
    this.#leave();
    this.#callback({ timeout: false, cause: new Error(message), ...(tls === undefined ? {} : { tls }) }, null);
  }

  timeOut(): void {
    this.#leave();
    this.#callback({ timeout: true, cause: new Error('timed out') }, null);
  }

  cancel(): void {
    assert.ok(!this.cancelled, 'cancelled twice');
    this.cancelled = true;
    this.#leave();
  }

  #leave(): void {
    const index = this.#connector.opening.indexOf(this);
    assert.ok(index >= 0, 'the attempt to connect is over');
    this.#connector.opening.splice(index, 1);
  }
}

export interface FakeConnectionOptions {
  readonly protocol?: HttpProtocol;
  readonly maxConcurrent?: number;
  readonly tls?: TlsFacts;
}

/** A connection whose server is the test. */
export class FakeConnection implements Connection {
  readonly protocol: HttpProtocol;
  maxConcurrent: number;
  readonly tls: TlsFacts | null;
  readonly endpoint: Endpoint;
  readonly exchanges: Exchange[] = [];
  gone = false;
  /** The server closed it while nobody looked: the next request does not leave. */
  dead = false;
  readonly events: ConnectionEvents;
  readonly #connector: FakeConnector;
  #closing = false;

  constructor(
    connector: FakeConnector,
    endpoint: Endpoint,
    events: ConnectionEvents,
    { protocol = 'http1', maxConcurrent = 1, tls }: FakeConnectionOptions,
  ) {
    this.#connector = connector;
    this.endpoint = endpoint;
    this.events = events;
    this.protocol = protocol;
    this.maxConcurrent = maxConcurrent;
    this.tls = tls ?? null;
  }

  /** Exchanges under way. */
  get open(): Exchange[] {
    return this.exchanges.filter(({ over }) => !over);
  }

  get busy(): boolean {
    return this.open.length > 0;
  }

  dispatch(call: Call, handler: Handler): void {
    assert.ok(this.open.length < this.maxConcurrent, 'no more calls at a time than it can carry');
    assert.ok(!this.gone, 'the connection is gone');
    if (this.dead) {
      this.#leave();
      this.events.onUnsent(this, call, handler);
      return;
    }
    const exchange = new Exchange(call, handler, (reusable) => this.#released(reusable));
    this.exchanges.push(exchange);
    this.#connector.exchanges.push(exchange);
    this.#connector.onExchange?.(exchange, this);
  }

  close(): void {
    this.#closing = true;
    if (!this.busy) this.#leave();
  }

  destroy(error: Error): void {
    this.#closing = true;
    for (const exchange of this.open) exchange.fail(error);
    this.#leave();
  }

  /** The server wants more, or fewer, at a time. */
  limit(maxConcurrent: number): void {
    this.maxConcurrent = maxConcurrent;
    this.events.onLimit(this);
  }

  /** The server takes no more; of those under way, the ones from `unsent` on were not processed. */
  goAway(unsent = Number.POSITIVE_INFINITY): void {
    this.#closing = true;
    this.events.onDraining(this);
    for (const exchange of this.exchanges.slice(unsent)) {
      if (exchange.over) continue;
      exchange.over = true;
      exchange.call.controller.detach(exchange);
      this.events.onUnsent(this, exchange.call, exchange.handler);
    }
    if (!this.busy) this.#leave();
  }

  /** The server ends it, cutting the exchanges that may be under way. */
  lose(): void {
    if (this.protocol === 'http1' && this.busy) {
      this.open[0]?.break();
      return;
    }
    this.#closing = true;
    this.events.onDraining(this, true);
    const cut = this.open;
    for (const exchange of cut) exchange.break();
    this.#leave({ local: false, unfinished: cut.length > 0 });
  }

  #released(reusable: boolean): void {
    if (this.protocol === 'http2') {
      if (!this.#closing) this.events.onFree(this);
      else if (!this.busy && reusable) this.#leave();
    } else if (reusable && !this.#closing) {
      this.events.onFree(this);
    } else {
      this.#leave(reusable ? undefined : { local: false, unfinished: true });
    }
  }

  #leave(end?: ConnectionEnd): void {
    if (this.gone) return;
    this.gone = true;
    this.events.onClosed(this, end);
  }
}

/** An attempt to open a stream of bytes that the test lets succeed or fail. */
export class OpeningBytes implements Connecting {
  cancelled = false;
  readonly #callback: BytesCallback;

  constructor(callback: BytesCallback) {
    this.#callback = callback;
  }

  accept(): PassThrough {
    const stream = new PassThrough();
    this.#callback(null, stream);
    return stream;
  }

  refuse(message = 'connect ECONNREFUSED'): void {
    this.#callback({ timeout: false, cause: new Error(message) }, null);
  }

  cancel(): void {
    this.cancelled = true;
  }
}

/** Opens connections when the test says so. */
export class FakeConnector implements Connector {
  /** Attempts that wait for the test. */
  readonly opening: Opening[] = [];
  readonly connections: FakeConnection[] = [];
  /** Every request that reached a connection, in order. */
  readonly exchanges: Exchange[] = [];
  /** What a test does by itself at each of them. */
  onOpening: ((opening: Opening) => void) | null = null;
  onExchange: ((exchange: Exchange, connection: FakeConnection) => void) | null = null;
  attempts = 0;
  readonly bytes: OpeningBytes[] = [];
  /** What the last cluster wants to hear; null before there is one. */
  events: TransportEvents | null = null;

  open(_config: ClusterConfig, events: TransportEvents): ClusterTransport {
    this.events = events;
    return {
      settled: true,
      configure: () => {},
      connect: (endpoint, key, events, callback) => this.connect(endpoint, key, events, callback),
      connectBytes: (_endpoint, _key, callback) => {
        const opening = new OpeningBytes(callback);
        this.bytes.push(opening);
        return opening;
      },
      release: () => {},
    };
  }

  connect(endpoint: Endpoint, key: ConnectionKey, events: ConnectionEvents, callback: Callback): Connecting {
    this.attempts++;
    const opening = new Opening(this, endpoint, key, events, callback);
    this.opening.push(opening);
    this.onOpening?.(opening);
    return opening;
  }

  /** The oldest attempt that waits. */
  get next(): Opening {
    const [opening] = this.opening;
    assert.ok(opening, 'nobody is connecting');
    return opening;
  }

  /** The request that came last. */
  get last(): Exchange {
    const last = this.exchanges.at(-1);
    assert.ok(last, 'no request reached a connection');
    return last;
  }
}
