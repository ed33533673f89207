// The application is started again while its control plane is away: what it called before goes on.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Mesh, type MeshOptions, meshErrorOf } from 'inmesh';
import { service } from '../support/feed.ts';
import { guardProcess } from '../support/guard-process.ts';
import { hurriedClock } from '../support/hurried-clock.ts';
import { Program } from '../support/program.ts';
import { bootstrapFor, Scene, until } from '../support/scene.ts';
import { startHttp } from '../support/servers.ts';

/** Inline, as a careless control plane sends it. */
const KEY = 'a key that belongs in no file';
const tlsSocket = {
  name: 'tls',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
    common_tls_context: {
      tls_certificates: [{ certificate_chain: { inline_string: 'chain' }, private_key: { inline_string: KEY } }],
    },
  },
};

describe('a remembered feed', function () {
  // Each program imports everything anew, on machines that do other things too.
  this.timeout(20_000);
  guardProcess();
  let state = '';
  beforeEach(() => {
    state = mkdtempSync(join(tmpdir(), 'inmesh-state-'));
  });
  afterEach(() => rmSync(state, { recursive: true }));

  const stored = (): string => {
    const [name] = readdirSync(join(state, 'feed'));
    return join(state, 'feed', name ?? '');
  };

  /** All resources in the file, as text. */
  const resources = (): string =>
    readFileSync(stored(), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('{"resource"'))
      .map((line) => Buffer.from(JSON.parse(line).resource.bytes, 'base64').toString('latin1'))
      .join('\n');

  const remembering = (scene: Scene, options: MeshOptions = {}): Promise<Mesh> =>
    scene.mesh({ stateDirectory: state, ...options });

  const get = async (mesh: Mesh, url: string): Promise<string> => (await mesh.fetch(url)).text();

  it('serves a service that an earlier process called; one that was never called is held, then fails', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start([
      ...service('reviews:9080', [app.port]),
      ...service('ratings:9080', [app.port]),
    ]);
    const run = (code: string) =>
      scene.use(
        new Program(`
          import { createMesh, meshErrorOf } from 'inmesh';
          const mesh = await createMesh({
            bootstrapConfig: ${JSON.stringify(bootstrapFor(scene.plane.address))}, env: {},
            stateDirectory: ${JSON.stringify(state)}, holdTimeoutMs: 1_000, onWarning: ({ message }) => console.log(message),
          });
          ${code}
        `),
      ).ended;
    const call = `console.log(await (await mesh.fetch('http://reviews:9080/')).text());`;
    assert.deepEqual(await run(call), { code: 0, out: `${app.port}\n`, err: '' });
    assert.equal(resources().includes('ratings'), false);
    if (process.platform !== 'win32') assert.equal(statSync(stored()).mode & 0o777, 0o600);
    await scene.plane.close();
    const never = `
      const { code, flag } = meshErrorOf(await mesh.fetch('http://ratings:9080/'));
      console.log(code, flag, mesh.statistics().mesh.downstream_rq_active);`;
    assert.deepEqual(await run(call + never), { code: 0, out: `${app.port}\nconfig_timeout NR 0\n`, err: '' });
  });

  it('gives way to what the control plane says when it is there', async () => {
    await using before = await startHttp();
    await using after = await startHttp();
    await using scene = await Scene.start([
      ...service('moved:9080', [before.port]),
      ...service('gone:9080', [before.port]),
    ]);
    const first = await remembering(scene);
    for (const name of ['moved', 'gone']) assert.equal(await get(first, `http://${name}:9080/`), `${before.port}`);
    first.close();
    scene.plane.update(service('moved:9080', [after.port]));
    // The verdict on what is not there takes 15 s, here of a faster clock.
    const second = await remembering(scene, { clock: hurriedClock(20) });
    await until(
      () =>
        second.feed()?.resources.some(({ name, state }) => name === 'gone:9080' && state === 'DOES_NOT_EXIST') === true,
      'the control plane has no gone:9080',
    );
    assert.equal(await get(second, 'http://moved:9080/'), `${after.port}`);
    const response = await second.fetch('http://gone:9080/');
    assert.equal(meshErrorOf(response)?.code, 'no_route');
    second.close();
    const lines = readFileSync(stored(), 'utf8').split('\n');
    const remembered = (part: string) => lines.some((line) => line.includes(part));
    assert.deepEqual(
      ['moved', 'gone'].map((name) => [`"target":"${name}:9080"`, `"listener","name":"${name}:9080"`].map(remembered)),
      [
        [true, true],
        [false, false],
      ],
    );
  });

  it('holds no resource with a secret', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start([
      ...service('plain:9080', [app.port]),
      ...service('keyed:9080', [app.port], { cluster: { transport_socket: tlsSocket } }),
    ]);
    const mesh = await remembering(scene);
    assert.equal(await get(mesh, 'http://plain:9080/'), `${app.port}`);
    await (await mesh.fetch('http://keyed:9080/')).text();
    mesh.close();
    const text = resources();
    assert.deepEqual(
      ['plain:9080', KEY, 'UpstreamTlsContext'].map((each) => text.includes(each)),
      [true, false, false],
    );
  });

  it('is ignored with a warning where the file is damaged, and written anew', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start(service('reviews:9080', [app.port]));
    const call = async (): Promise<void> => {
      const mesh = await remembering(scene);
      assert.equal(await get(mesh, 'http://reviews:9080/'), `${app.port}`);
      mesh.close();
    };
    await call();
    const path = stored();
    const good = readFileSync(path, 'utf8');
    writeFileSync(path, good.replace('reviews', 'reViews'));
    await call();
    assert.deepEqual(
      scene.warnings.map(({ message }) => message),
      [`the remembered feed in ${path} is ignored: its checksum is wrong: it is damaged`],
    );
    assert.equal(readFileSync(path, 'utf8').includes('reviews:9080'), true);
    await call();
    assert.equal(scene.warnings.length, 1);
  });

  it('lies where inmesh.yaml says, and one stream has one', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start(service('reviews:9080', [app.port]));
    const [host = '', port = ''] = scene.plane.address.split(':');
    const bootstrapConfig = `
node: { id: test-node, cluster: test }
inmesh: { state_directory: ${JSON.stringify(state)} }
dynamic_resources:
  ads_config: { api_type: GRPC, transport_api_version: V3, grpc_services: [{ envoy_grpc: { cluster_name: xds } }] }
  lds_config: { ads: {}, resource_api_version: V3 }
  cds_config: { ads: {}, resource_api_version: V3 }
static_resources:
  clusters:
    - name: xds
      type: STATIC
      load_assignment:
        cluster_name: xds
        endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: ${host}, port_value: ${port} } } } }] }]
`;
    const mesh = await scene.mesh({ bootstrapConfig });
    const warned = scene.warnings.length;
    const other = await scene.mesh({ bootstrapConfig, stateDirectory: join(state, 'other') });
    assert.match(scene.warnings[warned]?.message ?? '', /^state directory .*other is not used: another mesh shares/);
    assert.equal(await get(mesh, 'http://reviews:9080/'), `${app.port}`);
    mesh.close();
    other.close();
    assert.equal(resources().includes('reviews:9080'), true);
  });

  it('is told in options that make sense', async () => {
    await using scene = await Scene.start();
    await assert.rejects(scene.mesh({ idleServiceMs: -1 }), { message: /idleServiceMs: -1 is no number from 0/ });
    await assert.rejects(scene.mesh({ stateDirectory: '' }), { message: /stateDirectory/ });
  });
});

describe('an idle service', () => {
  guardProcess();

  it('is unsubscribed, and subscribed again by the next call', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start([...service('idle:9080', [app.port]), ...service('kept:9080', [app.port])]);
    const mesh = await scene.mesh({ idleServiceMs: 300, services: ['http://kept:9080'] });
    const known = () =>
      mesh
        .feed()
        ?.resources.filter(({ kind, watched }) => kind === 'listener' && watched)
        .map(({ name }) => name)
        .join();
    const call = async () => assert.equal(await get(mesh), `${app.port}`);
    const get = async (each: Mesh) => (await each.fetch('http://idle:9080/')).text();
    await call();
    await until(() => known() === 'kept:9080', 'the idle service is not watched any more');
    assert.deepEqual(Object.keys(mesh.statistics().clusters), ['kept:9080']);
    await call();
  });
});
