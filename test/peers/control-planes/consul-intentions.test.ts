import assert from 'node:assert/strict';
import { createMesh, type Mesh, meshErrorOf } from 'inmesh';
import { type App, startApp, startHttp2App } from '../support/apps.ts';
import { Envoy } from '../support/envoy.ts';
import { describeWithPeers } from '../support/peers.ts';
import { freePorts } from '../support/ports.ts';
import { until } from '../support/until.ts';
import { ConsulAgent } from './consul-agent.ts';

/**
 * Consul's service mesh as its users run it, but for the caller: before each service stands a real Envoy that Consul feeds, with
 * certificates of Consul's CA, which lets callers in by Consul's intentions. The caller, `web`, has no Envoy: inmesh takes the
 * feed of its sidecar. Another mesh takes that of `guest`, of whom the intentions say something else.
 */
describeWithPeers(['consul', 'envoy'], 'Consul’s intentions, kept by Envoys that Consul feeds', () => {
  /** Services, and what Consul is told that they speak. */
  const PROTOCOLS = { shop: 'http', api: 'http2', db: 'tcp' } as const;
  type Service = keyof typeof PROTOCOLS;
  const names = Object.keys(PROTOCOLS) as Service[];

  let consul: ConsulAgent;
  const apps = new Map<Service, App>();
  const meshes = new Map<string, Mesh>();
  const envoys: Envoy[] = [];

  before(async () => {
    for (const name of ['shop', 'db'] as const) {
      const app = await startApp(name, (request, response) => {
        request.resume().on('end', () => response.end(`${name} ${request.url}`));
      });
      apps.set(name, app);
    }
    apps.set('api', await startHttp2App('api'));
    const ports = await freePorts(names.length);
    const upstreams = names.map((destination_name, index) => ({ destination_name, local_bind_port: 19291 + index }));
    const caller = (name: string, port: number) => ({
      name,
      port: 1,
      connect: { sidecar_service: { port, proxy: { upstreams } } },
    });
    consul = await ConsulAgent.start([
      caller('web', 21100),
      caller('guest', 21101),
      ...names.map((name, index) => ({
        name,
        port: apps.get(name)?.port,
        connect: { sidecar_service: { port: ports[index], checks: [] } },
      })),
    ]);
    for (const name of names) {
      await consul.configure({ Kind: 'service-defaults', Name: name, Protocol: PROTOCOLS[name] });
      envoys.push(await Envoy.run(`consul ${name}`, JSON.parse(await consul.bootstrapOf(name)) as object));
    }
    for (const name of ['web', 'guest']) {
      const bootstrapConfig = await consul.bootstrapOf(name);
      meshes.set(name, await createMesh({ env: {}, bootstrapConfig, onWarning: () => {} }));
    }
    for (const name of names) await until(`${name} answers`, async () => (await call('web', name)).status === 200);
  });
  after(async () => {
    for (const mesh of meshes.values()) mesh.close();
    for (const envoy of envoys) await envoy.stop();
    await consul?.stop();
    for (const app of apps.values()) await app.close();
  });
  afterEach('what was sent is accepted', () => {
    for (const mesh of meshes.values()) {
      assert.deepEqual(mesh.feed()?.resources.filter(({ state }) => state === 'NACKED') ?? [], []);
    }
  });

  for (const name of ['shop', 'api'] as const) {
    it(`${name} (${PROTOCOLS[name]}): an intention that denies web answers it 403, and nobody else`, async () => {
      await intend(name, [{ Name: 'web', Action: 'deny' }]);
      await until('web is kept out', async () => (await call('web', name)).status === 403);
      const { seen } = apps.get(name)!;
      const before = seen.length;
      const { body, error } = await call('web', name);
      assert.deepEqual([body, error, seen.length], ['RBAC: access denied', null, before]);
      assert.equal((await call('guest', name)).status, 200);
      const forwarded = String(seen.at(-1)?.headers['x-forwarded-client-cert']);
      assert.match(forwarded, new RegExp(`URI=spiffe://${await consul.trustDomain()}/ns/default/dc/dc1/svc/guest`));
    });

    it(`${name} (${PROTOCOLS[name]}): one for certain paths lets web call those`, async () => {
      const Permissions = [
        { Action: 'deny', HTTP: { PathPrefix: '/admin' } },
        { Action: 'allow', HTTP: { PathPrefix: '/' } },
      ];
      await intend(name, [
        { Name: 'web', Permissions },
        { Name: '*', Action: 'deny' },
      ]);
      await until('the paths are in force', async () => (await call('web', name, '/shop')).body === `${name} /shop`);
      assert.equal((await call('web', name, '/admin/x')).status, 403);
      await until('others are kept out', async () => (await call('guest', name)).status === 403);
    });
  }

  it('db (tcp): a caller that an intention denies loses its connection, and another does not', async () => {
    await intend('db', [{ Name: 'web', Action: 'deny' }]);
    await until('web is kept out', async () => (await call('web', 'db')).status === 503);
    const { seen } = apps.get('db')!;
    const before = seen.length;
    const { error } = await call('web', 'db');
    assert.match(String(error?.flag), /^(UC|UF|URX)/);
    assert.equal(seen.length, before);
    assert.equal((await call('guest', 'db')).status, 200);
    await intend('db', [{ Name: 'web', Action: 'allow' }]);
    await until('web is let in', async () => (await call('web', 'db')).status === 200);
  });

  it('certificates of a new root are taken while calls go on', async () => {
    const outcomes = new Set<number>();
    const stop = new AbortController();
    const caller = (async () => {
      while (!stop.signal.aborted) outcomes.add((await call('web', 'db')).status);
    })();
    await consul.rotateCa();
    const leafOf = async () =>
      JSON.stringify(await (await fetch(`${consul.address}/v1/agent/connect/ca/leaf/web`)).json());
    const before = await leafOf();
    await until('the leaf is of the new root', async () => (await leafOf()) !== before, { within: 50_000 }).finally(
      () => stop.abort(),
    );
    await caller;
    assert.deepEqual([...outcomes], [200]);
  });

  function intend(name: string, sources: readonly object[]): Promise<void> {
    return consul.configure({ Kind: 'service-intentions', Name: name, Sources: sources });
  }

  async function call(from: string, name: string, path = '/') {
    const response = await meshes.get(from)!.fetch(`http://${name}${path}`);
    return { status: response.status, body: await response.text(), error: meshErrorOf(response) };
  }
});
