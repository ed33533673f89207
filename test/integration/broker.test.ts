// Processes of one host share one stream: one of them, the broker, has it, and another takes over when it goes.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeBroker } from '../support/fake-broker.ts';
import { service } from '../support/feed.ts';
import { guardProcess } from '../support/guard-process.ts';
import { MeshProcess, MeshWorker } from '../support/mesh-elsewhere.ts';
import type { RemoteOptions } from '../support/mesh-orders.ts';
import { Program } from '../support/program.ts';
import { bootstrapFor, Scene, until } from '../support/scene.ts';
import { startHttp } from '../support/servers.ts';

const URL_OF_ALL = 'http://all:9080/';

describe('processes with a broker', function () {
  if (process.platform === 'win32') return;
  // Each process imports everything anew, on machines that do other things too; one that is stopped is missed after five seconds.
  this.timeout(60_000);
  guardProcess();
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'inmesh-broker-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const start = (scene: Scene, count: number, options: RemoteOptions = {}): MeshProcess[] =>
    Array.from({ length: count }, () =>
      scene.use(new MeshProcess({ bootstrapConfig: bootstrapFor(scene.plane.address), broker: directory, ...options })),
    );

  const streams = (scene: Scene): number => scene.plane.status().nodes.length;

  const get = (processes: readonly MeshProcess[]): Promise<string[]> =>
    Promise.all(processes.map((each) => each.get(URL_OF_ALL)));

  /** Those with the stream, and the guests. */
  const roles = async (
    processes: readonly MeshProcess[],
  ): Promise<{ brokers: readonly MeshProcess[]; guests: readonly MeshProcess[] }> => {
    const vias = await Promise.all(processes.map(async (each) => (await each.feed()).stream.via));
    return {
      brokers: processes.filter((_, index) => vias[index] === null),
      guests: processes.filter((_, index) => vias[index] !== null),
    };
  };

  const warned = async (processes: readonly MeshProcess[]): Promise<string[]> =>
    (await Promise.all(processes.map((each) => each.warnings()))).flat();

  /** Until one of them has made so many calls more. */
  const moreCalls = async (processes: readonly MeshProcess[], count: number): Promise<void> => {
    for (const each of processes) {
      const { calls } = await each.progress();
      while ((await each.progress()).calls < calls + count);
    }
  };

  const seen = async (processes: readonly MeshProcess[], answer: string): Promise<void> => {
    for (const each of processes) while ((await each.progress()).last !== answer);
  };

  const failures = async (processes: readonly MeshProcess[]): Promise<string[]> =>
    (await Promise.all(processes.map((each) => each.progress()))).flatMap((progress) => progress.failures);

  it('elect one of four that start at once, and all see updates', async () => {
    await using before = await startHttp();
    await using after = await startHttp();
    await using scene = await Scene.start(service('all:9080', [before.port]));
    const processes = start(scene, 4);
    assert.deepEqual(await get(processes), Array(4).fill(`${before.port}`));
    await until(() => streams(scene) === 1, 'there is one stream');
    const { brokers, guests } = await roles(processes);
    assert.deepEqual([brokers.length, guests.length], [1, 3]);
    const [socket = ''] = readdirSync(join(directory, 'broker'));
    assert.deepEqual(
      [join(directory, 'broker'), join(directory, 'broker', socket)].map((path) => statSync(path).mode & 0o777),
      [0o700, 0o600],
    );
    const { origin } = (await guests[0]?.explain(URL_OF_ALL)) ?? {};
    assert.equal(
      origin,
      `control plane ${scene.plane.address} (through the broker ${join(directory, 'broker', socket)})`,
    );
    scene.plane.update(service('all:9080', [after.port]));
    for (const each of processes) while ((await each.get(URL_OF_ALL)) !== `${after.port}`);
    assert.deepEqual([streams(scene), await warned(processes)], [1, []]);
    // All die, and what they left in the directory is in nobody's way.
    for (const each of processes) await each.close();
    const next = start(scene, 3);
    assert.deepEqual(await get(next), Array(3).fill(`${after.port}`));
    await until(() => streams(scene) === 1, 'there is one stream again');
    assert.deepEqual(await warned(next), []);
  });

  it('go on when the broker is killed under calls: none fails, and there is one stream again', async () => {
    await using before = await startHttp();
    await using after = await startHttp();
    await using scene = await Scene.start(service('all:9080', [before.port]));
    const processes = start(scene, 4);
    await Promise.all(processes.map((each) => each.load(URL_OF_ALL)));
    await moreCalls(processes, 20);
    let rest: readonly MeshProcess[] = processes;
    for (let round = 0; round < 2; round++) {
      const { brokers, guests } = await roles(rest);
      assert.equal(brokers.length, 1);
      const [broker] = brokers;
      broker?.signal('SIGKILL');
      await broker?.ended;
      rest = guests;
      scene.plane.update(service('all:9080', [round === 0 ? after.port : before.port]));
      await seen(rest, `${round === 0 ? after.port : before.port}`);
      await moreCalls(rest, 20);
    }
    assert.equal(streams(scene), 1);
    assert.deepEqual([await failures(rest), await warned(rest)], [[], []]);
  });

  it('go on when the broker is stopped, which is a guest when it goes on', async () => {
    await using before = await startHttp();
    await using after = await startHttp();
    await using scene = await Scene.start(service('all:9080', [before.port]));
    const processes = start(scene, 3);
    await Promise.all(processes.map((each) => each.load(URL_OF_ALL)));
    await moreCalls(processes, 20);
    const { brokers, guests } = await roles(processes);
    const [stopped] = brokers;
    stopped?.signal('SIGSTOP');
    scene.plane.update(service('all:9080', [after.port]));
    await seen(guests, `${after.port}`);
    assert.equal((await roles(guests)).brokers.length, 1);
    stopped?.signal('SIGCONT');
    await seen(processes, `${after.port}`);
    await until(() => streams(scene) === 1, 'the old broker has let go of its stream');
    while ((await roles(processes)).brokers.length !== 1);
    await moreCalls(processes, 20);
    assert.deepEqual([await failures(processes), await warned(processes)], [[], []]);
  });

  it('go on when the broker closes its mesh, and when the control plane is away', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start([...service('all:9080', [app.port]), ...service('other:9080', [app.port])]);
    const processes = start(scene, 2);
    await Promise.all(processes.map((each) => each.load(URL_OF_ALL)));
    await moreCalls(processes, 10);
    const { brokers, guests } = await roles(processes);
    const [heir] = guests;
    await brokers[0]?.leave();
    assert.equal(await brokers[0]?.ended, 0);
    while ((await roles(guests)).brokers.length !== 1);
    // Something new, so that the stream is known to work.
    assert.equal(await heir?.get('http://other:9080/'), `${app.port}`);
    assert.equal(streams(scene), 1);
    await scene.plane.close();
    while ((await heir?.feed())?.stream.lastError === null);
    // Who comes now is told what the broker knows.
    const [late] = start(scene, 1);
    assert.equal(await late?.get('http://other:9080/'), `${app.port}`);
    assert.notEqual((await late?.feed())?.stream.via, null);
    await heir?.stop();
    assert.deepEqual([await failures(guests), await warned([...guests, late as MeshProcess])], [[], []]);
  });

  it('share with none that is another node, and have own streams where the directory is no good', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start(service('all:9080', [app.port]));
    const [one, other] = [
      ...start(scene, 1),
      ...start(scene, 1, { bootstrapConfig: bootstrapFor(scene.plane.address, 'another-node') }),
    ] as [MeshProcess, MeshProcess];
    assert.deepEqual(await get([one, other]), Array(2).fill(`${app.port}`));
    assert.deepEqual([streams(scene), (await roles([one, other])).brokers.length], [2, 2]);
    const file = join(directory, 'file');
    writeFileSync(file, '');
    const long = join(directory, 'x'.repeat(90));
    const shut = join(directory, 'shut');
    mkdirSync(shut);
    chmodSync(shut, 0o500);
    const places = process.getuid?.() === 0 ? [file, long] : [file, long, shut];
    const bad = places.flatMap((broker) => start(scene, 1, { broker }));
    assert.deepEqual(await get(bad), Array(places.length).fill(`${app.port}`));
    assert.equal(streams(scene), 2 + places.length);
    const warnings = await warned(bad);
    assert.equal(warnings.length, places.length);
    assert.match(warnings[0] ?? '', /^the feed is not shared by a broker in .*file: .*(EEXIST|ENOTDIR)/);
    assert.match(warnings[1] ?? '', /the socket's path has \d+ bytes, more than the 103 .*: name a shorter directory/);
    await assert.rejects(scene.mesh({ broker: '' }), { message: /broker: "" names no directory/ });
  });

  it('take no feed from a broker of another version or a stranger', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start(service('all:9080', [app.port]));
    const [first] = start(scene, 1);
    assert.equal(await first?.get(URL_OF_ALL), `${app.port}`);
    const seats = join(directory, 'broker');
    const [name = ''] = readdirSync(seats);
    const inTheWay = (generation: number): string => join(seats, name.replace(/\d+\.sock$/, `${generation}.sock`));
    const other = scene.use(new FakeBroker({ type: 'refused', reason: 'it is inmesh 0.0.1' }));
    await other.listen(inTheWay(50));
    // The first sees that it was succeeded; the second finds the other at once.
    const [second] = start(scene, 1);
    assert.equal(await second?.get(URL_OF_ALL), `${app.port}`);
    const both = [first, second] as MeshProcess[];
    for (const each of both) while ((await each.warnings()).length === 0);
    const reason = `the feed is not shared with the broker ${inTheWay(50)}, and this process asks for itself: it is inmesh 0.0.1`;
    assert.deepEqual(await warned(both), [reason, reason]);
    await until(() => streams(scene) === 2, 'each has a stream');
    assert.deepEqual(await get(both), Array(2).fill(`${app.port}`));
    // One that takes connections and says nothing is succeeded after its silence.
    const mute = scene.use(new FakeBroker(null));
    await mute.listen(inTheWay(51));
    const [third] = start(scene, 1);
    assert.equal(await third?.get(URL_OF_ALL), `${app.port}`);
    assert.deepEqual([(await third?.feed())?.stream.via, await third?.warnings()], [null, []]);
    assert.deepEqual(readdirSync(seats), [name.replace(/\d+\.sock$/, '52.sock')]);
  });

  it('may be worker threads of a process whose main thread has no mesh', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start(service('all:9080', [app.port]));
    const workers = [1, 2].map(() =>
      scene.use(new MeshWorker({ bootstrapConfig: bootstrapFor(scene.plane.address), broker: directory })),
    );
    for (const worker of workers) assert.equal(await worker.get(URL_OF_ALL), `${app.port}`);
    const vias = await Promise.all(workers.map(async (worker) => (await worker.feed()).stream.via));
    assert.deepEqual([streams(scene), vias.filter((via) => via === null).length], [1, 1]);
    const broker = workers[vias.indexOf(null)];
    const rest = workers[vias.indexOf(null) === 0 ? 1 : 0];
    await broker?.close();
    while ((await rest?.feed())?.stream.via !== null);
    assert.equal(await rest?.get(URL_OF_ALL), `${app.port}`);
    await until(() => streams(scene) === 1, 'there is one stream again');
  });

  it('may be workers of node:cluster, and nothing keeps them alive', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start(service('all:9080', [app.port]));
    const options = { bootstrapConfig: bootstrapFor(scene.plane.address), env: {}, broker: directory };
    const program = scene.use(
      new Program(
        `
        import cluster from 'node:cluster';
        cluster.setupPrimary({ exec: process.env.CHILD, args: [], execArgv: ['--conditions=@inmesh/source'] });
        const workers = [1, 2, 3].map(() => cluster.fork());
        const said = [];
        for (const worker of workers) worker.on('message', (text) => {
          said.push(text);
          if (said.length === 3) {
            console.log(said.sort().join());
            for (const each of workers) each.send('end');
          }
        });
        `,
        { env: { CHILD: childOf(directory, options) } },
      ),
    );
    const { code, out, err } = await program.ended;
    assert.deepEqual([code, err], [0, '']);
    assert.equal(out, `${app.port} broker,${app.port} guest,${app.port} guest\n`);
  });
});

/** A program for workers of node:cluster, in a file as they need it. */
function childOf(directory: string, options: object): string {
  const path = join(directory, 'child.mjs');
  writeFileSync(
    path,
    `
    import { createMesh } from ${JSON.stringify(import.meta.resolve('inmesh'))};
    const mesh = await createMesh(${JSON.stringify(options)});
    const answer = await (await mesh.fetch(${JSON.stringify(URL_OF_ALL)})).text();
    process.send(answer + (mesh.feed().stream.via === null ? ' broker' : ' guest'));
    process.once('message', () => process.disconnect());
    `,
  );
  return path;
}
