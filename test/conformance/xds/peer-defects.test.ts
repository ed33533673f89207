// As peer-defects-calls.test.ts, from 11 on. Not here: 14, load reports (load-reporter.test.ts of packages/xds), and 19, which is of the
// other's servers.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { toBinary } from '@bufbuild/protobuf';
import { fromJson, messageType } from '@inmesh/api';
import type { ClusterLoadAssignment } from '@inmesh/api/gen/envoy/config/endpoint/v3/endpoint_pb';
import { seededRandom } from '@inmesh/core';
import { resourceTypes } from '@inmesh/xds';
import { apiListener, cluster, endpoints, service, virtualHost } from '../../support/feed.ts';
import { guardProcess } from '../../support/guard-process.ts';
import { bootstrapFor, Scene, until } from '../../support/scene.ts';
import { startHttp, type Upstream } from '../../support/servers.ts';
import { packed, scene, turn, typeUrls } from './scripted.ts';
import { answer, type Fields, listener, shop, to, upstreams } from './shop.ts';

describe('defects of grpc-js-xds, done right: 11 to 22', () => {
  guardProcess();

  it('11: streams that end well after a response cost no more than the shortest wait, however often', async () => {
    const { server, clock, watch } = scene();
    const heard = watch('cluster', 'a');
    await turn();
    for (let round = 1; round <= 12; round++) {
      assert.equal(server.streams.length, round);
      server.stream.respond('cluster', `v${round}`, [cluster('a')]);
      server.stream.end(0, '');
      clock.advance(1_000);
      await turn();
    }
    assert.deepEqual(heard.said, ['changed'], 'and watchers hear of no trouble');
  });

  it('12: LEAST_REQUEST is accepted, and calls go out by it', async () => {
    await using app = await startHttp((_, response) => response.end('one'));
    await using made = await Scene.start([
      listener(to('one')),
      cluster('one', { lb_policy: 'LEAST_REQUEST', least_request_lb_config: { choice_count: 3 } }),
      endpoints('one', [app.port]),
    ]);
    assert.equal(await answer((await made.mesh()).fetch('http://shop/')), 'one');
  });

  it('13: a second watcher of what was refused, or is not there, is told at once', async () => {
    const { server, watch } = scene();
    watch('cluster', 'bad');
    watch('cluster', 'absent');
    watch('cluster', 'gone');
    await turn();
    server.stream.respond('cluster', 'v1', [cluster('bad', { connect_timeout: '-1s' }), cluster('gone')]);
    server.stream.respond('cluster', 'v2', [cluster('bad', { connect_timeout: '-1s' })]);
    assert.deepEqual(watch('cluster', 'bad').said, ['resource invalid_config']);
    assert.deepEqual(watch('cluster', 'gone').said, ['resource no_cluster']);
  });

  it('15: server features count, in any mixture with others', async () => {
    const { server, watch } = scene({ serverFeatures: ['trusted_xds_server', 'ignore_resource_deletion', 'x'] });
    const heard = watch('cluster', 'a');
    await turn();
    server.stream.respond('cluster', 'v1', [cluster('a')]);
    server.stream.respond('cluster', 'v2', []);
    assert.deepEqual(heard.said, ['changed', 'ambient no_cluster']);
  });

  it('15: meshes that end leave nothing behind, and their connection to the control plane goes with the last', async () => {
    await using app = await startHttp((_, response) => response.end('one'));
    await using made = await Scene.start(service('shop:80', [app.port]));
    const [first, second] = [await made.mesh(), await made.mesh()];
    for (const mesh of [first, second]) assert.equal(await answer(mesh.fetch('http://shop/')), 'one');
    const nodes = () => made.plane.status().nodes.length;
    assert.equal(nodes(), 1, 'they share a stream');
    first.close();
    assert.equal(await answer(second.fetch('http://shop/')), 'one');
    second.close();
    await until(() => nodes() === 0, 'the stream is closed');
  });

  it('16: a certificate provider of an unknown plugin is left out, with a warning', async () => {
    await using app = await startHttp((_, response) => response.end('one'));
    await using made = await Scene.start(service('shop:80', [app.port]));
    const bootstrap = {
      ...(JSON.parse(bootstrapFor(made.plane.address, 'providers')) as object),
      certificate_providers: { other: { plugin_name: 'corp.vault', config: { a: 1 } } },
    };
    const mesh = await made.mesh({ bootstrapConfig: JSON.stringify(bootstrap) });
    assert.equal(await answer(mesh.fetch('http://shop/')), 'one');
    assert.match(made.warnings.map(({ message }) => message).join(), /certificate provider other: plugin corp\.vault/);
  });

  it('17: what is in force is shown beside what was refused, each as what it is', async () => {
    const { made, mesh } = await shop((ports) => [listener(to('one')), ...upstreams(ports)]);
    await using _ = made;
    assert.equal(await answer(mesh.fetch('http://shop/')), 'one');
    made.plane.update([apiListener('shop:80', [virtualHost('shop', [{ match: {}, route: { cluster: 'two' } }])])]);
    const status = () => mesh.feed()?.resources.find(({ name }) => name === 'shop:80');
    await until(() => status()?.state === 'NACKED', 'the listener is refused');
    const [config] = (await mesh.clientStatus()).config;
    const entries = (
      config as {
        generic_xds_configs: { name: string; client_status: string; xds_config?: object; error_state?: object }[];
      }
    ).generic_xds_configs;
    const entry = entries.find(({ name }) => name === 'shop:80');
    assert.equal(entry?.client_status, 'NACKED');
    assert.match(JSON.stringify(entry?.xds_config), /"one"/);
    assert.doesNotMatch(JSON.stringify(entry?.xds_config), /"two"/);
    assert.match(JSON.stringify(entry?.error_state), /"two"/);
  });

  it('18: a response of an unknown type is refused by name; a wrapped resource is unwrapped', async () => {
    const { server, watch } = scene();
    const heard = watch('cluster', 'a');
    await turn();
    server.stream.respond(`${typeUrls.cluster}x`, 'v1', []);
    assert.match(server.stream.asked().at(-1)?.refused ?? '', /Clusterx/);
    server.stream.respond('cluster', 'v1', [{ any: packed(cluster('a')), name: 'a', ttlMs: 60_000 }]);
    assert.deepEqual(heard.said, ['changed']);
  });

  it('18: a decoder that throws refuses that resource, and the client goes on', async () => {
    const types = resourceTypes();
    const broken = {
      ...types,
      cluster: {
        ...types.cluster,
        decode: (...args: Parameters<typeof types.cluster.decode>) => {
          const decoded = types.cluster.decode(...args);
          if (decoded.name === 'cursed') throw new TypeError("Cannot read properties of undefined (reading 'x')");
          return decoded;
        },
      },
    };
    const { server, watch } = scene({ types: broken });
    const [cursed, fine] = [watch('cluster', 'cursed'), watch('cluster', 'fine')];
    await turn();
    server.stream.asked();
    server.stream.respond('cluster', 'v1', [cluster('cursed'), cluster('fine')]);
    assert.match(server.stream.asked().at(-1)?.refused ?? '', /cursed.*Cannot read properties of undefined/);
    assert.deepEqual([cursed.said, fine.said], [['resource invalid_config'], ['changed']]);
    server.stream.respond('cluster', 'v2', [cluster('fine', { connect_timeout: '9s' })]);
    assert.deepEqual(fine.said, ['changed', 'changed']);
  });

  it('20: 5,000 endpoints are decoded in steps, between which the event loop may run', () => {
    const schema = messageType<ClusterLoadAssignment>('envoy.config.endpoint.v3.ClusterLoadAssignment');
    const ports = Array.from({ length: 5_000 }, (_, index) => index + 1);
    const { '@type': _, ...fields } = endpoints('big', ports) as unknown as Fields;
    const bytes = toBinary(schema, fromJson(schema, fields as never));
    const work = resourceTypes().clusterLoadAssignment.decodeInSteps?.(bytes, { nodeId: 'n', controlPlane: 'c' });
    assert.ok(work);
    let steps = 0;
    for (;;) {
      const next = work.next();
      if (next.done === true) {
        assert.equal(next.value.value.localities[0]?.endpoints.length, 5_000);
        break;
      }
      steps++;
    }
    assert.ok(steps >= 5_000 / 16, `${steps} steps`);
  });

  it('21: an import reads no descriptors', async () => {
    const script = `
      import zlib from 'node:zlib';
      import { syncBuiltinESMExports } from 'node:module';
      const { brotliDecompressSync } = zlib;
      let unpacked = 0;
      zlib.brotliDecompressSync = (...args) => { unpacked += 1; return brotliDecompressSync(...args); };
      syncBuiltinESMExports();
      await import('inmesh');
      console.log(unpacked);`;
    const args = ['--conditions=@inmesh/source', '--input-type=module', '--eval', script];
    const { stdout } = await promisify(execFile)(process.execPath, args, {
      cwd: join(import.meta.dirname, '../../..'),
    });
    assert.equal(stdout.trim(), '0');
  });

  it('22: a call that nothing is left to chance for asks for no random value', async () => {
    const seeded = seededRandom(1);
    let drawn = 0;
    const random = () => {
      drawn++;
      return seeded();
    };
    await using app: Upstream = await startHttp((_, response) => response.end('one'));
    await using made = await Scene.start(service('shop:80', [app.port]));
    const mesh = await made.mesh({ random });
    assert.equal(await answer(mesh.fetch('http://shop/')), 'one');
    const before = drawn;
    for (let call = 0; call < 20; call++) assert.equal(await answer(mesh.fetch('http://shop/')), 'one');
    assert.equal(drawn - before, 0);
  });
});
