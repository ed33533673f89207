// Meshes with several control planes over loopback: the next one serves where the first is gone (gRFC A71), and names
// with an authority are asked of its own (gRFC A47).
import assert from 'node:assert/strict';
import { type ControlPlane, type ResourceInput, startControlPlane } from '@inmesh/control-plane';
import { type Mesh, meshErrorOf } from 'inmesh';
import { apiListener, cluster, endpoints, service, virtualHost } from '../support/feed.ts';
import { guardProcess } from '../support/guard-process.ts';
import { hurriedClock } from '../support/hurried-clock.ts';
import { bootstrapFor, Scene, until } from '../support/scene.ts';
import { refusingPort, startHttp } from '../support/servers.ts';

function bootstrap(addresses: readonly string[], more: object = {}): string {
  const servers = addresses.map((uri) => ({ server_uri: uri, channel_creds: [{ type: 'insecure' }] }));
  return JSON.stringify({ ...JSON.parse(bootstrapFor('')), xds_servers: servers, ...more });
}

const portOf = (plane: ControlPlane): number => Number(plane.address.split(':').at(-1));

const answer = async (mesh: Mesh, url: string): Promise<string> => (await mesh.fetch(url)).text();

const inForce = (mesh: Mesh): string | undefined => mesh.feed()?.stream.serverUri;

describe('a mesh with several control planes', function () {
  this.timeout(20_000);
  guardProcess();

  it('22 is served by the second where the first is not there at startup', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start(service('reviews:9080', [app.port]));
    const first = `127.0.0.1:${await refusingPort()}`;
    const mesh = await scene.mesh({ bootstrapConfig: bootstrap([first, scene.plane.address]) });
    assert.equal(await answer(mesh, 'http://reviews:9080/'), String(app.port));
    assert.equal(inForce(mesh), scene.plane.address);
    assert.match(mesh.feed()?.servers[0]?.lastError ?? '', /controlPlane 127\.0\.0\.1/);
  });

  it('22 turns to the second when the first is killed, and back when it is started again', async () => {
    await using old = await startHttp();
    await using young = await startHttp();
    const ofFirst = service('reviews:9080', [old.port]);
    await using scene = await Scene.start(ofFirst);
    const second = scene.use(
      await startControlPlane({
        resources: [...service('reviews:9080', [young.port]), ...service('ratings:9080', [young.port])],
      }),
    );
    const addresses = [scene.plane.address, second.address];
    const mesh = await scene.mesh({ bootstrapConfig: bootstrap(addresses), clock: hurriedClock(5) });
    assert.equal(await answer(mesh, 'http://reviews:9080/'), String(old.port));

    await scene.plane.close();
    await until(() => mesh.feed()?.stream.connected === false, 'the first is lost');
    assert.equal(await answer(mesh, 'http://reviews:9080/'), String(old.port), 'all that is in use is known');
    assert.deepEqual(second.status().nodes, []);

    assert.equal(await answer(mesh, 'http://ratings:9080/'), String(young.port));
    assert.equal(inForce(mesh), second.address);
    const { why } = await mesh.explain('http://nobody:9080/', { within: 1 });
    assert.match(why.join(), new RegExp(`control plane ${second.address} has not told about nobody:9080`));
    const endpointsOf = () => Object.keys(mesh.statistics().endpoints['reviews:9080'] ?? {});
    await until(() => endpointsOf().join() === `127.0.0.1:${young.port}`, 'the second replaces what the first said');
    assert.equal(await answer(mesh, 'http://reviews:9080/'), String(young.port));

    scene.use(await startControlPlane({ resources: ofFirst, listen: { port: portOf(scene.plane) } }));
    await until(() => inForce(mesh) === scene.plane.address, 'the first is in force again');
    await until(() => second.status().nodes.length === 0, 'the second is closed');
    await until(() => endpointsOf().join() === `127.0.0.1:${old.port}`, 'the first replaces what the second said');
    assert.equal(await answer(mesh, 'http://reviews:9080/'), String(old.port));
  });
});

const named = (type: string, authority: string, id: string): string =>
  `xdstp://${authority}/envoy.config.${type}/${id}`;
const listenerOf = (authority: string, id: string) => named('listener.v3.Listener', authority, id);
const clusterOf = (authority: string, id: string) => named('cluster.v3.Cluster', authority, id);
const endpointsOf = (authority: string, id: string) => named('endpoint.v3.ClusterLoadAssignment', authority, id);

/** A service whose listener is of one authority and whose cluster is of another, with a path that leads to one that nobody knows. */
function federated(id: string, port: number): ResourceInput[] {
  return [
    apiListener(listenerOf('east', id), [
      virtualHost(id, [
        { match: { prefix: '/lost' }, route: { cluster: clusterOf('nowhere', id) } },
        { match: { prefix: '/' }, route: { cluster: clusterOf('west', id) } },
      ]),
    ]),
    cluster(clusterOf('west', id), {
      eds_cluster_config: {
        eds_config: { ads: {}, resource_api_version: 'V3' },
        service_name: endpointsOf('west', id),
      },
    }),
    endpoints(endpointsOf('west', id), [port]),
  ];
}

describe('a mesh with authorities', () => {
  guardProcess();

  it('20, 21 asks their servers for their names, over one stream where they are the same, and fails only what names an unknown one', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start();
    const east = scene.use(await startControlPlane({ resources: federated('reviews:9080', app.port) }));
    const servers = [{ server_uri: east.address, channel_creds: [{ type: 'insecure' }] }];
    const mesh = await scene.mesh({
      bootstrapConfig: bootstrap([scene.plane.address], {
        client_default_listener_resource_name_template: listenerOf('east', '%s'),
        authorities: { east: { xds_servers: servers }, west: { xds_servers: servers } },
      }),
    });
    assert.equal(await answer(mesh, 'http://reviews:9080/'), String(app.port));
    const lost = await mesh.fetch('http://reviews:9080/lost');
    assert.equal(lost.status, 503);
    assert.match(meshErrorOf(lost)?.message ?? '', /its authority "nowhere" is not among those of the bootstrap/);
    assert.equal(await answer(mesh, 'http://reviews:9080/'), String(app.port));
    assert.deepEqual(
      mesh.feed()?.servers.map(({ serverUri, state }) => [serverUri, state]),
      [
        [scene.plane.address, 'idle'],
        [east.address, 'connected'],
      ],
    );
    assert.equal(east.status().nodes.length, 1);
    assert.deepEqual(scene.plane.status().nodes, []);
    mesh.close();
    await until(() => east.status().nodes.length === 0, 'the authority is closed with the mesh');
  });
});
