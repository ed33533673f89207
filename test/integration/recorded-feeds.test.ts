import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ControlPlane, startControlPlane } from '@inmesh/control-plane';
import { createMesh, type Mesh } from 'inmesh';
import { developmentIdentity } from '../support/identity.ts';
import { recorded } from '../support/recorded.ts';

/**
 * What real control planes once sent, served again: to a node of the same kind, all of it is accepted, URLs find the way that they
 * would find through a sidecar, and nothing of it is beyond this version. Consul's feed was recorded as Envoy's config dump; its
 * locality weights of 0 stand for none and were left out.
 */
interface Recorded {
  readonly fixture: string;
  readonly bootstrap: (uri: string) => object;
  readonly flavour: string;
  /** Served on a unix socket, as an istio-agent does. */
  readonly agent?: boolean;
  /** What its connections lack here, as their error says; nothing goes out plain in their place. */
  readonly lacks?: RegExp;
  /** URL → verdict, listener, what is told of route and clusters. */
  readonly urls: Readonly<Record<string, readonly [verdict: string, listener: string | null, why: RegExp]>>;
}

const ISTIO = { id: 'sidecar~127.0.0.1~web.default~default.svc.cluster.local', metadata: { NAMESPACE: 'default' } };

const envoyBootstrap =
  (node: object, metadata: readonly object[] = []) =>
  (uri: string): object => ({
    node,
    dynamic_resources: {
      lds_config: { ads: {}, resource_api_version: 'V3' },
      cds_config: { ads: {}, resource_api_version: 'V3' },
      ads_config: {
        api_type: 'DELTA_GRPC',
        grpc_services: [{ google_grpc: { target_uri: uri, stat_prefix: 'ads' }, initial_metadata: metadata }],
      },
    },
  });

const grpcBootstrap = (uri: string): object => ({
  xds_servers: [{ server_uri: uri, channel_creds: [{ type: 'insecure' }] }],
  node: { ...ISTIO, metadata: { GENERATOR: 'grpc' } },
});

/** Its first route asks for a header that these calls do not have. */
const shared = /route 2 of 2 .* is the first that matches[\s\S]*80 % go to cluster outbound\|\d+\|v1\|greeter/;
const passes = /100 % go to cluster PassthroughCluster: where they would go without the mesh/;

const sidecarUrls: Recorded['urls'] = {
  'http://greeter:9090/x': ['mesh', '0.0.0.0_9090', shared],
  'http://greeter.default:8080/': ['mesh', '0.0.0.0_8080', shared],
  'http://greeter.default.svc.cluster.local:8080/': ['mesh', '0.0.0.0_8080', shared],
  'http://240.240.0.1:8080/': ['mesh', '0.0.0.0_8080', shared],
  'http://nobody:8080/': ['pass-through', '0.0.0.0_8080', passes],
  'http://greeter:7000/': ['pass-through', 'virtualOutbound', passes],
  'http://api.example/': ['pass-through', 'virtualOutbound', passes],
  'http://localhost:8080/': ['pass-through', null, /no listener of the feed is for localhost:8080/],
};

const feeds: readonly Recorded[] = [
  { fixture: 'sidecar-client', bootstrap: envoyBootstrap(ISTIO), flavour: 'sidecar', urls: sidecarUrls },
  { fixture: 'sidecar-server', bootstrap: envoyBootstrap(ISTIO), flavour: 'sidecar', urls: sidecarUrls },
  {
    fixture: 'real-istiod-sidecar',
    bootstrap: envoyBootstrap(ISTIO),
    flavour: 'sidecar',
    urls: {
      ...sidecarUrls,
      // A TCP port: its auto-mTLS is what stands against it.
      'http://kubernetes:443/': [
        'mesh',
        '10.96.0.1_443',
        /100 % go to cluster outbound\|443\|\|kubernetes\.default\.svc\.cluster\.local/,
      ],
    },
  },
  // istio-agent's bootstrap asks for gRPC's feed; the agent forwards what it is asked, so the full one is asked for.
  { fixture: 'sidecar-client', bootstrap: grpcBootstrap, flavour: 'sidecar', urls: sidecarUrls, agent: true },
  {
    fixture: 'grpc-client',
    bootstrap: grpcBootstrap,
    flavour: 'grpc',
    lacks: /certificate provider "default" is not among certificate_providers of the bootstrap/,
    urls: {
      'http://greeter.default.svc.cluster.local:9090/x': ['mesh', 'greeter.default.svc.cluster.local:9090', shared],
    },
  },
  {
    fixture: 'real-istiod-grpc-client',
    bootstrap: grpcBootstrap,
    flavour: 'grpc',
    lacks: /certificate provider "default" is not among certificate_providers of the bootstrap/,
    urls: {
      'http://greeter.default.svc.cluster.local:9090/x': ['mesh', 'greeter.default.svc.cluster.local:9090', shared],
    },
  },
  {
    fixture: 'consul-web',
    bootstrap: envoyBootstrap({ id: 'web-sidecar-proxy' }, [{ key: 'x-consul-token', value: '' }]),
    flavour: 'consul',
    // The recording leaves the key out.
    lacks: /the inline certificate: the private key cannot be read/,
    urls: {
      'http://db/x': ['mesh', 'db:127.0.0.1:19191', /100 % go to cluster db\.default\.dc1\.internal\./],
      'http://db.virtual.consul/': ['mesh', 'db:127.0.0.1:19191', /100 % go to cluster db\.default\.dc1\.internal\./],
      'http://localhost:19191/': ['mesh', 'db:127.0.0.1:19191', /100 % go to cluster db\.default\.dc1\.internal\./],
      'http://other.service.consul/': ['pass-through', null, /no listener of the feed/],
    },
  },
  {
    fixture: 'consul-db',
    bootstrap: envoyBootstrap({ id: 'db-sidecar-proxy' }),
    flavour: 'consul',
    urls: { 'http://web/': ['pass-through', null, /no listener of the feed/] },
  },
];

describe('recorded feeds', () => {
  for (const { fixture, bootstrap, flavour, urls, agent = false, lacks = null } of feeds) {
    describe(`${fixture}${agent ? ', through an agent’s socket' : ''}`, () => {
      let folder: string;
      let plane: ControlPlane;
      let mesh: Mesh;

      before(async () => {
        folder = await mkdtemp(join(tmpdir(), 'inmesh-feed-'));
        plane = await startControlPlane({
          resources: recorded(fixture),
          listen: agent ? { path: join(folder, 'XDS') } : { port: 0 },
        });
        mesh = await createMesh({
          env: {},
          bootstrapConfig: JSON.stringify(bootstrap(plane.address)),
          identity: await developmentIdentity('spiffe://cluster.local/ns/default/sa/web'),
          onWarning: (warning) => assert.fail(warning),
        });
      });
      after(async () => {
        await mesh.drain();
        await plane.close();
        await rm(folder, { recursive: true });
      });

      for (const [url, [verdict, listener, why]] of Object.entries(urls)) {
        it(`${url}: ${verdict}${listener === null ? '' : `, by ${listener}`}`, async () => {
          const explained = await mesh.explain(url);
          assert.equal(explained.verdict, verdict, explained.why.join('\n'));
          assert.equal(explained.listener, listener);
          assert.match(explained.why.join('\n'), why);
          assert.equal(explained.flavour.name, flavour);
          for (const { type, error } of explained.clusters) {
            if (lacks === null || type === 'original_dst') assert.equal(error, null);
            else assert.match(error ?? '', lacks);
          }
        });
      }

      it('is accepted whole', () => {
        const resources = mesh.feed()?.resources ?? [];
        assert.ok(resources.length > 0);
        assert.deepEqual(
          resources.filter(({ error }) => error !== null),
          [],
        );
        for (const { types } of plane.status().nodes) {
          for (const { nack } of Object.values(types)) assert.equal(nack, null);
        }
      });
    });
  }

  it('say how a call to the outside goes, and that nothing of it waits or is asked for', async () => {
    await using plane = await startControlPlane({ resources: recorded('sidecar-client') });
    await using mesh = await createMesh({
      env: {},
      bootstrapConfig: JSON.stringify(envoyBootstrap(ISTIO)(plane.address)),
    });
    await mesh.ready();
    for (let i = 0; i < 100; i++) {
      assert.equal((await mesh.explain(`http://host-${i}.example/`)).verdict, 'pass-through');
    }
    const asked = mesh.feed()?.resources.filter(({ watched }) => watched) ?? [];
    assert.deepEqual(
      asked.map(({ name }) => name),
      ['virtualOutbound', 'PassthroughCluster'],
    );
  });
});
