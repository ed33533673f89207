import assert from 'node:assert/strict';
import type { ResourceInput } from '@inmesh/control-plane';
import { meshErrorOf } from 'inmesh';
import { apiListener, cluster, endpoints, rdsListener, virtualHost } from '../support/feed.ts';
import { guardProcess } from '../support/guard-process.ts';
import { Scene } from '../support/scene.ts';
import { startHttp } from '../support/servers.ts';

const ADS = { ads: {}, resource_api_version: 'V3' };
const toShop = { match: { prefix: '/' }, route: { cluster: 'shop' } };

/** Scoped routes and virtual hosts on demand are not followed: whoever calls is told so by name, and nobody is led astray. */
describe('discovery that is not followed', () => {
  guardProcess();

  async function refusal(listener: ResourceInput, more: readonly ResourceInput[] = []): Promise<string> {
    await using app = await startHttp();
    await using scene = await Scene.start([listener, ...more, cluster('shop'), endpoints('shop', [app.port])]);
    const mesh = await scene.mesh();
    const response = await mesh.fetch('http://shop/');
    await response.text();
    assert.ok(response.status >= 500, `${response.status}`);
    assert.equal(app.accepted, 0, 'nobody was called');
    assert.equal(mesh.feed()?.resources.find(({ name }) => name === 'shop:80')?.state, 'ACKED', 'Envoy takes it');
    const { why } = await mesh.explain('http://shop/');
    return `${meshErrorOf(response)?.message}\n${why.join('\n')}`;
  }

  it('scoped routes: refused, naming scoped_routes', async () => {
    const listener = apiListener('shop:80', []) as unknown as {
      api_listener: { api_listener: Record<string, unknown> };
    };
    const manager = listener.api_listener.api_listener;
    delete manager.route_config;
    manager.scoped_routes = {
      name: 's',
      scope_key_builder: { fragments: [{ header_value_extractor: { name: 'x', index: 0 } }] },
      rds_config_source: ADS,
      scoped_rds: { scoped_rds_config_source: ADS },
    };
    assert.match(await refusal(listener as unknown as ResourceInput), /scoped_routes/);
  });

  it('virtual hosts on demand: refused, naming vhds, also for a host that is not there yet', async () => {
    for (const hosts of [[virtualHost('shop', [toShop])], [virtualHost('other', [toShop], ['other.example'])]]) {
      const routes = {
        '@type': 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
        name: 'r',
        vhds: { config_source: ADS },
        virtual_hosts: hosts,
      } as ResourceInput;
      assert.match(await refusal(rdsListener('shop:80', 'r'), [routes]), /vhds/);
    }
  });
});
