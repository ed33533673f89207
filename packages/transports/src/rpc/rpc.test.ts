import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MessageStream, StreamHandlers, StreamStatus, StreamTransport } from '@inmesh/core';
import { VirtualClock } from '@inmesh/core';
import { type GrpcServer, type GrpcServerHandlers, type GrpcServerStream, grpcChannel, grpcServer } from './index.ts';

const path = '/test.Service/Chat';

/** What a client heard, with a promise for the next thing. */
class Heard implements StreamHandlers {
  readonly messages: Buffer[] = [];
  ends: StreamStatus[] = [];
  readonly ended: Promise<StreamStatus>;
  #end!: (status: StreamStatus) => void;
  #arrived: (() => void) | null = null;

  constructor() {
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }
  onMessage(message: Uint8Array): void {
    this.messages.push(Buffer.from(message));
    this.#arrived?.();
  }
  onEnd(status: StreamStatus): void {
    this.ends.push(status);
    this.#end(status);
  }
  async count(count: number): Promise<void> {
    while (this.messages.length < count) {
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
  }
}

function echo(stream: GrpcServerStream): GrpcServerHandlers {
  return {
    onMessage: (message) => void stream.send(Buffer.from(message)),
    onHalfClose: () => stream.end({ code: 0, message: '' }),
  };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('gRPC over loopback', () => {
  const servers: { destroy(): Promise<void> }[] = [];
  const channels: StreamTransport[] = [];

  async function serve(method: (stream: GrpcServerStream) => GrpcServerHandlers): Promise<[string, GrpcServer]> {
    const server = grpcServer({ services: { [path]: method } });
    servers.push(server);
    return [await server.listen({ port: 0 }), server];
  }
  /** A server that is not ours, to send what ours never would. */
  async function serveRaw(listener: (stream: ServerHttp2Stream) => void): Promise<string> {
    const server = createHttp2Server();
    const sockets = new Set<net.Socket>();
    server.on('connection', (socket: net.Socket) => sockets.add(socket));
    server.on('stream', (stream) => {
      stream.on('error', () => {});
      listener(stream);
    });
    return listenAndForget(server, sockets);
  }
  async function listenAndForget(server: net.Server, sockets: Set<net.Socket>): Promise<string> {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    servers.push({
      destroy: async () => {
        for (const socket of sockets) socket.destroy();
        server.close();
      },
    });
    return `127.0.0.1:${(server.address() as net.AddressInfo).port}`;
  }
  function channel(target: string, options: Partial<Parameters<typeof grpcChannel>[0]> = {}): StreamTransport {
    const made = grpcChannel({ target, tls: null, ...options });
    channels.push(made);
    return made;
  }
  function call(transport: StreamTransport): [Heard, MessageStream] {
    const heard = new Heard();
    return [heard, transport.open(path, {}, heard)];
  }

  afterEach(async () => {
    for (const one of channels.splice(0)) one.close();
    await Promise.all(servers.splice(0).map((server) => server.destroy()));
  });

  it('carries messages both ways in order, and metadata', async () => {
    let seen: GrpcServerStream | null = null;
    const [target] = await serve((stream) => {
      seen = stream;
      return echo(stream);
    });
    const heard = new Heard();
    const stream = channel(target).open(path, { 'x-token': 'abc' }, heard);
    for (const text of ['a', '', 'ccc']) stream.send(Buffer.from(text));
    await heard.count(3);
    assert.deepEqual(heard.messages.map(String), ['a', '', 'ccc']);
    assert.equal(seen!.metadata['x-token'], 'abc');
    assert.match(seen!.peer, /^127\.0\.0\.1:\d+$/);
    stream.close();
    await turn();
    assert.deepEqual(heard.ends, []);
  });

  it('tells when the connection is up: once, before any message, and never where it does not come up', async () => {
    const [target] = await serve(echo);
    const transport = channel(target);
    for (const _ of ['a new connection', 'the same again']) {
      const told: string[] = [];
      await new Promise<void>((resolve) => {
        const stream = transport.open(
          path,
          {},
          {
            onOpen: () => told.push('open'),
            onMessage: () => {
              told.push('message');
              resolve();
            },
            onEnd: () => told.push('end'),
          },
        );
        stream.send(Buffer.from('x'));
      });
      assert.deepEqual(told, ['open', 'message']);
    }
    const told: string[] = [];
    await new Promise<void>((resolve) => {
      channel('127.0.0.1:1').open(
        path,
        {},
        { onOpen: () => told.push('open'), onMessage: () => {}, onEnd: () => resolve() },
      );
    });
    assert.deepEqual(told, []);
  });

  it('carries 100 MB in one message, both ways', async () => {
    const [target] = await serve(echo);
    const transport = channel(target);
    const servers64 = Buffer.alloc(60 * 1024 * 1024, 7);
    const [heard, stream] = call(transport);
    stream.send(servers64);
    await heard.count(1);
    assert.equal(Buffer.compare(heard.messages[0]!, servers64), 0);

    const big = Buffer.alloc(100 * 1024 * 1024, 9);
    const [bigTarget] = await serve((out) => {
      out.send(big);
      out.end({ code: 0, message: '' });
      return { onMessage() {} };
    });
    const [bigHeard] = call(channel(bigTarget));
    assert.deepEqual(await bigHeard.ended, { code: 0, message: '' });
    assert.equal(bigHeard.messages[0]?.byteLength, big.byteLength);
  }).timeout(30_000);

  it('tells status and message of the server, with and without messages before', async () => {
    const status = { code: 9, message: 'not now: 100 % voll, später' };
    const [target] = await serve((stream) => {
      stream.send(Buffer.from('one'));
      stream.end(status);
      return { onMessage() {} };
    });
    const transport = channel(target);
    const [heard] = call(transport);
    assert.deepEqual(await heard.ended, status);
    assert.equal(heard.messages.length, 1);
    const other = new Heard();
    transport.open('/no.Such/Method', {}, other);
    const refused = await other.ended;
    assert.equal(refused.code, 12);
    assert.match(refused.message, /\/no\.Such\/Method/);
  });

  it('answers a fault of the method with INTERNAL and goes on serving', async () => {
    const [target] = await serve((stream) => ({
      onMessage: (message) => {
        if (String(Buffer.from(message)) === 'bad') throw new Error('cannot do that');
        stream.send(Buffer.from(message));
      },
    }));
    const transport = channel(target);
    const [heard, stream] = call(transport);
    stream.send(Buffer.from('bad'));
    assert.deepEqual(await heard.ended, { code: 13, message: 'cannot do that' });
    const [again, second] = call(transport);
    second.send(Buffer.from('good'));
    await again.count(1);
  });

  it('gives UNAVAILABLE with target and cause where nobody listens', async () => {
    const [target, server] = await serve(echo);
    await server.destroy();
    const [heard, stream] = call(channel(target));
    stream.send(Buffer.from('lost'));
    const status = await heard.ended;
    assert.equal(status.code, 14);
    assert.ok(status.message.startsWith(`no connection to ${target}: `), status.message);
    assert.match(status.message, /ECONNREFUSED/);
    await turn();
    assert.equal(heard.ends.length, 1);
  });

  it('gives UNAVAILABLE when the server is killed mid-stream, and reconnects on the next open', async () => {
    const [target, server] = await serve(echo);
    const transport = channel(target);
    const [heard, stream] = call(transport);
    stream.send(Buffer.from('x'));
    await heard.count(1);
    await server.destroy();
    const status = await heard.ended;
    assert.equal(status.code, 14);
    assert.ok(status.message.startsWith(`connection to ${target} lost: `), status.message);
    stream.send(Buffer.from('into the void'));

    const next = grpcServer({ services: { [path]: echo } });
    servers.push(next);
    await next.listen({ port: Number(target.split(':')[1]) });
    const [again, second] = call(transport);
    second.send(Buffer.from('back'));
    await again.count(1);
  });

  it('opens a new connection after a graceful GOAWAY while the old stream lives on', async () => {
    const [target, server] = await serve(echo);
    const transport = channel(target);
    const [heard, stream] = call(transport);
    stream.send(Buffer.from('x'));
    await heard.count(1);
    const closed = server.close();
    stream.send(Buffer.from('y'));
    await heard.count(2);
    const [late] = call(transport);
    assert.equal((await late.ended).code, 14);
    stream.close();
    await closed;
  });

  it('gives up on a server that accepts and says nothing', async () => {
    const sockets = new Set<net.Socket>();
    const target = await listenAndForget(
      net.createServer((socket) => {
        sockets.add(socket);
        socket.on('error', () => {});
      }),
      sockets,
    );
    const clock = new VirtualClock();
    const [heard] = call(channel(target, { clock, connectTimeoutMs: 5000 }));
    clock.advance(4999);
    await turn();
    assert.equal(heard.ends.length, 0);
    clock.advance(1);
    assert.deepEqual(await heard.ended, { code: 14, message: `no connection to ${target}: no answer within 5000 ms` });
    assert.equal(clock.pending, 0);
  });

  it('destroys a connection whose keepalive PING is not answered', async () => {
    const clock = new VirtualClock();
    const [inner] = await serve(echo);
    const port = Number(inner.split(':')[1]);
    const sockets = new Set<net.Socket>();
    let silent = false;
    const proxy = net.createServer((socket) => {
      const onward = net.connect({ host: '127.0.0.1', port });
      for (const one of [socket, onward]) {
        sockets.add(one);
        one.on('error', () => {});
      }
      socket.on('data', (data) => void (silent || onward.write(data)));
      onward.on('data', (data) => void (silent || socket.write(data)));
    });
    const target = await listenAndForget(proxy, sockets);
    const [heard, stream] = call(channel(target, { clock, keepaliveMs: 1000, keepaliveTimeoutMs: 300 }));
    stream.send(Buffer.from('x'));
    await heard.count(1);
    clock.advance(1000);
    stream.send(Buffer.from('y')); // The answer comes after that of the PING.
    await heard.count(2);
    clock.advance(999);
    assert.equal(heard.ends.length, 0);
    silent = true;
    clock.advance(1);
    clock.advance(300);
    const status = await heard.ended;
    assert.equal(status.code, 14);
    assert.match(status.message, /keepalive PING was not answered within 300 ms/);
    assert.equal(clock.pending, 0);
  });

  it('survives a server that speaks HTTP/1 or garbage', async () => {
    for (const answer of ['HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n', '\x00\x01\x02garbage'.repeat(100)]) {
      const sockets = new Set<net.Socket>();
      const target = await listenAndForget(
        net.createServer((socket) => {
          sockets.add(socket);
          socket.on('error', () => {});
          socket.end(answer);
        }),
        sockets,
      );
      const [heard] = call(channel(target));
      assert.equal((await heard.ended).code, 14);
    }
  });

  it('survives a client that speaks HTTP/1 or garbage', async () => {
    const [target] = await serve(echo);
    const socket = net.connect({ host: '127.0.0.1', port: Number(target.split(':')[1]) });
    socket.on('error', () => {});
    socket.end('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await once(socket.resume(), 'close');
    const [heard, stream] = call(channel(target));
    stream.send(Buffer.from('still here'));
    await heard.count(1);
  });

  it('maps what is not gRPC: HTTP errors, pages, compression, resets, missing status, cut messages', async () => {
    const grpc = { ':status': 200, 'content-type': 'application/grpc' };
    const cases: [string, (stream: ServerHttp2Stream) => void, number, RegExp][] = [
      [
        '503',
        (s) => {
          s.respond({ ':status': 503, 'content-type': 'text/plain' });
          s.end('no healthy upstream');
        },
        14,
        /503/,
      ],
      ['404', (s) => s.respond({ ':status': 404 }, { endStream: true }), 12, /404/],
      [
        'a page',
        (s) => {
          s.respond({ ':status': 200, 'content-type': 'text/html' });
          s.end('<html>');
        },
        2,
        /text\/html/,
      ],
      ['gzip', (s) => s.respond({ ...grpc, 'grpc-encoding': 'gzip' }), 12, /gzip/],
      [
        'compressed flag',
        (s) => {
          s.respond(grpc);
          s.write(Buffer.from([1, 0, 0, 0, 0]));
        },
        13,
        /compressed/,
      ],
      ['reset', (s) => s.close(7), 14, /REFUSED_STREAM/],
      [
        'reset after headers',
        (s) => {
          s.respond(grpc);
          setImmediate(() => s.destroy(new Error('no more')));
        },
        13,
        /INTERNAL_ERROR/,
      ],
      [
        'no status',
        (s) => {
          s.respond(grpc);
          s.end();
        },
        2,
        /without grpc-status/,
      ],
      [
        'cut message',
        (s) => {
          s.respond(grpc, { waitForTrailers: true });
          s.on('wantTrailers', () => s.sendTrailers({ 'grpc-status': '0' }));
          s.end(Buffer.from([0, 0, 0, 0, 9, 1]));
        },
        13,
        /within a message/,
      ],
      [
        'trailers only',
        (s) => s.respond({ ...grpc, 'grpc-status': '7', 'grpc-message': 'no%21' }, { endStream: true }),
        7,
        /^no!$/,
      ],
    ];
    for (const [name, answer, code, message] of cases) {
      const [heard] = call(channel(await serveRaw(answer)));
      const status = await heard.ended;
      assert.equal(status.code, code, `${name}: ${status.message}`);
      assert.match(status.message, message, name);
      assert.equal(heard.messages.length, 0, name);
    }
  });

  it('gives INTERNAL for metadata that cannot be sent, not an exception', async () => {
    const [target] = await serve(echo);
    const heard = new Heard();
    channel(target).open(path, { 'x-bad': 'line\nbreak' }, heard);
    assert.equal(heard.ends.length, 0, 'not before open returns');
    assert.equal((await heard.ended).code, 13);
  });

  it('delivers nothing while paused, holds the sender back, and loses nothing', async () => {
    const message = Buffer.alloc(256 * 1024, 1);
    let sent = 0;
    let blocked = false;
    const [target] = await serve((stream) => {
      const pump = () => {
        while (sent < 100) {
          sent++;
          if (!stream.send(message)) {
            blocked = true;
            return;
          }
        }
        stream.end({ code: 0, message: '' });
      };
      return { onMessage: pump, onDrain: pump };
    });
    const heard = new Heard();
    const stream = channel(target).open(path, {}, heard);
    stream.send(Buffer.from('go'));
    await heard.count(2);
    stream.pause();
    const before = heard.messages.length;
    const stalledAt = await settled(() => sent);
    assert.equal(heard.messages.length, before);
    assert.equal(blocked, true);
    assert.ok(stalledAt < 100, `the sender went on to ${stalledAt}`);
    stream.resume();
    assert.deepEqual(await heard.ended, { code: 0, message: '' });
    assert.equal(heard.messages.length, 100);
  });

  it('a handler that pauses in the middle of a chunk gets the rest after resume', async () => {
    const [target] = await serve((stream) => {
      for (const text of ['a', 'b', 'c']) stream.send(Buffer.from(text));
      stream.end({ code: 0, message: '' });
      return { onMessage() {} };
    });
    const heard = new Heard();
    const got: string[] = [];
    const stream = channel(target).open(
      path,
      {},
      {
        onMessage(message) {
          got.push(Buffer.from(message).toString());
          if (got.length === 1) {
            stream.pause();
            setImmediate(() => {
              assert.deepEqual(got, ['a']);
              stream.resume();
            });
          }
        },
        onEnd: (status) => heard.onEnd(status),
      },
    );
    assert.equal((await heard.ended).code, 0);
    assert.deepEqual(got, ['a', 'b', 'c']);
  });

  it('ends streams with UNAVAILABLE when the channel is closed', async () => {
    const [target] = await serve(echo);
    const transport = channel(target);
    const [heard, stream] = call(transport);
    stream.send(Buffer.from('x'));
    await heard.count(1);
    transport.close();
    assert.deepEqual(await heard.ended, { code: 14, message: `connection to ${target} lost: the channel was closed` });
  });

  it('tells the server that the client is gone', async () => {
    let gone!: (reason: string | null) => void;
    const reasons = new Promise<string | null>((resolve) => {
      gone = resolve;
    });
    const [target] = await serve((stream) => ({ ...echo(stream), onClose: gone }));
    const [heard, stream] = call(channel(target));
    stream.send(Buffer.from('x'));
    await heard.count(1);
    stream.close();
    assert.match(String(await reasons), /client|closed/);
  });

  it("never runs a handler in the async context of the call that opened the connection or of another's", async () => {
    const store = new AsyncLocalStorage<string>();
    const [target] = await serve(echo);
    const transport = channel(target);
    const seen: (string | undefined)[] = [];
    const opened = store.run('request 1', () => {
      const heard = new Heard();
      const stream = transport.open(
        path,
        {},
        {
          onMessage(message) {
            seen.push(store.getStore());
            heard.onMessage(message);
          },
          onEnd() {},
        },
      );
      stream.send(Buffer.from('x'));
      return { heard, stream };
    });
    await opened.heard.count(1);
    store.run('request 2', () => {
      opened.stream.pause();
      opened.stream.send(Buffer.from('y'));
    });
    await turn();
    store.run('request 3', () => opened.stream.resume());
    await opened.heard.count(2);
    assert.deepEqual(seen, [undefined, undefined]);
  });

  it('serves on a unix socket and replaces the file that a dead server left', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'inmesh-rpc-'));
    try {
      const socketPath = join(folder, 'xds.sock');
      const server = grpcServer({ services: { [path]: echo } });
      servers.push(server);
      const target = await server.listen({ path: socketPath });
      assert.equal(target, `unix:${socketPath}`);
      const [heard, stream] = call(channel(`unix://${socketPath}`));
      stream.send(Buffer.from('x'));
      await heard.count(1);
      const second = grpcServer({ services: {} });
      await assert.rejects(second.listen({ path: socketPath }), { code: 'EADDRINUSE' });
      const file = join(folder, 'file');
      await writeFile(file, '');
      await assert.rejects(second.listen({ path: file }), { code: 'EADDRINUSE' });
      await second.destroy();
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

/** Waits until a number has stood still for a few turns of real I/O. */
async function settled(read: () => number): Promise<number> {
  let last = -1;
  for (let same = 0; same < 50; ) {
    await turn();
    same = read() === last ? same + 1 : 0;
    last = read();
  }
  return last;
}
