import assert from 'node:assert/strict';
import type { ResourceInput } from '@inmesh/control-plane';
import { createMesh, type Mesh } from 'inmesh';
import { type App, startApp } from './support/apps.ts';
import { apiListener, cluster, host, TYPE_URL, to } from './support/feed.ts';
import { Gcp } from './support/gcp.ts';
import { describeWithPeers } from './support/peers.ts';
import { meshSide, type Side } from './support/sides.ts';
import { until } from './support/until.ts';

/**
 * The most used control plane library, in a process of its own, feeds inmesh from a file. The file changes and inmesh
 * follows; it holds something that gcp sends and inmesh must refuse, and gcp's log has our reason while calls go on as
 * before; gcp is killed, calls go on; gcp comes back with another feed, and inmesh follows again.
 */
describeWithPeers(['gcp'], 'go-control-plane feeds inmesh', () => {
  let gcp: Gcp;
  let mesh: Mesh;
  let side: Side;
  let a: App;
  let b: App;

  const feed = (app: App, more: readonly ResourceInput[] = []) => [
    apiListener('shop:80', [host('shop', ['*'], [to('shop')])]),
    ...cluster('shop', [app.port]),
    ...more,
  ];

  before(async () => {
    [a, b] = [await startApp('a'), await startApp('b')];
    gcp = await Gcp.start(feed(a));
    mesh = await createMesh({
      bootstrapConfig: JSON.stringify({
        xds_servers: [{ server_uri: `127.0.0.1:${gcp.port}`, channel_creds: [{ type: 'insecure' }] }],
        node: { id: 'inmesh' },
      }),
      env: {},
    });
    side = meshSide(mesh);
  });
  after(async () => {
    await side.close();
    await gcp.stop();
    await a.close();
    await b.close();
  });

  async function answered(): Promise<string> {
    const { status, body } = await side.call({});
    assert.equal(status, 200, body);
    return body;
  }

  it('the first feed is taken, and acknowledged', async () => {
    assert.equal(await answered(), 'a');
    for (const type of [TYPE_URL.listener, TYPE_URL.cluster, TYPE_URL.endpoints]) {
      await until(`gcp has our ACK of ${type}`, () =>
        gcp.events.some((each) => each.event === 'ack' && each.type === type && each.node === 'inmesh'),
      );
    }
    assert.deepEqual(
      gcp.events.filter(({ event }) => event === 'nack'),
      [],
    );
  });

  it('a change of the file is followed, without a failed call on the way', async () => {
    gcp.write(feed(b));
    await until('calls go to b', async () => (await answered()) === 'b');
  });

  it('what cannot be used is refused with its reason, and the last good version stays', async () => {
    // gcp does not check it: the weights of a route must not all be zero.
    const broken = apiListener('shop:80', [
      host(
        'shop',
        ['*'],
        [{ match: { prefix: '/' }, route: { weighted_clusters: { clusters: [{ name: 'shop', weight: 0 }] } } }],
      ),
    ]);
    gcp.write([broken, ...cluster('shop', [a.port])]);
    const nack = await until(
      'gcp has our NACK',
      () => gcp.events.find(({ event, type }) => event === 'nack' && type === TYPE_URL.listener) ?? null,
    );
    assert.match(nack.message ?? '', /shop:80/);
    assert.match(nack.message ?? '', /weighted_clusters/);
    assert.match(nack.message ?? '', /sum of the weights must be greater than 0/);
    // The listener's last good version is in force, and the endpoints, which were good, are the new ones.
    await until('calls go to a', async () => (await answered()) === 'a');
    const listener = mesh.feed()?.resources.find(({ name }) => name === 'shop:80');
    assert.equal(listener?.state, 'NACKED');
    assert.match(listener?.error ?? '', /sum of the weights/);
    gcp.write(feed(b));
    await until(
      'the listener is good again',
      () => mesh.feed()?.resources.some(({ name, state }) => name === 'shop:80' && state === 'ACKED') ?? false,
    );
    await until('calls go to b', async () => (await answered()) === 'b');
  });

  it('gcp killed: calls go on; gcp back with another feed: it is followed', async () => {
    await gcp.kill();
    await until('inmesh has noticed', () => mesh.feed()?.stream.connected === false);
    for (let i = 0; i < 20; i++) assert.equal(await answered(), 'b');
    gcp.write(feed(a));
    for (let i = 0; i < 5; i++) assert.equal(await answered(), 'b');
    await gcp.restart();
    await until('calls go to a', async () => (await answered()) === 'a', { within: 40_000 });
    assert.equal(mesh.feed()?.stream.connected, true);
  });
});
