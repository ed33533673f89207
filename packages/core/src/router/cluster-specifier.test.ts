import assert from 'node:assert/strict';
import { MeshError } from '../errors.ts';
import { WEIGHTED_CLUSTER_DEFAULTS } from '../model/defaults.ts';
import type { RouteLookupConfig } from '../model/route-lookup.ts';
import { send } from '../testing/caller.ts';
import { Harness, QUIET, routeTable } from '../testing/harness.ts';
import { forward, prefix, route, virtualHost } from '../testing/models.ts';
import type { ClusterChoice } from './cluster-share.ts';
import type { ClusterSpecifier } from './cluster-specifier.ts';

const lookup: RouteLookupConfig = {
  keyBuilders: [],
  lookupService: 'lookup:443',
  lookupServiceTimeoutMs: 1,
  maxAgeMs: 1,
  staleAgeMs: 1,
  cacheSizeBytes: 1,
  defaultTarget: '',
};
const specified = { ...forward('x'), clusters: [{ ...WEIGHTED_CLUSTER_DEFAULTS, name: '', lookup, weight: 1 }] };

/** A specifier that says what the test says. */
class Scripted implements ClusterSpecifier {
  readonly label = 'the script';
  says: readonly string[] | MeshError | null = null;
  headers: readonly string[] = [];

  choose(call: Parameters<ClusterSpecifier['choose']>[0]): readonly string[] | MeshError | null {
    if (this.says !== null) call.specified = { by: this, id: '', targets: this.says, headers: this.headers };
    return this.says;
  }
}

function scene(clusters: Readonly<Record<string, ClusterChoice>> = {}) {
  const harness = new Harness();
  const specifier = new Scripted();
  const host = virtualHost([route(forward('reviews'), { path: prefix('/plain') }), route(specified)]);
  const use = (more: Readonly<Record<string, ClusterChoice>> = {}) =>
    harness.authority.settle({
      table: routeTable(host, { reviews: harness.cluster, ...clusters, ...more }, { specifier }),
    });
  use();
  return { harness, specifier, use };
}

const gone = (name: string) => new MeshError('no_cluster', 'gone', { cluster: name });

describe('a cluster specifier', () => {
  it('has its calls wait until it knows, and calls of other routes not', () => {
    const { harness, specifier, use } = scene();
    const { caller } = send(harness.dispatch, { path: '/shop.Cart/Add' });
    send(harness.dispatch, { path: '/plain' });
    assert.equal(harness.connector.opening.length, 1);
    assert.equal(harness.authority.waiting, 1);
    specifier.says = new MeshError('no_cluster', 'nobody knows');
    use();
    assert.deepEqual([caller.status, harness.localReplies.at(-1)?.call.failure?.reason], [503, 'nobody knows']);
  });

  it('gives up no later than the hold allows', () => {
    const { harness } = scene();
    const { caller } = send(harness.dispatch, { path: '/shop.Cart/Add', failAs: 'error' });
    harness.clock.advance(15_000);
    assert.equal((caller.error as MeshError | null)?.code, 'config_timeout');
    assert.deepEqual(harness.gauges, QUIET);
  });

  it('sends calls to the first of its clusters that there is, with the headers that came with them', () => {
    const { harness, specifier } = scene({ west: gone('west') });
    specifier.says = ['west', 'reviews'];
    specifier.headers = ['x-google-rls-data', 'd1'];
    const { call } = send(harness.dispatch, { path: '/shop.Cart/Add', headers: ['X-Google-RLS-Data', 'forged'] });
    assert.equal(call.cluster, harness.cluster);
    assert.equal(call.head.headers.get('x-google-rls-data'), 'd1');
    assert.equal(call.route?.choose(call)?.nameFor(call), 'reviews');
  });

  it('waits for a cluster about which the feed has not told, and fails where there is none of them', () => {
    const { harness, specifier, use } = scene({ west: gone('west'), east: null });
    specifier.says = ['west', 'east', 'reviews'];
    const { call, caller } = send(harness.dispatch, { path: '/shop.Cart/Add', failAs: 'error' });
    assert.deepEqual([harness.authority.waiting, call.cluster], [1, null]);
    specifier.says = ['west', 'east'];
    use({ east: gone('east') });
    assert.deepEqual((caller.error as MeshError | null)?.place.cluster, 'east');
  });
});
