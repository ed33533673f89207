import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import {
  type Body,
  BytesBody,
  Call,
  type ClusterConfig,
  type Connection,
  DEFAULT_POOL,
  DEFAULT_THRESHOLDS,
  Endpoint,
  type Handler,
  Headers,
  HTTP1_UPSTREAM,
  PLAIN_KEY,
  PLAIN_TRANSPORT,
  StreamBody,
  systemClock,
} from '@inmesh/core';
import { SocketConnector } from './connector.ts';

const config: ClusterConfig = {
  name: 'c',
  statName: 'c',
  discovery: { kind: 'eds', serviceName: 'c' },
  lb: { kind: 'round_robin' },
  connectTimeoutMs: 1_000,
  thresholds: { default: DEFAULT_THRESHOLDS, high: DEFAULT_THRESHOLDS },
  healthyPanicThreshold: 50,
  idleTimeoutMs: 0,
  maxResponseHeaderBytes: 60 * 1024,
  maxRequestsPerConnection: 0,
  reportsLoad: false,
  loadMetrics: [],
  pool: DEFAULT_POOL,
  transport: PLAIN_TRANSPORT,
  protocol: HTTP1_UPSTREAM,
  unsupported: [],
  metadata: {},
};

/** What a handler heard, and what a connection told its owner, in order. */
class Log implements Handler {
  readonly heard: string[] = [];
  readonly over: Promise<void>;
  #end!: () => void;

  constructor() {
    this.over = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  onRequestSent(complete: boolean): void {
    this.heard.push(complete ? 'sent' : 'sending');
  }
  onInformational(status: number): void {
    this.heard.push(`informational ${status}`);
  }
  onUpgrade(): void {
    this.heard.push('upgrade');
    this.#end();
  }
  onResponseStart(status: number): void {
    this.heard.push(`${status}`);
  }
  onResponseData(chunk: Uint8Array): void {
    this.heard.push(`data ${Buffer.from(chunk)}`);
  }
  onResponseEnd(trailers: Headers): void {
    this.heard.push(`end ${trailers.flat().join()}`.trim());
    this.#end();
  }
  onResponseError(error: Error): void {
    this.heard.push(`error ${error.message}`);
    this.#end();
  }
}

function call(body: Body | null, headers: string[] = []): Call {
  return new Call(
    { method: 'POST', scheme: 'http', authority: 'c', path: '/', headers: Headers.from(headers), upgrade: null },
    body,
    {
      failAs: 'error',
      target: 'c:80',
      headersTimeoutMs: null,
      bodyTimeoutMs: null,
      overrides: null,
      protocol: 'http1',
      passThrough: null,
    },
  );
}

describe('an HTTP/1 connection', () => {
  let server: Server;
  let respond: RequestListener;
  let owner: string[];
  let connection: Connection;

  async function open(): Promise<Connection> {
    const { port } = server.address() as AddressInfo;
    const endpoint = new Endpoint(
      {
        address: { kind: 'socket', host: '127.0.0.1', port },
        hostname: '',
        health: 'unknown',
        weight: 1,
        metadata: {},
      },
      { region: '', zone: '', subZone: '' },
      0,
    );
    const events = {
      onFree: () => owner.push('idle'),
      onLimit: () => owner.push('limit'),
      onDraining: () => owner.push('draining'),
      onUnsent: () => owner.push('unsent'),
      onClosed: () => owner.push('closed'),
    };
    return new Promise((resolve, reject) => {
      new SocketConnector(systemClock).open(config).connect(endpoint, PLAIN_KEY, events, (error, made) => {
        if (made !== null) resolve(made);
        else reject(error?.cause);
      });
    });
  }

  beforeEach(async () => {
    owner = [];
    respond = (request, response) => request.resume().on('end', () => response.end('ok'));
    server = createServer((request, response) => respond(request, response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    connection = await open();
  });
  afterEach(async () => {
    connection.destroy(new Error('the test is over'));
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });

  it('tells what was sent and what came, and that it is free before the caller hears the end', async () => {
    const log = new Log();
    const { onResponseEnd } = log;
    log.onResponseEnd = (trailers) => {
      owner.push('end');
      onResponseEnd.call(log, trailers);
    };
    connection.dispatch(call(new BytesBody(Buffer.from('body'))), log);
    await log.over;
    assert.deepEqual(log.heard, ['sending', 'sent', '200', 'data ok', 'end']);
    assert.deepEqual(owner, ['idle', 'end']);
  });

  it('leaves out the trailers of a request: HTTP/1 clients send none that anybody reads', async () => {
    let incoming: IncomingMessage | null = null;
    const trailers = Headers.from(['x-check', 'sum']);
    const bodies = [
      new BytesBody(Buffer.from('whole'), trailers),
      new StreamBody([Buffer.from('who'), Buffer.from('le')], { trailers: () => trailers }),
    ];
    for (const body of bodies) {
      let received = '';
      respond = async (request, response) => {
        incoming = request;
        received = await text(request);
        response.end();
      };
      const log = new Log();
      connection.dispatch(call(body), log);
      await log.over;
      assert.equal(log.heard.at(-1), 'end');
      assert.equal(received, 'whole');
      assert.deepEqual((incoming as IncomingMessage | null)?.trailers, {});
    }
  });

  it('that finds itself gone after it has served gives the call back unsent', async () => {
    const first = new Log();
    connection.dispatch(call(null), first);
    await first.over;
    server.closeAllConnections();
    while (!owner.includes('closed')) await new Promise((resolve) => setImmediate(resolve));
    const second = new Log();
    connection.dispatch(call(null), second);
    while (!owner.includes('unsent')) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(second.heard, []);
    assert.deepEqual(owner, ['idle', 'closed', 'unsent']);
  });

  it('is of no use after a request that could not be sent as it is', async () => {
    const log = new Log();
    connection.dispatch(call(null, ['expect', '100-continue']), log);
    await log.over;
    assert.match(log.heard.join(), /^error \[invalid_request\]/);
    assert.deepEqual(owner, ['closed']);
  });

  it('fails its call with the reason for which it is destroyed', async () => {
    respond = (request) => request.resume();
    const log = new Log();
    const arrived = once(server, 'request');
    connection.dispatch(call(null), log);
    await arrived;
    connection.destroy(new Error('closing'));
    await log.over;
    assert.match(log.heard.at(-1) ?? '', /closing/);
    assert.deepEqual(owner, ['closed']);
  });

  it('is closed when the server ends it or talks before it is asked', async () => {
    const sockets: (() => void)[] = [];
    server.on('connection', (socket) => sockets.push(() => socket.write('HTTP/1.1 408 Late\r\n\r\n')));
    const eager = await open();
    while (sockets.length === 0) await new Promise((resolve) => setImmediate(resolve));
    sockets[0]?.();
    while (owner.length === 0) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(owner, ['closed']);
    server.closeAllConnections();
    while (owner.length === 1) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(owner, ['closed', 'closed']);
    eager.destroy(new Error('the test is over'));
  });
});
