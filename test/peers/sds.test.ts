import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { type SdsSecretRef, type SdsSource, systemClock, systemRandom } from '@inmesh/core';
import type { CertifiedKey } from '@inmesh/mtls';
import { CertificateAuthority } from '@inmesh/mtls/ca';
import { loadBootstrap } from '@inmesh/xds';
import { SdsServers } from '../../packages/inmesh/src/secrets/sds-servers.ts';
import { Gcp } from './support/gcp.ts';
import { HeardSecret } from './support/heard-secret.ts';
import { describeWithPeers } from './support/peers.ts';
import { until } from './support/until.ts';

const SECRET = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';

const certificate = (name: string, { chain, key }: CertifiedKey) => ({
  '@type': SECRET,
  name,
  tls_certificate: {
    certificate_chain: { inline_string: chain },
    private_key: { inline_string: Buffer.from(key.reveal()).toString() },
  },
});
const roots = (name: string, pem: string) => ({
  '@type': SECRET,
  name,
  validation_context: { trusted_ca: { inline_string: pem } },
});

/** The bootstrap of an Envoy whose feed names secrets of the cluster `sds-grpc`. */
const bootstrapFor = (port: number) => `
node: { id: web-1, cluster: web }
static_resources:
  clusters:
  - name: sds-grpc
    connect_timeout: 1s
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: { http2_protocol_options: {} }
    load_assignment:
      cluster_name: sds-grpc
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${port} } } } }] }]
`;

/** A server of SDS made with go-control-plane, which a feed names by a cluster of the bootstrap. */
describeWithPeers(['gcp'], 'SDS from a server of its own', () => {
  let ca: CertificateAuthority;
  let gcp: Gcp;
  let servers: SdsServers;
  const complaints: Error[] = [];

  const heard: HeardSecret[] = [];
  const hear = (
    name: string,
    source: SdsSource = { kind: 'grpc', clusterName: 'sds-grpc', delta: false },
  ): HeardSecret => {
    const ref: SdsSecretRef = { name, source, initialFetchTimeoutMs: 15_000 };
    const each = new HeardSecret(servers, ref);
    heard.push(each);
    return each;
  };
  const issue = () => ca.issue({ uris: ['spiffe://cluster.local/ns/default/sa/web'] });
  const count = (event: string, from: number) => gcp.events.slice(from).filter((each) => each.event === event).length;

  before(async () => {
    ca = await CertificateAuthority.create();
    gcp = await Gcp.start([]);
  });

  after(async () => gcp?.stop());

  beforeEach(() => {
    const bootstrap = loadBootstrap({
      env: {},
      readFile: () => '',
      inline: bootstrapFor(gcp.port),
    });
    servers = new SdsServers({
      bootstrap,
      node: bootstrap.node,
      targets: {},
      clock: systemClock,
      random: systemRandom,
      onError: (error) => complaints.push(error),
    });
  });

  afterEach(() => {
    for (const each of heard.splice(0)) each.unwatch();
    servers.close();
    assert.deepEqual(complaints.splice(0), []);
  });

  for (const delta of [false, true]) {
    it(`gives several secrets over one stream, and each new version (${delta ? 'delta' : 'state of the world'})`, async () => {
      const source: SdsSource = { kind: 'grpc', clusterName: 'sds-grpc', delta };
      const from = gcp.events.length;
      let own = await issue();
      gcp.write([certificate('default', own), roots('ROOTCA', ca.root)]);
      const leaf = hear('default', source);
      const other = hear('default', source);
      const trust = hear('ROOTCA', source);
      await leaf.holds(own.chain);
      await other.holds(own.chain);
      await trust.holds(ca.root);
      for (let rotation = 0; rotation < 3; rotation++) {
        own = await issue();
        gcp.write([certificate('default', own), roots('ROOTCA', ca.root)]);
        await leaf.holds(own.chain);
      }
      assert.equal(trust.said.filter((each) => each === 'changed').length, 1);
      assert.equal(servers.status().length, 1);
      assert.equal(servers.status()[0]?.stream.variant, delta ? 'delta' : 'sotw');
      assert.equal(count('nack', from), 0);
      await until('all is acknowledged', () => count('ack', from) > 0);
    });
  }

  it('refuses a secret that is none, says why, and keeps the last', async () => {
    const own = await issue();
    gcp.write([certificate('default', own)]);
    const leaf = hear('default');
    await leaf.holds(own.chain);
    const from = gcp.events.length;
    gcp.write([{ '@type': SECRET, name: 'default' }]);
    await until('it is refused', () => count('nack', from) > 0);
    await leaf.hears(/trouble/);
    await leaf.holds(own.chain);
    const next = await issue();
    gcp.write([certificate('default', next)]);
    await leaf.holds(next.chain);
  });

  it('keeps secrets while the server is away, and takes the next ones when it is back', async () => {
    const own = await issue();
    gcp.write([certificate('default', own)]);
    const leaf = hear('default');
    await leaf.holds(own.chain);
    await gcp.kill();
    await leaf.hears(/trouble: .*127\.0\.0\.1:/);
    await leaf.holds(own.chain);
    const next = await issue();
    gcp.write([certificate('default', next)]);
    await gcp.restart();
    await leaf.holds(next.chain);
  });

  it('takes a secret that comes late', async () => {
    gcp.write([]);
    const late = hear('late');
    await until('the stream is open', () => servers.status()[0]?.stream.connected === true || late.said.length > 0);
    const own = await issue();
    gcp.write([certificate('late', own)]);
    await late.holds(own.chain);
  });

  it('shows no key in its status', async () => {
    const own = await issue();
    gcp.write([certificate('default', own)]);
    const leaf = hear('default');
    await leaf.holds(own.chain);
    const shown = inspect([servers, servers.status(), leaf.current], { depth: 20, showHidden: true });
    assert.doesNotMatch(shown, /PRIVATE KEY/);
    assert.equal(servers.status()[0]?.resources[0]?.name, 'default');
  });

  it('asks a server of this host that the feed names by its target', async () => {
    const own = await issue();
    gcp.write([certificate('default', own)]);
    const source: SdsSource = { kind: 'google_grpc', targetUri: `127.0.0.1:${gcp.port}`, delta: false };
    await hear('default', source).holds(own.chain);
  });

  it('says why a server cannot be asked', async () => {
    for (const [source, text] of [
      [
        { kind: 'grpc', clusterName: 'nobody', delta: false },
        /secret "default".*|cluster "nobody".*add it to static_resources/,
      ],
      [{ kind: 'google_grpc', targetUri: '10.0.0.1:80', delta: false }, /10\.0\.0\.1:80 is not on this host/],
      [{ kind: 'google_grpc', targetUri: 'http://a/b', delta: false }, /is not on this host/],
      [{ kind: 'ads' }, /is not asked of a server/],
    ] as const) {
      assert.match(await hear('default', source).hears(/missing/), text);
    }
  });
});
