import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import type { TransportSocketConfig } from '@inmesh/core';
import { CertificateAuthority } from '@inmesh/mtls/ca';
import { hostAt, local } from '../testing/cluster.ts';
import { FakeMaterial, tlsSocket } from '../testing/fake-tls.ts';
import { firstBytes, type TestServer, tcpServer } from '../testing/servers.ts';
import { issue, SERVER_ID, TlsScene } from '../testing/tls-scene.ts';

describe('TLS to a host', () => {
  let scene: TlsScene;
  let other: CertificateAuthority;
  before(async () => {
    scene = await TlsScene.create();
    other = await CertificateAuthority.create();
  });
  afterEach(() => scene.end());

  it('speaks to who was judged good', async () => {
    const server = await scene.listen({}, (socket) => socket.end('hello'));
    const { transport } = scene.transport(new FakeMaterial(scene.trust, [`URI:${SERVER_ID}`]));
    const socket = scene.kept(await transport.bytes(hostAt(local(server.port))).open());
    assert.equal((await firstBytes(socket, 5)).toString(), 'hello');
  });

  it('shows its own certificate', async () => {
    const client = await issue(scene.authority, 'spiffe://mesh/ns/a/sa/client');
    const server = await scene.listen(
      { requestCert: true, rejectUnauthorized: true, ca: scene.authority.root },
      (socket) => socket.end(String(socket.getPeerCertificate().subjectaltname)),
    );
    const { transport } = scene.transport(new FakeMaterial({ ...scene.trust, ...client }));
    const socket = scene.kept(await transport.bytes(hostAt(local(server.port))).open());
    assert.match((await firstBytes(socket, 10)).toString(), /spiffe:\/\/mesh\/ns\/a\/sa\/client/);
  });

  it('says nothing to who was refused, not even its request', async () => {
    const heard: Buffer[] = [];
    const server = await scene.listen({ maxVersion: 'TLSv1.2' }, (socket) =>
      socket.on('data', (bytes) => heard.push(bytes)),
    );
    const { transport } = scene.transport(new FakeMaterial(scene.trust, ['URI:spiffe://mesh/ns/a/sa/another']));
    const closed = once(server.server, 'secureConnection').then(([socket]) => once(socket as Socket, 'close'));
    const error = await transport.http(hostAt(local(server.port))).refused();
    await closed;
    assert.equal(error.tls, 'fail_verify_san');
    assert.equal(error.timeout, false);
    assert.match(
      error.cause.message,
      /DNS:a\.example.* was presented, URI:spiffe:\/\/mesh\/ns\/a\/sa\/another was expected/,
    );
    assert.deepEqual(heard, []);
  });

  it('refuses who is of another authority', async () => {
    const server = await scene.listen(await issue(other, SERVER_ID));
    const { transport } = scene.transport(new FakeMaterial(scene.trust));
    const error = await transport.bytes(hostAt(local(server.port))).refused();
    assert.equal(error.tls, 'fail_verify_error');
  });

  it('judges by what the call expects, too', async () => {
    const server = await scene.listen();
    const material = new FakeMaterial(scene.trust);
    const { transport } = scene.transport(material);
    const host = hostAt(local(server.port));
    const expected = { rule: 'also', names: ['DNS:b.example'] } as const;
    assert.equal((await transport.bytes(host, { expected }).refused()).tls, 'fail_verify_san');
    scene.kept(await transport.bytes(host).open());
    assert.deepEqual(material.judged, [expected, null]);
  });

  it('tells what the handshake led to', async () => {
    const server = await scene.listen({ minVersion: 'TLSv1.3' });
    const { transport } = scene.transport(new FakeMaterial({ ...scene.trust, ecdhCurve: 'X25519' }));
    const { tls } = scene.kept(await transport.http(hostAt(local(server.port))).open());
    assert.ok(tls);
    assert.equal(tls.version, 'TLSv1.3');
    assert.match(tls.cipher, /^TLS_/);
    assert.match(tls.curve, /x25519/i);
  });

  it('runs within the tunnel of an HTTP proxy, also of the default one', async () => {
    const target = await scene.listen({}, (socket) => socket.end('hello'));
    const heads: string[] = [];
    const proxy = await tcpServer((socket) => {
      socket.once('data', (head: Buffer) => {
        heads.push(head.toString());
        const onward = connect(target.port, '127.0.0.1', () => {
          socket.write('HTTP/1.1 200 OK\r\n\r\n');
          socket.pipe(onward).pipe(socket);
        });
        onward.on('error', () => {});
      });
    });
    scene.closing(proxy);
    const socket: TransportSocketConfig = {
      kind: 'upstream_proxy_protocol',
      version: 'v1',
      tlvs: [],
      inner: { kind: 'http_11_proxy', inner: tlsSocket(), defaultProxy: local(proxy.port) },
    };
    const { transport } = scene.transport(new FakeMaterial(scene.trust), socket.inner);
    const stream = scene.kept(await transport.bytes(hostAt({ kind: 'socket', host: '10.9.8.7', port: 443 })).open());
    assert.equal((await firstBytes(stream, 5)).toString(), 'hello');
    assert.deepEqual(heads, ['CONNECT 10.9.8.7:443 HTTP/1.1\r\nHost: 10.9.8.7:443\r\n\r\n']);
  });

  describe('takes no session up again', () => {
    /** Handshakes of a server that gives out tickets, as it saw them. */
    async function resuming(version: 'TLSv1.2' | 'TLSv1.3'): Promise<{ server: TestServer; reused: boolean[] }> {
      const reused: boolean[] = [];
      const server = await scene.listen({ minVersion: version, maxVersion: version }, (socket) => {
        reused.push(socket.isSessionReused());
        socket.end('hello');
      });
      return { server, reused };
    }

    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      it(`with ${version}: each peer is judged by its certificate`, async () => {
        const { server, reused } = await resuming(version);
        const good = new FakeMaterial(scene.trust, [`URI:${SERVER_ID}`]);
        const { transport, tls } = scene.transport(good);
        const host = hostAt(local(server.port));
        for (let i = 0; i < 2; i++) await firstBytes(scene.kept(await transport.bytes(host).open()), 5);
        assert.equal(good.judged.length, 2);

        tls.material = new FakeMaterial(scene.trust, ['URI:spiffe://mesh/ns/a/sa/another']);
        assert.equal((await transport.bytes(host).refused()).tls, 'fail_verify_san', 'another name is expected');
        tls.material = new FakeMaterial({ ca: other.root }, [`URI:${SERVER_ID}`]);
        assert.equal((await transport.bytes(host).refused()).tls, 'fail_verify_error', 'others are trusted');
        tls.material = new FakeMaterial({
          ...scene.trust,
          ...(await issue(scene.authority, 'spiffe://mesh/ns/a/sa/b')),
        });
        await firstBytes(scene.kept(await transport.bytes(host).open()), 5);
        assert.ok(reused.length >= 3);
        assert.deepEqual(new Set(reused), new Set([false]));
      });

      it(`since Node shows no certificate of the peer then (${version})`, async () => {
        const { server } = await resuming(version);
        const options = {
          port: server.port,
          host: '127.0.0.1',
          ca: scene.authority.root,
          checkServerIdentity: () => undefined,
        };
        const first = tlsConnect(options);
        const [session] = (await once(first.resume(), 'session')) as [Buffer];
        const second = tlsConnect({ ...options, session });
        await once(second, 'secureConnect');
        assert.equal(second.isSessionReused(), true);
        assert.equal(second.getPeerX509Certificate(), undefined);
        assert.deepEqual(second.getPeerCertificate(true), {});
        first.destroy();
        second.destroy();
      });
    }
  });
});
