import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import type { FilterType, HttpFilter, Mesh } from 'inmesh';
import { meshErrorOf } from 'inmesh';
import { request } from 'undici';
import { apiListener, cluster, endpoints, virtualHost } from '../support/feed.ts';
import { guardProcess } from '../support/guard-process.ts';
import { Scene, until } from '../support/scene.ts';
import { startHttp } from '../support/servers.ts';

const API = 'type.googleapis.com/';
const own = (name: string, value: Record<string, string | number>, more = {}) => ({
  name,
  is_optional: false,
  typed_config: { '@type': `${API}xds.type.v3.TypedStruct`, type_url: `${API}com.example.${name}`, value },
  ...more,
});

function feed(port: number, filters: Parameters<typeof apiListener>[2], perRoute = {}) {
  const routes = [
    { match: { prefix: '/route' }, route: { cluster: 'echo' }, typed_per_filter_config: perRoute },
    { match: { prefix: '/' }, route: { cluster: 'echo' } },
  ];
  return [apiListener('echo:80', [virtualHost('echo', routes)], filters), cluster('echo'), endpoints('echo', [port])];
}

describe('filters of an application', () => {
  guardProcess();

  /** Awaits the whole body, answers by itself where it does not like it, and adds what its configuration says. */
  const guardian: FilterType<{ json: { header: string } }> = {
    compile: ({ json }, overrides) => {
      const header = overrides.at(-1)?.json.header ?? json.header;
      const filter: HttpFilter = {
        async onRequestHeaders(callbacks) {
          const body = await callbacks.readBody(100);
          const text = body === null ? null : Buffer.from(body).toString();
          if (text === null || text.includes('forbidden')) {
            callbacks.reply({ status: 422, body: `refused ${text ?? 'what is too long'}` });
            return;
          }
          callbacks.call.head.headers.set('x-guard', `${header} ${text.length}`);
        },
        onResponseHeaders(_, response) {
          response.headers.set('x-guarded', String(response.status));
        },
      };
      return { create: () => filter };
    },
  };

  it('stand where the feed puts them, are configured by it, and may wait, read a body and answer', async () => {
    await using app = await startHttp((incoming, response) => {
      incoming.resume().on('end', () => response.end(String(incoming.headers['x-guard'])));
    });
    await using scene = await Scene.start(
      feed(app.port, [own('guardian', { header: 'listener' })], {
        guardian: own('guardian', { header: 'route' }).typed_config,
      }),
    );
    const mesh = await scene.mesh({ filters: { guardian: guardian as FilterType } });
    const post = async (path: string, body: string) => {
      const response = await mesh.fetch(`http://echo${path}`, { method: 'POST', body });
      return [response.status, await response.text(), response.headers.get('x-guarded')];
    };
    assert.deepEqual(await post('/', 'four'), [200, 'listener 4', '200']);
    assert.deepEqual(await post('/route', 'seven!!'), [200, 'route 7', '200']);
    assert.deepEqual(await post('/', 'a forbidden word'), [422, 'refused a forbidden word', '422']);
    assert.deepEqual(await post('/', 'x'.repeat(101)), [422, 'refused what is too long', '422']);
    const streamed = await request('http://echo/', {
      method: 'PUT',
      body: (async function* () {
        yield 'ab';
        yield 'cde';
      })() as never,
      dispatcher: mesh.dispatcher,
    });
    assert.equal(await streamed.body.text(), 'listener 5');
    const { filters, why } = await mesh.explain('http://echo/');
    assert.deepEqual(filters, [{ name: 'guardian', state: 'active', overriddenAt: [] }]);
    assert.ok(why.includes('its HTTP filters: guardian'));
  });

  it('are found by the type of the configuration, too, and take the place of the mesh’s own', async () => {
    await using app = await startHttp();
    const fault = {
      name: 'faults',
      typed_config: { '@type': `${API}envoy.extensions.filters.http.fault.v3.HTTPFault`, abort: { http_status: 500 } },
    };
    await using scene = await Scene.start(feed(app.port, [fault]));
    const teapot: HttpFilter = { onRequestHeaders: (callbacks) => callbacks.reply({ status: 418 }) };
    const mesh = await scene.mesh({ filters: { 'envoy.extensions.filters.http.fault.v3.HTTPFault': teapot } });
    assert.equal((await mesh.fetch('http://echo/')).status, 418);
  });

  it('that nobody brings refuse the calls, and say which they are', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start(feed(app.port, [own('guardian', { header: 'x' })]));
    const mesh = await scene.mesh();
    const response = await mesh.fetch('http://echo/');
    assert.equal(response.status, 500);
    assert.match(meshErrorOf(response)?.message ?? '', /guardian \(type\.googleapis\.com\/com\.example\.guardian\)/);
    assert.deepEqual((await mesh.explain('http://echo/')).filters, [
      { name: 'guardian', state: 'refused', overriddenAt: [] },
    ]);
  });

  it('count as Envoy’s do, and a failure that they make is told by its error', async () => {
    await using app = await startHttp();
    const percentage = { numerator: 100 };
    const fault = {
      name: 'faults',
      typed_config: {
        '@type': `${API}envoy.extensions.filters.http.fault.v3.HTTPFault`,
        abort: { http_status: 503, percentage },
      },
    };
    await using scene = await Scene.start(feed(app.port, [fault]));
    const mesh = await scene.mesh();
    const response = await mesh.fetch('http://echo/');
    assert.deepEqual([response.status, meshErrorOf(response)?.flag], [503, 'FI']);
    assert.equal(mesh.statistics().filters['http.echo:80.fault.aborts_injected'], 1);
    assert.equal(mesh.statistics().mesh.flags.FI, 1);
  });
});

/** The first status other than this one; the loop turns in between, or nothing could come. */
async function statusAfter(mesh: Mesh, status: number): Promise<number> {
  for (;;) {
    const response = await mesh.fetch('http://echo/');
    await response.text();
    if (response.status !== status) return response.status;
    await turn();
  }
}

describe('filters whose configuration comes on its own', () => {
  guardProcess();

  const FAULT = `${API}envoy.extensions.filters.http.fault.v3.HTTPFault`;
  const abort = (status: number) => ({
    '@type': FAULT,
    abort: { http_status: status, percentage: { numerator: 100 } },
  });
  const discovered = (more = {}) => ({
    name: 'faults',
    config_discovery: { config_source: { ads: {}, resource_api_version: 'V3' }, type_urls: [FAULT], ...more },
  });
  const extension = (config: ReturnType<typeof abort> | { '@type': string }) => ({
    '@type': `${API}envoy.config.core.v3.TypedExtensionConfig`,
    name: 'faults',
    typed_config: config,
  });

  it('let calls wait for it, and follow it', async () => {
    await using app = await startHttp();
    const resources = feed(app.port, [discovered()]);
    await using scene = await Scene.start(resources);
    const mesh = await scene.mesh();
    const held = mesh.fetch('http://echo/');
    await until(() => mesh.feed()?.resources.some(({ name }) => name === 'faults') ?? false, 'it was asked for');
    scene.plane.update([...resources, extension(abort(418))]);
    assert.equal((await held).status, 418);
    assert.deepEqual((await mesh.explain('http://echo/')).filters, [
      { name: 'faults', state: 'active', overriddenAt: [] },
    ]);
    scene.plane.update([...resources, extension(abort(499))]);
    assert.equal(await statusAfter(mesh, 418), 499);
  });

  it('take the default of the listener at once, where it says so, until their own comes', async () => {
    await using app = await startHttp();
    const resources = feed(app.port, [
      discovered({ default_config: abort(410), apply_default_config_without_warming: true }),
    ]);
    await using scene = await Scene.start(resources);
    const mesh = await scene.mesh();
    assert.equal((await mesh.fetch('http://echo/')).status, 410);
    scene.plane.update([...resources, extension(abort(418))]);
    assert.equal(await statusAfter(mesh, 410), 418);
  });
});
