import assert from 'node:assert/strict';
import {
  ANY_CONNECTION,
  CONNECTION_MANAGER_DEFAULTS,
  type ConfigSource,
  type FilterChain,
  type Listener,
  MeshError,
  ROUTE_CONFIGURATION_DEFAULTS,
  TCP_PROXY_DEFAULTS,
} from '@inmesh/core';
import type { CollectionWatcher } from '../ads/collection.ts';
import type { ListenerWatcher } from '../join/listener-finder.ts';
import type { KnownListener, ListenerMemory } from './listener-memory.ts';
import { WildcardFinder, type WildcardFinderOptions } from './wildcard-finder.ts';

/** Ways into the feed as data; the routes behind them are other tests' matter. */
function routes(name: string, more: Partial<FilterChain> = {}): FilterChain {
  const http = {
    statPrefix: 'outbound',
    routes: { kind: 'rds', name },
    manager: CONNECTION_MANAGER_DEFAULTS,
    httpFilters: [],
  } as const;
  return { name: '', port: null, catchAll: false, match: ANY_CONNECTION, http, tcp: null, ...more };
}

function proxy(cluster: string, more: Partial<FilterChain> = {}): FilterChain {
  const tcp = { ...TCP_PROXY_DEFAULTS, statPrefix: cluster, clusters: [{ name: cluster, weight: 1 }] };
  return { name: '', port: null, catchAll: true, match: ANY_CONNECTION, http: null, tcp, ...more };
}

function listener(name: string, host: string, port: number, chains: readonly FilterChain[]): Listener {
  const http = chains.find((chain) => chain.http !== null)?.http ?? null;
  return { name, address: { kind: 'socket', host, port }, http, direction: 'outbound', chains };
}

const virtualOutbound = (policy: string) =>
  listener('virtualOutbound', '0.0.0.0', 15001, [
    proxy('BlackHoleCluster', { name: 'blackhole', port: 15001, catchAll: false }),
    proxy(policy, { name: 'catchall' }),
  ]);

/** A feed of whole types from code. */
class Feed implements ConfigSource {
  readonly listeners = new Map<string, Listener>();
  readonly asked: string[] = [];
  readonly #watchers = new Map<string, Set<{ changed(value: Listener): void }>>();
  #all: CollectionWatcher<Listener> | null = null;

  watchAll(kind: string, watcher: CollectionWatcher<never>): () => void {
    this.asked.push(`all ${kind}`);
    if (kind === 'listener') this.#all = watcher as CollectionWatcher<Listener>;
    return () => this.asked.push(`no ${kind}`);
  }

  watch: ConfigSource['watch'] = (kind, name, watcher) => {
    this.asked.push(`${kind} ${name}`);
    const seat = watcher as unknown as { changed(value: Listener): void };
    const seats = this.#watchers.get(name) ?? new Set();
    this.#watchers.set(name, seats.add(seat));
    const value = this.listeners.get(name);
    if (value !== undefined) seat.changed(value);
    return () => seats.delete(seat);
  };

  tell(...changed: readonly Listener[]): void {
    for (const each of changed) {
      this.listeners.set(each.name, each);
      for (const seat of this.#watchers.get(each.name) ?? []) seat.changed(each);
      this.#all?.changed(each.name, each);
    }
    this.#all?.settled();
  }

  remove(name: string): void {
    this.listeners.delete(name);
    this.#all?.removed(name);
    this.#all?.settled();
  }

  fail(error: MeshError): void {
    this.#all?.ambientError(error);
  }
}

function setup(options: Partial<WildcardFinderOptions> = {}) {
  const feed = new Feed();
  const finder = new WildcardFinder({
    feed,
    source: feed,
    flavour: null,
    domain: 'default.svc.cluster.local',
    clusters: true,
    waits: (host) => !host.includes('.'),
    ...options,
  });
  /** What is told for a target, as `listener → routes` or the cluster of a TCP proxy; `outside` for what passes. */
  const follow = (target: string) => {
    const told: string[] = [];
    const watcher: ListenerWatcher = {
      changed: ({ name, http }) => {
        const from = http?.routes;
        told.push(`${name} → ${from?.kind === 'rds' ? from.name : (from?.config.name ?? 'nothing')}`);
      },
      notInMesh: () => told.push('outside'),
      resourceError: ({ code }) => told.push(code),
      ambientError: ({ code }) => told.push(`ambient ${code}`),
    };
    return { told, stop: finder.find(target, watcher) };
  };
  return { feed, finder, follow, found: (target: string) => follow(target).told.join(', ') };
}

describe('listeners of a feed of whole types', () => {
  it('let the hosts of the mesh wait for the feed, and others pass until it is there', () => {
    const { feed, finder, follow } = setup();
    const ours = follow('reviews:9080');
    const theirs = follow('api.example:80');
    assert.deepEqual(ours.told, []);
    assert.deepEqual(theirs.told, ['outside']);
    assert.equal(finder.flavour, null);
    feed.tell(listener('0.0.0.0_80', '0.0.0.0', 80, [routes('80')]), virtualOutbound('PassthroughCluster'));
    assert.equal(finder.flavour, 'sidecar');
    assert.deepEqual(ours.told, ['virtualOutbound → tcp_proxy of virtualOutbound']);
    assert.deepEqual(theirs.told, ['outside', '0.0.0.0_80 → 80']);
  });

  it('are asked for at once and with the clusters, one by one only when they are used', () => {
    const { feed, finder, found } = setup();
    found('reviews:9080');
    feed.tell(listener('0.0.0.0_9080', '0.0.0.0', 9080, [routes('9080')]), virtualOutbound('PassthroughCluster'));
    for (let i = 0; i < 1_000; i++) found(`host-${i}.example:443`);
    assert.deepEqual(
      [...new Set(feed.asked)],
      ['all cluster', 'all listener', 'listener 0.0.0.0_9080', 'listener virtualOutbound'],
    );
    finder.close();
    assert.deepEqual(feed.asked.slice(-2), ['no cluster', 'no listener']);
  });

  describe('of istiod', () => {
    const feedOf = (policy = 'PassthroughCluster') => {
      const made = setup({ flavour: 'sidecar' });
      made.finder.start();
      made.feed.tell(
        listener('0.0.0.0_9080', '0.0.0.0', 9080, [routes('9080')]),
        listener('10.0.0.5_8000', '10.0.0.5', 8000, [
          proxy('outbound|8000||auto.default.svc.cluster.local', { catchAll: false }),
          routes('auto.default.svc.cluster.local:8000'),
        ]),
        listener('10.0.0.6_9080', '10.0.0.6', 9080, [proxy('outbound|9080|v1|mysql.data.svc.cluster.local')]),
        listener('127.0.0.1_15007', '127.0.0.1', 15007, [routes('http_proxy')]),
        { ...listener('virtualInbound', '0.0.0.0', 15006, [routes('inbound')]), direction: 'inbound' },
        virtualOutbound(policy),
      );
      return made;
    };

    for (const [target, expected] of [
      ['reviews:9080', '0.0.0.0_9080 → 9080'],
      ['reviews.other:9080', '0.0.0.0_9080 → 9080'],
      ['10.0.0.9:9080', '0.0.0.0_9080 → 9080'],
      ['auto:8000', '10.0.0.5_8000 → auto.default.svc.cluster.local:8000'],
      ['AUTO.default.svc.cluster.local.:8000', '10.0.0.5_8000 → auto.default.svc.cluster.local:8000'],
      ['10.0.0.5:8000', '10.0.0.5_8000 → auto.default.svc.cluster.local:8000'],
      ['mysql.data:9080', '10.0.0.6_9080 → tcp_proxy of 10.0.0.6_9080'],
      ['10.0.0.6:9080', '10.0.0.6_9080 → tcp_proxy of 10.0.0.6_9080'],
      ['other:8000', 'virtualOutbound → tcp_proxy of virtualOutbound'],
      ['api.example:443', 'virtualOutbound → tcp_proxy of virtualOutbound'],
      ['reviews:15006', 'virtualOutbound → tcp_proxy of virtualOutbound'],
      ['localhost:9080', 'outside'],
      ['[::1]:9080', 'outside'],
      ['localhost:15007', '127.0.0.1_15007 → http_proxy'],
    ] as const) {
      it(`${target}: ${expected}`, () => {
        assert.equal(feedOf().found(target), expected);
      });
    }

    it('take the routes of the HTTP proxy port only where that is wanted', () => {
      const made = setup({ flavour: 'sidecar', httpProxy: true });
      made.finder.start();
      made.feed.tell(listener('127.0.0.1_15007', '127.0.0.1', 15007, [routes('http_proxy')]));
      assert.equal(made.found('reviews:9080'), '127.0.0.1_15007 → http_proxy');
    });

    it('may bring their routes along', () => {
      const { feed, found } = feedOf();
      const config = { ...ROUTE_CONFIGURATION_DEFAULTS, name: 'inline', virtualHosts: [] };
      const http = {
        statPrefix: 's',
        routes: { kind: 'inline', config },
        manager: CONNECTION_MANAGER_DEFAULTS,
        httpFilters: [],
      } as const;
      feed.tell(listener('0.0.0.0_7000', '0.0.0.0', 7000, [routes('', { http })]));
      assert.equal(found('reviews:7000'), '0.0.0.0_7000 → inline');
    });

    it('hand on what is wrong with the feed as a whole', () => {
      const { feed, follow } = feedOf();
      const { told } = follow('reviews:9080');
      feed.fail(new MeshError('connection_failure', 'the stream is down'));
      assert.equal(told.at(-1), 'ambient connection_failure');
    });

    it('pass by what nobody catches where there is no outbound listener (interception NONE)', () => {
      const made = setup({ flavour: 'sidecar' });
      made.finder.start();
      made.feed.tell(listener('0.0.0.0_9080', '127.0.0.1', 9080, [routes('9080')]));
      assert.equal(made.found('other:7000'), 'outside');
    });

    it('are followed: a service gets a port of its own, and loses it again', () => {
      const { feed, follow } = feedOf();
      const { told, stop } = follow('reviews:9080');
      feed.tell(listener('10.0.0.7_9080', '10.0.0.7', 9080, [routes('reviews.default.svc.cluster.local:9080')]));
      feed.remove('10.0.0.7_9080');
      stop();
      feed.remove('0.0.0.0_9080');
      assert.deepEqual(told, [
        '0.0.0.0_9080 → 9080',
        '10.0.0.7_9080 → reviews.default.svc.cluster.local:9080',
        '0.0.0.0_9080 → 9080',
      ]);
    });

    it('keep the last way while a listener changes its chains, until the index has another', () => {
      const { feed, follow } = feedOf();
      const { told } = follow('auto:8000');
      feed.tell(listener('10.0.0.5_8000', '10.0.0.5', 8000, [proxy('outbound|8000||auto.default.svc.cluster.local')]));
      assert.deepEqual(told, [
        '10.0.0.5_8000 → auto.default.svc.cluster.local:8000',
        '10.0.0.5_8000 → tcp_proxy of 10.0.0.5_8000',
      ]);
    });

    it('complete short hosts for their routes, addresses never', () => {
      const { finder } = feedOf();
      assert.equal(finder.fullNames('reviews')[0], 'reviews.default.svc.cluster.local');
      assert.deepEqual(finder.fullNames('10.0.0.5'), []);
    });
  });

  describe('of Consul', () => {
    const feedOf = () => {
      const made = setup();
      made.finder.start();
      made.feed.tell(
        listener('db:127.0.0.1:9191', '127.0.0.1', 9191, [proxy('db.default.dc1.internal.t.consul')]),
        listener('api?dc=dc2:127.0.0.1:9192', '127.0.0.1', 9192, [routes('api')]),
        listener('outbound_listener:127.0.0.1:15001', '127.0.0.1', 15001, [
          routes('web', { http: { ...routes('web').http, statPrefix: 'upstream.web.default.default.dc1' } as never }),
          proxy('original-destination'),
        ]),
      );
      return made;
    };

    for (const [target, expected] of [
      ['db:80', 'db:127.0.0.1:9191 → tcp_proxy of db:127.0.0.1:9191'],
      ['db.virtual.consul:8080', 'db:127.0.0.1:9191 → tcp_proxy of db:127.0.0.1:9191'],
      ['localhost:9191', 'db:127.0.0.1:9191 → tcp_proxy of db:127.0.0.1:9191'],
      ['127.0.0.1:9192', 'api?dc=dc2:127.0.0.1:9192 → api'],
      ['api.service.consul:80', 'api?dc=dc2:127.0.0.1:9192 → api'],
      ['api.service.dc2.consul:80', 'api?dc=dc2:127.0.0.1:9192 → api'],
      ['api.service.dc3.consul:80', 'outside'],
      ['web.virtual.consul:80', 'outbound_listener:127.0.0.1:15001 → web'],
      ['other:80', 'outside'],
      ['api.example:80', 'outside'],
    ] as const) {
      it(`${target}: ${expected}`, () => {
        const { finder, found } = feedOf();
        assert.equal(finder.flavour, 'consul');
        assert.equal(found(target), expected);
      });
    }
  });

  describe('of any other control plane', () => {
    it('are found by their name, else by their port for the mesh’s own hosts', () => {
      const { feed, finder, found } = setup();
      finder.start();
      feed.tell(listener('reviews:9080', '0.0.0.0', 1, [routes('a')]), listener('edge', '0.0.0.0', 80, [routes('b')]));
      assert.equal(finder.flavour, 'envoy');
      assert.equal(found('reviews:9080'), 'reviews:9080 → a');
      assert.equal(found('edge:80'), 'edge → b');
      assert.equal(found('other:80'), 'edge → b');
      assert.equal(found('api.example:80'), 'outside');
    });
  });
});

describe('listeners of a feed of whole types that an earlier run knew', () => {
  const shared = listener('0.0.0.0_9080', '0.0.0.0', 9080, [routes('9080')]);
  const rest = virtualOutbound('PassthroughCluster');

  /** What a run keeps that was told these listeners and called these targets. */
  function memoryOf(told: readonly Listener[] | null, used: readonly string[] = []) {
    let read: (() => Iterable<KnownListener>) | null = null;
    let follows = 0;
    const memory: ListenerMemory = {
      listeners: () => read?.() ?? null,
      follow: (next) => {
        follows++;
        read = next;
      },
      wasUsed: (target) => used.includes(target),
    };
    if (told !== null) {
      const { feed, finder } = setup({ memory });
      finder.start();
      feed.tell(...told);
      // As it is read from a file: the earlier run is over.
      const known = [...(memory.listeners() ?? [])];
      read = () => known;
    }
    return { memory, follows: () => follows };
  }

  it('lead as they did, until all are told', () => {
    const { memory } = memoryOf([shared, rest]);
    const { feed, finder, follow } = setup({ memory });
    feed.listeners.set(shared.name, shared);
    const reviews = follow('reviews:9080');
    assert.deepEqual([reviews.told, finder.flavour, finder.settled], [['0.0.0.0_9080 → 9080'], 'sidecar', false]);
    feed.listeners.clear();
    feed.tell(listener('another', '0.0.0.0', 9080, [routes('9080')]), rest);
    assert.equal(reviews.told.at(-1), 'another → 9080');
    assert.equal(finder.settled, true);
  });

  it('say of the mesh’s hosts that have none that they pass', () => {
    const { memory } = memoryOf([listener('db:127.0.0.1:19191', '127.0.0.1', 19191, [proxy('db')])]);
    const { finder, follow } = setup({ memory });
    assert.deepEqual(follow('cache:80').told, ['outside']);
    assert.equal(finder.flavour, 'consul');
  });

  it('keep no other host waiting, but for those that were called as the mesh’s', () => {
    const { memory } = memoryOf([listener('0.0.0.0_80', '0.0.0.0', 80, [routes('80')]), rest], ['used.example:80']);
    const { feed, follow } = setup({ memory });
    assert.deepEqual(follow('api.example:80').told, ['outside']);
    assert.deepEqual(follow('used.example:80').told, []);
    assert.deepEqual(feed.asked.slice(2), ['listener 0.0.0.0_80'], 'it is followed, and the source knows it or not');
  });

  it('are followed only where they change', () => {
    const { memory, follows } = memoryOf(null);
    const { feed, finder } = setup({ memory });
    finder.start();
    assert.equal(follows(), 0);
    feed.tell(shared);
    feed.tell();
    assert.equal(follows(), 1);
    feed.remove(shared.name);
    assert.equal(follows(), 2);
    assert.deepEqual([...(memory.listeners() ?? [0])], []);
  });
});
