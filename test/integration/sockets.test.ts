import assert from 'node:assert/strict';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { isMeshError, type MeshSocket } from 'inmesh';
import { cluster, endpoints } from '../support/feed.ts';
import { guardProcess } from '../support/guard-process.ts';
import { hurriedClock } from '../support/hurried-clock.ts';
import { startEcho } from '../support/line-echo.ts';
import { Program } from '../support/program.ts';
import { Scene, until } from '../support/scene.ts';
import { refusingPort } from '../support/servers.ts';
import { tcpListener } from '../support/tcp-listener.ts';

async function say(socket: MeshSocket, words: string): Promise<string> {
  socket.end(words);
  return text(socket);
}

const failure = (code: string, message: RegExp) => (error: unknown) =>
  isMeshError(error) && error.code === code && message.test(error.message);

describe('sockets over the mesh', () => {
  guardProcess();

  it('lead to the hosts of the cluster, and are counted', async () => {
    await using scene = await Scene.start();
    const one = scene.use(await startEcho('one'));
    const two = scene.use(await startEcho('two'));
    scene.plane.update([
      tcpListener('db:5432', { cluster: 'db' }),
      cluster('db'),
      endpoints('db', [one.port, two.port]),
    ]);
    const mesh = await scene.mesh();
    const answers = [];
    for (let i = 0; i < 4; i++) answers.push(await say(mesh.socket('db', 5432), 'hello'));
    assert.deepEqual(answers.sort(), ['one:hello', 'one:hello', 'two:hello', 'two:hello']);
    const { tcp, clusters } = mesh.statistics();
    await until(() => tcp.db?.downstream_cx_active === 0, 'all have ended');
    assert.equal(tcp.db?.downstream_cx_total, 4);
    assert.equal(tcp.db?.downstream_cx_rx_bytes_total, 20);
    assert.equal(tcp.db?.downstream_cx_tx_bytes_total, 36);
    await until(() => clusters.db?.upstream_cx_active === 0, 'and their connections');
    assert.equal(clusters.db?.upstream_cx_total, 4);
  });

  it('wait for the feed, follow it, and outlive what they came by', async () => {
    await using scene = await Scene.start();
    const one = scene.use(await startEcho('one'));
    const two = scene.use(await startEcho('two'));
    const mesh = await scene.mesh({ domains: ['db'] });
    const early = mesh.socket('db', 5432);
    early.write('early');
    const clusters = [cluster('a'), endpoints('a', [one.port]), cluster('b'), endpoints('b', [two.port])];
    scene.plane.update([tcpListener('db:5432', { cluster: 'a' }), ...clusters]);
    await once(early, 'connect');
    scene.plane.update([tcpListener('db:5432', { cluster: 'b' }), ...clusters]);
    for (;;) {
      const answer = await say(mesh.socket('db', 5432), 'late');
      if (answer === 'two:late') break;
      assert.equal(answer, 'one:late');
    }
    assert.equal(await say(early, ' bird'), 'one:early bird');
  });

  it('fail with the mesh’s reasons', async () => {
    await using scene = await Scene.start();
    scene.plane.update([
      tcpListener('refusing:1', { cluster: 'refusing', max_connect_attempts: 2 }),
      cluster('refusing'),
      endpoints('refusing', [await refusingPort()]),
      tcpListener('empty:1', { cluster: 'empty' }),
      cluster('empty'),
      endpoints('empty', []),
      tcpListener('lost:1', { cluster: 'lost' }),
      tcpListener('tunnel:1', { cluster: 'empty', tunneling_config: { hostname: 'h:1' } }),
    ]);
    const mesh = await scene.mesh({ clock: hurriedClock(50) });
    const why = (name: string) => once(mesh.socket(name, 1), 'error').then(([error]) => Promise.reject(error));
    await assert.rejects(why('refusing'), failure('connection_failure', /ECONNREFUSED/));
    assert.equal(mesh.statistics().clusters.refusing?.upstream_cx_connect_attempts_exceeded, 1);
    await assert.rejects(why('empty'), failure('no_healthy_upstream', /no endpoints/));
    await assert.rejects(why('lost'), failure('no_cluster', /lost/));
    await assert.rejects(why('tunnel'), failure('unsupported', /tcp_proxy\.tunneling_config/));
    assert.throws(() => mesh.socket('db', 0), RangeError);
  });

  it('pass by where the feed knows nothing of their host, or not, as the mesh is told', async () => {
    await using scene = await Scene.start();
    const echo = scene.use(await startEcho('outside'));
    const mesh = await scene.mesh();
    assert.equal(await say(mesh.socket('127.0.0.1', echo.port), 'hello'), 'outside:hello');
    assert.equal(mesh.statistics().mesh.passed_through, 1);
    const strict = await scene.mesh({ outsideMesh: 'refuse' });
    const refused = once(strict.socket('127.0.0.1', echo.port), 'error').then(([error]) => Promise.reject(error));
    await assert.rejects(refused, failure('not_in_mesh', /outsideMesh: refuse/));
  });

  it('end with the mesh, and are refused from then on', async () => {
    await using scene = await Scene.start();
    const echo = scene.use(await startEcho('one'));
    scene.plane.update([tcpListener('db:5432', { cluster: 'db' }), cluster('db'), endpoints('db', [echo.port])]);
    const mesh = await scene.mesh();
    const open = mesh.socket('db', 5432);
    await once(open, 'connect');
    const failed = once(open.resume(), 'error').then(([error]) => Promise.reject(error));
    await Promise.all([mesh.drain(), assert.rejects(failed, failure('connection_termination', /closed/))]);
    const late = once(mesh.socket('db', 5432), 'error').then(([error]) => Promise.reject(error));
    await assert.rejects(late, failure('draining', /no more streams/));
    await until(() => echo.open.size === 0, 'its connection is closed');
  });

  it('do what the example shows', async () => {
    const example = new URL('../../examples/sockets/demo.ts', import.meta.url).href;
    const { code, out, err } = await new Program(`import ${JSON.stringify(example)};`).ended;
    assert.equal(code, 0, err);
    assert.match(out, /hello URI:spiffe:\/\/demo\/ns\/default\/sa\/shop, you said: ping/);
    assert.match(out, /downstream_cx_rx_bytes_total: 4,/);
  });
});
