import assert from 'node:assert/strict';
import { type App, startApp } from './support/apps.ts';
import { cluster, host, split, to } from './support/feed.ts';
import { describeWithPeers } from './support/peers.ts';
import { type FeedContent, SharedFeed } from './support/shared-feed.ts';
import type { Side } from './support/sides.ts';
import { until } from './support/until.ts';

/**
 * A real Envoy and inmesh hang on the same feed, which then changes under them: weights move, an endpoint goes and
 * comes back, a cluster is taken away and replaced, the listener itself is removed and added. After each change has been
 * acknowledged by both, both must send their calls to the same places.
 */
describeWithPeers(['envoy'], 'the same feed to Envoy and inmesh: live changes', () => {
  let feed: SharedFeed;
  let a: App;
  let b: App;
  let c: App;
  let content: FeedContent;

  before(async () => {
    [a, b, c] = [await startApp('a'), await startApp('b'), await startApp('c')];
    content = {
      virtualHosts: [host('shop', ['shop'], [split({ one: 100, two: 0 })])],
      resources: [...cluster('one', [a.port]), ...cluster('two', [b.port])],
    };
    feed = await SharedFeed.start(content);
  });
  after(async () => {
    await feed.stop();
    for (const app of [a, b, c]) await app.close();
  });

  async function change(next: Partial<FeedContent>): Promise<void> {
    content = { ...content, ...next };
    await feed.change(content);
  }

  /** Who answered how many of 24 calls; any failure is an error. */
  async function answers(side: Side): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (let i = 0; i < 24; i++) {
      const { status, body } = await side.call({});
      assert.equal(status, 200, `${side.name}: ${body}`);
      counts[body] = (counts[body] ?? 0) + 1;
    }
    return counts;
  }

  async function bothAnswer(expected: Record<string, number>): Promise<void> {
    for (const side of feed.sides) assert.deepEqual(await answers(side), expected, side.name);
  }

  it('all goes to the first cluster', () => bothAnswer({ a: 24 }));

  it('weights moved from one to the other', async () => {
    await change({ virtualHosts: [host('shop', ['shop'], [split({ one: 0, two: 100 })])] });
    await bothAnswer({ b: 24 });
  });

  it('an endpoint added: round robin over two', async () => {
    await change({ resources: [...cluster('one', [a.port]), ...cluster('two', [b.port, c.port])] });
    await bothAnswer({ b: 12, c: 12 });
  });

  it('an endpoint removed', async () => {
    await change({ resources: [...cluster('one', [a.port]), ...cluster('two', [c.port])] });
    await bothAnswer({ c: 24 });
  });

  it('the last endpoint removed, and one there again', async () => {
    await change({ resources: [...cluster('one', [a.port]), ...cluster('two', [])] });
    for (const side of feed.sides) {
      const { status, body, flags } = await side.call({});
      assert.deepEqual([side.name, status, body, flags], [side.name, 503, 'no healthy upstream', 'UH']);
    }
    await change({ resources: [...cluster('one', [a.port]), ...cluster('two', [b.port])] });
    await bothAnswer({ b: 24 });
  });

  it('a cluster replaced by another', async () => {
    await change({
      virtualHosts: [host('shop', ['shop'], [to('three')])],
      resources: [...cluster('one', [a.port]), ...cluster('three', [c.port])],
    });
    await bothAnswer({ c: 24 });
  });

  it('a cluster taken away while the route still names it', async () => {
    await change({ resources: cluster('one', [a.port]) });
    for (const side of feed.sides) {
      const { status, body, flags } = await side.call({});
      assert.deepEqual([side.name, status, body, flags], [side.name, 503, '', 'NC']);
    }
    await change({ resources: cluster('three', [a.port]) });
    await bothAnswer({ a: 24 });
  });

  it('the listener removed, and added again', async () => {
    await change({ listener: false });
    const [envoy, inmesh] = feed.sides;
    // Envoy drains: it answers on connections that are open, and then nobody listens there any more.
    await until('envoy does not listen', () =>
      envoy.call({}).then(
        () => false,
        (error: NodeJS.ErrnoException) => error.code === 'ECONNREFUSED',
      ),
    );
    // A call in the mesh has no place to fail to connect to: it says that there is no route.
    const { status, flags } = await inmesh.call({});
    assert.deepEqual([status, flags], [404, 'NR']);
    await change({ listener: true });
    await bothAnswer({ a: 24 });
  });
});
