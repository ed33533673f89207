// One connection, whose caller and owner write down what they hear.
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect, type Server } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  type Body,
  Call,
  type ClusterConfig,
  type Connection,
  type ConnectionEvents,
  DEFAULT_HTTP2,
  DEFAULT_POOL,
  DEFAULT_THRESHOLDS,
  Endpoint,
  type Handler,
  Headers,
  HTTP1_UPSTREAM,
  type Http2Options,
  isMeshError,
  PLAIN_TRANSPORT,
} from '@inmesh/core';

export function clusterOf(options: Partial<ClusterConfig> = {}, http2: Partial<Http2Options> = {}): ClusterConfig {
  return {
    name: 'c',
    statName: 'c',
    discovery: { kind: 'eds', serviceName: 'c' },
    lb: { kind: 'round_robin' },
    connectTimeoutMs: 1_000,
    thresholds: { default: DEFAULT_THRESHOLDS, high: DEFAULT_THRESHOLDS },
    healthyPanicThreshold: 50,
    idleTimeoutMs: 0,
    maxResponseHeaderBytes: null,
    maxResponseHeaders: 100,
    maxRequestsPerConnection: 0,
    reportsLoad: false,
    loadMetrics: [],
    pool: DEFAULT_POOL,
    transport: PLAIN_TRANSPORT,
    protocol: { ...HTTP1_UPSTREAM, choice: 'http2', http2: { ...DEFAULT_HTTP2, ...http2 } },
    unsupported: [],
    metadata: {},
    ...options,
  };
}

export function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address !== 'object') throw new Error('the server does not listen on a port');
  return address.port;
}

export function endpointAt(port: number): Endpoint {
  const config = {
    address: { kind: 'socket', host: '127.0.0.1', port },
    hostname: '',
    health: 'unknown',
    weight: 1,
    metadata: {},
  } as const;
  return new Endpoint(config, { region: '', zone: '', subZone: '' }, 0);
}

export async function openSocketTo(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  await once(socket, 'connect');
  return socket;
}

export interface CallOptions {
  readonly method?: string;
  readonly path?: string;
  readonly authority?: string;
  readonly headers?: string[];
  readonly body?: Body | null;
  readonly upgrade?: string | null;
}

export function callTo(options: CallOptions = {}): Call {
  const { method = 'GET', path = '/', authority = 'c', headers = [], body = null, upgrade = null } = options;
  return new Call({ method, scheme: 'http', authority, path, headers: Headers.from(headers), upgrade }, body, {
    failAs: 'error',
    target: 'c:80',
    headersTimeoutMs: null,
    bodyTimeoutMs: null,
    overrides: null,
    protocol: 'http2',
    passThrough: null,
  });
}

/** What a handler hears, in order; data are joined. */
export class Heard implements Handler {
  readonly said: string[] = [];
  readonly over: Promise<void>;
  headers: Headers = Headers.empty();
  error: Error | null = null;
  socket: Duplex | null = null;
  onSaid: () => void = () => {};
  #end!: () => void;
  #body: Buffer[] = [];

  constructor() {
    this.over = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  get body(): Buffer {
    return Buffer.concat(this.#body);
  }

  /** Waits until something was said that begins so. */
  async until(what: string): Promise<void> {
    while (!this.said.some((one) => one.startsWith(what))) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.onSaid = resolve;
      await promise;
    }
  }

  onRequestSent(complete: boolean): void {
    this.#say(complete ? 'sent' : 'sending');
  }
  onInformational(status: number, headers: Headers): void {
    this.#say(`informational ${status} ${headers.flat().join()}`.trim());
  }
  onUpgrade(status: number, headers: Headers, socket: Duplex): void {
    this.headers = headers;
    this.socket = socket;
    this.#say(`upgrade ${status}`);
    this.#end();
  }
  onResponseStart(status: number, headers: Headers): void {
    this.headers = headers;
    this.#say(`${status}`);
  }
  onResponseData(chunk: Uint8Array): void {
    this.#body.push(Buffer.from(chunk));
    if (this.said.at(-1) !== 'data') this.#say('data');
  }
  onResponseEnd(trailers: Headers): void {
    this.#say(`end ${trailers.flat().join()}`.trim());
    this.#end();
  }
  onResponseError(error: Error): void {
    this.error = error;
    this.#say(isMeshError(error) ? `error ${error.code} ${error.flag}` : `error ${error.message}`);
    this.#end();
  }

  #say(what: string): void {
    this.said.push(what);
    this.onSaid();
  }
}

/** Who a connection belongs to. */
export class Owner implements ConnectionEvents {
  readonly told: string[] = [];
  readonly unsent: { readonly call: Call; readonly handler: Handler }[] = [];
  #waiting: (() => void) | null = null;

  async until(what: string): Promise<void> {
    while (!this.told.includes(what)) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting = resolve;
      await promise;
    }
  }

  onFree(): void {
    this.#tell('free');
  }
  onLimit(connection: Connection): void {
    this.#tell(`limit ${connection.maxConcurrent}`);
  }
  onUnsent(_: Connection, call: Call, handler: Handler): void {
    this.unsent.push({ call, handler });
    this.#tell('unsent');
  }
  onDraining(): void {
    this.#tell('draining');
  }
  onClosed(): void {
    this.#tell('closed');
  }

  #tell(what: string): void {
    this.told.push(what);
    this.#waiting?.();
  }
}
