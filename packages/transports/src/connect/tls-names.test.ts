import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { TLSSocket } from 'node:tls';
import { hostAt, local } from '../testing/cluster.ts';
import { FakeMaterial, tlsSocket } from '../testing/fake-tls.ts';
import { TlsScene } from '../testing/tls-scene.ts';

describe('a TLS client', () => {
  let scene: TlsScene;
  before(async () => {
    scene = await TlsScene.create();
  });
  afterEach(() => scene.end());

  describe('tells the server name', () => {
    const cases = [
      ['none', {}, {}, false],
      ['the feed’s', { sni: 'feed.example' }, {}, 'feed.example'],
      ['the call’s before it', { sni: 'feed.example' }, { sni: 'call.example' }, 'call.example'],
      ['none where the call has none', { sni: 'feed.example' }, { sni: '' }, false],
      ['never an IP address', { sni: '10.0.0.1' }, {}, false],
      ['never an IPv6 address', {}, { sni: 'fd00::1' }, false],
    ] as const;
    for (const [what, context, key, expected] of cases) {
      it(what, async () => {
        let told: unknown;
        const server = await scene.listen({}, (socket) => {
          told = (socket as TLSSocket & { servername: unknown }).servername;
        });
        const { transport } = scene.transport(new FakeMaterial(scene.trust), tlsSocket(context));
        const secure = once(server.server, 'secureConnection');
        scene.kept(await transport.bytes(hostAt(local(server.port)), key).open());
        await secure;
        assert.equal(told, expected);
      });
    }
  });

  describe('asks by ALPN', () => {
    const cases = [
      ['for HTTP/1.1', {}, 'http1', null, ['http/1.1']],
      ['for HTTP/2 and HTTP/1.1', {}, 'auto', null, ['h2', 'http/1.1']],
      ['for what the feed lists', { alpnProtocols: ['istio', 'http/1.1'] }, 'http1', null, ['istio', 'http/1.1']],
      ['for what the call wants', { alpnProtocols: ['x'] }, 'http1', ['istio-http/1.1'], ['istio-http/1.1']],
    ] as const;
    for (const [what, common, protocol, alpn, expected] of cases) {
      it(what, async () => {
        let asked: readonly string[] = [];
        const server = await scene.listen({
          ALPNCallback: ({ protocols }) => {
            asked = protocols;
            return protocols.find((one) => one !== 'h2');
          },
        });
        const { transport } = scene.transport(new FakeMaterial(scene.trust), tlsSocket({}, common));
        const connection = scene.kept(await transport.http(hostAt(local(server.port)), { protocol, alpn }).open());
        assert.deepEqual(asked, expected);
        assert.equal(connection.protocol, 'http1');
        assert.equal(
          connection.tls?.alpn,
          expected.find((one) => one !== 'h2'),
        );
      });
    }

    for (const protocol of ['http2', 'auto'] as const) {
      it(`for HTTP/2, and speaks it where the server does (${protocol})`, async () => {
        const server = await scene.listen({ ALPNProtocols: ['h2', 'http/1.1'] });
        const { transport } = scene.transport(new FakeMaterial(scene.trust));
        const connection = scene.kept(await transport.http(hostAt(local(server.port)), { protocol }).open());
        assert.equal(connection.protocol, 'http2');
        assert.equal(connection.tls?.alpn, 'h2');
      });
    }

    it('for HTTP/2, and speaks it where the server knows no ALPN and nothing else is to be spoken', async () => {
      const server = await scene.listen();
      const { transport } = scene.transport(new FakeMaterial(scene.trust));
      const connection = scene.kept(await transport.http(hostAt(local(server.port)), { protocol: 'http2' }).open());
      assert.equal(connection.protocol, 'http2');
    });

    it('for nothing where bytes are all that is known', async () => {
      const server = await scene.listen({ ALPNCallback: () => assert.fail('nothing was to be asked for') });
      const { transport } = scene.transport(new FakeMaterial(scene.trust));
      scene.kept(await transport.bytes(hostAt(local(server.port))).open());
    });

    it('and goes on where the server knows no ALPN', async () => {
      const server = await scene.listen();
      const { transport } = scene.transport(new FakeMaterial(scene.trust));
      const { protocol, tls } = scene.kept(
        await transport.http(hostAt(local(server.port)), { protocol: 'auto' }).open(),
      );
      assert.equal(protocol, 'http1');
      assert.equal(tls?.alpn, '');
    });

    it('and refuses HTTP/2 where HTTP/1.1 is what the cluster speaks', async () => {
      const server = await scene.listen({ ALPNProtocols: ['h2'] });
      const { transport } = scene.transport(new FakeMaterial(scene.trust));
      const error = await transport.http(hostAt(local(server.port)), { alpn: ['h2', 'http/1.1'] }).refused();
      assert.match(error.cause.message, /chose h2 by ALPN, where the cluster speaks HTTP\/1\.1/);
    });
  });
});
