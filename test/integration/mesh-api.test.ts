import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { createMesh, isMeshError, type Mesh, meshErrorOf } from 'inmesh';
import { request } from 'undici';
import { apiListener, cluster, endpoints, service, virtualHost } from '../support/feed.ts';
import { guardProcess } from '../support/guard-process.ts';
import { hurriedClock } from '../support/hurried-clock.ts';
import { Program } from '../support/program.ts';
import { bootstrapFor, Scene, until } from '../support/scene.ts';
import { refusingPort, startHttp } from '../support/servers.ts';

const draining = (error: unknown) => isMeshError(error) && error.code === 'draining';

describe('a mesh', () => {
  guardProcess();

  it('is ready when the services named are known, and at once when none are', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start(service('reviews:9080', [app.port]));
    const mesh = await scene.mesh({ services: ['http://reviews:9080'] });
    await mesh.ready();
    assert.equal(mesh.statistics().clusters['reviews:9080']?.membership_healthy, 1);
    await (await scene.mesh()).ready({ within: 1 });
  });

  it('is not ready: in time, by a signal, or where a service cannot be', async () => {
    await using scene = await Scene.start();
    const mesh = await scene.mesh({ clock: hurriedClock(50) });
    const services = ['http://absent:9080'];
    const late = (error: unknown) => isMeshError(error) && error.code === 'config_timeout';
    await assert.rejects(mesh.ready({ services, within: 10 }), late);
    const reason = new Error('enough');
    await assert.rejects(mesh.ready({ services, signal: AbortSignal.abort(reason) }), reason);
    const abort = new AbortController();
    const waiting = mesh.ready({ services, signal: abort.signal });
    abort.abort(reason);
    await assert.rejects(waiting, reason);
    await assert.rejects(mesh.ready({ services }), (error) => isMeshError(error) && error.code === 'no_route');
    // In use and unknown to the feed is an answer as good as any; asked for by name it is not.
    await mesh.ready();
    await assert.rejects(mesh.ready({ services: ['absent'] }), /no http URL/);
  });

  it('drains: calls in flight end, new ones are answered 503, and whoever waits is told', async () => {
    const answers: (() => void)[] = [];
    await using app = await startHttp((_, response) => answers.push(() => response.end('done')));
    await using scene = await Scene.start(service('reviews:9080', [app.port]));
    const mesh = await scene.mesh();
    const inFlight = mesh.fetch('http://reviews:9080/');
    await until(() => answers.length === 1, 'the call is in flight');
    let drained = 0;
    const waits = [mesh.drain(), mesh.drain()].map((wait) => wait.then(() => drained++));
    const refused = await mesh.fetch('http://reviews:9080/');
    assert.equal(refused.status, 503);
    assert.equal(meshErrorOf(refused)?.code, 'draining');
    await assert.rejects(mesh.fetch('http://127.0.0.1:9/'), TypeError);
    assert.equal(drained, 0);
    answers[0]?.();
    assert.equal(await (await inFlight).text(), 'done');
    await Promise.all(waits);
    assert.equal(drained, 2);
    await until(() => app.open.size === 0, 'its connections are closed');
    await mesh.drain();
  });

  it('closes: calls in flight, held, connecting and between attempts fail, none is tried again', async () => {
    const silent = await startHttp(() => {});
    await using scene = await Scene.start([
      ...service('silent:9080', [silent.port]),
      ...service('refusing:9080', [await refusingPort()], {
        route: {
          retry_policy: { retry_on: 'connect-failure', num_retries: 9, retry_back_off: { base_interval: '9s' } },
        },
      }),
    ]);
    try {
      const mesh = await scene.mesh();
      const calls = ['silent', 'silent', 'refusing', 'absent'].map((name) => mesh.fetch(`http://${name}:9080/`));
      await until(() => silent.open.size === 2, 'two are in flight');
      await until(
        () => (mesh.statistics().clusters['refusing:9080']?.upstream_rq_retry ?? 0) > 0,
        'one waits for its next attempt',
      );
      mesh.close();
      mesh.close();
      const answers = await Promise.all(calls);
      assert.deepEqual(
        answers.map((answer) => [answer.status, meshErrorOf(answer)?.code]),
        calls.map(() => [503, 'draining']),
      );
      await until(() => silent.open.size === 0, 'the connections are closed');
      assert.equal(silent.accepted, 2);
      assert.equal(mesh.statistics().mesh.downstream_rq_active, 0);
      assert.equal((await mesh.fetch('http://silent:9080/')).status, 503);
      await assert.rejects(mesh.ready(), draining);
      await assert.rejects(mesh.explain('http://silent:9080/'), draining);
      assert.throws(() => mesh.install(), draining);
      await mesh.drain();
    } finally {
      await silent.close();
    }
  });

  it('ends with its block, having waited for its calls', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start(service('reviews:9080', [app.port]));
    let call: Promise<Response>;
    {
      await using mesh = await createMesh({ bootstrapConfig: bootstrapFor(scene.plane.address), env: {} });
      mesh.install();
      call = fetch('http://reviews:9080/');
      await until(() => mesh.statistics().mesh.downstream_rq_total === 1, 'the call is on its way');
    }
    assert.equal(await (await call).text(), `${app.port}`);
    await until(() => app.open.size === 0, 'its connections are closed');
  });

  it('counts calls under Envoy’s names: mesh, cluster, endpoint, route', async () => {
    await using app = await startHttp((request, response) => {
      response.statusCode = Number(request.url?.slice(1)) || 200;
      response.end();
    });
    await using scene = await Scene.start(service('reviews:9080', [app.port]));
    const mesh = await scene.mesh();
    for (const status of [200, 200, 204, 301, 404, 500]) {
      const { body } = await request(`http://reviews:9080/${status}`, { dispatcher: mesh.dispatcher });
      await body.dump();
    }
    const { mesh: all, clusters, endpoints: hosts, routes } = mesh.statistics();
    assert.deepEqual(
      [all.downstream_rq_total, all.downstream_rq_active, all.downstream_rq_completed, all.downstream_rq_2xx],
      [6, 0, 6, 3],
    );
    assert.deepEqual([all.downstream_rq_3xx, all.downstream_rq_4xx, all.downstream_rq_5xx], [1, 1, 1]);
    const of = clusters['reviews:9080'];
    assert.ok(of);
    assert.deepEqual(
      [
        of.upstream_rq_total,
        of.upstream_rq_active,
        of.upstream_cx_total,
        of.upstream_cx_active,
        of.upstream_rq_pending_active,
      ],
      [6, 0, 1, 1, 0],
    );
    const host = hosts['reviews:9080']?.[`127.0.0.1:${app.port}`];
    assert.deepEqual([host?.rq_total, host?.rq_active, host?.rq_success, host?.rq_error], [6, 0, 5, 1]);
    assert.deepEqual(
      Object.values(routes['reviews:9080'] ?? {}).map(({ upstream_rq_total }) => upstream_rq_total),
      [6],
    );
  });

  it('explains a call: the way it takes, or why it takes none', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start([
      apiListener('shop:9080', [
        virtualHost('shop', [
          {
            name: 'split',
            match: { prefix: '/split' },
            route: {
              weighted_clusters: {
                clusters: [
                  { name: 'one', weight: 90 },
                  { name: 'two', weight: 10 },
                ],
              },
            },
          },
          { match: { path: '/direct' }, direct_response: { status: 418 } },
          { match: { prefix: '/tls' }, route: { cluster: 'tls' } },
          { match: { safe_regex: { regex: '/r.*' } }, route: { cluster: 'one' } },
          {
            name: 'writes',
            match: {
              prefix: '/headers',
              headers: [{ name: 'x-write' }, { name: ':method', string_match: { exact: 'PUT' } }],
            },
            direct_response: { status: 403 },
          },
        ]),
      ]),
      cluster('one'),
      cluster('two'),
      cluster('tls', {
        transport_socket: {
          name: 'tls',
          typed_config: { '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext' },
        },
      }),
      endpoints('one', [app.port]),
      endpoints('two', []),
      endpoints('tls', [app.port]),
    ]);
    const mesh = await scene.mesh();
    const split = await mesh.explain('http://shop:9080/split/it?x=1');
    assert.equal(split.verdict, 'mesh');
    assert.equal(split.route, 'shop/split');
    assert.deepEqual(
      split.clusters.map(({ name, share, endpoints: [first] }) => [name, share, first?.address]),
      [
        ['one', 0.9, `127.0.0.1:${app.port}`],
        ['two', 0.1, undefined],
      ],
    );
    assert.match(split.why.join('\n'), /90 % go to cluster one: round_robin over 1 healthy of 1 endpoints/);
    const direct = await mesh.explain('http://shop:9080/direct');
    assert.match(direct.why.at(-1) ?? '', /answers by itself: 418/);
    assert.equal((await mesh.fetch('http://shop:9080/direct')).status, 418);
    assert.equal((await mesh.fetch('http://shop:9080/tls')).status, 503, 'that server has no TLS');
    assert.deepEqual(
      (await mesh.explain('http://shop:9080/headers')).routes.map(({ name, missing }) => [name, missing]),
      [
        ['shop/split', 'path: asks for prefix /split, the call has /headers'],
        ['shop/path /direct', 'path: asks for path /direct, the call has /headers'],
        ['shop/prefix /tls', 'path: asks for prefix /tls, the call has /headers'],
        ['shop/safe_regex /r.*', 'path: asks for safe_regex /r.*, the call has /headers'],
        ['shop/writes', 'headers[0] (x-write): asks for header x-write present, the call has none'],
      ],
    );
    const writes = { method: 'PUT', headers: { 'x-write': '1' } };
    assert.equal((await mesh.explain('http://shop:9080/headers', writes)).route, 'shop/writes');
    const { routes } = await mesh.explain('http://shop:9080/headers', { ...writes, method: 'GET' });
    assert.equal(
      routes.at(-1)?.missing,
      'headers[1] (:method): asks for header :method exact "PUT", the call has "GET"',
    );
    const none = await mesh.explain('http://shop:9080/other');
    const told = await mesh.fetch('http://shop:9080/other');
    assert.equal(none.verdict, 'refused');
    assert.ok([404, 500].includes(told.status));
    const unknown = await mesh.explain('http://unknown:9080/', { within: 1 });
    assert.equal(unknown.verdict, 'unknown');
    assert.match(unknown.why[0] ?? '', /has not told about unknown:9080 yet: calls are held/);
  });
});

describe('connections', () => {
  guardProcess();

  async function meshTo(scene: Scene): Promise<{ mesh: Mesh; call: () => Promise<string> }> {
    const mesh = await scene.mesh();
    return { mesh, call: async () => (await mesh.fetch('http://app:9080/')).text() };
  }
  const duration = { '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions' };
  const http1 = (common: Readonly<Record<string, string | number>>) => ({
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        ...duration,
        explicit_http_config: { http_protocol_options: {} },
        common_http_protocol_options: common,
      },
    },
  });

  it('are used again, one for calls one after the other and as many as are needed at once', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start(service('app:9080', [app.port]));
    const { mesh, call } = await meshTo(scene);
    for (let i = 0; i < 10; i++) await call();
    assert.equal(app.accepted, 1);
    await Promise.all(Array.from({ length: 5 }, call));
    assert.ok(app.accepted <= 5);
    assert.equal(mesh.statistics().clusters['app:9080']?.upstream_cx_active, app.open.size);
  });

  it('are no more than allowed: the rest waits, and what is too much is refused, 503 UO', async () => {
    const answers: (() => void)[] = [];
    await using app = await startHttp((_, response) => answers.push(() => response.end('ok')));
    await using scene = await Scene.start(
      service('app:9080', [app.port], {
        cluster: { circuit_breakers: { thresholds: [{ max_connections: 1, max_pending_requests: 1 }] } },
      }),
    );
    const { mesh } = await meshTo(scene);
    const first = mesh.fetch('http://app:9080/');
    await until(() => answers.length === 1, 'one is in flight');
    const second = mesh.fetch('http://app:9080/');
    await until(() => mesh.statistics().clusters['app:9080']?.upstream_rq_pending_active === 1, 'one waits');
    const third = await mesh.fetch('http://app:9080/');
    assert.equal(third.status, 503);
    assert.equal(meshErrorOf(third)?.flag, 'UO');
    answers[0]?.();
    await (await first).text();
    await until(() => answers.length === 2, 'the second is in flight');
    answers[1]?.();
    assert.equal(await (await second).text(), 'ok');
    assert.equal(app.accepted, 1);
  });

  it('are closed when they were idle for too long', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start(
      service('app:9080', [app.port], { cluster: http1({ idle_timeout: '0.1s' }) }),
    );
    const { mesh, call } = await meshTo(scene);
    await call();
    await until(() => app.open.size === 0, 'it is closed');
    assert.equal(mesh.statistics().clusters['app:9080']?.upstream_cx_active, 0);
    await call();
    assert.equal(app.accepted, 2);
  });

  it('are kept where the feed sets no limit, without a timer that fires at once', async () => {
    await using app = await startHttp((_, response) => response.setHeader('connection', 'keep-alive').end('ok'));
    app.server.keepAliveTimeout = 0;
    await using scene = await Scene.start(service('app:9080', [app.port], { cluster: http1({ idle_timeout: '0s' }) }));
    const { call } = await meshTo(scene);
    for (let i = 0; i < 3; i++) {
      await call();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.equal(app.accepted, 1);
  });

  it('carry no more requests than allowed', async () => {
    const sockets: unknown[] = [];
    await using app = await startHttp((request, response) => {
      sockets.push(request.socket);
      response.end('ok');
    });
    await using scene = await Scene.start(
      service('app:9080', [app.port], { cluster: http1({ max_requests_per_connection: 2 }) }),
    );
    const { mesh, call } = await meshTo(scene);
    for (let i = 0; i < 6; i++) await call();
    assert.equal(app.accepted, 3);
    const [first] = sockets;
    assert.equal(sockets.filter((socket) => socket === first).length, 2);
    assert.equal(mesh.statistics().clusters['app:9080']?.upstream_cx_max_requests, 3);
    await until(() => app.open.size === 0, 'each is closed after its second');
  });

  it('that do not come up in time: 503 UF; and to a process that stands still: 504 UT', async () => {
    const stopped = new Program(`
      import { createServer } from 'node:net';
      const server = createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
        console.log('port ' + server.address().port + '.');
        process.kill(process.pid, 'SIGSTOP');
      });
    `);
    const fillers: Socket[] = [];
    try {
      await stopped.said('.');
      const port = Number(/port (\d+)/.exec(stopped.out)?.[1]);
      await using scene = await Scene.start(
        service('app:9080', [port], { route: { timeout: '0.2s' }, cluster: { connect_timeout: '0.1s' } }),
      );
      const mesh = await scene.mesh();
      // The kernel still takes the connection; nobody reads it.
      const hung = await mesh.fetch('http://app:9080/');
      assert.deepEqual([hung.status, meshErrorOf(hung)?.flag], [504, 'UT']);
      // Until its queue is full: then nothing answers at all.
      for (let i = 0; i < 8; i++) fillers.push(connect(port, '127.0.0.1').on('error', () => {}));
      const stats = () => mesh.statistics().clusters['app:9080'];
      const unreachable = await mesh.fetch('http://app:9080/', { method: 'POST' });
      assert.match(`${unreachable.status} ${meshErrorOf(unreachable)?.flag}`, /^503 .*UF|^504 UT/);
      await until(() => (stats()?.upstream_cx_connect_timeout ?? 0) > 0, 'the attempt is given up');
    } finally {
      for (const filler of fillers) filler.destroy();
      stopped.close();
      await stopped.ended;
    }
  });
});
