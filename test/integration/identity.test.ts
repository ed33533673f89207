import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { inspect } from 'node:util';
import { CertificateAuthority } from '@inmesh/mtls/ca';
import { isMeshError, type Mesh, meshErrorOf } from 'inmesh';
import { request } from 'undici';
import { apiListener, cluster, endpoints, service, virtualHost } from '../support/feed.ts';
import { developmentIdentity } from '../support/identity.ts';
import {
  certificateSecret,
  inlineCertificate,
  type MtlsServer,
  pem,
  protocolOptions,
  rawSocket,
  rootsSecret,
  type Seen,
  sdsContext,
  startMtls,
  tlsSocket,
} from '../support/mtls.ts';
import { Scene, until } from '../support/scene.ts';
import { startHttp } from '../support/servers.ts';

const ME = 'spiffe://td/ns/a/sa/me';
const SHOP = 'spiffe://td/ns/a/sa/shop';
const ALPN = 'type.googleapis.com/istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig';

/** Who a process is to its peers, and whom it speaks to: over real TLS, by what a control plane says. */
describe('identity', () => {
  let authority: CertificateAuthority;
  let shop: MtlsServer;
  let secrets: ReturnType<typeof certificateSecret>[];

  before(async () => {
    authority = await CertificateAuthority.create();
    shop = await startMtls(authority, { names: { uris: [SHOP], dnsNames: ['shop.test', '*.wild.test'] } });
    secrets = [
      certificateSecret('default', await authority.issue({ uris: [ME] })),
      rootsSecret('ROOTCA', authority.root),
    ];
  });
  after(() => shop.close());

  const ask = async (mesh: Mesh, url: string, init: RequestInit = {}): Promise<Seen> => {
    const response = await mesh.fetch(url, init);
    assert.equal(response.status, 200, meshErrorOf(response)?.message);
    return (await response.json()) as Seen;
  };
  const refusalOf = async (mesh: Mesh, url: string): Promise<string> => {
    const response = await mesh.fetch(url);
    assert.equal(response.status, 503);
    await response.text();
    const error = meshErrorOf(response);
    assert.equal(error?.flag, 'UF');
    return error.message;
  };

  it('is shown to servers, and theirs is checked', async () => {
    const socket = tlsSocket(sdsContext([SHOP]), { sni: 'outbound_.80_._.shop' });
    await using scene = await Scene.start([
      ...service('shop', [shop.port], { cluster: { transport_socket: socket } }),
      ...secrets,
    ]);
    const mesh = await scene.mesh();
    const seen = await ask(mesh, 'http://shop/');
    assert.deepEqual(
      { client: seen.client, serverName: seen.serverName, alpn: seen.alpn, httpVersion: seen.httpVersion },
      { client: `URI:${ME}`, serverName: 'outbound_.80_._.shop', alpn: 'http/1.1', httpVersion: '1.1' },
    );
    assert.equal(mesh.statistics().clusters.shop?.ssl.handshake, 1);
    assert.deepEqual(scene.warnings, []);
  });

  it('refuses a server of another name, and one of another authority', async () => {
    const other = await CertificateAuthority.create();
    await using impostor = use(await startMtls(authority, { names: { uris: [SHOP] }, issuer: other }));
    await using scene = await Scene.start([
      ...service('other-name', [shop.port], { cluster: { transport_socket: tlsSocket(sdsContext([`${SHOP}-2`])) } }),
      ...service('other-roots', [impostor.port], { cluster: { transport_socket: tlsSocket(sdsContext([SHOP])) } }),
      ...secrets,
    ]);
    const mesh = await scene.mesh();
    const name = await refusalOf(mesh, 'http://other-name/');
    assert.match(name, new RegExp(`uri ${SHOP}, .* where ${SHOP}-2 is expected`));
    await refusalOf(mesh, 'http://other-roots/');
    const { clusters } = mesh.statistics();
    assert.ok((clusters['other-name']?.ssl.fail_verify_san ?? 0) > 0);
    assert.ok((clusters['other-roots']?.ssl.fail_verify_error ?? 0) > 0);
  });

  it('never goes out in the clear where TLS is asked for', async () => {
    await using plain = await startHttp();
    await using scene = await Scene.start([
      ...service('plain', [plain.port], { cluster: { transport_socket: tlsSocket(sdsContext([SHOP])) } }),
      ...secrets,
    ]);
    assert.match(await refusalOf(await scene.mesh(), 'http://plain/'), /cannot connect: the TLS handshake failed/);
  });

  it('holds calls while it is not there, and lets them go once it is', async () => {
    const parts = service('shop', [shop.port], { cluster: { transport_socket: tlsSocket(sdsContext([SHOP])) } });
    await using scene = await Scene.start(parts);
    const mesh = await scene.mesh();
    const call = ask(mesh, 'http://shop/');
    await until(
      () => mesh.feed()?.resources.filter(({ kind }) => kind === 'secret').length === 2,
      'both secrets are asked for',
    );
    const { handshakes } = shop;
    scene.plane.update([...parts, secrets[0] as (typeof secrets)[0]]);
    await until(
      () => mesh.feed()?.resources.some(({ name, version }) => name === 'default' && version !== null) === true,
      'the certificate has come',
    );
    assert.equal(shop.handshakes, handshakes);
    scene.plane.update([...parts, ...secrets]);
    assert.equal((await call).client, `URI:${ME}`);
  });

  it('is missed by the name of the secret, and taken when it comes after all', async () => {
    const source = { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '0.05s' };
    const parts = service('shop', [shop.port], {
      cluster: { transport_socket: tlsSocket(sdsContext([SHOP], source)) },
    });
    await using scene = await Scene.start(parts);
    const mesh = await scene.mesh();
    assert.match(await refusalOf(mesh, 'http://shop/'), /secret "default" did not come within 50 ms/);
    const [explained] = (await mesh.explain('http://shop/')).clusters;
    assert.match(explained?.error ?? '', /secret "default" did not come/);
    scene.plane.update([...parts, ...secrets]);
    // Refusals come without a turn of the event loop, in which the secrets could come.
    const tried = async (): Promise<number> => {
      await setImmediate();
      return (await mesh.fetch('http://shop/')).status;
    };
    while ((await tried()) === 503) {}
    assert.equal((await ask(mesh, 'http://shop/')).client, `URI:${ME}`);
  });

  it('changes under calls: new connections show the new one at once, and no call fails', async () => {
    const parts = service('shop', [shop.port], { cluster: { transport_socket: tlsSocket(sdsContext([SHOP])) } });
    await using scene = await Scene.start([...parts, ...secrets]);
    const mesh = await scene.mesh();
    const { serial } = await ask(mesh, 'http://shop/');
    let over = false;
    const caller = async () => {
      while (!over) await ask(mesh, 'http://shop/');
    };
    const callers = [caller(), caller(), caller()];
    const next = certificateSecret('default', await authority.issue({ uris: [ME] }));
    scene.plane.update([...parts, next, ...secrets.slice(1)]);
    // Each time with more calls at once than before, so that there are new connections.
    let calls = 4;
    let seen: readonly Seen[] = [];
    while (seen.every((each) => each.serial === serial)) {
      seen = await Promise.all(Array.from({ length: calls }, () => ask(mesh, 'http://shop/')));
      calls++;
    }
    over = true;
    await Promise.all(callers);
    assert.equal(mesh.statistics().clusters.shop?.upstream_rq_5xx, 0);
  });

  it('may be inline, as Consul has it, and changes with the cluster', async () => {
    const inline = async () => ({
      transport_socket: tlsSocket(
        {
          tls_certificates: [inlineCertificate(await authority.issue({ uris: [ME] }))],
          validation_context: {
            trusted_ca: { inline_string: authority.root },
            match_subject_alt_names: [{ exact: SHOP }],
          },
        },
        { sni: 'shop.default.dc1.internal.consul' },
      ),
    });
    await using scene = await Scene.start(service('shop', [shop.port], { cluster: await inline() }));
    const mesh = await scene.mesh();
    const first = await ask(mesh, 'http://shop/');
    assert.equal(first.serverName, 'shop.default.dc1.internal.consul');
    scene.plane.update(service('shop', [shop.port], { cluster: await inline() }));
    let serial = first.serial;
    await until(() => mesh.statistics().clusters.shop?.update_success === 2, 'the cluster has changed');
    while (serial === first.serial) serial = (await ask(mesh, 'http://shop/')).serial;
    assert.equal(mesh.statistics().clusters.shop?.upstream_rq_5xx, 0);
  });

  it('of the mesh answers what the feed asks of an agent', async () => {
    const agent = {
      api_config_source: {
        api_type: 'GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'sds-grpc' } }],
      },
      initial_fetch_timeout: '0s',
      resource_api_version: 'V3',
    };
    await using scene = await Scene.start(
      service('shop', [shop.port], { cluster: { transport_socket: tlsSocket(sdsContext([SHOP], agent)) } }),
    );
    const mesh = await scene.mesh({ identity: await developmentIdentity(ME, authority) });
    assert.equal((await ask(mesh, 'http://shop/')).client, `URI:${ME}`);
  });

  it('is asked for where the endpoint says that it wants it', async () => {
    await using plain = await startHttp();
    const endpoint = (port: number, mode: string | null) => ({
      endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } },
      ...(mode === null
        ? {}
        : { metadata: { filter_metadata: { 'envoy.transport_socket_match': { tlsMode: mode } } } }),
    });
    const matches = [
      { name: 'tlsMode-istio', match: { tlsMode: 'istio' }, transport_socket: tlsSocket(sdsContext([SHOP])) },
      { name: 'tlsMode-disabled', match: {}, transport_socket: rawSocket() },
    ];
    await using scene = await Scene.start([
      apiListener('shop', [virtualHost('shop', [{ match: { prefix: '/' }, route: { cluster: 'shop' } }])]),
      cluster('shop', { transport_socket_matches: matches }),
      {
        ...endpoints('shop', []),
        endpoints: [{ lb_endpoints: [endpoint(shop.port, 'istio'), endpoint(plain.port, null)] }],
      },
      ...secrets,
    ]);
    const mesh = await scene.mesh();
    const answers = new Set<string>();
    for (let i = 0; i < 4; i++) answers.add(await (await mesh.fetch('http://shop/')).text());
    assert.ok(answers.has(`${plain.port}`));
    assert.ok([...answers].some((each) => each.includes(ME)));
    const [explained] = (await mesh.explain('http://shop/')).clusters;
    assert.deepEqual(
      explained?.transports.map(({ socket, layers, endpoints: to, tls }) => [
        socket,
        layers,
        to,
        tls?.certificates[0]?.names,
      ]),
      [
        ['tlsMode-istio', ['tls'], [`127.0.0.1:${shop.port}`], [ME]],
        ['tlsMode-disabled', ['raw_buffer'], [`127.0.0.1:${plain.port}`], undefined],
      ],
    );
  });

  it('comes with the ALPN of Istio, and the protocol that is chosen by it', async () => {
    await using h2 = use(await startMtls(authority, { alpn: ['h2'], names: { uris: [SHOP] } }));
    const filter = {
      name: 'istio.alpn',
      typed_config: {
        '@type': ALPN,
        alpn_override: [
          { upstream_protocol: 'HTTP11', alpn_override: ['istio-http/1.1', 'istio', 'http/1.1'] },
          { upstream_protocol: 'HTTP2', alpn_override: ['istio-h2', 'istio', 'h2'] },
        ],
      },
    };
    const socket = { transport_socket: tlsSocket({ ...sdsContext([SHOP]), alpn_protocols: ['istio'] }) };
    const routes = ['old', 'new', 'auto', 'apart'].map((name) => ({
      match: { prefix: `/${name}` },
      route: { cluster: name },
    }));
    const explicit = (version: string) =>
      protocolOptions({ explicit_http_config: { [`${version}_protocol_options`]: {} } });
    await using scene = await Scene.start([
      apiListener('shop', [virtualHost('shop', routes)], [filter]),
      cluster('old', socket),
      cluster('new', { ...socket, ...explicit('http2') }),
      cluster('auto', { ...socket, ...protocolOptions({ auto_config: {} }) }),
      cluster('apart', {
        transport_socket: tlsSocket(sdsContext([SHOP])),
        metadata: { filter_metadata: { istio: { alpn_override: 'false' } } },
      }),
      endpoints('old', [shop.port]),
      endpoints('new', [h2.port]),
      endpoints('auto', [h2.port]),
      endpoints('apart', [shop.port]),
      ...secrets,
    ]);
    const mesh = await scene.mesh();
    const way = async (path: string) => {
      const { alpn, httpVersion } = await ask(mesh, `http://shop/${path}`);
      return `${alpn}, ${httpVersion}`;
    };
    assert.equal(await way('old'), 'istio-http/1.1, 1.1');
    assert.equal(await way('new'), 'h2, 2.0');
    assert.equal(await way('auto'), 'h2, 2.0');
    assert.equal(await way('apart'), 'http/1.1, 1.1');
    const [explained] = (await mesh.explain('http://shop/new')).clusters;
    assert.deepEqual(explained?.transports[0]?.tls?.alpn, ['istio-h2', 'istio', 'h2']);
  });

  it('is told the name that the request is for, and the certificate must have it', async () => {
    const socket = tlsSocket({
      tls_certificate_sds_secret_configs: [{ name: 'default', sds_config: { ads: {}, resource_api_version: 'V3' } }],
      validation_context: { trusted_ca: { inline_string: authority.root } },
    });
    const options = protocolOptions({
      explicit_http_config: { http_protocol_options: {} },
      upstream_http_protocol_options: { auto_sni: true, auto_san_validation: true },
    });
    await using scene = await Scene.start([
      ...service('shop', [shop.port], { cluster: { transport_socket: socket, ...options } }),
      ...secrets,
    ]);
    const mesh = await scene.mesh({ failAs: 'error' });
    const as = async (host: string) => {
      const { body } = await request('http://shop/', { dispatcher: mesh.dispatcher, headers: { host } });
      return ((await body.json()) as Seen).serverName;
    };
    assert.equal(await as('shop.test:80'), 'shop.test');
    assert.equal(await as('a.wild.test'), 'a.wild.test');
    await assert.rejects(as('nobody.test'), (error) => {
      assert.ok(isMeshError(error) && error.flag === 'UF', inspect(error));
      return /nobody\.test/.test(error.message);
    });
    assert.equal(mesh.statistics().clusters.shop?.ssl.handshake, 2);
  });

  it('is told of to whoever asks, but for its key', async () => {
    const issued = await authority.issue({ uris: [ME] });
    const socket = tlsSocket(sdsContext([SHOP]), { sni: 'shop.test' });
    await using scene = await Scene.start([
      ...service('shop', [shop.port], { cluster: { transport_socket: socket } }),
      certificateSecret('default', issued),
      rootsSecret('ROOTCA', authority.root),
    ]);
    const mesh = await scene.mesh();
    await ask(mesh, 'http://shop/');
    const explanation = await mesh.explain('http://shop/');
    assert.deepEqual(explanation.clusters[0]?.transports, [
      {
        socket: 'default',
        layers: ['tls'],
        protocol: 'http1',
        tls: {
          alpn: ['http/1.1'],
          serverName: 'shop.test',
          expects: [`one of: ${SHOP}`, 'what secret ROOTCA says'],
          certificates: [{ source: 'secret "default"', names: [ME], expires: new Date(issued.notAfter).toISOString() }],
        },
        endpoints: [`127.0.0.1:${shop.port}`],
        error: null,
      },
    ]);
    const secret = pem(issued.key).split('\n')[1] as string;
    const shown = inspect([explanation, mesh.statistics(), mesh.feed(), mesh], { depth: null, showHidden: true });
    assert.ok(!shown.includes(secret) && !shown.includes('PRIVATE KEY'));
  });
});

/** Ends with its scope. */
function use<T extends { close(): Promise<void> }>(started: T): T & AsyncDisposable {
  return Object.assign(started, { [Symbol.asyncDispose]: () => started.close() });
}
