import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Harness, routeTable } from '../testing/harness.ts';
import { forward, route, virtualHost } from '../testing/models.ts';
import type { RouteTable } from './route-table.ts';

/** The second of two tables, and a weak hold on the first. */
function twoTables(): { readonly table: RouteTable; readonly before: WeakRef<RouteTable> } {
  const clusters = { reviews: new Harness().cluster };
  const hosts = () => virtualHost([route(forward('reviews'))]);
  const previous = routeTable(hosts(), clusters);
  return { table: routeTable(hosts(), clusters, { previous }), before: new WeakRef(previous) };
}

describe('route table', () => {
  it('keeps nothing of the tables before it but the counters of its routes', async () => {
    const { table, before } = twoTables();
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    // What a WeakRef was made of lives to the end of its turn.
    await turn();
    collect();
    assert.equal(before.deref() === undefined, true);
    assert.equal(table.routes.length, 1);
  });
});
