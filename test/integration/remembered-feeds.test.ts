// Restarts of an application while its control plane is away, in each flavour of the feed, with what real control planes once sent.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startControlPlane } from '@inmesh/control-plane';
import { type Mesh, type MeshOptions, meshErrorOf } from 'inmesh';
import { getGlobalDispatcher, MockAgent, request, setGlobalDispatcher } from 'undici';
import { service } from '../support/feed.ts';
import { guardProcess } from '../support/guard-process.ts';
import { hurriedClock } from '../support/hurried-clock.ts';
import { callable, recorded } from '../support/recorded.ts';
import { bootstrapFor, Scene, until } from '../support/scene.ts';
import { startHttp } from '../support/servers.ts';

const envoyBootstrap = (uri: string, node: object, metadata: readonly object[] = []): string =>
  JSON.stringify({
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

const ISTIO = { id: 'sidecar~127.0.0.1~web.default~default.svc.cluster.local', metadata: { NAMESPACE: 'default' } };

const flavours = [
  {
    name: 'grpc',
    fixture: 'grpc-client',
    bootstrap: (uri: string) => JSON.stringify({ ...JSON.parse(bootstrapFor(uri)), node: ISTIO }),
    options: { flavour: 'grpc' },
    called: 'http://greeter.default.svc.cluster.local:9090/',
    never: 'http://greeter.default.svc.cluster.local:8080/',
  },
  {
    name: 'sidecar',
    fixture: 'sidecar-client',
    bootstrap: (uri: string) => envoyBootstrap(uri, ISTIO),
    options: {},
    called: 'http://greeter:9090/',
    never: 'http://greeter:8080/',
  },
  {
    name: 'consul',
    fixture: 'consul-web',
    bootstrap: (uri: string) =>
      envoyBootstrap(uri, { id: 'web-sidecar-proxy' }, [{ key: 'x-consul-token', value: '' }]),
    options: {},
    called: 'http://db.virtual.consul/',
    never: null,
  },
] as const satisfies readonly { readonly options: MeshOptions; readonly [field: string]: unknown }[];

describe('a remembered feed, by flavour', function () {
  this.timeout(20_000);
  guardProcess();
  let state = '';
  beforeEach(() => {
    state = mkdtempSync(join(tmpdir(), 'inmesh-state-'));
  });
  afterEach(() => rmSync(state, { recursive: true }));

  const endpointsOf = (mesh: Mesh): string[] => Object.values(mesh.statistics().endpoints).flatMap(Object.keys);

  const get = async (mesh: Mesh, url: string): Promise<string> => (await mesh.fetch(url)).text();

  for (const { name, fixture, bootstrap, options, called, never } of flavours) {
    describe(name, () => {
      /** Calls a service, stops the control plane and the mesh, and starts the mesh again. */
      async function restarted(scene: Scene, port: number, more: MeshOptions = {}): Promise<Mesh> {
        const own = { bootstrapConfig: bootstrap(scene.plane.address), stateDirectory: state, ...options };
        const first = await scene.mesh(own);
        await first.ready();
        assert.equal(await get(first, called), `${port}`);
        assert.equal((await first.explain(called)).flavour.name, name);
        first.close();
        await scene.plane.close();
        return scene.mesh({ ...own, ...more });
      }

      it('serves what was called, after a restart during the outage', async () => {
        await using app = await startHttp();
        await using scene = await Scene.start(callable(recorded(fixture), app.port));
        const mesh = await restarted(scene, app.port, { holdTimeoutMs: 1_000 });
        assert.equal(await get(mesh, called), `${app.port}`);
        const { verdict, flavour } = await mesh.explain(called);
        assert.deepEqual([verdict, flavour.name], ['mesh', name]);
        if (never === null) return;
        const error = meshErrorOf(await mesh.fetch(never));
        assert.deepEqual([error?.code, error?.flag], ['config_timeout', 'NR'], 'it was never called, so it was held');
      });

      it('goes over to what the control plane says when it is back', async () => {
        await using before = await startHttp();
        await using after = await startHttp();
        await using scene = await Scene.start(callable(recorded(fixture), before.port));
        const mesh = await restarted(scene, before.port, { clock: hurriedClock(10) });
        assert.equal(await get(mesh, called), `${before.port}`);
        const port = Number(scene.plane.address.split(':').at(-1));
        const resources = callable(recorded(fixture), after.port);
        scene.use(await startControlPlane({ resources, listen: { port } }));
        await until(
          () => endpointsOf(mesh).every((address) => address === `127.0.0.1:${after.port}`),
          'the endpoints are the new ones',
        );
        assert.equal(await get(mesh, called), `${after.port}`);
      });

      it('lets a thousand other hosts pass, then too: no subscription, no wait', async () => {
        await using app = await startHttp();
        await using scene = await Scene.start(callable(recorded(fixture), app.port));
        const mesh = await restarted(scene, app.port);
        const watched = (): number => mesh.feed()?.resources.filter((each) => each.watched).length ?? 0;
        const before = watched();
        const previous = getGlobalDispatcher();
        const mock = new MockAgent();
        mock.disableNetConnect();
        mock
          .get(/third-party/)
          .intercept({ path: '/' })
          .reply(200, 'theirs')
          .persist();
        setGlobalDispatcher(mock);
        try {
          const calls = Array.from({ length: 1_000 }, async (_, index) => {
            const { body } = await request(`http://host-${index}.third-party.example/`, {
              dispatcher: mesh.dispatcher,
            });
            return body.text();
          });
          assert.equal(mesh.statistics().mesh.downstream_rq_active, 0, 'none of them is held');
          assert.deepEqual(new Set(await Promise.all(calls)), new Set(['theirs']));
        } finally {
          setGlobalDispatcher(previous);
          await mock.close();
        }
        assert.equal(mesh.statistics().mesh.passed_through, 1_000);
        assert.equal(watched(), before);
      });
    });
  }

  it('knows what was not the mesh’s: after a restart its calls pass at once, and it is asked again', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start(service('reviews:9080', [app.port]));
    const previous = getGlobalDispatcher();
    const mock = new MockAgent();
    mock.disableNetConnect();
    mock.get('http://legacy:8080').intercept({ path: '/' }).reply(200, 'outside').persist();
    setGlobalDispatcher(mock);
    const call = async (mesh: Mesh): Promise<string> =>
      (await request('http://legacy:8080/', { dispatcher: mesh.dispatcher })).body.text();
    try {
      // The first answer takes as long as the control plane is given to name it: 15 s, here of a faster clock.
      const first = await scene.mesh({ stateDirectory: state, clock: hurriedClock(50) });
      assert.equal(await call(first), 'outside');
      first.close();
      // Were it held, it would fail at once: the mesh holds none.
      const second = await scene.mesh({ stateDirectory: state, maxHeld: 0 });
      assert.equal(await call(second), 'outside');
      const asked = () => second.feed()?.resources.some(({ name, watched }) => name === 'legacy:8080' && watched);
      assert.equal(asked(), true);
      scene.plane.update([...service('reviews:9080', [app.port]), ...service('legacy:8080', [app.port])]);
      await until(
        () => second.feed()?.resources.some(({ name, state }) => name === 'legacy:8080' && state === 'ACKED') === true,
        'it is of the mesh now',
      );
      await second.ready({ services: ['http://legacy:8080'] });
      assert.equal(await call(second), `${app.port}`);
    } finally {
      setGlobalDispatcher(previous);
      await mock.close();
    }
  });

  it('has what was never called, too, where all is prefetched', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start(callable(recorded('sidecar-client'), app.port));
    const { bootstrap, never } = flavours[1];
    const own = {
      bootstrapConfig: bootstrap(scene.plane.address),
      stateDirectory: state,
      prefetch: 'all',
    } as const satisfies MeshOptions;
    const first = await scene.mesh(own);
    await first.ready();
    const isThere = (kind: string, part: string) =>
      first.feed()?.resources.some((each) => each.kind === kind && each.name.includes(part) && each.state === 'ACKED');
    await until(
      () => isThere('routeConfiguration', '8080') === true && isThere('clusterLoadAssignment', '|8080|v2|') === true,
      'all of the feed is there',
    );
    first.close();
    await scene.plane.close();
    const second = await scene.mesh(own);
    assert.equal(await get(second, never), `${app.port}`);
    await scene.mesh({ prefetch: 'all' });
    assert.match(scene.warnings.at(-1)?.message ?? '', /prefetch: 'all' has no effect/);
  });

  it('of Consul holds no key: what needs one is not in the file', async () => {
    await using scene = await Scene.start(recorded('consul-web'));
    const { bootstrap, called } = flavours[2];
    const mesh = await scene.mesh({ bootstrapConfig: bootstrap(scene.plane.address), stateDirectory: state });
    await mesh.ready();
    await (await mesh.fetch(called)).text();
    mesh.close();
    const [file = ''] = readdirSync(join(state, 'feed'));
    const records = readFileSync(join(state, 'feed', file), 'utf8')
      .split('\n')
      .slice(1, -1)
      .map((line) => JSON.parse(line));
    const kinds = records.flatMap(({ resource }) => resource?.kind ?? []);
    assert.ok(kinds.includes('listener') && kinds.includes('clusterLoadAssignment'), kinds.join());
    assert.equal(kinds.includes('cluster'), false);
    const bytes = records.flatMap(({ resource }) => resource?.bytes ?? []);
    assert.equal(
      bytes.some((each) => Buffer.from(each, 'base64').includes('PRIVATE KEY')),
      false,
    );
  });

  it('of several servers and of authorities is remembered, each by itself', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start(service('reviews:9080', [app.port]));
    const listener = 'xdstp://other/envoy.config.listener.v3.Listener/ratings:9080';
    const other = scene.use(await startControlPlane({ resources: service('ratings:9080', [app.port], { listener }) }));
    // The cluster of that service has a name without an authority, so it is the own servers' to tell.
    scene.plane.update([...service('reviews:9080', [app.port]), ...service('ratings:9080', [app.port]).slice(1)]);
    const server = (uri: string) => ({ server_uri: uri, channel_creds: [{ type: 'insecure' }] });
    const bootstrapConfig = JSON.stringify({
      xds_servers: [server(scene.plane.address), server(other.address)],
      node: { id: 'test-node' },
      client_default_listener_resource_name_template: listener.replace('ratings:9080', '%s'),
      authorities: { other: { xds_servers: [server(other.address)] } },
    });
    const first = await scene.mesh({ bootstrapConfig, stateDirectory: state });
    assert.equal(await get(first, 'http://ratings:9080/'), `${app.port}`);
    first.close();
    assert.equal(readdirSync(join(state, 'feed')).length, 2);
    await scene.plane.close();
    await other.close();
    const second = await scene.mesh({ bootstrapConfig, stateDirectory: state });
    assert.equal(await get(second, 'http://ratings:9080/'), `${app.port}`);
  });
});
