import assert from 'node:assert/strict';
import { startControlPlane } from '@inmesh/control-plane';
import { createMesh, isMeshError, meshErrorOf } from 'inmesh';
import { apiListener, cluster, endpoints, rdsListener, routes, service, virtualHost } from '../support/feed.ts';
import { guardProcess } from '../support/guard-process.ts';
import { hurriedClock } from '../support/hurried-clock.ts';
import { bootstrapFor, openResources, Scene, until } from '../support/scene.ts';
import { refusingPort, startHttp, startTcp } from '../support/servers.ts';

/** `503 NC`: what came of a GET, and why. */
async function outcome(call: Promise<Response>): Promise<string> {
  const response = await call;
  await response.text();
  return `${response.status} ${meshErrorOf(response)?.flag ?? '-'}`;
}

describe('a feed', () => {
  guardProcess();

  it('that never sends a cluster harms the routes to it, 503 NC, and no others', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start([
      apiListener('shop:9080', [
        virtualHost('shop', [
          { match: { prefix: '/missing' }, route: { cluster: 'missing' } },
          { match: { prefix: '/' }, route: { cluster: 'there' } },
        ]),
      ]),
      cluster('there'),
      endpoints('there', [app.port]),
    ]);
    const mesh = await scene.mesh({ clock: hurriedClock(20) });
    assert.equal(await outcome(mesh.fetch('http://shop:9080/')), '200 -');
    assert.equal(await outcome(mesh.fetch('http://shop:9080/missing')), '503 NC');
    assert.match(
      (await mesh.explain('http://shop:9080/missing')).why.join(),
      /cluster missing, which cannot be called/,
    );
    scene.plane.update([...service('shop:9080', [app.port]), cluster('missing'), endpoints('missing', [app.port])]);
    await until(() => mesh.statistics().clusters['shop:9080'] !== undefined, 'the new routes are there');
    assert.equal(await outcome(mesh.fetch('http://shop:9080/missing')), '200 -');
  });

  it('with a cluster that has no endpoints, empty or never sent: 503 UH', async () => {
    await using scene = await Scene.start([...service('empty:9080', []), ...service('unsent:9080', []).slice(0, 2)]);
    const mesh = await scene.mesh({ clock: hurriedClock(50) });
    assert.equal(await outcome(mesh.fetch('http://empty:9080/')), '503 UH');
    assert.equal(await outcome(mesh.fetch('http://unsent:9080/')), '503 UH');
  });

  it('that takes a listener away lets the calls in flight end well', async () => {
    const answers: (() => void)[] = [];
    await using app = await startHttp((_, response) => {
      response.write('begun ');
      answers.push(() => response.end('and ended'));
    });
    await using scene = await Scene.start(service('reviews:9080', [app.port]));
    const mesh = await scene.mesh();
    const calls = [mesh.fetch('http://reviews:9080/1'), mesh.fetch('http://reviews:9080/2')];
    const [first, second] = await Promise.all(calls);
    scene.plane.update([apiListener('other', [])]);
    await until(() => Object.keys(mesh.statistics().clusters).length === 0, 'the cluster is gone');
    assert.equal(await outcome(mesh.fetch('http://reviews:9080/')), '404 NR');
    for (const answer of answers) answer();
    assert.equal(await first?.text(), 'begun and ended');
    assert.equal(await second?.text(), 'begun and ended');
    await until(() => app.open.size === 0, 'the connections are closed');
  });

  it('that drops an endpoint drains it: calls in flight end, new ones go elsewhere', async () => {
    const answers: (() => void)[] = [];
    await using old = await startHttp((_, response) => answers.push(() => response.end('old')));
    await using next = await startHttp();
    await using scene = await Scene.start(service('reviews:9080', [old.port]));
    const mesh = await scene.mesh();
    const inFlight = mesh.fetch('http://reviews:9080/');
    await until(() => answers.length === 1, 'the old endpoint is asked');
    scene.plane.update(service('reviews:9080', [next.port]));
    await until(
      () => mesh.statistics().endpoints['reviews:9080']?.[`127.0.0.1:${next.port}`] !== undefined,
      'the new endpoint is known',
    );
    assert.equal(await (await mesh.fetch('http://reviews:9080/')).text(), `${next.port}`);
    answers[0]?.();
    assert.equal(await (await inFlight).text(), 'old');
    await until(() => old.open.size === 0, 'its connection is closed');
    assert.equal(mesh.statistics().clusters['reviews:9080']?.upstream_cx_active, 1);
  });

  it('that changes routes moves calls at once, and a route configuration that vanishes stays in force', async () => {
    await using one = await startHttp();
    await using two = await startHttp();
    const to = (name: string) => [
      rdsListener('shop:9080', 'shop-routes'),
      routes('shop-routes', [virtualHost('shop', [{ match: { prefix: '/' }, route: { cluster: name } }])]),
      cluster('one'),
      cluster('two'),
      endpoints('one', [one.port]),
      endpoints('two', [two.port]),
    ];
    await using scene = await Scene.start(to('one'));
    const mesh = await scene.mesh();
    const body = async () => (await mesh.fetch('http://shop:9080/')).text();
    assert.equal(await body(), `${one.port}`);
    assert.deepEqual(Object.keys(mesh.statistics().clusters), ['one']);
    scene.plane.update(to('two'));
    await until(() => mesh.statistics().clusters.one === undefined, 'the routes have changed');
    assert.equal(await body(), `${two.port}`);
    await until(() => one.open.size === 0, 'the old connections are closed');
    // State of the world: only LDS and CDS tell that something is gone.
    scene.plane.update(to('two').filter((_, i) => i !== 1));
    assert.equal(await body(), `${two.port}`);
  });

  it('with a resource that is refused: the last good one stays in force, and explain says so', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start(service('reviews:9080', [app.port]));
    const mesh = await scene.mesh();
    assert.equal(await outcome(mesh.fetch('http://reviews:9080/')), '200 -');
    scene.plane.update([
      apiListener('reviews:9080', [virtualHost('broken', [{ match: { prefix: '/' } }], [])]),
      ...service('reviews:9080', [app.port]).slice(1),
    ]);
    await until(() => mesh.feed()?.resources.some(({ state }) => state === 'NACKED') ?? false, 'it is refused');
    assert.equal(await outcome(mesh.fetch('http://reviews:9080/')), '200 -');
    assert.match((await mesh.explain('http://reviews:9080/')).why[0] ?? '', /^an older version is in force: .*domains/);
    scene.plane.update(service('reviews:9080', [app.port], { route: { timeout: '7s' } }));
    await until(() => mesh.feed()?.resources.every(({ state }) => state === 'ACKED') ?? false, 'the next is accepted');
    assert.doesNotMatch((await mesh.explain('http://reviews:9080/')).why.join(), /older version/);
  });

  it('with a resource that was never good: calls are refused with the reason, and never passed on', async () => {
    await using scene = await Scene.start([apiListener('bad:9080', [virtualHost('broken', [], [])])]);
    const mesh = await scene.mesh();
    const answer = await mesh.fetch('http://bad:9080/');
    assert.equal(meshErrorOf(answer)?.code, 'invalid_config');
    assert.equal(answer.status, 500);
    await assert.rejects(
      mesh.ready({ services: ['http://bad:9080'] }),
      (error) => isMeshError(error) && /domains/.test(error.message),
    );
  });

  it('with what it has no use for goes on with the rest', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start([
      {
        '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
        name: 'secret',
        generic_secret: { secret: { inline_string: 'x' } },
      },
      ...service('reviews:9080', [app.port]),
    ]);
    const mesh = await scene.mesh();
    assert.equal(await outcome(mesh.fetch('http://reviews:9080/')), '200 -');
    assert.deepEqual(scene.warnings, []);
  });

  it('of a route that needs what this version lacks refuses that route only, naming it', async () => {
    await using app = await startHttp();
    await using scene = await Scene.start([
      apiListener('shop:9080', [
        virtualHost('shop', [
          {
            match: { prefix: '/regex', headers: [{ name: 'x', string_match: { exact: 'y' } }] },
            route: { cluster: 'c' },
          },
          { match: { prefix: '/' }, route: { cluster: 'c' } },
        ]),
      ]),
      cluster('c'),
      endpoints('c', [app.port]),
    ]);
    const mesh = await scene.mesh();
    assert.equal(await outcome(mesh.fetch('http://shop:9080/')), '200 -');
    const { verdict, why } = await mesh.explain('http://shop:9080/regex');
    const told = await outcome(mesh.fetch('http://shop:9080/regex'));
    if (told === '200 -') assert.equal(verdict, 'mesh');
    else {
      assert.equal(told, '500 NFCF');
      assert.equal(verdict, 'refused');
      assert.match(why.join(), /headers/);
    }
  });
});

describe('a control plane', () => {
  guardProcess();

  it('that is not there at the start: ready gives up in time, and held calls are served once it comes', async () => {
    await using app = await startHttp();
    const port = await refusingPort();
    const clock = hurriedClock(20);
    const mesh = await createMesh({
      bootstrapConfig: bootstrapFor(`127.0.0.1:${port}`),
      env: {},
      clock,
      holdTimeoutMs: 100_000,
    });
    try {
      await assert.rejects(mesh.ready({ within: 2_000, services: ['http://reviews:9080'] }), (error) => {
        assert.ok(isMeshError(error));
        assert.equal(error.code, 'config_timeout');
        assert.match(error.message, /not ready within 2000 ms.*reviews:9080/);
        assert.equal(error.place.controlPlane, `127.0.0.1:${port}`);
        assert.equal(error.place.nodeId, 'test-node');
        return true;
      });
      const calls = Array.from({ length: 10 }, () => outcome(mesh.fetch('http://reviews:9080/')));
      await until(() => mesh.statistics().mesh.downstream_rq_active === 10, 'the calls are held');
      await using _plane = await startControlPlane({
        resources: service('reviews:9080', [app.port]),
        listen: { host: '127.0.0.1', port },
      });
      assert.deepEqual(new Set(await Promise.all(calls)), new Set(['200 -']));
      await mesh.ready({ services: ['http://reviews:9080'] });
    } finally {
      mesh.close();
    }
  });

  it('that never comes: held calls end with 503 after their time, and in no larger number than allowed', async () => {
    const mesh = await createMesh({
      bootstrapConfig: bootstrapFor(`127.0.0.1:${await refusingPort()}`),
      env: {},
      holdTimeoutMs: 100,
      maxHeld: 2,
    });
    try {
      const calls = [1, 2, 3].map(() => mesh.fetch('http://reviews:9080/'));
      const codes = (await Promise.all(calls)).map((response) => [response.status, meshErrorOf(response)?.code]);
      assert.deepEqual(codes, [
        [503, 'config_timeout'],
        [503, 'config_timeout'],
        [503, 'hold_overflow'],
      ]);
      const aborted = mesh.fetch('http://reviews:9080/', { signal: AbortSignal.timeout(20) });
      await assert.rejects(aborted, { name: 'TimeoutError' });
      assert.equal(mesh.statistics().mesh.downstream_rq_active, 0);
    } finally {
      mesh.close();
    }
  });

  it('that is killed takes no call with it, and is followed again when it is back', async () => {
    await using one = await startHttp();
    await using two = await startHttp();
    const first = await startControlPlane({ resources: service('reviews:9080', [one.port]) });
    const mesh = await createMesh({
      bootstrapConfig: bootstrapFor(first.address),
      env: {},
      clock: hurriedClock(20),
      onWarning() {},
    });
    try {
      assert.equal(await (await mesh.fetch('http://reviews:9080/')).text(), `${one.port}`);
      await first.close();
      await until(() => mesh.feed()?.stream.connected === false, 'the stream is down');
      for (let i = 0; i < 50; i++) assert.equal(await (await mesh.fetch('http://reviews:9080/')).text(), `${one.port}`);
      await mesh.ready();
      const [host, port] = first.address.split(':');
      await using _second = await startControlPlane({
        resources: service('reviews:9080', [two.port]),
        listen: { host: host ?? '', port: Number(port) },
      });
      await until(
        () => mesh.statistics().endpoints['reviews:9080']?.[`127.0.0.1:${two.port}`] !== undefined,
        'the new endpoints are there',
      );
      assert.equal(await (await mesh.fetch('http://reviews:9080/')).text(), `${two.port}`);
    } finally {
      mesh.close();
    }
  });

  for (const [what, bytes] of Object.entries({
    'garbage bytes': Buffer.from('\x00\xff\x00garbage, no HTTP/2 at all\r\n'.repeat(20), 'latin1'),
    'HTTP/1': Buffer.from('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n'),
    nothing: null,
  })) {
    it(`that begins to send ${what} leaves the last good configuration in force`, async () => {
      await using app = await startHttp();
      const plane = await startControlPlane({ resources: service('reviews:9080', [app.port]) });
      const mesh = await createMesh({
        bootstrapConfig: bootstrapFor(plane.address),
        env: {},
        clock: hurriedClock(50),
        onWarning() {},
      });
      try {
        assert.equal(await outcome(mesh.fetch('http://reviews:9080/')), '200 -');
        await plane.close();
        const [, port] = plane.address.split(':');
        let asked = 0;
        await using _bad = await startTcp(
          (socket) => {
            asked++;
            if (bytes !== null) socket.end(bytes);
          },
          {},
          Number(port),
        );
        await until(() => asked > 0, 'it is asked');
        await until(() => mesh.feed()?.stream.lastError !== null, 'it is found to be bad');
        for (let i = 0; i < 10; i++) assert.equal(await outcome(mesh.fetch('http://reviews:9080/')), '200 -');
      } finally {
        mesh.close();
      }
    });
  }
});

describe('a bootstrap', () => {
  const attempt = (bootstrapConfig: string) => createMesh({ bootstrapConfig, env: {} });
  const refused = (pattern: RegExp) => (error: unknown) =>
    isMeshError(error) && error.code === 'invalid_config' && pattern.test(error.message);

  it('that is broken is refused with line and field, and opens nothing', async () => {
    // mocha sets its own timer once the test has given its promise.
    await Promise.resolve();
    const before = openResources();
    await assert.rejects(attempt('node:\n  id: x\n bad: [\n'), refused(/:3:|line 3/));
    await assert.rejects(attempt('{"xds_servers": [], "node": {"id": "x"}}'), refused(/xds_servers/));
    await assert.rejects(
      createMesh({ bootstrap: '/nowhere/bootstrap.json', env: {} }),
      refused(/\/nowhere\/bootstrap\.json/),
    );
    await assert.rejects(createMesh({ env: {} }), refused(/GRPC_XDS_BOOTSTRAP/));
    await until(() => openResources() === before, 'nothing is left open');
  });

  it('with options that cannot be meant is refused, naming them', async () => {
    const valid = bootstrapFor('127.0.0.1:1');
    for (const [options, pattern] of [
      [{ services: ['reviews:9080'] }, /services: "reviews:9080"/],
      [{ services: ['https://reviews'] }, /services: "https:\/\/reviews"/],
      [{ domains: ['http://a'] }, /domains: "http:\/\/a"/],
      [{ holdTimeoutMs: Number.NaN }, /holdTimeoutMs: NaN/],
      [{ holdTimeoutMs: -1 }, /holdTimeoutMs: -1/],
      [{ maxHeld: -1 }, /maxHeld: -1/],
      [{ failAs: 'exception' as 'error' }, /failAs: "exception"/],
      [{ outsideMesh: 'pass' as 'refuse' }, /outsideMesh: "pass"/],
    ] as const) {
      await assert.rejects(
        createMesh({ bootstrapConfig: valid, env: {}, ...options }),
        refused(pattern),
        String(pattern),
      );
    }
  });

  it('of static resources alone needs no control plane, and knows what is not there at once', async () => {
    await using app = await startHttp();
    const bootstrap = JSON.stringify({
      static_resources: {
        listeners: service('shop:9080', []).slice(0, 1),
        clusters: [
          {
            ...cluster('shop:9080'),
            '@type': undefined,
            type: 'STATIC',
            eds_cluster_config: undefined,
            load_assignment: { ...endpoints('shop:9080', [app.port]), '@type': undefined },
          },
        ],
      },
    }).replaceAll('"@type":"type.googleapis.com/envoy.config.listener.v3.Listener",', '');
    const mesh = await createMesh({ bootstrapConfig: bootstrap, env: {} });
    try {
      await mesh.ready({ services: ['http://shop:9080'] });
      assert.equal(await outcome(mesh.fetch('http://shop:9080/')), '200 -');
      assert.equal(mesh.feed(), null);
      assert.equal((await mesh.explain('http://other:9080/')).verdict, 'pass-through');
    } finally {
      mesh.close();
    }
  });
});
