import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { connect as tlsConnect } from 'node:tls';
import { MeshError, type TcpSession, type TcpSessionEvents } from '@inmesh/core';
import { type TestServer, tcpServer } from '../testing/servers.ts';
import { TlsScene } from '../testing/tls-scene.ts';
import { MeshSocket, type MeshSocketParts } from './mesh-socket.ts';

/** What a session is told of its bytes. */
class Books {
  sent = 0;
  received = 0;
  closed = 0;
  events!: TcpSessionEvents;

  readonly open = (events: TcpSessionEvents): TcpSession => {
    this.events = events;
    const books = this;
    const session: Pick<TcpSession, 'sent' | 'received' | 'close'> = {
      sent: (bytes) => {
        books.sent += bytes;
      },
      received: (bytes) => {
        books.received += bytes;
      },
      close: () => {
        books.closed++;
      },
    };
    return session as TcpSession;
  };
}

describe('a socket over the mesh', () => {
  const servers: TestServer[] = [];
  const opened: Duplex[] = [];
  let books: Books;
  let passed: number;

  beforeEach(() => {
    books = new Books();
    passed = 0;
  });
  afterEach(async () => {
    for (const one of opened.splice(0)) one.destroy();
    for (const server of servers.splice(0)) await server.close();
  });

  async function listen(onSocket: (socket: Socket) => void = () => {}): Promise<TestServer> {
    const server = await tcpServer(onSocket);
    servers.push(server);
    return server;
  }

  function socketTo(parts: Partial<MeshSocketParts> = {}): MeshSocket {
    const socket = new MeshSocket({
      destination: { host: 'db', port: 5432, serverName: '', tls: false },
      allowHalfOpen: false,
      open: books.open,
      refuse: null,
      onPassThrough: () => {
        passed++;
      },
      ...parts,
    });
    opened.push(socket);
    return socket;
  }

  /** One that is connected to the server as the mesh would connect it. */
  async function connected(server: TestServer, parts: Partial<MeshSocketParts> = {}): Promise<MeshSocket> {
    const socket = socketTo(parts);
    await upstream(server);
    return socket;
  }

  async function upstream(server: TestServer): Promise<void> {
    const stream = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true });
    await once(stream, 'connect');
    books.events.onConnected(stream);
  }

  it('connects by itself, and tells so again to who asks later', async () => {
    const server = await listen();
    const socket = socketTo();
    assert.equal(socket.connecting, true);
    assert.equal(socket.readyState, 'opening');
    const told = once(socket, 'connect');
    await new Promise((resolve) => setImmediate(resolve));
    await upstream(server);
    await told;
    assert.equal(socket.connecting, false);
    assert.equal(socket.readyState, 'open');
    assert.equal(socket.remotePort, server.port);
    // As clients of Postgres do, whose socket is made before they are told to connect.
    await new Promise<void>((resolve) => socket.connect(5432, 'db', resolve));
  });

  it('carries bytes both ways, those from before it was connected first', async () => {
    const server = await listen((socket) => socket.pipe(socket));
    const socket = socketTo();
    socket.write('be');
    socket.write('fore ');
    setImmediate(() => void upstream(server));
    socket.end('after');
    assert.equal(await text(socket), 'before after');
    assert.equal(books.sent, 12);
    assert.equal(books.received, 12);
    assert.equal(socket.bytesRead, 12);
    assert.equal(socket.bytesWritten, 12);
    if (!socket.closed) await once(socket, 'close');
    assert.equal(books.closed, 1);
  });

  it('keeps its side open where the peer has ended, if it is told to', async () => {
    const heard: Promise<Buffer>[] = [];
    const server = await listen((socket) => {
      socket.end('goodbye');
      heard.push(buffer(socket));
    });
    const socket = await connected(server, { allowHalfOpen: true });
    assert.equal(await text(socket), 'goodbye');
    socket.end('and thanks');
    assert.equal(String(await heard[0]), 'and thanks');
  });

  it('ends with its peer otherwise', async () => {
    const server = await listen((socket) => socket.end('goodbye'));
    const socket = await connected(server);
    assert.equal(await text(socket), 'goodbye');
    if (!socket.closed) await once(socket, 'close');
    const [theirs] = server.sockets;
    assert.ok(theirs);
    if (!theirs.readableEnded) await once(theirs.resume(), 'end');
  });

  it('slows down whoever is too fast, both ways', async () => {
    const total = 8_000_000;
    let resume!: () => void;
    const server = await listen((socket) => {
      socket.pause();
      resume = () => socket.pipe(socket);
    });
    const socket = await connected(server);
    let written = 0;
    while (written < total && socket.write(Buffer.alloc(100_000))) written += 100_000;
    assert.ok(written < total, 'everything was taken, and nobody read');
    resume();
    const received: number[] = [];
    socket.on('data', (chunk: Buffer) => received.push(chunk.length));
    await once(socket, 'drain');
    socket.pause();
    socket.end();
    socket.resume();
    await once(socket, 'end');
    assert.equal(
      received.reduce((sum, each) => sum + each, 0),
      books.sent,
    );
  });

  it('fails as the mesh does', async () => {
    const socket = socketTo();
    const failed = once(socket, 'error');
    await new Promise((resolve) => setImmediate(resolve));
    const error = new MeshError('no_healthy_upstream', 'none');
    books.events.onError(error);
    assert.deepEqual(await failed, [error]);
    assert.equal(books.closed, 1);
  });

  it('says what broke the connection', async () => {
    const server = await listen();
    const socket = await connected(server);
    const failed = once(socket, 'error');
    server.sockets[0]?.resetAndDestroy();
    const [error] = (await failed) as [MeshError];
    assert.equal(error.code, 'connection_termination');
    assert.match(error.message, /ECONNRESET/);
  });

  it('ends as if the peer had closed it when its time is over', async () => {
    const server = await listen();
    const socket = await connected(server);
    const ended = once(socket.resume(), 'end');
    books.events.onExpired();
    await ended;
    if (!socket.closed) await once(socket, 'close');
    const [theirs] = server.sockets;
    assert.ok(theirs);
    if (!theirs.readableEnded) await once(theirs.resume(), 'end').catch(() => {});
  });

  it('gives the way up when nobody wants it any more', async () => {
    const socket = socketTo();
    await new Promise((resolve) => setImmediate(resolve));
    socket.destroy();
    await once(socket, 'close');
    assert.equal(books.closed, 1);
    const never = socketTo();
    never.destroy();
    await once(never, 'close');
    assert.equal(books.closed, 1, 'it had not begun');
  });

  describe('outside the mesh', () => {
    const to = (server: TestServer) => ({ host: '127.0.0.1', port: server.port, serverName: '', tls: false });

    it('is an ordinary connection', async () => {
      const server = await listen((socket) => socket.pipe(socket));
      const socket = socketTo({ open: null, destination: to(server) });
      socket.end('hello');
      assert.equal(await text(socket), 'hello');
      assert.equal(passed, 1);
      assert.equal(books.sent, 0);
    });

    it('is one, too, where the feed turns out to have no say', async () => {
      const server = await listen((socket) => socket.pipe(socket));
      const socket = socketTo({ destination: to(server) });
      socket.end('hello');
      await new Promise((resolve) => setImmediate(resolve));
      books.events.onPass(new MeshError('not_in_mesh', 'no listener'));
      assert.equal(await text(socket), 'hello');
      assert.equal(passed, 1);
    });

    it('fails as the platform does', async () => {
      const server = await listen();
      const destination = to(server);
      await server.close();
      servers.pop();
      const [error] = (await once(socketTo({ open: null, destination }), 'error')) as [NodeJS.ErrnoException];
      assert.equal(error.code, 'ECONNREFUSED');
    });

    it('is none where that is not wished', async () => {
      const refuse = new MeshError('not_in_mesh', 'outsideMesh: refuse');
      assert.deepEqual(await once(socketTo({ open: null, refuse }), 'error'), [refuse]);
      const later = socketTo({ refuse });
      const failed = once(later, 'error');
      await new Promise((resolve) => setImmediate(resolve));
      const why = new MeshError('not_in_mesh', 'no listener');
      books.events.onPass(why);
      assert.deepEqual(await failed, [why]);
    });
  });

  it('takes what a socket of the platform is told', async () => {
    const server = await listen();
    const socket = socketTo();
    socket.setNoDelay().setKeepAlive(true, 1_000).unref().ref();
    await new Promise((resolve) => setImmediate(resolve));
    await upstream(server);
    assert.equal(socket.setNoDelay(false), socket);
    const idle = once(socket, 'timeout');
    socket.setTimeout(1);
    await idle;
    socket.setTimeout(0);
    socket.end('last words');
    socket.destroySoon();
    const [theirs] = server.sockets;
    assert.ok(theirs);
    assert.equal(await text(theirs), 'last words');
  });

  it('is a stream that others build on: pipelines, and TLS of the caller’s own', async () => {
    const scene = await TlsScene.create();
    try {
      const server = await scene.listen({}, (socket) => void pipeline(socket, socket).catch(() => {}));
      const socket = await connected(server);
      const secured = tlsConnect({ socket, rejectUnauthorized: false });
      secured.end('hello');
      assert.equal(await text(secured), 'hello');
    } finally {
      await scene.end();
    }
  });

  it('tells its owner in the context that it was made in', async () => {
    const server = await listen((socket) => socket.end('hello'));
    const store = new AsyncLocalStorage<string>();
    const socket = store.run('mine', () => socketTo());
    const heard: (string | undefined)[] = [];
    for (const event of ['connect', 'data', 'end']) socket.on(event, () => heard.push(store.getStore()));
    await new Promise((resolve) => setImmediate(resolve));
    await store.run('a stranger', () => upstream(server));
    await once(socket, 'close');
    assert.deepEqual(heard, ['mine', 'mine', 'mine']);
  });
});
