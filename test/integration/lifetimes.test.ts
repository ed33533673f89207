import assert from 'node:assert/strict';
import { service } from '../support/feed.ts';
import { guardProcess } from '../support/guard-process.ts';
import { Program } from '../support/program.ts';
import { bootstrapFor, Scene, until } from '../support/scene.ts';
import { refusingPort, startHttp, startTcp } from '../support/servers.ts';

/** Runs a job with a mesh that it never closes. */
function job(address: string, code: string): Program {
  return new Program(`
    import { createMesh } from 'inmesh';
    const mesh = await createMesh({ bootstrapConfig: ${JSON.stringify(bootstrapFor(address))}, env: {}, onWarning() {} });
    ${code}
  `);
}

describe('a process with a mesh', function () {
  // Each program imports everything anew, on machines that do other things too.
  this.timeout(20_000);
  guardProcess();

  it('exits by itself once its work is done, connections and stream open as they are', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start(service('reviews:9080', [app.port]));
    const program = scene.use(
      job(
        scene.plane.address,
        `mesh.install();
         const answers = await Promise.all([1, 2, 3].map(async () => (await fetch('http://reviews:9080/')).text()));
         console.log(answers.join());`,
      ),
    );
    const { port } = app;
    assert.deepEqual(await program.ended, { code: 0, out: `${port},${port},${port}\n`, err: '' });
  });

  it('exits by itself when nothing was called, and when the control plane is not there', async () => {
    const programs = [
      job(`127.0.0.1:${await refusingPort()}`, ''),
      job(
        `127.0.0.1:${await refusingPort()}`,
        `mesh.fetch('http://reviews:9080/', { signal: AbortSignal.timeout(300) }).catch(({ name }) => console.log(name));`,
      ),
    ];
    const [idle, gone] = await Promise.all(programs.map(({ ended }) => ended));
    assert.deepEqual(idle, { code: 0, out: '', err: '' });
    assert.deepEqual(gone, { code: 0, out: 'TimeoutError\n', err: '' });
  });

  it('stays while a call is held, and is served when the control plane comes with it', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start();
    const program = scene.use(
      job(
        scene.plane.address,
        `const call = mesh.fetch('http://late:9080/').then((response) => response.text());
         setTimeout(() => console.log('held', mesh.statistics().mesh.downstream_rq_active), 200).unref();
         console.log(await call);`,
      ),
    );
    await program.said('held 1');
    scene.plane.update(service('late:9080', [app.port]));
    assert.deepEqual(await program.ended, { code: 0, out: `held 1\n${app.port}\n`, err: '' });
  });

  it('stays while an endpoint is slow, while a connection is opened, and between two attempts', async () => {
    const paused: (() => void)[] = [];
    await using slow = await startHttp((_, response) => paused.push(() => response.end('at last')));
    const refusing = await refusingPort();
    await using scene = await Scene.start([
      ...service('slow:9080', [slow.port]),
      ...service('refusing:9080', [refusing], {
        route: {
          retry_policy: {
            retry_on: 'connect-failure',
            num_retries: 2,
            retry_back_off: { base_interval: '0.3s', max_interval: '0.3s' },
          },
        },
      }),
    ]);
    const waiting = scene.use(
      job(
        scene.plane.address,
        `console.log('called'); console.log(await (await mesh.fetch('http://slow:9080/')).text());`,
      ),
    );
    const retrying = scene.use(
      job(scene.plane.address, `console.log((await mesh.fetch('http://refusing:9080/')).status);`),
    );
    await until(() => paused.length === 1, 'the slow endpoint is asked');
    assert.deepEqual(await retrying.ended, { code: 0, out: '503\n', err: '' });
    assert.equal(waiting.running, true);
    paused[0]?.();
    assert.deepEqual(await waiting.ended, { code: 0, out: 'called\nat last\n', err: '' });
  });

  it('finds nothing changed by the import, and everything as it was after uninstall', async () => {
    const program = new Program(`
      const slot = Symbol.for('undici.globalDispatcher.1');
      void globalThis.fetch; void globalThis.Response;
      const { fetch, Request, Response } = globalThis;
      const keys = Object.getOwnPropertyNames(globalThis).join();
      // But for the door where worker threads ask for the feed, for as long as there is a mesh.
      const heard = () => process.eventNames().filter((name) => name !== 'workerMessage')
        .map((name) => [name, process.listenerCount(name)]).join();
      const listeners = heard();
      const dispatcher = globalThis[slot];
      const http = await import('node:http');
      const { request, globalAgent } = http;
      const { createMesh } = await import('inmesh');
      const same = () => [fetch === globalThis.fetch, Request === globalThis.Request, Response === globalThis.Response,
        keys === Object.getOwnPropertyNames(globalThis).join(), dispatcher === globalThis[slot],
        listeners === heard(),
        request === http.request, globalAgent === http.globalAgent].every(Boolean);
      console.log(same());
      const mesh = await createMesh({ bootstrapConfig: ${JSON.stringify(bootstrapFor('127.0.0.1:1'))}, env: {} });
      console.log(same());
      mesh.install();
      console.log(same());
      mesh.uninstall();
      console.log(same(), process.listenerCount('workerMessage'));
      mesh.close();
      console.log(same(), process.listenerCount('workerMessage'));
    `);
    assert.deepEqual(await program.ended, { code: 0, out: 'true\ntrue\nfalse\ntrue 1\ntrue 0\n', err: '' });
  });

  it('can be required from CommonJS', async () => {
    const program = new Program(`
      import { createRequire } from 'node:module';
      console.log(Object.keys(createRequire(process.cwd() + '/x.js')('inmesh')).sort().join());
    `);
    const { out, err } = await program.ended;
    assert.equal(err, '');
    assert.match(out, /createMesh.*isMeshError.*meshErrorOf/);
  });

  it('stays while it waits to be ready, no longer than it said', async () => {
    await using silent = await startTcp(() => {});
    const program = job(
      `127.0.0.1:${silent.port}`,
      `await mesh.ready({ services: ['http://reviews:9080'], within: 100 }).catch(({ code }) => console.log(code));`,
    );
    assert.deepEqual(await program.ended, { code: 0, out: 'config_timeout\n', err: '' });
  });
});
