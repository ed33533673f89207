import assert from 'node:assert/strict';
import { MeshError } from '../errors.ts';
import type { ClusterConfig } from '../model/cluster.ts';
import { makeCall, send } from '../testing/caller.ts';
import { Harness } from '../testing/harness.ts';
import { assignment, clusterConfig, forward, key, route, virtualHost } from '../testing/models.ts';
import { ScriptedSource } from '../testing/scripted-source.ts';
import { Clusters } from './clusters.ts';
import type { ClusterTransport, Connector, TransportEvents } from './connection.ts';
import { noConnector } from './no-connector.ts';

function setup() {
  const harness = new Harness();
  const source = new ScriptedSource();
  const clusters = new Clusters({
    source,
    resolver: source,
    connector: harness.connector,
    clock: harness.clock,
    random: harness.random,
  });
  let told = 0;
  return {
    harness,
    source,
    clusters,
    acquire: (name = 'reviews') => clusters.acquire(name, () => told++),
    /** How often a holder was told since the last time. */
    told(): number {
      const count = told;
      told = 0;
      return count;
    },
  };
}

const eds = (serviceName: string) => clusterConfig({ discovery: { kind: 'eds', serviceName } });

describe('clusters in use', () => {
  it('are subscribed while somebody holds them, once for all', () => {
    const { acquire, source } = setup();
    const [first, second] = [acquire(), acquire()];
    assert.deepEqual(source.watched, ['cluster reviews']);
    source.say('cluster', 'reviews', eds('reviews-eds'));
    assert.deepEqual(source.watched, ['cluster reviews', 'clusterLoadAssignment reviews-eds']);
    first.release();
    first.release();
    assert.equal(source.watched.length, 2);
    second.release();
    assert.deepEqual(source.watched, []);
  });

  it('EDS: settle with their endpoints, or with the word that there are none', () => {
    const { acquire, source, told } = setup();
    const handle = acquire();
    source.say('cluster', 'reviews', eds('a'));
    assert.deepEqual([handle.settled, handle.cluster, told()], [false, null, 0]);
    source.say('clusterLoadAssignment', 'a', assignment(1));
    assert.deepEqual([handle.settled, handle.cluster?.endpoints.size, told()], [true, 1, 1]);
    source.say('clusterLoadAssignment', 'a', assignment(1, 2));
    assert.deepEqual([handle.cluster?.endpoints.size, told()], [2, 0]);

    const empty = acquire('ratings');
    source.say('cluster', 'ratings', clusterConfig({ name: 'ratings', discovery: { kind: 'eds', serviceName: 'b' } }));
    source.lose('clusterLoadAssignment', 'b');
    assert.deepEqual([empty.settled, empty.cluster?.endpoints.size, told()], [true, 0, 1]);
    assert.equal(empty.cluster?.stats.update_empty, 1);
  });

  it('STATIC: settle at once, and change in place', () => {
    const { acquire, source, told } = setup();
    const handle = acquire();
    source.say('cluster', 'reviews', clusterConfig({ discovery: { kind: 'static', assignment: assignment(1) } }));
    assert.deepEqual([handle.settled, told()], [true, 1]);
    const before = handle.cluster;
    source.say('cluster', 'reviews', clusterConfig({ discovery: { kind: 'static', assignment: assignment(1, 2) } }));
    assert.equal(handle.cluster, before);
    assert.deepEqual([...(handle.cluster?.endpoints.keys() ?? [])], [key(1), key(2)]);
    assert.equal(told(), 0);
  });

  it('ORIGINAL_DST: has none, and is settled by itself', () => {
    const { acquire, source, told } = setup();
    const handle = acquire();
    source.say('cluster', 'reviews', clusterConfig({ discovery: { kind: 'original_dst' } }));
    assert.deepEqual([handle.settled, told(), handle.cluster?.endpoints.size], [true, 1, 0]);
    assert.deepEqual(source.watched, ['cluster reviews']);
  });

  it('STRICT_DNS: are every address of every name, once each name has answered or failed', () => {
    const { acquire, source, told } = setup();
    const handle = acquire();
    const named = assignment([80, { weight: 3 }], 81);
    source.say(
      'cluster',
      'reviews',
      clusterConfig({ discovery: { kind: 'strict_dns', assignment: named, refreshMs: 5_000 } }),
    );
    assert.deepEqual(source.watched, ['cluster reviews', 'name 10.0.0.1:80', 'name 10.0.0.1:81']);
    source.resolve('10.0.0.1:80', assignment(1, 2));
    assert.equal(handle.settled, false);
    source.failToResolve('10.0.0.1:81');
    assert.deepEqual([handle.settled, told()], [true, 1]);
    assert.deepEqual(
      [...(handle.cluster?.endpoints.values() ?? [])].map((endpoint) => [endpoint.key, endpoint.weight]),
      [
        [key(1), 3],
        [key(2), 3],
      ],
    );
    source.resolve('10.0.0.1:81', assignment(4));
    source.failToResolve('10.0.0.1:80');
    assert.deepEqual([...(handle.cluster?.endpoints.keys() ?? [])], [key(1), key(2), key(4)]);
    assert.equal(handle.cluster?.stats.update_rejected, 2);
    handle.release();
    assert.deepEqual(source.watched, []);
  });

  it('that do not exist settle with the reason', () => {
    const { acquire, source, told } = setup();
    const handle = acquire();
    source.lose('cluster', 'reviews');
    assert.deepEqual([handle.settled, handle.cluster, told()], [true, null, 1]);
    assert.match(handle.error?.message ?? '', /cluster reviews does not exist/);
  });

  it('stay in force when an update is rejected', () => {
    const { acquire, source, told } = setup();
    const handle = acquire();
    source.complain('cluster', 'reviews');
    assert.equal(handle.settled, false);
    source.say('cluster', 'reviews', eds('a'));
    source.say('clusterLoadAssignment', 'a', assignment(1));
    told();
    source.complain('cluster', 'reviews');
    source.complain('clusterLoadAssignment', 'a');
    assert.equal(handle.cluster?.endpoints.size, 1);
    assert.equal(handle.cluster?.stats.update_rejected, 2);
    assert.deepEqual([handle.error, told()], [null, 0]);
  });

  it('keep their endpoints when EDS says that they are gone', () => {
    const { acquire, source } = setup();
    const handle = acquire();
    source.say('cluster', 'reviews', eds('a'));
    source.say('clusterLoadAssignment', 'a', assignment(1));
    source.lose('clusterLoadAssignment', 'a');
    assert.equal(handle.cluster?.endpoints.size, 1);
  });

  it('keep the last endpoints until a new source of them has answered', () => {
    const { acquire, source } = setup();
    const handle = acquire();
    source.say('cluster', 'reviews', eds('a'));
    source.say('clusterLoadAssignment', 'a', assignment(1));
    const before = handle.cluster?.endpoints.get(key(1));
    source.say('cluster', 'reviews', eds('b'));
    assert.deepEqual(source.watched, ['cluster reviews', 'clusterLoadAssignment b']);
    assert.equal(handle.cluster?.endpoints.get(key(1)), before);
    source.say('clusterLoadAssignment', 'b', assignment(1, 2));
    assert.equal(handle.cluster?.endpoints.get(key(1)), before);
    assert.equal(handle.cluster?.endpoints.size, 2);
  });

  it('that were removed end their calls well, and come back as new ones with endpoints', () => {
    const { acquire, source, told, harness } = setup();
    const handle = acquire();
    source.say('cluster', 'reviews', eds('a'));
    source.say('clusterLoadAssignment', 'a', assignment(1));
    const old = handle.cluster;
    assert.ok(old);
    harness.use(virtualHost([route(forward('reviews'))]), { reviews: old });
    const { caller } = send(harness.dispatch);
    harness.connector.next.accept();
    told();
    source.lose('cluster', 'reviews');
    assert.deepEqual([handle.cluster, told(), source.watched], [null, 1, ['cluster reviews']]);
    harness.connector.last.answer();
    assert.equal(caller.status, 200);
    assert.equal(old.stats.upstream_cx_active, 0);
    assert.equal(old.closed, true);

    source.say('cluster', 'reviews', eds('a'));
    assert.deepEqual([handle.cluster, told()], [null, 0], 'calls never see a cluster without its endpoints');
    assert.ok(handle.error);
    source.say('clusterLoadAssignment', 'a', assignment(2));
    assert.deepEqual([handle.cluster?.endpoints.size, handle.error, told()], [1, null, 1]);
    assert.notEqual(handle.cluster, old);
  });

  it('that were removed while they came up again are forgotten', () => {
    const { acquire, source, told } = setup();
    const handle = acquire();
    source.say('cluster', 'reviews', eds('a'));
    source.lose('cluster', 'reviews');
    assert.deepEqual([handle.cluster, handle.settled, told(), source.watched], [null, true, 1, ['cluster reviews']]);
  });

  it('are listed once they are known', () => {
    const { acquire, source, clusters } = setup();
    acquire();
    acquire('ratings');
    source.say('cluster', 'reviews', clusterConfig({ discovery: { kind: 'static', assignment: assignment(1) } }));
    assert.deepEqual(
      [...clusters].map(({ name }) => name),
      ['reviews'],
    );
  });

  it('are all ended at once, also those that the feed removed and that still had calls', () => {
    const { acquire, source, clusters, harness } = setup();
    const handle = acquire();
    source.say('cluster', 'reviews', clusterConfig({ discovery: { kind: 'static', assignment: assignment(1) } }));
    const removed = handle.cluster;
    assert.ok(removed);
    harness.use(virtualHost([route(forward('reviews'))]), { reviews: removed });
    const { caller } = send(harness.dispatch, { failAs: 'error' });
    harness.connector.next.accept();
    source.lose('cluster', 'reviews');
    clusters.destroy(new MeshError('draining', 'closed'));
    assert.deepEqual(caller.said, ['error draining OM']);
    assert.deepEqual(source.watched, []);
    const picked = removed.pick(makeCall());
    assert.equal((picked as MeshError).code, 'draining');
    // A holder that lets go late takes nothing from a later one.
    const later = acquire();
    handle.release();
    assert.deepEqual(source.watched, ['cluster reviews']);
    later.release();
    assert.deepEqual(source.watched, []);
  });
});

describe('clusters that wait for secrets', () => {
  class Secrets implements Connector {
    settled = true;
    released = 0;
    readonly configured: ClusterConfig[] = [];
    #events: TransportEvents | null = null;

    open(config: ClusterConfig, events: TransportEvents): ClusterTransport {
      this.#events = events;
      this.configured.push(config);
      const here = this;
      return {
        ...noConnector.open(config, events),
        get settled() {
          return here.settled;
        },
        configure: (next) => here.configured.push(next),
        release: () => here.released++,
      };
    }

    come(): void {
      this.settled = true;
      this.#events?.onSettled();
    }
  }

  function setup() {
    const connector = new Secrets();
    const source = new ScriptedSource();
    const { clock, random } = new Harness();
    const clusters = new Clusters({ source, resolver: source, connector, clock, random });
    const state = { told: 0 };
    const acquire = () => clusters.acquire('reviews', () => state.told++);
    return { connector, source, clusters, acquire, state };
  }

  it('settle with the last of endpoints and secrets', () => {
    for (const first of ['endpoints', 'secrets']) {
      const { connector, source, acquire, state } = setup();
      connector.settled = false;
      const handle = acquire();
      source.say('cluster', 'reviews', eds('a'));
      const steps = [() => source.say('clusterLoadAssignment', 'a', assignment(1)), () => connector.come()];
      for (const step of first === 'endpoints' ? steps : steps.reverse()) {
        assert.deepEqual([handle.settled, handle.cluster, state.told], [false, null, 0], first);
        step();
      }
      assert.deepEqual([handle.settled, handle.cluster?.endpoints.size, state.told], [true, 1, 1], first);
    }
  });

  it('serve calls by their last settings until the secrets of the new ones have come', () => {
    const { connector, source, acquire, state } = setup();
    const handle = acquire();
    const discovery = { kind: 'static', assignment: assignment(1) } as const;
    const [before, next, last] = [1, 2, 3].map((panic) => clusterConfig({ discovery, panic })) as [
      ClusterConfig,
      ClusterConfig,
      ClusterConfig,
    ];
    source.say('cluster', 'reviews', before);
    connector.settled = false;
    source.say('cluster', 'reviews', next);
    source.say('cluster', 'reviews', last);
    assert.deepEqual(connector.configured, [before, next, last]);
    assert.equal(handle.cluster?.config.healthyPanicThreshold, 1);
    connector.come();
    assert.equal(handle.cluster?.config.healthyPanicThreshold, 3);
    assert.equal(state.told, 1);
  });

  it('need none where settings that waited for some are taken back', () => {
    const { connector, source, acquire } = setup();
    const handle = acquire();
    const config = (panic: number) =>
      clusterConfig({ panic, discovery: { kind: 'static', assignment: assignment(1) } });
    source.say('cluster', 'reviews', config(1));
    connector.settled = false;
    source.say('cluster', 'reviews', config(2));
    connector.settled = true;
    source.say('cluster', 'reviews', config(3));
    assert.equal(handle.cluster?.config.healthyPanicThreshold, 3);
  });

  it('let go of them with their last call', () => {
    const { connector, source, clusters, acquire } = setup();
    const handle = acquire();
    source.say('cluster', 'reviews', clusterConfig({ discovery: { kind: 'static', assignment: assignment(1) } }));
    handle.release();
    assert.equal(connector.released, 1);
    acquire();
    source.say('cluster', 'reviews', eds('a'));
    clusters.destroy(new MeshError('draining', 'over'));
    assert.equal(connector.released, 2);
  });
});
