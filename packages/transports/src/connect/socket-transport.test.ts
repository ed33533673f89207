import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Address, DEFAULT_POOL, type TransportSocketConfig, VirtualClock } from '@inmesh/core';
import { clusterOver, clusterWith, hostAt, local } from '../testing/cluster.ts';
import { tlsSocket } from '../testing/fake-tls.ts';
import { firstBytes, type TestServer, tcpServer } from '../testing/servers.ts';
import { TestTransport } from '../testing/transport.ts';

const RAW: TransportSocketConfig = { kind: 'raw_buffer' };

describe('the way to a host', () => {
  const servers: TestServer[] = [];
  const opened: Socket[] = [];

  async function listen(onSocket: (socket: Socket) => void = () => {}, host = '127.0.0.1'): Promise<TestServer> {
    const server = await tcpServer(onSocket, { host, port: 0 });
    servers.push(server);
    return server;
  }

  /** A port where nobody listens. */
  async function deserted(): Promise<number> {
    const server = await tcpServer(() => {});
    const { port } = server;
    await server.close();
    return port;
  }

  function kept(socket: Socket): Socket {
    opened.push(socket);
    return socket;
  }

  afterEach(async () => {
    for (const socket of opened.splice(0)) socket.destroy();
    for (const server of servers.splice(0)) await server.close();
  });

  it('is a TCP connection, with what its cluster says of it', async () => {
    const server = await listen((socket) => socket.end('hello'));
    const transport = new TestTransport(clusterWith());
    const socket = kept(await transport.bytes(hostAt(local(server.port))).open());
    assert.equal(transport.transport.settled, true);
    assert.equal((await firstBytes(socket, 5)).toString(), 'hello');
  });

  it('is a unix-domain socket', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'inmesh-'));
    try {
      const path = join(folder, 's');
      servers.push(await tcpServer((socket) => socket.end('hello'), { path }));
      const socket = kept(await new TestTransport(clusterWith()).bytes(hostAt({ kind: 'pipe', path })).open());
      assert.equal((await firstBytes(socket, 5)).toString(), 'hello');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('tells why there is none', async () => {
    const port = await deserted();
    const error = await new TestTransport(clusterWith()).bytes(hostAt(local(port))).refused();
    assert.equal(error.timeout, false);
    assert.equal(error.tls, undefined);
    assert.match(error.cause.message, new RegExp(`ECONNREFUSED 127.0.0.1:${port}`));
  });

  it('begins at the source address of the host’s family', async () => {
    const seen: (string | undefined)[] = [];
    const server = await listen((socket) => seen.push(socket.remoteAddress));
    const six = await listen((socket) => seen.push(socket.remoteAddress), '::1');
    const pool = { ...DEFAULT_POOL, bind: { host: '::1', port: 0, extra: [{ host: '127.0.0.9', port: 0 }] } };
    const transport = new TestTransport(clusterWith({ pool }));
    kept(await transport.bytes(hostAt(local(server.port))).open());
    kept(await transport.bytes(hostAt({ kind: 'socket', host: '::1', port: six.port })).open());
    while (seen.length < 2) await once(seen.length === 0 ? server.server : six.server, 'connection');
    assert.deepEqual(seen, ['127.0.0.9', '::1']);
  });

  it('is refused where no source address is of the family, as by Envoy', async () => {
    const server = await listen();
    const pool = { ...DEFAULT_POOL, bind: { host: '::1', port: 0, extra: [] } };
    const error = await new TestTransport(clusterWith({ pool })).bytes(hostAt(local(server.port))).refused();
    assert.match(error.cause.message, /EINVAL/);
    assert.equal(server.sockets.length, 0);
  });

  it('leads to the next address of the host where the first is deserted', async () => {
    const server = await listen((socket) => socket.end('second'));
    const host = hostAt(local(await deserted()), { additionalAddresses: [local(server.port)] });
    const socket = kept(await new TestTransport(clusterWith()).bytes(host).open());
    assert.equal((await firstBytes(socket, 6)).toString(), 'second');
  });

  it('has connect_timeout from TCP to the end of its last layer, and leaves nothing behind', async () => {
    const server = await listen();
    const clock = new VirtualClock();
    const proxied: TransportSocketConfig = { kind: 'http_11_proxy', inner: RAW, defaultProxy: null };
    const transport = new TestTransport(clusterOver(proxied, { connectTimeoutMs: 250 }), { clock });
    const way = transport.bytes(hostAt(local(1), { proxyAddress: local(server.port) }));
    const [socket] = (await once(server.server, 'connection')) as [Socket];
    assert.match((await firstBytes(socket, 10)).toString(), /^CONNECT /);
    clock.advance(250);
    const error = await way.refused();
    assert.equal(error.timeout, true);
    assert.equal(error.cause.message, 'connect timeout after 250 ms');
    await once(socket.resume(), 'end');
    assert.equal(clock.pending, 0);
  });

  it('is given up without a word', async () => {
    const server = await listen();
    const clock = new VirtualClock();
    const way = new TestTransport(clusterWith(), { clock }).bytes(hostAt(local(server.port)));
    const over = way.over.then(() => 'over');
    way.cancel();
    way.cancel();
    assert.equal(clock.pending, 0);
    kept(await new TestTransport(clusterWith()).bytes(hostAt(local(server.port))).open());
    assert.equal(await Promise.race([over, Promise.resolve('silent')]), 'silent');
  });

  describe('by an HTTP proxy', () => {
    const heads: string[] = [];
    const target: Address = { kind: 'socket', host: '10.9.8.7', port: 8443 };

    /** Answers the first bytes of each connection with these. */
    function proxy(...answer: string[]): Promise<TestServer> {
      heads.length = 0;
      return listen((socket) => {
        socket.once('data', (head: Buffer) => {
          heads.push(head.toString());
          for (const part of answer) socket.write(part);
        });
      });
    }

    function transport(defaultProxy: Address | null = null): TestTransport {
      return new TestTransport(clusterOver({ kind: 'http_11_proxy', inner: RAW, defaultProxy }));
    }

    it('asks the host’s own proxy for a tunnel to the host, as Envoy 1.40 asks', async () => {
      const server = await proxy('HTTP/1.1 200 OK\r\n\r\nhello');
      const proxyAddress = local(server.port);
      const socket = kept(await transport().bytes(hostAt(target, { proxyAddress })).open());
      assert.deepEqual(heads, ['CONNECT 10.9.8.7:8443 HTTP/1.1\r\nHost: 10.9.8.7:8443\r\n\r\n']);
      assert.equal((await firstBytes(socket, 5)).toString(), 'hello', 'what came with the answer is not lost');

      const named = hostAt(target, { proxyAddress, hostname: 'foo.example', additionalAddresses: [local(1)] });
      kept(await transport().bytes(named).open());
      assert.equal(heads[1], 'CONNECT foo.example:8443 HTTP/1.1\r\nHost: foo.example:8443\r\n\r\n');
    });

    it('takes an answer in pieces', async () => {
      const server = await listen(async (socket) => {
        await once(socket, 'data');
        for (const piece of ['HTTP/1.0 2', '00 Connection established\r\nVia: a', '\r\n\r', '\nhello']) {
          await new Promise((done) => socket.write(piece, done));
        }
      });
      const socket = kept(
        await transport()
          .bytes(hostAt(target, { proxyAddress: local(server.port) }))
          .open(),
      );
      assert.equal((await firstBytes(socket, 5)).toString(), 'hello');
    });

    it('sends bytes in the clear to the default proxy as they are', async () => {
      const server = await proxy('hello');
      const socket = kept(await transport(local(server.port)).bytes(hostAt(target)).open());
      socket.write('GET / HTTP/1.1\r\n\r\n');
      assert.equal((await firstBytes(socket, 5)).toString(), 'hello');
      assert.deepEqual(heads, ['GET / HTTP/1.1\r\n\r\n']);
    });

    for (const [what, answer, why] of [
      ['says no', 'HTTP/1.1 403 Forbidden\r\n\r\n', /it answered 403/],
      ['speaks something else', 'SSH-2.0-OpenSSH_9\r\n\r\n', /no HTTP\/1\.1/],
      ['does not end', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(2_000)}`, /does not end within 2000 bytes/],
    ] as const) {
      it(`is refused where its answer ${what}`, async () => {
        const server = await proxy(answer);
        const error = await transport()
          .bytes(hostAt(target, { proxyAddress: local(server.port) }))
          .refused();
        assert.match(error.cause.message, /^no tunnel to 10\.9\.8\.7:8443 by the HTTP proxy at 127\.0\.0\.1: /);
        assert.match(error.cause.message, why);
        const [socket] = server.sockets;
        assert.ok(socket);
        if (!socket.readableEnded) await once(socket.resume(), 'end');
      });
    }

    it('is refused where the proxy hangs up', async () => {
      const ended = await listen((socket) => socket.resume().end());
      const gone = await transport()
        .bytes(hostAt(target, { proxyAddress: local(ended.port) }))
        .refused();
      assert.match(gone.cause.message, /it closed the connection/);
      const reset = await listen((socket) => socket.once('data', () => socket.resetAndDestroy()));
      const broken = await transport()
        .bytes(hostAt(target, { proxyAddress: local(reset.port) }))
        .refused();
      assert.match(broken.cause.message, /ECONNRESET/);
    });
  });

  it('is not taken where a part of it cannot be done', async () => {
    const server = await listen();
    const inner: TransportSocketConfig = { kind: 'unsupported', fields: ['transport_socket (x.Alts)'] };
    const socket: TransportSocketConfig = { kind: 'upstream_proxy_protocol', version: 'v2', tlvs: [], inner };
    const error = await new TestTransport(clusterOver(socket)).bytes(hostAt(local(server.port))).refused();
    assert.match(error.cause.message, /this version cannot do transport_socket \(x\.Alts\)/);
    assert.equal(server.sockets.length, 0);
  });

  it('is not taken in the clear where TLS is wanted and nobody has secrets', async () => {
    const server = await listen();
    const error = await new TestTransport(clusterOver(tlsSocket())).bytes(hostAt(local(server.port))).refused();
    assert.match(error.cause.message, /wants TLS, and nobody here has secrets/);
    assert.equal(server.sockets.length, 0);
  });

  it('begins with the header of the PROXY protocol', async () => {
    const server = await listen();
    const socket: TransportSocketConfig = { kind: 'upstream_proxy_protocol', version: 'v1', tlvs: [], inner: RAW };
    const ours = kept(await new TestTransport(clusterOver(socket)).bytes(hostAt(local(server.port))).open());
    ours.write('hello');
    const [theirs] = server.sockets;
    assert.ok(theirs);
    const line = `PROXY TCP4 127.0.0.1 127.0.0.1 ${ours.localPort} ${server.port}\r\nhello`;
    assert.equal((await firstBytes(theirs, line.length)).toString(), line);
  });
});
