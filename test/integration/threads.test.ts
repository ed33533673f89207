// Worker threads take the feed from the main thread: one stream for a process, whoever calls first.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { service } from '../support/feed.ts';
import { guardProcess } from '../support/guard-process.ts';
import { MeshWorker } from '../support/mesh-elsewhere.ts';
import type { RemoteOptions } from '../support/mesh-orders.ts';
import { Program } from '../support/program.ts';
import { bootstrapFor, Scene, until } from '../support/scene.ts';
import { startHttp } from '../support/servers.ts';

describe('worker threads', function () {
  // Each thread imports everything anew, on machines that do other things too.
  this.timeout(40_000);
  guardProcess();

  const start = (scene: Scene, count: number, options: RemoteOptions = {}): MeshWorker[] =>
    Array.from({ length: count }, () =>
      scene.use(new MeshWorker({ bootstrapConfig: bootstrapFor(scene.plane.address), ...options })),
    );

  const streams = (scene: Scene): number => scene.plane.status().nodes.length;

  const vias = async (workers: readonly MeshWorker[]): Promise<(string | null)[]> =>
    (await Promise.all(workers.map((worker) => worker.feed()))).map(({ stream }) => stream.via);

  const get = (workers: readonly MeshWorker[], url: string): Promise<string[]> =>
    Promise.all(workers.map((worker) => worker.get(url)));

  it('share the stream of the main thread: four of them call, and updates reach them all', async () => {
    await using before = await startHttp();
    await using after = await startHttp();
    await using scene = await Scene.start([
      ...service('all:9080', [before.port]),
      ...service('one:9080', [before.port]),
    ]);
    const main = await scene.mesh();
    const workers = start(scene, 4);
    assert.deepEqual(await get(workers, 'http://all:9080/'), Array(4).fill(`${before.port}`));
    assert.equal(await workers[2]?.get('http://one:9080/'), `${before.port}`);
    assert.deepEqual(await vias(workers), Array(4).fill('the main thread'));
    assert.equal(main.feed()?.stream.via, null);
    const { origin } = (await workers[0]?.explain('http://all:9080/')) ?? {};
    assert.equal(origin, `control plane ${scene.plane.address} (through the main thread)`);
    assert.equal(streams(scene), 1);
    scene.plane.update([...service('all:9080', [after.port]), ...service('one:9080', [before.port])]);
    for (const worker of workers) {
      while ((await worker.get('http://all:9080/')) !== `${after.port}`);
    }
    assert.equal(streams(scene), 1);
    for (const worker of workers) assert.deepEqual(await worker.warnings(), []);
    // What is not in force hurts the same as over a stream of one's own.
    scene.plane.update(service('one:9080', [before.port]));
    await until(() => main.feed()?.resources.some(({ state }) => state === 'DOES_NOT_EXIST') === true, 'it is removed');
    while ((await workers[0]?.get('http://all:9080/')) !== '');
  });

  it('keep the stream when the main thread closes its mesh, and end it with the last of them', async () => {
    await using before = await startHttp();
    await using after = await startHttp();
    await using scene = await Scene.start(service('all:9080', [before.port]));
    const main = await scene.mesh();
    const workers = start(scene, 2);
    assert.deepEqual(await get(workers, 'http://all:9080/'), Array(2).fill(`${before.port}`));
    main.close();
    scene.plane.update(service('all:9080', [after.port]));
    for (const worker of workers) {
      while ((await worker.get('http://all:9080/')) !== `${after.port}`);
    }
    assert.equal(streams(scene), 1);
    await workers[0]?.leave();
    assert.equal(await workers[0]?.ended, 0);
    assert.equal(await workers[1]?.get('http://all:9080/'), `${after.port}`);
    await workers[1]?.close();
    await until(() => streams(scene) === 0, 'the stream ends');
  });

  it('have streams of their own without a mesh in the main thread, and leave them for one that comes later', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start(service('all:9080', [app.port]));
    const workers = start(scene, 2);
    const [alone] = start(scene, 1, { threads: false });
    const everybody = [...workers, alone as MeshWorker];
    assert.deepEqual(await get(everybody, 'http://all:9080/'), Array(3).fill(`${app.port}`));
    assert.deepEqual([streams(scene), await vias(everybody)], [3, [null, null, null]]);
    const main = await scene.mesh();
    await main.fetch('http://all:9080/');
    await until(() => streams(scene) === 2, 'that of the main thread, and that of the thread that shares nothing');
    assert.deepEqual(await get(everybody, 'http://all:9080/'), Array(3).fill(`${app.port}`));
    assert.deepEqual(await vias(everybody), ['the main thread', 'the main thread', null]);
  });

  it('know what the main thread knows, also while the control plane is away', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start(service('all:9080', [app.port]));
    const main = await scene.mesh();
    assert.equal(await (await main.fetch('http://all:9080/')).text(), `${app.port}`);
    await scene.plane.close();
    await until(() => main.feed()?.stream.lastError !== null, 'the control plane is missed');
    const [late] = start(scene, 1);
    assert.equal(await late?.get('http://all:9080/'), `${app.port}`);
    const { stream } = (await late?.feed()) ?? {};
    assert.deepEqual([stream?.connected, stream?.via], [false, 'the main thread']);
    assert.match(stream?.lastError ?? '', /the ADS stream failed/);
  });

  it('are remembered with the main thread: what they called goes on after a restart without a control plane', async () => {
    const stateDirectory = mkdtempSync(join(tmpdir(), 'inmesh-state-'));
    try {
      await using app = await startHttp();
      await using scene = await Scene.start([...service('all:9080', [app.port]), ...service('one:9080', [app.port])]);
      const run = async (): Promise<void> => {
        const main = await scene.mesh({ stateDirectory });
        const [worker] = start(scene, 1, { stateDirectory });
        assert.equal(await worker?.get('http://all:9080/'), `${app.port}`);
        assert.equal((await worker?.feed())?.stream.via, 'the main thread');
        await worker?.leave();
        assert.equal(await worker?.ended, 0);
        main.close();
      };
      await run();
      await scene.plane.close();
      await run();
      const [file = ''] = readdirSync(join(stateDirectory, 'feed'));
      const kept = readFileSync(join(stateDirectory, 'feed', file), 'utf8');
      assert.deepEqual([kept.includes('all:9080'), kept.includes('one:9080')], [true, false]);
    } finally {
      rmSync(stateDirectory, { recursive: true });
    }
  });

  it('are kept alive by nothing of this, and neither is the main thread', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start(service('all:9080', [app.port]));
    const config = JSON.stringify(bootstrapFor(scene.plane.address));
    const call = `
      const mesh = await createMesh({ bootstrapConfig: ${config}, env: {} });
      console.log(await (await mesh.fetch('http://all:9080/')).text());`;
    const program = scene.use(
      new Program(`
        import { createMesh } from 'inmesh';
        import { Worker } from 'node:worker_threads';
        ${call}
        const code = ${JSON.stringify(`import { createMesh } from 'inmesh'; ${call} console.log(mesh.feed().stream.via);`)};
        new Worker(new URL('data:text/javascript,' + encodeURIComponent(code.replace("'inmesh'", JSON.stringify(import.meta.resolve('inmesh'))))));
      `),
    );
    assert.deepEqual(await program.ended, {
      code: 0,
      out: `${app.port}\n${app.port}\nthe main thread\n`,
      err: '',
    });
  });
});
