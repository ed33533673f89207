// Clusters that change or go while calls to them go on.
import assert from 'node:assert/strict';
import { type Mesh, meshErrorOf } from 'inmesh';
import { cluster, endpoints, service } from '../support/feed.ts';
import { guardProcess } from '../support/guard-process.ts';
import { hurriedClock } from '../support/hurried-clock.ts';
import { Scene, until } from '../support/scene.ts';
import { startHttp } from '../support/servers.ts';

const names = ['a', 'b', 'c', 'd', 'e', 'f'];

/** Calls on and on until it is stopped; the result tells how many there were, and which failed. */
function calling(mesh: Mesh, url: string): () => Promise<{ readonly calls: number; readonly failures: string[] }> {
  let stopped = false;
  const failures: string[] = [];
  const done = (async () => {
    let calls = 0;
    for (; !stopped; calls++) {
      const response = await mesh.fetch(url);
      if (response.status !== 200) failures.push(`${meshErrorOf(response)}`);
      await response.text();
    }
    return { calls, failures };
  })();
  return () => {
    stopped = true;
    return done;
  };
}

describe('a cluster', () => {
  guardProcess();

  it('that changes keeps its endpoints: there is no moment without any', async () => {
    await using app = await startHttp();
    const [listener, , membership] = service('reviews:9080', [app.port]);
    assert.ok(listener !== undefined && membership !== undefined);
    const changed = (round: number) =>
      cluster('reviews:9080', {
        connect_timeout: `${round + 1}s`,
        circuit_breakers: { thresholds: [{ max_requests: 100 + round }] },
        lb_policy: round % 2 === 0 ? 'ROUND_ROBIN' : 'LEAST_REQUEST',
      });
    await using scene = await Scene.start([listener, changed(0), membership]);
    const mesh = await scene.mesh();
    await mesh.ready({ services: ['http://reviews:9080'] });
    const stop = calling(mesh, 'http://reviews:9080/');
    const version = () =>
      mesh.feed()?.resources.find(({ kind, name }) => kind === 'cluster' && name === 'reviews:9080')?.version;
    for (let round = 1; round <= 20; round++) {
      const before = version();
      scene.plane.update([listener, changed(round), membership]);
      await until(() => version() !== before, `version ${round} is in force`);
    }
    const { calls, failures } = await stop();
    assert.deepEqual(failures, []);
    assert.ok(calls >= 20, `${calls}`);
  });

  it('that gets another service name keeps the old endpoints until the new ones are there', async () => {
    await using before = await startHttp();
    await using after = await startHttp();
    const [listener] = service('reviews:9080', []);
    assert.ok(listener !== undefined);
    const of = (serviceName: string) =>
      cluster('reviews:9080', {
        eds_cluster_config: { eds_config: { ads: {}, resource_api_version: 'V3' }, service_name: serviceName },
      });
    await using scene = await Scene.start([listener, of('v1'), endpoints('v1', [before.port])]);
    const mesh = await scene.mesh();
    await mesh.ready({ services: ['http://reviews:9080'] });
    const stop = calling(mesh, 'http://reviews:9080/');
    scene.plane.update([listener, of('v2'), endpoints('v1', [before.port]), endpoints('v2', [after.port])]);
    await until(
      () => Object.keys(mesh.statistics().endpoints['reviews:9080'] ?? {}).join() === `127.0.0.1:${after.port}`,
      'the endpoints are the new ones',
    );
    assert.deepEqual((await stop()).failures, []);
  });
});

describe('many clusters that are gone at once', () => {
  guardProcess();

  async function start(scene: Scene, massRemoval: object) {
    const mesh = await scene.mesh({ clock: hurriedClock(10), ...massRemoval });
    for (const name of names) assert.equal((await mesh.fetch(`http://${name}:80/`)).status, 200);
    return mesh;
  }

  /** The feed without its clusters, as a control plane tells it that has just started. */
  const partial = (port: number) =>
    names
      .flatMap((name) => service(`${name}:80`, [port]))
      .filter((each) => !String(each['@type' as never]).endsWith('.Cluster'));

  it('stay in force for a time where the mesh is told so, with a warning', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start(names.flatMap((name) => service(`${name}:80`, [app.port])));
    const mesh = await start(scene, { massRemoval: { holdMs: 20_000 } });
    const clusters = () => mesh.feed()?.resources.filter(({ kind }) => kind === 'cluster') ?? [];
    scene.plane.update(partial(app.port));
    await until(() => scene.warnings.length > 0, 'there is a warning');
    assert.match(scene.warnings[0]?.message ?? '', /removed 6 of 6 clusters at once/);
    for (const name of names) assert.equal((await mesh.fetch(`http://${name}:80/`)).status, 200);
    assert.ok(clusters().every(({ error }) => error?.includes('6 of 6 clusters') === true));
    await until(() => clusters().every(({ state }) => state === 'DOES_NOT_EXIST'), 'the time is over');
    assert.equal(meshErrorOf(await mesh.fetch('http://a:80/'))?.flag, 'NC');
  });

  it('are gone where it is not', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start(names.flatMap((name) => service(`${name}:80`, [app.port])));
    const mesh = await start(scene, {});
    scene.plane.update(partial(app.port));
    await until(
      () => mesh.feed()?.resources.some(({ state }) => state === 'DOES_NOT_EXIST') === true,
      'the clusters are gone',
    );
    assert.equal(meshErrorOf(await mesh.fetch('http://a:80/'))?.flag, 'NC');
    assert.deepEqual(scene.warnings, []);
  });

  it('are told in options that make sense', async () => {
    await using scene = await Scene.start();
    await assert.rejects(scene.mesh({ massRemoval: { share: 2 } }), { message: /massRemoval\.share: 2/ });
    await assert.rejects(scene.mesh({ massRemoval: { holdMs: 0 } }), { message: /massRemoval\.holdMs: 0/ });
  });
});
