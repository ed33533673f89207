import assert from 'node:assert/strict';
import { type ControlPlane, type ResourceInput, startControlPlane } from '@inmesh/control-plane';
import { CertificateAuthority, issueSelfSigned } from '@inmesh/mtls/ca';
import { createMesh, type Mesh, meshErrorOf } from 'inmesh';
import { request } from 'undici';
import { type App, startApp } from './support/apps.ts';
import { apiListener, cluster, host, to } from './support/feed.ts';
import { describeWithPeers } from './support/peers.ts';
import { ClientEnvoy } from './support/tls/client-envoy.ts';
import { type ClientTls, clientSocket, protocolOptions } from './support/tls/contexts.ts';
import { type SecretSource, secretResources, writeSecretFiles } from './support/tls/secrets.ts';
import { Sidecar, type SidecarMode, seenBySidecar } from './support/tls/sidecar.ts';
import { type IdentityFiles, TestTrust } from './support/tls/trust.ts';
import { until } from './support/until.ts';

const SOURCES: readonly SecretSource[] = ['files', 'path', 'ads'];
const ISTIO_ALPN = { http1: ['istio-http/1.1', 'istio', 'http/1.1'], http2: ['istio-h2', 'istio', 'h2'] } as const;
const HOUR_MS = 3_600_000;

/**
 * inmesh calls services whose sidecars, real Envoys, are STRICT or PERMISSIVE, with its identity from files, from files of secrets and
 * from the control plane, over HTTP/1.1 and HTTP/2. Behind the same feed stand impostors: Envoys with a certificate that the
 * feed does not allow, and one with none. Not a byte of a request may reach a service behind those.
 */
describeWithPeers(['envoy'], 'inmesh calls Envoy sidecars over mutual TLS', () => {
  let trust: TestTrust;
  let app: App;
  let plane: ControlPlane;
  let mesh: Mesh;
  let envoy: ClientEnvoy;
  let caller: IdentityFiles;
  let server: IdentityFiles;
  const services = new Map<string, Service>();

  before(async () => {
    trust = await TestTrust.create();
    app = await startApp('app', (request, response) => {
      request.resume().on('end', () => response.end(`app ${request.method} ${request.url}`));
    });
    [caller, server] = [await trust.identity('caller'), await trust.identity('server')];
    for (const identity of [caller, server]) writeSecretFiles(identity);
    const strict = await start('strict', server);
    const permissive = await start('permissive', server, 'permissive');
    for (const protocol of ['http1', 'http2'] as const) {
      for (const source of SOURCES) add(`strict-${source}-${protocol}`, strict, protocol, { source });
      add(`permissive-${protocol}`, permissive, protocol, { alpn: ISTIO_ALPN[protocol] });
      for (const [name, impostor] of await impostors()) add(`${name}-${protocol}`, impostor, protocol);
    }
    plane = await startControlPlane({ resources: feed() });
    plane.update(
      feed().filter((resource) => !('api_listener' in resource)),
      { node: 'envoy' },
    );
    envoy = await ClientEnvoy.start('envoy', [], {
      ads: Number(plane.address.split(':').at(-1)),
      served: [...services.keys()],
    });
    mesh = await createMesh({
      bootstrapConfig: JSON.stringify({
        xds_servers: [{ server_uri: plane.address, channel_creds: [{ type: 'insecure' }] }],
        node: { id: 'inmesh' },
      }),
      env: {},
    });
  });
  after(async () => {
    mesh?.close();
    await envoy?.stop();
    await plane?.close();
    for (const sidecar of new Set([...services.values()].map((service) => service.sidecar))) await sidecar.stop();
    await app?.close();
    trust?.[Symbol.dispose]();
  });

  for (const [protocol, version] of [
    ['http1', 'HTTP/1.1'],
    ['http2', 'HTTP/2'],
  ] as const) {
    for (const name of ['strict-files', 'strict-path', 'strict-ads', 'permissive']) {
      it(`${name}, ${protocol}: is let in, by the names of both`, async () => {
        const service = `${name}-${protocol}`;
        const response = await mesh.fetch(`http://${service}/x`, { method: 'POST', body: 'hello' });
        assert.deepEqual([response.status, await response.text()], [200, 'app POST /x']);
        const { connection, ...saw } = seenBySidecar(response.headers);
        const expected = { peer: caller.spiffeId, sni: `outbound_.80_._.${service}`, protocol: version, chain: 'mtls' };
        assert.deepEqual(saw, { ...expected, tls: 'TLSv1.3' });
        const xfcc = String(app.seen.at(-1)?.headers['x-forwarded-client-cert']);
        assert.match(xfcc, new RegExp(`By=${server.spiffeId};Hash=[0-9a-f]{64};Subject="";URI=${caller.spiffeId}`));
        const again = await mesh.fetch(`http://${service}/`);
        await again.text();
        assert.equal(seenBySidecar(again.headers).connection, connection, 'on the same connection');
        assert.equal(mesh.statistics().clusters[service]?.upstream_cx_total, 1);
      });
    }

    for (const [name, says, counter] of [
      [
        'other-name',
        /uri spiffe:..mesh.test.*sa.other, where spiffe:..mesh.test.*sa.server is expected/,
        'fail_verify_san',
      ],
      ['other-domain', /uri spiffe:..other.test.*, where spiffe:..mesh.test.*sa.server is expected/, 'fail_verify_san'],
      ['other-authority', /unable to get local issuer certificate/, 'fail_verify_error'],
      ['expired', /certificate has expired/, 'fail_verify_error'],
      ['not-yet-valid', /certificate is not yet valid/, 'fail_verify_error'],
      ['self-signed', /self-signed certificate/, 'fail_verify_error'],
      ['for-clients-only', /unsupported certificate purpose/, 'fail_verify_error'],
      ['in-the-clear', /the TLS handshake failed: wrong version number/, 'connection_error'],
    ] as const) {
      it(`${name}, ${protocol}: an impostor gets nothing`, async () => {
        const before = app.seen.length;
        const service = `${name}-${protocol}`;
        const response = await mesh.fetch(`http://${service}/secret`, { method: 'POST', body: 'secret' });
        const error = meshErrorOf(response);
        assert.deepEqual([response.status, error?.flag], [503, 'UF']);
        assert.match(error?.message ?? '', says);
        await response.text();
        assert.equal(app.seen.length, before);
        assert.deepEqual(countedOf(mesh.statistics().clusters[service]?.ssl), [counter]);
        assert.deepEqual(await envoyRefuses(service), { status: 503, counted: [counter] }, 'as Envoy does');
      });
    }
  }

  it('a feed without a name for the server takes any of its authority, and no other', async () => {
    services.set('anybody', { ...services.get('other-name-http1')!, servers: [] });
    services.set('stranger', { ...services.get('other-authority-http1')!, servers: [] });
    plane.update(feed());
    assert.equal((await mesh.fetch('http://anybody/')).status, 200);
    assert.equal((await mesh.fetch('http://stranger/')).status, 503);
  });

  it('a name that the feed takes away is refused from then on, and let in again', async () => {
    const service = services.get('strict-files-http2')!;
    const status = async () => {
      const response = await mesh.fetch('http://strict-files-http2/');
      await response.text();
      return response.status;
    };
    assert.equal(await status(), 200);
    services.set('strict-files-http2', { ...service, servers: [trust.idOf('successor')] });
    plane.update(feed());
    await until('the feed is in force', async () => (await status()) === 503);
    services.set('strict-files-http2', service);
    plane.update(feed());
    await until('the feed is in force', async () => (await status()) === 200);
  });

  /** The same clusters, in a real Envoy. */
  async function envoyRefuses(service: string): Promise<{ status: number; counted: string[] }> {
    const response = await request(`http://127.0.0.1:${envoy.port}/`, { headers: { host: service } });
    await response.body.dump();
    const text = await (
      await fetch(`${envoy.envoy.admin}/stats?filter=${encodeURIComponent(`^cluster\\.${service}\\.ssl\\.`)}`)
    ).text();
    const counters = text.split('\n').map((line) => /\.ssl\.([a-z_]+): (\d+)$/.exec(line) ?? []);
    const counted = countedOf(Object.fromEntries(counters.map(([, name = '', value]) => [name, Number(value)])));
    return { status: response.statusCode, counted };
  }

  async function start(node: string, identity: IdentityFiles | null, mode: SidecarMode = 'strict'): Promise<Sidecar> {
    const tls = identity === null ? null : { identity, callers: [new URL('/', caller.spiffeId).href] };
    return Sidecar.start({ node, app: app.port, tls, mode });
  }

  /** Each would be let in if one check were left out. */
  async function impostors(): Promise<Map<string, Sidecar>> {
    if (made !== null) return made;
    const now = Date.now();
    const elsewhere = await CertificateAuthority.create({ commonName: `CA of ${trust.domain}` });
    const uris = [server.spiffeId];
    const selfSigned = await issueSelfSigned({ uris });
    const key = Buffer.from(selfSigned.key.reveal()).toString();
    const all: [string, IdentityFiles | null][] = [
      ['other-name', await trust.identity('other')],
      ['other-domain', await trust.identity('server', { uris: ['spiffe://other.test/ns/default/sa/server'] })],
      ['other-authority', await trust.identity('server', {}, elsewhere)],
      ['expired', await trust.identity('server', { notBefore: now - 2 * HOUR_MS, notAfter: now - HOUR_MS })],
      ['not-yet-valid', await trust.identity('server', { notBefore: now + HOUR_MS })],
      ['self-signed', trust.write('self-signed', { ...server, chain: selfSigned.chain, key })],
      ['for-clients-only', await trust.identity('server', { usages: ['client'] })],
      ['in-the-clear', null],
    ];
    made = new Map();
    for (const [name, identity] of all) {
      made.set(name, await start(name, identity, identity === null ? 'plain' : 'strict'));
    }
    return made;
  }
  let made: Map<string, Sidecar> | null = null;

  function add(name: string, sidecar: Sidecar, protocol: 'http1' | 'http2', tls: Partial<ClientTls> = {}): void {
    services.set(name, { sidecar, protocol, servers: [server.spiffeId], ...tls });
  }

  function feed(): ResourceInput[] {
    const resources = [...services].flatMap(([name, { sidecar, protocol, ...tls }]) => {
      const common = { tls_params: { tls_maximum_protocol_version: 'TLSv1_3' } };
      const socket = clientSocket({ identity: caller, sni: `outbound_.80_._.${name}`, common, ...tls });
      return [
        apiListener(`${name}:80`, [host(name, ['*'], [to(name)])]),
        ...cluster(name, [sidecar.port], { transport_socket: socket, ...protocolOptions(protocol) }),
      ];
    });
    return [...resources, ...secretResources(caller)];
  }
});

/** What of a handshake's ways to fail was counted. */
function countedOf(ssl: object | undefined): string[] {
  return Object.entries(ssl ?? {}).flatMap(([name, value]) =>
    /^(fail|connection_error)/.test(name) && value > 0 ? [name] : [],
  );
}

interface Service extends Omit<ClientTls, 'identity'> {
  readonly sidecar: Sidecar;
  readonly protocol: 'http1' | 'http2';
}
