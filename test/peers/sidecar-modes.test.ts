import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import { type ControlPlane, type ResourceInput, startControlPlane } from '@inmesh/control-plane';
import { Pool } from 'undici';
import { type App, startApp } from './support/apps.ts';
import { TYPE_URL } from './support/feed.ts';
import { describeWithPeers } from './support/peers.ts';
import { ClientEnvoy, staticCluster } from './support/tls/client-envoy.ts';
import { type ClientTls, clientSocket, protocolOptions } from './support/tls/contexts.ts';
import { type SecretSource, secretResources, writeSecretFiles } from './support/tls/secrets.ts';
import { Sidecar, type SidecarMode, seenBySidecar } from './support/tls/sidecar.ts';
import { type IdentityFiles, TestTrust } from './support/tls/trust.ts';

const SOURCES: readonly SecretSource[] = ['files', 'path', 'ads'];
/** What the filter `istio.alpn` puts on the wire for each protocol. */
const ISTIO_ALPN = { http1: ['istio-http/1.1', 'istio', 'http/1.1'], http2: ['istio-h2', 'istio', 'h2'] } as const;

/**
 * The sidecars that other suites call are what they say: a real Envoy as caller, with clusters as a feed has them, is let
 * in by one that is STRICT and by one that is PERMISSIVE, over HTTP/1.1 and HTTP/2, with secrets from files, from files of
 * secrets and from the control plane; who is not of the mesh is not.
 */
describeWithPeers(['envoy'], 'Envoy sidecars in STRICT and PERMISSIVE mode', () => {
  let trust: TestTrust;
  let app: App;
  let plane: ControlPlane;
  let caller: IdentityFiles;
  let server: IdentityFiles;
  let client: ClientEnvoy;
  let pool: Pool;
  const sidecars = new Map<string, Sidecar>();

  before(async () => {
    trust = await TestTrust.create();
    app = await startApp('app');
    [caller, server] = [await trust.identity('caller'), await trust.identity('server')];
    for (const identity of [caller, server]) writeSecretFiles(identity);
    plane = await startControlPlane();
    plane.update(secretResources(server), { node: 'server' });
    const ads = Number(plane.address.split(':').at(-1));
    const start = async (name: string, mode: SidecarMode, source: SecretSource) => {
      const tls = { identity: server, source };
      const node = source === 'ads' ? 'server' : `server-${name}`;
      sidecars.set(name, await Sidecar.start({ node, app: app.port, tls, mode, ...(source === 'ads' && { ads }) }));
    };
    for (const source of SOURCES) await start(`strict-${source}`, 'strict', source);
    await start('permissive-files', 'permissive', 'files');
    const served = clusters(['ads']).map(
      (cluster) => ({ '@type': TYPE_URL.cluster, ...cluster }) as ResourceInput & { readonly name: string },
    );
    plane.update([...secretResources(caller), ...served], { node: 'caller' });
    client = await ClientEnvoy.start('caller', clusters(['files', 'path']), {
      ads,
      served: served.map(({ name }) => name),
    });
    pool = new Pool(`http://127.0.0.1:${client.port}`);
  });
  after(async () => {
    await pool?.close();
    await client?.stop();
    for (const sidecar of sidecars.values()) await sidecar.stop();
    await plane?.close();
    await app?.close();
    trust?.[Symbol.dispose]();
  });

  function clusters(sources: readonly SecretSource[]) {
    const chosen = [...sidecars].filter(([name]) => sources.some((source) => name.endsWith(source)));
    return chosen.flatMap(([name, { port }]) =>
      (['http1', 'http2'] as const).map((protocol) => {
        const source = (name.split('-')[1] ?? 'files') as SecretSource;
        const socket = clientSocket({ identity: caller, source, servers: [server.spiffeId], ...wire(name, protocol) });
        return staticCluster(`${name}-${protocol}`, port, { transport_socket: socket, ...protocolOptions(protocol) });
      }),
    );
  }

  function wire(name: string, protocol: 'http1' | 'http2'): Pick<ClientTls, 'sni' | 'alpn' | 'common'> {
    const common = protocol === 'http2' ? { tls_params: { tls_maximum_protocol_version: 'TLSv1_3' } } : {};
    const alpn = name.startsWith('permissive') ? ISTIO_ALPN[protocol] : [];
    return { sni: `outbound_.80_._.${name}`, alpn, common };
  }

  for (const name of ['strict-files', 'strict-path', 'strict-ads', 'permissive-files']) {
    // As a client Envoy goes no further than TLS 1.2, unless it is told to.
    for (const [protocol, version, tls] of [
      ['http1', 'HTTP/1.1', 'TLSv1.2'],
      ['http2', 'HTTP/2', 'TLSv1.3'],
    ] as const) {
      it(`${name}, ${protocol}: lets Envoy in, by the names of both`, async () => {
        const { statusCode, headers, body } = await pool.request({
          path: '/',
          method: 'GET',
          headers: { host: `${name}-${protocol}` },
        });
        assert.deepEqual([statusCode, await body.text()], [200, 'app']);
        const { connection: _, ...saw } = seenBySidecar(new Headers(headers as Record<string, string>));
        const sni = `outbound_.80_._.${name}`;
        assert.deepEqual(saw, { peer: caller.spiffeId, sni, protocol: version, tls, chain: 'mtls' });
        const xfcc = String(app.seen.at(-1)?.headers['x-forwarded-client-cert']);
        assert.match(xfcc, new RegExp(`By=${server.spiffeId};Hash=[0-9a-f]{64};Subject="";URI=${caller.spiffeId}`));
      });
    }
  }

  it('permissive: lets a call in the clear in, strict does not', async () => {
    const outcomes = await Promise.all(
      ['permissive-files', 'strict-files'].map(async (name) => {
        const response = await fetch(`http://127.0.0.1:${portOf(name)}/`).catch(() => null);
        return response === null ? 'refused' : `${response.status} ${seenBySidecar(response.headers).chain}`;
      }),
    );
    assert.deepEqual(outcomes, ['200 plaintext', 'refused']);
  });

  it('permissive: TLS that does not say the protocol of the mesh finds no chain', async () => {
    assert.equal(await greeted('permissive-files', caller, ['http/1.1']), 'refused');
    assert.equal(await greeted('permissive-files', caller, [...ISTIO_ALPN.http1]), 'http/1.1');
    assert.equal(await greeted('strict-files', caller, ['http/1.1']), 'http/1.1');
  });

  it('strict: refuses who has no certificate, one of another trust domain, or one of another authority', async () => {
    using elsewhere = await TestTrust.create('other.test');
    using impostors = await TestTrust.create();
    assert.equal(await greeted('strict-files', null, ['h2']), 'refused');
    assert.equal(await greeted('strict-files', await elsewhere.identity('caller'), ['h2']), 'refused');
    assert.equal(await greeted('strict-files', await impostors.identity('caller'), ['h2']), 'refused');
    const stranger = await elsewhere.identity('caller', {}, trust.authority);
    assert.equal(await greeted('strict-files', stranger, ['h2']), 'refused', 'its authority, another domain');
    assert.ok((await sidecars.get('strict-files')!.stat('ssl.fail_verify_san')) >= 1);
    assert.equal(await greeted('strict-files', caller, ['h2']), 'h2');
  });

  function portOf(name: string): number {
    return sidecars.get(name)!.port;
  }

  /** What the server chose by ALPN once it has answered a byte; with TLS 1.3 a client hears of its refusal after its own handshake. */
  async function greeted(name: string, identity: IdentityFiles | null, alpn: readonly string[]): Promise<string> {
    const socket = connectTls({
      host: '127.0.0.1',
      port: portOf(name),
      ALPNProtocols: [...alpn],
      rejectUnauthorized: false,
      ...(identity !== null && { cert: identity.chain, key: identity.key }),
    });
    try {
      await once(socket, 'secureConnect');
      const h2 = socket.alpnProtocol === 'h2';
      socket.write(h2 ? 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0' : 'GET / HTTP/1.1\r\nhost: app\r\n\r\n');
      await once(socket, 'data');
      return String(socket.alpnProtocol);
    } catch {
      return 'refused';
    } finally {
      socket.destroy();
    }
  }
});
