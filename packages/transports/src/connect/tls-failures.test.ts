import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { MeshError, VirtualClock } from '@inmesh/core';
import { CertificateAuthority } from '@inmesh/mtls/ca';
import { clusterOver, clusterWith, hostAt, local } from '../testing/cluster.ts';
import { FakeMaterial, FakeTls, tlsContext, tlsSocket } from '../testing/fake-tls.ts';
import { tcpServer } from '../testing/servers.ts';
import { TlsScene } from '../testing/tls-scene.ts';
import { TestTransport } from '../testing/transport.ts';

describe('TLS that does not come up', () => {
  let scene: TlsScene;
  let other: CertificateAuthority;
  before(async () => {
    scene = await TlsScene.create();
    other = await CertificateAuthority.create();
  });
  afterEach(() => scene.end());

  it('where both sides have no version in common', async () => {
    const server = await scene.listen({ maxVersion: 'TLSv1.2' });
    const { transport } = scene.transport(new FakeMaterial({ ...scene.trust, minVersion: 'TLSv1.3' }));
    const error = await transport.bytes(hostAt(local(server.port))).refused();
    assert.equal(error.tls, 'connection_error');
    assert.match(error.cause.message, /^the TLS handshake failed: .*protocol version/);
  });

  it('where the server speaks in the clear', async () => {
    const server = await tcpServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    scene.closing(server);
    const { transport } = scene.transport(new FakeMaterial(scene.trust));
    const error = await transport.bytes(hostAt(local(server.port))).refused();
    assert.equal(error.tls, 'connection_error');
    assert.match(error.cause.message, /^the TLS handshake failed: /);
  });

  for (const [how, hangUp] of [
    ['says goodbye', (socket: Socket) => socket.resume().end()],
    ['resets', (socket: Socket) => socket.once('data', () => socket.resetAndDestroy())],
  ] as const) {
    it(`where the server ${how} in the middle, which is no error of TLS`, async () => {
      const server = await tcpServer(hangUp);
      scene.closing(server);
      const { transport } = scene.transport(new FakeMaterial(scene.trust));
      const error = await transport.bytes(hostAt(local(server.port))).refused();
      assert.equal(error.tls, undefined);
      assert.match(error.cause.message, /^the TLS handshake failed: /);
    });
  }

  it('where the server wants a certificate that we do not have', async () => {
    const server = await scene.listen({
      requestCert: true,
      rejectUnauthorized: true,
      ca: scene.authority.root,
      maxVersion: 'TLSv1.2',
    });
    const { transport } = scene.transport(new FakeMaterial(scene.trust));
    const error = await transport.bytes(hostAt(local(server.port))).refused();
    assert.match(error.cause.message, /^the TLS handshake failed: /);
  });

  it('where the secret is missing, and sends nothing', async () => {
    const server = await scene.listen();
    const missing = new MeshError('connection_failure', 'secret "default" never came', { cluster: 'c' });
    const { transport } = scene.transport(missing);
    const error = await transport.bytes(hostAt(local(server.port))).refused();
    assert.equal(error.cause, missing);
    assert.equal(server.sockets.length, 0);
    const way = transport.bytes(hostAt(local(server.port)));
    way.cancel();
  });

  it('where a transport socket is not of the configuration in force', async () => {
    const { transport, tls } = scene.transport(new FakeMaterial(scene.trust));
    transport.transport.configure(clusterOver(tlsSocket()));
    assert.deepEqual(
      tls.followed.map(({ released }) => released),
      [true, false],
    );
    const error = await transport.bytes(hostAt(local(1))).refused();
    assert.match(error.cause.message, /configuration that is no longer in force/);
  });

  it('where the server falls silent, with connect_timeout', async () => {
    const server = await tcpServer((socket) => socket.resume());
    scene.closing(server);
    const clock = new VirtualClock();
    const tls = new FakeTls(new FakeMaterial(scene.trust));
    const transport = new TestTransport(clusterOver(tlsSocket(), { connectTimeoutMs: 250 }), { tls, clock });
    const way = transport.bytes(hostAt(local(server.port)));
    const [socket] = (await once(server.server, 'connection')) as [Socket];
    clock.advance(250);
    const error = await way.refused();
    assert.equal(error.timeout, true);
    assert.equal(error.tls, undefined);
    await once(socket, 'end');
  });

  describe('with secrets that come and change', () => {
    it('goes by the old configuration while the new one waits for its secrets', async () => {
      const server = await scene.listen();
      const host = hostAt(local(server.port));
      const { transport, tls } = scene.transport(new FakeMaterial(scene.trust));
      tls.settled = false;
      transport.transport.configure(clusterOver(tlsSocket()));
      assert.equal(transport.transport.settled, false);
      scene.kept(await transport.bytes(host).open());
      tls.settled = true;
      tls.followed[1]?.events.onSettled();
      assert.deepEqual(transport.heard, ['settled']);
      assert.deepEqual(
        tls.followed.map(({ released }) => released),
        [true, false],
      );
      await transport.bytes(host).refused();
      tls.followed[0]?.events.onRotated();
      assert.deepEqual(transport.heard, ['settled'], 'nobody listens to it any more');
    });

    it('is settled once all contexts of the cluster are', () => {
      const first = tlsSocket();
      const second = tlsContext();
      const tls = new FakeTls(new FakeMaterial(scene.trust));
      tls.settled = false;
      const matches = [
        { name: 'm', criteria: {}, socket: { kind: 'tls', context: second } as const },
        { name: 'n', criteria: {}, socket: { kind: 'raw_buffer' } as const },
      ];
      const transport = new TestTransport(clusterWith({ transport: { socket: first, matches } }), { tls });
      assert.equal(transport.transport.settled, false);
      assert.equal(tls.followed.length, 2);
      tls.followed[0]?.events.onSettled();
      assert.deepEqual(transport.heard, []);
      tls.settled = true;
      tls.followed[1]?.events.onSettled();
      tls.followed[0]?.events.onSettled();
      assert.deepEqual(transport.heard, ['settled']);
      tls.followed[0]?.events.onRotated();
      assert.deepEqual(transport.heard, ['settled', 'rotated']);
      transport.transport.configure(clusterOver(first));
      assert.deepEqual(
        tls.followed.map(({ released }) => released),
        [false, true],
      );
      transport.transport.release();
      assert.ok(tls.followed.every(({ released }) => released));
    });

    it('uses the new ones for new connections', async () => {
      const server = await scene.listen();
      const { transport, tls } = scene.transport(new FakeMaterial({ ca: other.root }));
      await transport.bytes(hostAt(local(server.port))).refused();
      tls.material = new FakeMaterial(scene.trust);
      scene.kept(await transport.bytes(hostAt(local(server.port))).open());
    });
  });
});
