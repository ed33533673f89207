import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { Readable } from 'node:stream';
import { createMesh, type Mesh } from 'inmesh';
import { type Dispatcher, request } from 'undici';
import { service } from '../support/feed.ts';
import { guardProcess } from '../support/guard-process.ts';
import { bootstrapFor, openResources, Scene, until } from '../support/scene.ts';
import { startHttp, type Upstream } from '../support/servers.ts';

describe('the async context of a call', () => {
  guardProcess();
  const tenant = new AsyncLocalStorage<string>();
  let app: Upstream;
  let scene: Scene;
  let mesh: Mesh;
  const url = 'http://reviews:9080/';

  beforeEach(async () => {
    app = await startHttp((request, response) => {
      request.resume().on('end', () => {
        response.write('first');
        setImmediate(() => response.end('second'));
      });
    });
    scene = await Scene.start(
      service('reviews:9080', [app.port], {
        // One connection for all, so that each tenant comes after another on it.
        cluster: { circuit_breakers: { thresholds: [{ max_connections: 1 }] } },
      }),
    );
    mesh = await scene.mesh();
  });
  afterEach(async () => {
    await scene[Symbol.asyncDispose]();
    await app.close();
  });

  /** What two tenants, ten calls each and all at once, see in their stores. */
  async function stores(call: (seen: (what: string) => void) => Promise<void>): Promise<void> {
    const tenants = ['a', 'b'].flatMap((name) => Array.from({ length: 10 }, () => name));
    await Promise.all(
      tenants.map((name) =>
        tenant.run(name, async () => {
          const seen: string[] = [];
          await call((what) => seen.push(`${what} ${tenant.getStore()}`));
          assert.ok(seen.length > 0);
          assert.deepEqual(
            seen.filter((line) => !line.endsWith(` ${name}`)),
            [],
          );
        }),
      ),
    );
    assert.equal(app.accepted, 1);
  }

  it('is the caller’s own in fetch', () =>
    stores(async (seen) => {
      const response = await mesh.fetch(url);
      seen('response');
      assert.equal(await response.text(), 'firstsecond');
      seen('body');
    }));

  it('is the caller’s own in undici’s request, its body’s events included', () =>
    stores(async (seen) => {
      const { body } = await request(url, { dispatcher: mesh.dispatcher });
      seen('response');
      await new Promise((resolve) => {
        body.on('data', () => seen('data')).on('end', () => seen('end'));
        body.on('close', resolve);
      });
    }));

  it('is the caller’s own in a handler of its own', () =>
    stores(
      (seen) =>
        new Promise((resolve, reject) => {
          const handler: Dispatcher.DispatchHandler = {
            onRequestStart: () => seen('start'),
            onResponseStart: () => seen('response'),
            onResponseData: () => seen('data'),
            onResponseEnd: () => {
              seen('end');
              resolve();
            },
            onResponseError: (_, error) => reject(error),
          };
          mesh.dispatcher.dispatch({ origin: 'http://reviews:9080', path: '/', method: 'GET' }, handler);
        }),
    ));

  it('is the caller’s own in the code that makes the request’s body', () =>
    stores(async (seen) => {
      const generator = async function* () {
        for (let i = 0; i < 3; i++) {
          await new Promise((resolve) => setImmediate(resolve));
          seen('generator');
          yield 'chunk';
        }
      };
      const stream = new Readable({
        read() {
          seen('read');
          this.push(null);
        },
      });
      for (const body of [generator(), stream]) {
        const answer = await request(url, { method: 'POST', body: body as Readable, dispatcher: mesh.dispatcher });
        await answer.body.dump();
      }
    }));

  it('is the caller’s own for what was held, and for errors', async () => {
    await using late = await Scene.start();
    const held = await late.mesh();
    const calls = stores(async (seen) => {
      const response = await held.fetch('http://late:9080/');
      seen('response');
      await response.text();
    });
    await until(() => held.statistics().mesh.downstream_rq_active === 20, 'all are held');
    late.plane.update(
      service('late:9080', [app.port], { cluster: { circuit_breakers: { thresholds: [{ max_connections: 1 }] } } }),
    );
    await calls;
    await tenant.run('a', () =>
      assert
        .rejects(request(url, { dispatcher: mesh.dispatcher, signal: AbortSignal.abort() }))
        .then(() => assert.equal(tenant.getStore(), 'a')),
    );
  });
});

describe('what meshes of a process share', () => {
  guardProcess();

  it('is one stream to their control plane, until the last of them closes', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start(service('reviews:9080', [app.port]));
    const [one, two] = [await scene.mesh(), await scene.mesh()];
    for (const mesh of [one, two]) assert.equal((await mesh.fetch('http://reviews:9080/')).status, 200);
    assert.equal(scene.plane.status().nodes.length, 1);
    one.close();
    assert.equal((await two.fetch('http://reviews:9080/')).status, 200);
    assert.equal(two.feed()?.stream.connected, true);
    two.close();
    await until(() => scene.plane.status().nodes.length === 0, 'the stream is closed');
  });

  it('are two streams for two nodes', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start(service('reviews:9080', [app.port]));
    const one = await scene.mesh();
    const two = await scene.mesh({ bootstrapConfig: bootstrapFor(scene.plane.address, 'another') });
    for (const mesh of [one, two]) await mesh.ready({ services: ['http://reviews:9080'] });
    assert.equal(scene.plane.status().nodes.length, 2);
  });

  it('is nothing of what a mesh leaves behind: no socket, no timer, no connection', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start(service('reviews:9080', [app.port]));
    const before = openResources();
    for (let i = 0; i < 12; i++) {
      const mesh = await createMesh({ bootstrapConfig: bootstrapFor(scene.plane.address), env: {} });
      mesh.install();
      await Promise.all(Array.from({ length: 4 }, async () => (await fetch('http://reviews:9080/')).text()));
      if (i % 2 === 0) await mesh.drain();
      else mesh.close();
    }
    await until(() => app.open.size === 0 && scene.plane.status().nodes.length === 0, 'everything is closed');
    await until(() => openResources() === before, 'the process is as before');
  });
});
