import assert from 'node:assert/strict';
import {
  Call,
  type ClusterConfig,
  Clusters,
  CONNECTION_MANAGER_DEFAULTS,
  type ConfigSource,
  DEFAULT_POOL,
  DEFAULT_THRESHOLDS,
  FilterCompiler,
  FORWARD_DEFAULTS,
  Headers,
  HTTP1_UPSTREAM,
  type Listener,
  MeshError,
  type MeshErrorCode,
  type Model,
  noConnector,
  noRegex,
  PLAIN_TRANSPORT,
  ROUTE_CONFIGURATION_DEFAULTS,
  ROUTE_DEFAULTS,
  RouteLookups,
  Runtime,
  VIRTUAL_HOST_DEFAULTS,
  VirtualClock,
  type Watcher,
  WEIGHTED_CLUSTER_DEFAULTS,
} from '@inmesh/core';
import { Join } from './join.ts';
import { listenersByName } from './listener-finder.ts';

/** A call as far as routing looks at it. */
function callTo(path: string): Call {
  const head = { method: 'GET', scheme: 'http', authority: 'shop', path, headers: Headers.empty(), upgrade: null };
  const context = {
    failAs: 'error',
    target: 'shop:80',
    headersTimeoutMs: null,
    bodyTimeoutMs: null,
    overrides: null,
    protocol: 'http1',
    passThrough: null,
  } as const;
  return new Call(head, null, context);
}

/** A join that asks for listeners by name; the test plays the feed: it says what listeners and clusters are, or why there are none. */
function scene() {
  const clock = new VirtualClock();
  const random = () => 0;
  const clusters = new Map<string, Watcher<ClusterConfig>>();
  const source: ConfigSource = {
    watch(kind, name, watcher) {
      if (kind === 'cluster') clusters.set(name, watcher as Watcher<Model['cluster']>);
      return () => clusters.delete(name);
    },
  };
  const resolver = { watch: () => () => {} };
  const said: { watcher: Watcher<Listener> | null } = { watcher: null };
  const feed: ConfigSource = {
    watch: (_, __, watcher) => {
      said.watcher = watcher as Watcher<Model['listener']>;
      return () => {};
    },
  };
  const join = new Join({
    source,
    clusters: new Clusters({ source, resolver, connector: noConnector, clock, random }),
    random,
    regex: noRegex,
    runtime: new Runtime(),
    lookups: new RouteLookups({ open: () => assert.fail('nothing is looked up here'), clock, random }),
    filters: new FilterCompiler({
      types: () => null,
      clock: clock,
      random,
      runtime: new Runtime(),
      regex: noRegex,
      peer: null,
      stats: {},
    }),
    listeners: listenersByName(feed, (target) => [target]),
  });
  const entry = join.lookup('reviews:80', 'reviews');
  const lose = (code: MeshErrorCode) => said.watcher?.resourceError(new MeshError(code, 'no listener'));
  const give = (listener: Listener) => said.watcher?.changed(listener);
  return { entry, lose, give, clusters };
}

const tcp: Listener = { name: 'reviews:80', address: null, http: null, direction: 'unspecified', chains: [] };

describe('an authority without a listener', () => {
  it('is none of the mesh’s only where the feed says that there is none', () => {
    const verdicts = (['no_route', 'invalid_config', 'connection_failure', 'config_timeout'] as const).map((code) => {
      const { entry, lose } = scene();
      lose(code);
      return [code, entry.absent, entry.error?.code];
    });
    assert.deepEqual(verdicts, [
      ['no_route', true, 'no_route'],
      ['invalid_config', false, 'invalid_config'],
      ['connection_failure', false, 'connection_failure'],
      ['config_timeout', false, 'config_timeout'],
    ]);
  });

  it('becomes the mesh’s when it gets one: its calls wait for the routes, and the old verdict is gone', () => {
    const { entry, lose, give } = scene();
    lose('no_route');
    give({
      ...tcp,
      http: {
        statPrefix: '',
        manager: CONNECTION_MANAGER_DEFAULTS,
        httpFilters: [],
        routes: { kind: 'rds', name: 'routes' },
      },
    });
    assert.deepEqual([entry.absent, entry.error, entry.table], [false, null, null]);
  });

  it('stays the mesh’s once it had one: a service taken out must not leak to plain DNS', () => {
    const { entry, lose, give } = scene();
    give(tcp);
    lose('no_route');
    assert.deepEqual([entry.absent, entry.error?.code], [false, 'no_route']);
  });
});

/** Routes by path to the cluster of that name. */
function routed(...names: readonly string[]): Listener {
  const routes = names.map((name) => ({
    ...ROUTE_DEFAULTS,
    name,
    path: { kind: 'prefix' as const, value: `/${name}`, caseSensitive: true },
    action: {
      ...FORWARD_DEFAULTS,
      clusters: [{ ...WEIGHTED_CLUSTER_DEFAULTS, name, weight: 1 }],
      totalWeight: 1,
      timeoutMs: 0,
    },
  }));
  const virtualHost = { ...VIRTUAL_HOST_DEFAULTS, name: 'all', domains: ['*'], routes };
  const config = { ...ROUTE_CONFIGURATION_DEFAULTS, name: 'routes', virtualHosts: [virtualHost] };
  return {
    ...tcp,
    http: { statPrefix: '', manager: CONNECTION_MANAGER_DEFAULTS, httpFilters: [], routes: { kind: 'inline', config } },
  };
}

function empty(name: string): ClusterConfig {
  return {
    name,
    statName: name,
    discovery: { kind: 'static', assignment: { name, localities: [], overprovisioningFactor: 140 } },
    lb: { kind: 'round_robin' },
    connectTimeoutMs: 5_000,
    thresholds: { default: DEFAULT_THRESHOLDS, high: DEFAULT_THRESHOLDS },
    healthyPanicThreshold: 50,
    idleTimeoutMs: 0,
    maxResponseHeaderBytes: null,
    maxResponseHeaders: 100,
    maxRequestsPerConnection: 0,
    reportsLoad: false,
    loadMetrics: [],
    pool: DEFAULT_POOL,
    transport: PLAIN_TRANSPORT,
    protocol: HTTP1_UPSTREAM,
    unsupported: [],
    metadata: {},
  };
}

describe('a cluster that the feed has not told about', () => {
  it('keeps only the routes that choose it waiting, and harms only them if it never comes', () => {
    const { entry, give, clusters } = scene();
    give(routed('good', 'missing'));
    assert.deepEqual([entry.table?.awaits(callTo('/good')), entry.table?.awaits(callTo('/missing'))], [true, true]);
    clusters.get('good')?.changed(empty('good'));
    assert.deepEqual([entry.table?.awaits(callTo('/good')), entry.table?.awaits(callTo('/missing'))], [false, true]);
    clusters.get('missing')?.resourceError(new MeshError('no_cluster', 'it did not come'));
    assert.equal(entry.table?.pending, false);
    const choice = entry.table?.match(callTo('/missing'))?.choose(callTo('/missing'))?.choice;
    assert.ok(choice instanceof MeshError);
    assert.equal(choice.code, 'no_cluster');
  });

  it('leaves the table in force that has all of its own, until the next one has too', () => {
    const { entry, give, clusters } = scene();
    give(routed('good'));
    clusters.get('good')?.changed(empty('good'));
    const whole = entry.table;
    give(routed('good', 'new'));
    assert.equal(entry.table, whole);
    clusters.get('new')?.changed(empty('new'));
    assert.notEqual(entry.table, whole);
    assert.equal(entry.table?.awaits(callTo('/new')), false);
  });
});
