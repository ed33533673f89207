import assert from 'node:assert/strict';
import { type App, startApp } from './support/apps.ts';
import { cluster, host, to } from './support/feed.ts';
import { describeWithPeers } from './support/peers.ts';
import { SharedFeed } from './support/shared-feed.ts';

const ROUTES = 20_000;
const FILLER = 'x'.repeat(120);
const pathOf = (index: number) => `/part-${index}/${FILLER}`;

/**
 * A route configuration of 5 MB, in one message: a real Envoy and inmesh take it, send the first call, the last and what is left over to the
 * same places, and go on with a small one. (By hand, 200,000 routes in 50 MB came to the same.)
 */
describeWithPeers(['envoy'], 'the same feed to Envoy and inmesh: a very large one', () => {
  let feed: SharedFeed;
  const apps: App[] = [];
  const resources = () => apps.flatMap(({ port }, index) => cluster(`app-${index}`, [port]));

  before(async () => {
    apps.push(await startApp('a'), await startApp('b'), await startApp('c'));
    const routes = Array.from({ length: ROUTES }, (_, index) =>
      to(`app-${index % 2}`, pathOf(index), { prefix_rewrite: `/${FILLER}` }),
    );
    feed = await SharedFeed.start({
      virtualHosts: [host('large', ['shop'], [...routes, to('app-2')])],
      resources: resources(),
    });
  });
  after(async () => {
    await feed.stop();
    for (const app of apps) await app.close();
  });

  async function bothAnswer(path: string, expected: string): Promise<void> {
    for (const side of feed.sides) {
      const { status, body } = await side.call({ path });
      assert.deepEqual([side.name, status, body], [side.name, 200, expected]);
    }
  }

  it('routes by its first route, its last, and none', async () => {
    await bothAnswer(`${pathOf(0)}/z`, 'a');
    await bothAnswer(pathOf(ROUTES - 1), 'b');
    await bothAnswer('/elsewhere', 'c');
  });

  it('gives way to a small one', async () => {
    await feed.change({ virtualHosts: [host('small', ['shop'], [to('app-2')])], resources: resources() });
    await bothAnswer(pathOf(0), 'c');
  });
});
