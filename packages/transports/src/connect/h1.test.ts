import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import {
  type Body,
  BytesBody,
  Call,
  type ClusterConfig,
  type Connection,
  type ConnectionEnd,
  type Handler,
  Headers,
  StreamBody,
} from '@inmesh/core';
import { CertificateAuthority } from '@inmesh/mtls/ca';
import { clusterOver, clusterWith, hostAt, local } from '../testing/cluster.ts';
import { FakeMaterial, FakeTls, tlsSocket } from '../testing/fake-tls.ts';
import { TestTransport } from '../testing/transport.ts';

/** Where a request is spoken: the same in the clear and over TLS. */
interface Wire {
  readonly config: ClusterConfig;
  readonly tls: FakeTls | null;
  readonly createServer: () => Server;
  /** What a server calls a connection that is ready. */
  readonly connected: 'connection' | 'secureConnection';
}

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

const WIRES: readonly (readonly [name: string, make: () => Promise<Wire>])[] = [
  [
    'in the clear',
    async () => ({ config: clusterWith(), tls: null, createServer: () => createServer(), connected: 'connection' }),
  ],
  [
    'over TLS',
    async () => {
      const authority = await CertificateAuthority.create();
      const { key, chain } = await authority.issue({ dnsNames: ['a.example'] });
      return {
        config: clusterOver(tlsSocket()),
        tls: new FakeTls(new FakeMaterial({ ca: authority.root })),
        createServer: () => createTlsServer({ key: Buffer.from(key.reveal()), cert: chain }),
        connected: 'secureConnection',
      };
    },
  ],
];

for (const [name, makeWire] of WIRES) {
  describe(`an HTTP/1 connection ${name}`, () => {
    let wire: Wire;
    let server: Server;
    let respond: RequestListener;
    let owner: string[];
    let ends: readonly (ConnectionEnd | undefined)[];
    let connection: Connection;

    async function open(): Promise<Connection> {
      const transport = new TestTransport(wire.config, wire.tls === null ? {} : { tls: wire.tls });
      owner = transport.heard;
      ends = transport.ends;
      return transport.http(hostAt(local((server.address() as AddressInfo).port))).open();
    }

    before(async () => {
      wire = await makeWire();
    });
    beforeEach(async () => {
      respond = (request, response) => request.resume().on('end', () => response.end('ok'));
      server = wire.createServer();
      server.on('request', (request, response) => respond(request, response)).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const ready = once(server, wire.connected);
      connection = await open();
      await ready;
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
      assert.deepEqual(owner, ['free', 'end']);
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
      assert.deepEqual(owner, ['free', 'closed', 'unsent']);
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
      assert.deepEqual(ends, [{ local: true, unfinished: true }]);
    });

    it('is closed when the server talks before it is asked', async () => {
      const sockets: Socket[] = [];
      server.on(wire.connected, (socket) => sockets.push(socket));
      const eager = await open();
      while (sockets.length === 0) await new Promise((resolve) => setImmediate(resolve));
      sockets[0]?.write('HTTP/1.1 408 Late\r\n\r\n');
      while (owner.length === 0) await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(owner, ['closed']);
      eager.destroy(new Error('the test is over'));
    });

    for (const retiring of [false, true]) {
      it(`is cut when the server closes it under a call${retiring ? ', which was to be its last' : ''}`, async () => {
        respond = (request) => request.resume().on('end', () => request.socket.end());
        const log = new Log();
        connection.dispatch(call(null), log);
        if (retiring) connection.close();
        await log.over;
        assert.match(log.heard.at(-1) ?? '', /^error \[connection_termination\]/);
        assert.deepEqual(owner, ['closed']);
        assert.deepEqual(ends, [{ local: false, unfinished: true }]);
      });
    }

    for (const [how, hangUp] of [
      ['says goodbye', (socket: Socket) => socket.end()],
      ['resets it', (_: Socket, tcp: Socket) => tcp.resetAndDestroy()],
    ] as const) {
      for (const [when, calls] of [
        ['before its first call', 0],
        ['between calls', 1],
      ] as const) {
        it(`is closed when the server ${how} ${when}`, async () => {
          const sockets: Socket[] = [];
          const tcp: Socket[] = [];
          server.on('connection', (socket) => tcp.push(socket));
          server.on(wire.connected, (socket) => sockets.push(socket));
          connection.destroy(new Error('another is tried'));
          connection = await open();
          while (sockets.length === 0) await new Promise((resolve) => setImmediate(resolve));
          for (let i = 0; i < calls; i++) {
            const log = new Log();
            connection.dispatch(call(null), log);
            await log.over;
          }
          hangUp(sockets[0] as Socket, tcp[0] as Socket);
          while (!owner.includes('closed')) await new Promise((resolve) => setImmediate(resolve));
          assert.deepEqual(owner, [...Array<string>(calls).fill('free'), 'closed']);
        });
      }
    }

    it('serves after it was idle, one call after the other', async () => {
      for (let i = 0; i < 3; i++) {
        // Whatever of the handshake comes late (tickets, with TLS 1.3) has come.
        for (let j = 0; j < 20; j++) await new Promise((resolve) => setImmediate(resolve));
        const log = new Log();
        connection.dispatch(call(new BytesBody(Buffer.from('body'))), log);
        await log.over;
        assert.deepEqual(log.heard, ['sending', 'sent', '200', 'data ok', 'end']);
      }
      assert.deepEqual(owner, ['free', 'free', 'free']);
    });

    it('carries a body of any size both ways', async () => {
      respond = (request, response) => request.pipe(response);
      const bytes = Buffer.alloc(3_000_000, 'abcdefg');
      const received: Buffer[] = [];
      const log = new Log();
      log.onResponseData = (chunk) => received.push(Buffer.from(chunk));
      connection.dispatch(call(new BytesBody(bytes)), log);
      await log.over;
      assert.ok(Buffer.concat(received).equals(bytes));
    });
  });
}
