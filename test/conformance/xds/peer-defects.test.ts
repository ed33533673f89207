// Each defect of @grpc/grpc-js-xds 1.14.1 that concerns a client, by the number it has in ../README.md: what it does wrong, done
// right here. Not here: 14, load reports (load-reporter.test.ts of packages/xds), and 19, which is of its servers.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { toBinary } from '@bufbuild/protobuf';
import { fromJson, messageType } from '@inmesh/api';
import type { ClusterLoadAssignment } from '@inmesh/api/gen/envoy/config/endpoint/v3/endpoint_pb';
import type { ResourceInput } from '@inmesh/control-plane';
import { seededRandom, VirtualClock } from '@inmesh/core';
import { resourceTypes } from '@inmesh/xds';
import { meshErrorOf } from 'inmesh';
import { apiListener, cluster, endpoints, rdsListener, routes, service, virtualHost } from '../../support/feed.ts';
import { guardProcess } from '../../support/guard-process.ts';
import { hurriedClock } from '../../support/hurried-clock.ts';
import { bootstrapFor, Scene, until } from '../../support/scene.ts';
import { startHttp, type Upstream } from '../../support/servers.ts';
import { packed, scene, turn, typeUrls } from './scripted.ts';

type Fields = Record<string, unknown>;

/** Routes of the service `shop:80` over two upstreams: what one of them answers is its name. */
async function shop(more: (ports: { readonly one: number; readonly two: number }) => readonly ResourceInput[]) {
  const one = await startHttp((_, response) => response.end('one'));
  const two = await startHttp((_, response) => response.end('two'));
  const made = await Scene.start(more({ one: one.port, two: two.port }));
  made.use(one);
  made.use(two);
  return { made, mesh: await made.mesh() };
}

const upstreams = ({ one, two }: { readonly one: number; readonly two: number }): ResourceInput[] => [
  cluster('one'),
  endpoints('one', [one]),
  cluster('two'),
  endpoints('two', [two]),
];
const to = (name: string, match: Fields = { prefix: '/' }, action: Fields = {}): Fields => ({
  match,
  route: { cluster: name, ...action },
});
const listener = (...list: Fields[]): ResourceInput => apiListener('shop:80', [virtualHost('shop', list as never)]);

async function answer(call: Promise<Response>): Promise<string> {
  const response = await call;
  const text = await response.text();
  return response.status === 200 ? text : `${response.status} ${meshErrorOf(response)?.flag ?? '-'}`;
}

/** As `until`, of what only a call shows. */
async function eventually(condition: () => Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + 15_000;
  while (!(await condition())) {
    assert.ok(performance.now() < end, `it never came true: ${what}`);
    // A local reply may come without a turn of the event loop, in which the feed must move on.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('defects of grpc-js-xds, done right', () => {
  guardProcess();

  it('1: what is removed and comes back byte for byte is in force again', async () => {
    await using app = await startHttp((_, response) => response.end('one'));
    const feed = service('shop:80', [app.port]);
    await using made = await Scene.start(feed);
    // The name without a port is asked for too, and its silence takes 15 s to count.
    const mesh = await made.mesh({ clock: hurriedClock(50) });
    assert.equal(await answer(mesh.fetch('http://shop/')), 'one');
    const [itsListener, itsCluster, itsEndpoints] = feed as [ResourceInput, ResourceInput, ResourceInput];
    for (const left of [
      [itsListener, itsEndpoints],
      [itsCluster, itsEndpoints],
    ]) {
      made.plane.update(left);
      await eventually(async () => (await answer(mesh.fetch('http://shop/'))) !== 'one', 'it is gone');
      made.plane.update(feed);
      await eventually(async () => (await answer(mesh.fetch('http://shop/'))) === 'one', 'it is back');
    }
  });

  it('2: a non_forwarding_action for a client refuses the calls of that route, and harms nothing else', async () => {
    const { made, mesh } = await shop((ports) => [
      listener({ match: { prefix: '/server' }, non_forwarding_action: {} }, to('one')),
      ...upstreams(ports),
    ]);
    await using _ = made;
    assert.equal(await answer(mesh.fetch('http://shop/')), 'one');
    assert.match(await answer(mesh.fetch('http://shop/server')), /^5\d\d /);
    assert.equal(await answer(mesh.fetch('http://shop/')), 'one');
  });

  it('3: an expression that is none is refused by its place, and the last good routes stay', async () => {
    const { made, mesh } = await shop((ports) => [
      rdsListener('shop:80', 'r'),
      routes('r', [virtualHost('shop', [to('one')] as never)]),
      ...upstreams(ports),
    ]);
    await using _ = made;
    assert.equal(await answer(mesh.fetch('http://shop/')), 'one');
    const ports = made.plane;
    const bad = routes('r', [virtualHost('shop', [to('two', { safe_regex: { regex: 'a(' } })] as never)]);
    ports.update([rdsListener('shop:80', 'r'), bad]);
    const refused = () => mesh.feed()?.resources.find(({ name, state }) => name === 'r' && state === 'NACKED');
    await until(() => refused() !== undefined, 'the routes are refused');
    assert.match(refused()?.error ?? '', /virtual_hosts\[0\]\.routes\[0\]\.match\.safe_regex\.regex/);
    assert.equal(await answer(mesh.fetch('http://shop/')), 'one');
  });

  it('4: an expression stands for the whole path, alternatives included', async () => {
    const { made, mesh } = await shop((ports) => [
      listener(to('two', { safe_regex: { regex: '/t.T/E|/zzz' } }), to('one')),
      ...upstreams(ports),
    ]);
    await using _ = made;
    assert.equal(await answer(mesh.fetch('http://shop/t.T/Echo')), 'one');
    assert.equal(await answer(mesh.fetch('http://shop/t.T/E')), 'two');
    assert.equal(await answer(mesh.fetch('http://shop/zzz')), 'two');
    assert.equal(await answer(mesh.fetch('http://shop/zzzz')), 'one');
  });

  it('5: a route with query parameters takes the calls that have them, and no others', async () => {
    const query = { prefix: '/', query_parameters: [{ name: 'v', string_match: { exact: '2' } }] };
    const { made, mesh } = await shop((ports) => [listener(to('two', query), to('one')), ...upstreams(ports)]);
    await using _ = made;
    assert.equal(await answer(mesh.fetch('http://shop/')), 'one');
    assert.equal(await answer(mesh.fetch('http://shop/?v=1')), 'one');
    assert.equal(await answer(mesh.fetch('http://shop/?v=2')), 'two');
  });

  it('6: redirects and direct responses are accepted beside other routes', async () => {
    const { made, mesh } = await shop((ports) => [
      listener(
        { match: { path: '/old' }, redirect: { path_redirect: '/new' } },
        { match: { path: '/teapot' }, direct_response: { status: 418, body: { inline_string: 'short' } } },
        to('one'),
      ),
      ...upstreams(ports),
    ]);
    await using _ = made;
    assert.equal(await answer(mesh.fetch('http://shop/')), 'one');
    assert.equal((await mesh.fetch('http://shop/teapot')).status, 418);
    const moved = await mesh.fetch('http://shop/old', { redirect: 'manual' });
    assert.deepEqual([moved.status, moved.headers.get('location')], [301, 'http://shop/new']);
  });

  it('7: a backoff of 1 s at most is over after 1 s', async () => {
    const clock = new VirtualClock(1_700_000_000_000);
    let attempts = 0;
    await using app = await startHttp((_, response) => {
      response.statusCode = ++attempts < 4 ? 503 : 200;
      response.end('one');
    });
    const policy = {
      retry_on: '5xx',
      num_retries: 3,
      retry_back_off: { base_interval: '1s', max_interval: '1s' },
    };
    await using made = await Scene.start([
      listener(to('one', { prefix: '/' }, { timeout: '0s', retry_policy: policy })),
      cluster('one', { circuit_breakers: { thresholds: [{ max_retries: 10 }] } }),
      endpoints('one', [app.port]),
    ]);
    // The greatest value that chance can have, so that each wait is the longest.
    const mesh = await made.mesh({ clock, random: () => 1 - Number.EPSILON });
    const call = answer(mesh.fetch('http://shop/'));
    for (const nth of [1, 2, 3]) {
      await until(() => attempts === nth && clock.pending > 0, `attempt ${nth} failed`);
      await until(
        () => {
          // What the answer still has to travel is not known, so the second is given again until the next attempt is made.
          if (attempts === nth) clock.advance(1_000);
          return attempts > nth;
        },
        `attempt ${nth + 1} is made`,
      );
    }
    assert.equal(await call, 'one');
  });

  it('8: spaces and capitals in retry_on change nothing', async () => {
    let attempts = 0;
    await using app = await startHttp((_, response) => {
      response.statusCode = ++attempts === 1 ? 503 : 200;
      response.end('one');
    });
    await using made = await Scene.start([
      listener(to('one', { prefix: '/' }, { retry_policy: { retry_on: ' connect-failure, 5XX ' } })),
      cluster('one'),
      endpoints('one', [app.port]),
    ]);
    assert.equal(await answer((await made.mesh()).fetch('http://shop/')), 'one');
    assert.equal(attempts, 2);
  });

  it('9: an idle_timeout of the connection manager ends no call', async () => {
    const clock = new VirtualClock(1_700_000_000_000);
    const waiting: ServerResponse[] = [];
    await using app = await startHttp((_, response) => waiting.push(response));
    const patient = listener(to('one', { prefix: '/' }, { timeout: '0s' })) as unknown as {
      api_listener: { api_listener: object };
    };
    patient.api_listener.api_listener = {
      ...patient.api_listener.api_listener,
      common_http_protocol_options: { idle_timeout: '0.3s' },
    };
    await using made = await Scene.start([
      patient as unknown as ResourceInput,
      cluster('one'),
      endpoints('one', [app.port]),
    ]);
    const mesh = await made.mesh({ clock });
    const call = answer(mesh.fetch('http://shop/'));
    await until(() => waiting.length > 0, 'the call is under way');
    clock.advance(1_000);
    waiting[0]?.end('one');
    assert.equal(await call, 'one');
  });

  it('10: a change of the listener alone is applied, without any other update', async () => {
    const withFilter = (name: string | null): ResourceInput => {
      const made = rdsListener('shop:80', 'r') as unknown as {
        api_listener: { api_listener: { http_filters: Fields[] } };
      };
      const filters = made.api_listener.api_listener.http_filters;
      const unknown = { name: 'unknown', typed_config: { '@type': 'type.googleapis.com/google.protobuf.Struct' } };
      if (name !== null) filters.unshift(unknown);
      return made as unknown as ResourceInput;
    };
    await using app = await startHttp((_, response) => response.end('one'));
    const rest = [
      routes('r', [virtualHost('shop', [to('one')] as never)]),
      cluster('one'),
      endpoints('one', [app.port]),
    ];
    await using made = await Scene.start([withFilter(null), ...rest]);
    const mesh = await made.mesh();
    assert.equal(await answer(mesh.fetch('http://shop/')), 'one');
    made.plane.update([withFilter('unknown'), ...rest]);
    await eventually(
      async () => (await answer(mesh.fetch('http://shop/'))) !== 'one',
      'the unknown filter refuses calls',
    );
    made.plane.update([withFilter(null), ...rest]);
    await eventually(async () => (await answer(mesh.fetch('http://shop/'))) === 'one', 'calls go on');
  });

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
