import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isMeshError, type Mesh, meshErrorOf, type Overrides } from 'inmesh';
import { request } from 'undici';
import { apiListener, cluster, endpoints, service, virtualHost } from '../support/feed.ts';
import { guardProcess } from '../support/guard-process.ts';
import { Scene } from '../support/scene.ts';
import { startHttp } from '../support/servers.ts';

const CANARY: Overrides = { route: { 'reviews:9080': 'reviews-canary' } };

/** A service that tells its name, the headers that it got, and what was asked of it. */
function named(name: string, seen: IncomingMessage[] = []) {
  return (request: IncomingMessage, response: ServerResponse) => {
    seen.push(request);
    response.end(name);
  };
}

async function text(response: Promise<Response>): Promise<string> {
  return (await response).text();
}

describe('overrides of calls', () => {
  guardProcess();

  it('send calls to a canary, by every door, for as long as their block runs', async () => {
    await using stable = await startHttp(named('stable'));
    await using canary = await startHttp(named('canary'));
    await using scene = await Scene.start([
      ...service('reviews:9080', [stable.port]),
      cluster('reviews-canary'),
      endpoints('reviews-canary', [canary.port]),
    ]);
    const mesh = await scene.mesh({ services: ['http://reviews:9080'] });
    await mesh.ready();
    const url = 'http://reviews:9080/';
    const ways: { readonly [way: string]: () => Promise<string> } = {
      fetch: () => text(mesh.fetch(url)),
      undici: async () => (await request(url, { dispatcher: mesh.dispatcher })).body.text(),
      installed: () => text(fetch(url)),
    };
    mesh.install();
    try {
      for (const [way, call] of Object.entries(ways)) {
        assert.equal(await call(), 'stable', way);
        const inside = await mesh.with(CANARY, async () => {
          await new Promise((resolve) => setImmediate(resolve));
          return [await call(), await mesh.with(null, call), await call()];
        });
        assert.deepEqual(inside, ['canary', 'stable', 'canary'], way);
        assert.equal(await call(), 'stable', way);
      }
    } finally {
      mesh.uninstall();
    }
    assert.equal(mesh.statistics().mesh.overridden, 6);
    assert.equal(mesh.statistics().clusters['reviews-canary']?.upstream_rq_total, 6);
  });

  it('come with one call, as an option', async () => {
    await using stable = await startHttp(named('stable'));
    await using canary = await startHttp(named('canary'));
    await using scene = await Scene.start([
      ...service('reviews:9080', [stable.port]),
      cluster('reviews-canary'),
      endpoints('reviews-canary', [canary.port]),
    ]);
    const mesh = await scene.mesh();
    const url = 'http://reviews:9080/';
    assert.equal(await text(mesh.fetch(url, { mesh: CANARY })), 'canary');
    assert.equal(await text(mesh.fetch(url)), 'stable');
    const options = { dispatcher: mesh.dispatcher, ...{ mesh: CANARY } };
    assert.equal(await (await request(url, options)).body.text(), 'canary');
    assert.equal(await mesh.with(CANARY, () => text(mesh.fetch(url, { mesh: { timeout: 5_000 } }))), 'canary');
    const wrong = { mesh: { timeout: 'soon' } } as object;
    await assert.rejects(mesh.fetch(url, wrong), (error: TypeError) => /overrides: timeout/.test(`${error.cause}`));
    assert.throws(() => mesh.with({ rute: {} } as Overrides, () => {}), /no field "rute"/);
    const lost = await mesh.fetch(url, { mesh: { endpoint: { 'reviews:9080': '127.0.0.1:1' } } });
    assert.equal(lost.status, 503);
    assert.match(`${meshErrorOf(lost)?.message}`, /endpoint 127\.0\.0\.1:1, which the cluster does not have/);
  });

  it('choose the route by headers, and never reach what is none of the mesh’s', async () => {
    const seen: IncomingMessage[] = [];
    await using v1 = await startHttp(named('v1'));
    await using v2 = await startHttp(named('v2'));
    await using outside = await startHttp(named('outside', seen));
    await using scene = await Scene.start([
      apiListener('reviews:9080', [
        virtualHost('reviews', [
          {
            match: { prefix: '/', headers: [{ name: 'x-user', string_match: { exact: 'jason' } }] },
            route: { cluster: 'v2' },
          },
          { match: { prefix: '/' }, route: { cluster: 'v1' } },
        ]),
      ]),
      ...(['v1', 'v2'] as const).flatMap((name) => [
        cluster(name),
        endpoints(name, [name === 'v1' ? v1.port : v2.port]),
      ]),
    ]);
    const mesh = await scene.mesh();
    const call = () => text(mesh.fetch('http://reviews:9080/', { headers: { 'x-user': 'anna' } }));
    assert.equal(await call(), 'v1');
    const overrides: Overrides = { headers: { 'X-User': 'jason' }, passOn: true };
    assert.equal(await mesh.with(overrides, call), 'v2');
    await mesh.with(overrides, () => text(mesh.fetch(`http://127.0.0.1:${outside.port}/`)));
    assert.deepEqual([seen[0]?.headers['x-user'], seen[0]?.headers['x-inmesh-override']], [undefined, undefined]);
  });

  it('go down the chain of services that accept them, and no further than that', async () => {
    // productpage → reviews → ratings; the overrides concern ratings.
    const asked: (string | undefined)[] = [];
    let pages!: Mesh;
    let reviews!: Mesh;
    await using stable = await startHttp((request, response) => {
      asked.push(request.headers['x-inmesh-override'] as string | undefined);
      response.end('stable ratings');
    });
    await using canary = await startHttp((request, response) => {
      asked.push(request.headers['x-inmesh-override'] as string | undefined);
      response.end('canary ratings');
    });
    await using app = await startHttp(async (request, response) => {
      try {
        response.end(await reviews.withIncoming(request.headers, () => text(reviews.fetch('http://ratings:9080/'))));
      } catch (error) {
        response.writeHead(isMeshError(error) ? error.status : 500).end(isMeshError(error) ? error.reason : '');
      }
    });
    await using scene = await Scene.start([
      ...service('reviews:9080', [app.port]),
      ...service('ratings:9080', [stable.port]),
      cluster('ratings-canary'),
      endpoints('ratings-canary', [canary.port]),
    ]);
    pages = await scene.mesh();
    const ask = (passOn: boolean, target: string) =>
      pages.with({ route: { 'ratings:9080': target }, passOn }, () => pages.fetch('http://reviews:9080/'));

    reviews = await scene.mesh();
    assert.equal(await text(ask(true, 'ratings-canary')), 'stable ratings');

    reviews = await scene.mesh({ acceptOverrides: { route: { 'ratings:9080': ['ratings-canary'] } } });
    assert.equal(await text(ask(true, 'ratings-canary')), 'canary ratings');
    assert.equal(await text(ask(false, 'ratings-canary')), 'stable ratings');
    assert.equal(await text(pages.fetch('http://reviews:9080/')), 'stable ratings');
    // What reviews accepted goes on; what it did not is not passed on by it.
    const told = '{"route":{"ratings:9080":"ratings-canary"}}';
    assert.deepEqual(asked, [undefined, told, undefined, undefined]);

    const refused = await ask(true, 'secrets');
    assert.equal(refused.status, 403);
    assert.equal(
      await refused.text(),
      'x-inmesh-override: route: ratings:9080 → secrets is not allowed (acceptOverrides says what is)',
    );
    assert.equal(asked.length, 4);
  });
});
