import assert from 'node:assert/strict';
import { createMesh, type Explanation, type Mesh, meshErrorOf } from 'inmesh';
import { consulConnectCa } from 'inmesh/identity';
import { describeWithPeers } from '../support/peers.ts';
import { freePorts } from '../support/ports.ts';
import { until } from '../support/until.ts';
import { ConsulAgent } from './consul-agent.ts';
import { type SecureApp, startSecureApp } from './secure-app.ts';

/**
 * A real Consul feeds a mesh that stands in for the Envoy beside `web`, by the bootstrap that Consul writes for that Envoy. Consul
 * speaks the incremental protocol only, and mutual TLS with every upstream: that of `db` is a service with an identity of Consul's CA.
 */
describeWithPeers(['consul'], 'Consul in dev mode', () => {
  let consul: ConsulAgent;
  let mesh: Mesh;
  let db: SecureApp;
  const complaints: string[] = [];

  const sidecar = (port: number) => ({ sidecar_service: { port } });
  const api = (version: string, port: number) => ({
    id: `api-${version}`,
    name: 'api',
    port,
    meta: { version },
    connect: sidecar(port + 1000),
  });
  const upstreams = ['db', 'api', 'shop'].map((destination_name, index) => ({
    destination_name,
    local_bind_port: 19191 + index,
  }));
  const explain = (url: string) => mesh.explain(url, { within: 15_000 });
  const names = ({ clusters }: Explanation) =>
    Object.fromEntries(clusters.map(({ name, share }) => [name.replace(/\.default\.dc1\..*$/, ''), share]));

  before(async () => {
    const [dbPort = 0] = await freePorts(1);
    consul = await ConsulAgent.start([
      { name: 'web', port: 18080, connect: { sidecar_service: { port: 21000, proxy: { upstreams } } } },
      {
        name: 'db',
        port: 18081,
        connect: {
          sidecar_service: { port: dbPort, checks: [{ name: 'up', tcp: `127.0.0.1:${dbPort}`, interval: '1s' }] },
        },
      },
      { name: 'shop', port: 18084, connect: sidecar(21004) },
      api('v1', 18082),
      api('v2', 18083),
    ]);
    consul.onLine((line) => {
      if (/agent\.envoy.*(NACK|rejected)|Got error response from envoy/i.test(line)) complaints.push(line);
    });
    db = await startSecureApp(consulConnectCa({ service: 'db', address: consul.address, env: {} }), dbPort);
    for (const name of ['api', 'shop'])
      await consul.configure({ Kind: 'service-defaults', Name: name, Protocol: 'http' });
    mesh = await createMesh({ env: {}, bootstrapConfig: await consul.bootstrapOf('web'), onWarning: () => {} });
    await mesh.ready();
    await until('Consul finds db alive', async () => (await mesh.fetch('http://db/')).status === 200);
  });

  after(async () => {
    await mesh?.drain();
    await db?.close();
    await consul?.stop();
  });

  afterEach('all that was sent is accepted', () => {
    assert.deepEqual(complaints, []);
    const refused = mesh.feed()?.resources.filter(({ state }) => state === 'NACKED') ?? [];
    assert.deepEqual(refused, []);
  });

  it('is known by its bootstrap', async () => {
    const { flavour } = await explain('http://api/');
    assert.equal(flavour.name, 'consul');
    assert.match(flavour.why, /Consul/);
    assert.equal(mesh.feed()?.stream.variant, 'delta');
  });

  for (const url of [
    'http://db/',
    'http://db.service.consul:5432/',
    'http://db.virtual.consul/',
    'http://localhost:19191/',
  ]) {
    it(`finds the upstream of ${url}, and calls it by mutual TLS, with the certificates of the feed`, async () => {
      const { listener, clusters } = await explain(url);
      assert.equal(listener, 'db:127.0.0.1:19191');
      assert.match(clusters[0]?.name ?? '', /^db\.default\.dc1\.internal\./);
      assert.equal(clusters[0]?.error ?? '', '');
      const response = await mesh.fetch(url);
      assert.equal(meshErrorOf(response)?.message, undefined);
      assert.equal(await response.text(), `URI:spiffe://${await consul.trustDomain()}/ns/default/dc/dc1/svc/web`);
    });
  }

  it('has no say in what is no upstream of this service', async () => {
    for (const url of ['http://other.service.consul/', 'http://api.example/', 'http://localhost:9/']) {
      assert.equal((await explain(url)).verdict, 'pass-through', url);
    }
  });

  it('follows a splitter over the subsets of a resolver', async () => {
    const subsets = { v1: { Filter: 'Service.Meta.version == v1' }, v2: { Filter: 'Service.Meta.version == v2' } };
    await consul.configure({ Kind: 'service-resolver', Name: 'api', DefaultSubset: 'v1', Subsets: subsets });
    const split = (v1: number) =>
      consul.configure({
        Kind: 'service-splitter',
        Name: 'api',
        Splits: [
          { Weight: v1, ServiceSubset: 'v1' },
          { Weight: 100 - v1, ServiceSubset: 'v2' },
        ],
      });
    await split(80);
    await until('the split is in force', async () => names(await explain('http://api/'))['v1.api'] === 0.8);
    await split(30);
    await until('the new weights are in force', async () => names(await explain('http://api/'))['v1.api'] === 0.3);
    assert.deepEqual(names(await explain('http://api.virtual.consul/')), { 'v1.api': 0.3, 'v2.api': 0.7 });
  });

  it('follows a resolver with failover, there and gone: the aggregate cluster is refused by name', async () => {
    const error = async () => (await explain('http://shop/')).clusters[0]?.error ?? '';
    const resolver = { Kind: 'service-resolver', Name: 'shop' };
    await consul.configure({ ...resolver, Failover: { '*': { Service: 'api', ServiceSubset: 'v2' } } });
    await until('it is an aggregate', async () => /cluster_type: envoy\.clusters\.aggregate/.test(await error()));
    await consul.configure(resolver);
    await until('it is the service itself again', async () => (await error()) === '');
  });

  it('follows a router as it changes: paths lead to other services, with their prefix rewritten', async () => {
    const routes = (prefix: string, version: string) =>
      consul.configure({
        Kind: 'service-router',
        Name: 'shop',
        Routes: [
          {
            Match: { HTTP: { PathPrefix: prefix } },
            Destination: { Service: 'api', ServiceSubset: version, PrefixRewrite: '/v/' },
          },
        ],
      });
    const way = async (path: string): Promise<string> => {
      const explained = await explain(`http://shop${path}`);
      return `${explained.route} to ${Object.keys(names(explained)).join()}`;
    };
    await routes('/api/', 'v2');
    await until('the path has a route of its own', async () => (await way('/api/x')) === 'shop/prefix /api/ to v2.api');
    assert.equal(await way('/other'), 'shop/prefix / to shop');
    await routes('/other', 'v1');
    await until('another path has one', async () => (await way('/other')) === 'shop/prefix /other to v1.api');
    assert.equal(await way('/api/x'), 'shop/prefix / to shop');
  });
});
