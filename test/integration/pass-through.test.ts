import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isMeshError, meshErrorOf } from 'inmesh';
import * as undici8 from 'undici';
import * as undici6 from 'undici6';
import * as undici7 from 'undici7';
import { apiListener, service, virtualHost } from '../support/feed.ts';
import { guardProcess } from '../support/guard-process.ts';
import { hurriedClock } from '../support/hurried-clock.ts';
import { Scene, until } from '../support/scene.ts';
import { startHttp } from '../support/servers.ts';

type Undici = typeof undici8;
const versions = {
  'undici 6': undici6 as unknown as Undici,
  'undici 7': undici7 as unknown as Undici,
  'undici 8': undici8,
};

describe('what is not the mesh’s', () => {
  guardProcess();

  for (const [version, undici] of Object.entries(versions)) {
    it(`goes to the dispatcher that ${version} had before, MockAgent included`, async () => {
      await using app = await startHttp();
      await using scene = await Scene.start(service('reviews:9080', [app.port]));
      const mesh = await scene.mesh();
      const before = undici.getGlobalDispatcher();
      const mock = new undici.MockAgent();
      mock.disableNetConnect();
      mock
        .get('https://api.example.com')
        .intercept({ path: '/v1' })
        .reply(200, 'mocked', { headers: { 'x-from': 'mock' } });
      undici.setGlobalDispatcher(mock);
      try {
        const response = await undici.request('https://api.example.com/v1', {
          dispatcher: mesh.dispatcher,
        } as Parameters<Undici['request']>[1]);
        assert.equal(response.headers['x-from'], 'mock');
        assert.equal(await response.body.text(), 'mocked');
        const own = await undici.request('http://reviews:9080/', {
          dispatcher: mesh.dispatcher,
        } as Parameters<Undici['request']>[1]);
        assert.equal(await own.body.text(), `${app.port}`);
        assert.equal(mesh.statistics().mesh.passed_through, 1);
      } finally {
        undici.setGlobalDispatcher(before);
        await mock.close();
      }
    });

    it(`reaches that dispatcher also where the control plane had to be asked first (${version})`, async () => {
      await using scene = await Scene.start();
      const mesh = await scene.mesh({ clock: hurriedClock(50) });
      const before = undici.getGlobalDispatcher();
      const mock = new undici.MockAgent();
      mock.disableNetConnect();
      const pool = mock.get('http://absent:9080');
      pool.intercept({ path: '/', method: 'POST' }).reply(201, ({ body }) => `got ${body}`);
      undici.setGlobalDispatcher(mock);
      try {
        const response = await undici.request('http://absent:9080/', {
          method: 'POST',
          body: 'it',
          dispatcher: mesh.dispatcher,
        } as Parameters<Undici['request']>[1]);
        assert.equal(response.statusCode, 201);
        assert.equal(await response.body.text(), 'got it');
        assert.equal(mesh.statistics().mesh.downstream_rq_active, 0);
        assert.equal((await mesh.explain('http://absent:9080/')).verdict, 'pass-through');
      } finally {
        undici.setGlobalDispatcher(before);
        await mock.close();
      }
    });
  }

  it('goes to what the built-in fetch had before', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start();
    const mesh = await scene.mesh();
    const mock = new undici7.MockAgent();
    mock.disableNetConnect();
    mock.get('https://api.example.com').intercept({ path: '/' }).reply(200, 'mocked');
    const before = undici7.getGlobalDispatcher();
    undici7.setGlobalDispatcher(mock);
    try {
      assert.equal(await (await mesh.fetch('https://api.example.com/')).text(), 'mocked');
      mesh.install();
      assert.equal(
        await (await fetch(`http://localhost:${app.port}/`).catch(() => new Response('refused'))).text(),
        'refused',
      );
      mesh.uninstall();
      assert.equal(undici7.getGlobalDispatcher(), mock);
    } finally {
      undici7.setGlobalDispatcher(before);
      await mock.close();
    }
  });

  it('never waits for the control plane: addresses, localhost, https, other domains', async () => {
    await using app = await startHttp((request, response) => response.end(request.headers.host));
    await using scene = await Scene.start();
    const mesh = await scene.mesh();
    await scene.plane.close();
    for (const host of [`127.0.0.1:${app.port}`, `localhost:${app.port}`]) {
      assert.equal(await (await mesh.fetch(`http://${host}/`)).text(), host);
    }
    for (const url of [
      'http://[::1]:9/',
      'https://reviews:9/',
      'http://127.0.0.1:9/',
      'http://reviews.example.test:9/',
    ]) {
      assert.equal((await mesh.explain(url)).verdict, 'pass-through', url);
      await assert.rejects(mesh.fetch(url), (error: Error) => error instanceof TypeError && !isMeshError(error.cause));
    }
    assert.equal(mesh.feed()?.stream.state, 'idle');
  });

  it('passes IPv6 literals and https on as they are', async () => {
    await using scene = await Scene.start();
    const mesh = await scene.mesh();
    const seen: unknown[] = [];
    const recorder = {
      dispatch({ origin, path }: { origin: unknown; path: string }, handler: undici8.Dispatcher.DispatchHandler) {
        seen.push(`${origin}${path}`);
        handler.onResponseError?.(null as never, new Error('recorded'));
        return true;
      },
    };
    const before = undici8.getGlobalDispatcher();
    undici8.setGlobalDispatcher(recorder as unknown as undici8.Dispatcher);
    try {
      for (const url of ['http://[::1]:8080/six', 'https://reviews/secure', 'http://10.0.0.1/four']) {
        await assert.rejects(undici8.request(url, { dispatcher: mesh.dispatcher }), /recorded/);
      }
    } finally {
      undici8.setGlobalDispatcher(before);
    }
    assert.deepEqual(seen, ['http://[::1]:8080/six', 'https://reviews/secure', 'http://10.0.0.1/four']);
  });

  it('does not go round in circles where meshes lie over each other', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start();
    const [one, two] = [await scene.mesh(), await scene.mesh()];
    const before = undici8.getGlobalDispatcher();
    const url = `http://127.0.0.1:${app.port}/`;
    try {
      undici8.setGlobalDispatcher(one.dispatcher);
      const three = await scene.mesh();
      undici8.setGlobalDispatcher(two.dispatcher);
      for (const mesh of [one, two, three]) {
        mesh.install();
        assert.equal(await (await fetch(url)).text(), `${app.port}`);
        assert.equal(await (await mesh.fetch(url)).text(), `${app.port}`);
        assert.equal(await (await undici8.request(url)).body.text(), `${app.port}`);
        mesh.uninstall();
      }
    } finally {
      undici8.setGlobalDispatcher(before);
    }
  });

  it('is refused where the mesh is told so, with the host in the error', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start();
    const mesh = await scene.mesh({ outsideMesh: 'refuse', clock: hurriedClock(50) });
    const url = `http://127.0.0.1:${app.port}/`;
    for (const undici of Object.values(versions)) {
      await assert.rejects(
        undici.request(url, { dispatcher: mesh.dispatcher } as Parameters<Undici['request']>[1]),
        (error) =>
          isMeshError(error) && error.code === 'not_in_mesh' && error.message.includes(`127.0.0.1:${app.port}`),
      );
    }
    await assert.rejects(mesh.fetch(url), ({ cause }: Error) => isMeshError(cause) && cause.code === 'not_in_mesh');
    const absent = await mesh.fetch('http://absent:9080/');
    assert.equal(absent.status, 404);
    assert.equal(meshErrorOf(absent)?.code, 'no_route');
    for (const refused of [url, 'https://absent/', 'http://absent:9080/']) {
      assert.equal((await mesh.explain(refused)).verdict, 'refused', refused);
    }
    assert.equal(app.accepted, 0);
    assert.equal(mesh.statistics().mesh.passed_through, 0);
  });

  it('is not what the mesh has known: a removed listener answers 404, and is served again when it is back', async () => {
    await using app = await startHttp();
    const feed = service('reviews:9080', [app.port]);
    await using scene = await Scene.start(feed);
    const mesh = await scene.mesh();
    assert.equal((await mesh.fetch('http://reviews:9080/')).status, 200);
    scene.plane.update([apiListener('other', [virtualHost('o', [])])]);
    await until(
      () => mesh.feed()?.resources.some(({ state }) => state === 'DOES_NOT_EXIST') ?? false,
      'the listener is gone',
    );
    const gone = await mesh.fetch('http://reviews:9080/');
    assert.equal(gone.status, 404);
    assert.equal(meshErrorOf(gone)?.flag, 'NR');
    scene.plane.update(feed);
    await mesh.ready({ services: ['http://reviews:9080'] }).catch(() => {});
    await until(() => mesh.feed()?.resources.every(({ state }) => state === 'ACKED') ?? false, 'the listener is back');
    assert.equal((await mesh.fetch('http://reviews:9080/')).status, 200);
  });

  it('pauses, resumes and aborts on its way as before', async () => {
    const server = createServer((_, response) => response.end(Buffer.alloc(1 << 20, 'x')));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await using scene = await Scene.start();
    const mesh = await scene.mesh({ domains: ['127.0.0.1'], clock: hurriedClock(50) });
    try {
      const { body } = await undici8.request(`http://127.0.0.1:${port}/`, { dispatcher: mesh.dispatcher });
      let size = 0;
      for await (const chunk of body) {
        size += chunk.length;
        body.pause();
        await new Promise((resolve) => setImmediate(resolve));
        body.resume();
      }
      assert.equal(size, 1 << 20);
      const cut = await undici6.request(`http://127.0.0.1:${port}/`, {
        dispatcher: mesh.dispatcher as unknown as undici6.Dispatcher,
      });
      cut.body.destroy(new Error('enough'));
      await assert.rejects(cut.body.text());
      assert.equal(mesh.statistics().mesh.passed_through, 2);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
