import assert from 'node:assert/strict';
import type { Call } from '../call.ts';
import type {
  ClusterTransport,
  ConnectError,
  Connecting,
  Connection,
  ConnectionEvents,
  Connector,
} from '../cluster/connection.ts';
import type { ConnectionKey } from '../cluster/connection-key.ts';
import type { Endpoint } from '../cluster/endpoint.ts';
import type { Handler } from '../dispatch.ts';
import { Exchange } from './inner.ts';

type Callback = (error: ConnectError | null, connection: Connection | null) => void;

/** An attempt to connect that the test lets succeed or fail. */
export class Opening implements Connecting {
  readonly endpoint: Endpoint;
  cancelled = false;
  readonly #connector: FakeConnector;
  readonly #events: ConnectionEvents;
  readonly #callback: Callback;

  constructor(connector: FakeConnector, endpoint: Endpoint, events: ConnectionEvents, callback: Callback) {
    this.#connector = connector;
    this.endpoint = endpoint;
    this.#events = events;
    this.#callback = callback;
  }

  accept(): FakeConnection {
    this.#leave();
    const connection = new FakeConnection(this.#connector, this.endpoint, this.#events);
    this.#connector.connections.push(connection);
    this.#callback(null, connection);
    return connection;
  }

  refuse(message = 'connect ECONNREFUSED'): void {
    this.#leave();
    this.#callback({ timeout: false, cause: new Error(message) }, null);
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

/** A connection whose server is the test. */
export class FakeConnection implements Connection {
  readonly protocol = 'http1';
  readonly maxConcurrent = 1;
  readonly tls = null;
  readonly endpoint: Endpoint;
  readonly exchanges: Exchange[] = [];
  gone = false;
  /** The server closed it while nobody looked: the next request does not leave. */
  dead = false;
  readonly #connector: FakeConnector;
  readonly events: ConnectionEvents;
  #closing = false;

  constructor(connector: FakeConnector, endpoint: Endpoint, events: ConnectionEvents) {
    this.#connector = connector;
    this.endpoint = endpoint;
    this.events = events;
  }

  get busy(): boolean {
    return this.exchanges.at(-1)?.over === false;
  }

  dispatch(call: Call, handler: Handler): void {
    assert.ok(!this.busy, 'one call at a time');
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
    const last = this.exchanges.at(-1);
    if (last?.over === false) last.fail(error);
    this.#leave();
  }

  /** The server ends it, cutting the exchange that may be under way. */
  lose(): void {
    const last = this.exchanges.at(-1);
    if (last?.over === false) last.break();
    else this.#leave();
  }

  #released(reusable: boolean): void {
    if (reusable && !this.#closing) this.events.onFree(this);
    else this.#leave();
  }

  #leave(): void {
    if (this.gone) return;
    this.gone = true;
    this.events.onClosed(this);
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

  open(): ClusterTransport {
    return {
      settled: true,
      configure: () => {},
      connect: (endpoint, key, events, callback) => this.connect(endpoint, key, events, callback),
      connectBytes: () => assert.fail('no connections without HTTP here'),
      release: () => {},
    };
  }

  connect(endpoint: Endpoint, _key: ConnectionKey, events: ConnectionEvents, callback: Callback): Connecting {
    this.attempts++;
    const opening = new Opening(this, endpoint, events, callback);
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
