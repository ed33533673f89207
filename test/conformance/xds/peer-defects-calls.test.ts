// Each defect of @grpc/grpc-js-xds 1.14.1 that concerns a client, by its number: what it does wrong, done right here. Those of the
// protocol, of size and of load are in peer-defects.test.ts.
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import type { ResourceInput } from '@inmesh/control-plane';
import { VirtualClock } from '@inmesh/core';
import { cluster, endpoints, rdsListener, routes, service, virtualHost } from '../../support/feed.ts';
import { guardProcess } from '../../support/guard-process.ts';
import { hurriedClock } from '../../support/hurried-clock.ts';
import { Scene, until } from '../../support/scene.ts';
import { startHttp } from '../../support/servers.ts';
import { answer, type Fields, listener, shop, to, upstreams } from './shop.ts';

/** As `until`, of what only a call shows. */
async function eventually(condition: () => Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + 15_000;
  while (!(await condition())) {
    assert.ok(performance.now() < end, `it never came true: ${what}`);
    // A local reply may come without a turn of the event loop, in which the feed must move on.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('defects of grpc-js-xds, done right: 1 to 10', () => {
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
});
