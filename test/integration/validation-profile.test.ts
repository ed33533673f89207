import assert from 'node:assert/strict';
import { createMesh, isMeshError, meshErrorOf } from 'inmesh';
import { apiListener, cluster, endpoints, virtualHost } from '../support/feed.ts';
import { guardProcess } from '../support/guard-process.ts';
import { Scene, until } from '../support/scene.ts';
import { startHttp } from '../support/servers.ts';

function addressOf(port: number) {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}

/** Two meshes on one control plane: what Envoy takes and gRPC does not is called by one, and refused by the other with its reason. */
describe('the profile of a mesh', () => {
  guardProcess();

  it('decides what is refused, for each mesh by itself', async () => {
    await using app = await startHttp();
    const shop = {
      ...endpoints('shop', [app.port]),
      endpoints: [
        {
          locality: { zone: 'a' },
          load_balancing_weight: 1,
          lb_endpoints: [{ endpoint: { address: addressOf(app.port) } }],
        },
      ],
    };
    await using scene = await Scene.start([
      apiListener('shop:9080', [
        virtualHost('shop', [{ match: { path_separated_prefix: '/a' }, route: { cluster: 'shop' } }]),
      ]),
      cluster('shop'),
      shop,
    ]);
    const envoy = await scene.mesh();
    const grpc = await scene.mesh({ profile: 'grpc', failAs: 'response' });
    assert.equal((await envoy.fetch('http://shop:9080/a')).status, 200);
    const refused = await grpc.fetch('http://shop:9080/a');
    assert.match(meshErrorOf(refused)?.message ?? '', /must be prefix, path or safe_regex/);
    const listener = grpc.feed()?.resources.find(({ name }) => name === 'shop:9080');
    assert.equal(listener?.state, 'NACKED');
    assert.equal(envoy.feed()?.resources.find(({ name }) => name === 'shop:9080')?.state, 'ACKED');
    scene.plane.update([
      apiListener('shop:9080', [virtualHost('shop', [{ match: { prefix: '/a' }, route: { cluster: 'shop' } }])]),
      cluster('shop'),
      shop,
    ]);
    await until(
      () => grpc.feed()?.resources.find(({ name }) => name === 'shop:9080')?.state === 'ACKED',
      'the good listener is taken',
    );
    assert.equal((await grpc.fetch('http://shop:9080/a')).status, 200);
  });

  it('is one of two', async () => {
    await assert.rejects(
      createMesh({ profile: 'nginx' as 'grpc', env: {} }),
      (error: unknown) => isMeshError(error) && /profile: "nginx" is none of envoy, grpc/.test(error.message),
    );
  });
});
