// Conformance 42 and 44 to 46: what a response means to routes, clusters and endpoints.
import assert from 'node:assert/strict';
import type { ResourceInput } from '@inmesh/control-plane';
import {
  type ClusterLoadAssignment,
  Clusters,
  FilterCompiler,
  type MeshError,
  noConnector,
  type Resolver,
  RouteLookups,
  Runtime,
  seededRandom,
  type Watcher,
} from '@inmesh/core';
import { Join, listenersByName, re2 } from '@inmesh/xds';
import { callTo } from '../../support/call.ts';
import { cluster, endpoints, rdsListener, routes, virtualHost } from '../../support/feed.ts';
import { type Scene, scene, turn } from './scripted.ts';

interface JoinScene extends Scene {
  readonly join: Join;
  readonly clusters: Clusters;
  readonly names: Map<string, Watcher<ClusterLoadAssignment>>;
  /** The cluster that calls to the authority go to; `?` while its routes are not known; its error where it has none. */
  way(): string;
  /** Addresses of a cluster with priority, weight and health where they are not the plain ones. */
  hosts(name: string): string[];
}

function joinScene(): JoinScene {
  const made = scene();
  const names = new Map<string, Watcher<ClusterLoadAssignment>>();
  const resolver: Resolver = {
    watch: (target, watcher) => {
      names.set(target, watcher);
      return () => names.delete(target);
    },
  };
  const random = seededRandom(1);
  const clusters = new Clusters({
    source: made.client,
    resolver,
    connector: noConnector,
    clock: made.clock,
    random,
  });
  const join = new Join({
    source: made.client,
    clusters,
    random,
    regex: re2(),
    runtime: new Runtime(),
    lookups: new RouteLookups({ open: () => assert.fail('nothing is looked up here'), clock: made.clock, random }),
    filters: new FilterCompiler({
      types: () => null,
      clock: made.clock,
      random,
      runtime: new Runtime(),
      regex: re2(),
      peer: null,
      stats: {},
    }),
    listeners: listenersByName(made.client, (target) => [target]),
  });
  const way = (): string => {
    const { table, error } = join.lookup('shop:80', 'shop');
    if (table === null || table.awaits(callTo('shop', '/'))) return error === null ? '?' : error.code;
    const route = table.routes[0]?.route;
    return (route?.choices() ?? [])
      .map(({ name, choice }) => (isError(choice) ? `${name} ${choice.code}` : name))
      .join(' ');
  };
  const hosts = (name: string): string[] => {
    const found = [...clusters].find((each) => each.name === name);
    return [...(found?.endpoints.values() ?? [])].map(({ key, priority, weight, health }) =>
      [key, priority === 0 ? '' : `p${priority}`, weight === 1 ? '' : `w${weight}`, health === 'unknown' ? '' : health]
        .filter((part) => part !== '')
        .join(' '),
    );
  };
  return { ...made, join, clusters, names, way, hosts };
}

function isError(choice: unknown): choice is MeshError {
  return choice instanceof Error;
}

const routeTo = (...names: string[]): ResourceInput =>
  routes('r', [
    virtualHost(
      'v',
      names.map((name) => ({ match: { prefix: '/' }, route: { cluster: name } })),
    ),
  ]);

/** Lets all of a dialogue's next requests go out. */
async function turns(): Promise<void> {
  for (let count = 0; count < 5; count++) await turn();
}

async function routed(name: string): Promise<JoinScene> {
  const made = joinScene();
  made.way();
  await turns();
  made.server.stream.respond('listener', '1', [rdsListener('shop:80', 'r')]);
  await turns();
  made.server.stream.respond('routeConfiguration', '1', [routeTo(name)]);
  await turns();
  return made;
}

async function running(): Promise<JoinScene> {
  const made = await routed('a');
  made.server.stream.respond('cluster', '1', [cluster('a')]);
  await turns();
  made.server.stream.respond('clusterLoadAssignment', '1', [endpoints('a', [80])]);
  assert.equal(made.way(), 'a');
  assert.deepEqual(made.hosts('a'), ['127.0.0.1:80']);
  return made;
}

describe('xDS join', () => {
  it('42 uses new routes when the clusters and endpoints that they name are there, and not before', async () => {
    const { server, way, hosts } = await running();
    server.stream.respond('routeConfiguration', '2', [routeTo('b')]);
    await turns();
    assert.equal(way(), 'a');
    server.stream.respond('cluster', '2', [cluster('a'), cluster('b')]);
    await turns();
    assert.equal(way(), 'a', 'without endpoints it is not ready');
    server.stream.respond('clusterLoadAssignment', '2', [endpoints('b', [81])]);
    assert.equal(way(), 'b');
    assert.deepEqual(hosts('b'), ['127.0.0.1:81']);
  });

  it('42 subscribes to what the routes in force and the next ones need, and to nothing else', async () => {
    const { server, client } = await running();
    server.stream.asked();
    server.stream.respond('routeConfiguration', '2', [routeTo('b')]);
    await turns();
    assert.deepEqual(server.stream.asked().at(-1), { type: 'cluster', wanted: ['a', 'b'], version: '1', nonce: 'n3' });
    server.stream.respond('cluster', '2', [cluster('a'), cluster('b')]);
    await turns();
    server.stream.respond('clusterLoadAssignment', '2', [endpoints('b', [81])]);
    await turns();
    const wanted = new Map(server.stream.asked().map((each) => [each.type, each.wanted]));
    assert.deepEqual(wanted.get('cluster'), ['b']);
    assert.deepEqual(wanted.get('clusterLoadAssignment'), ['b']);
    assert.deepEqual(
      client
        .status()
        .resources.filter(({ watched }) => watched)
        .map(({ kind, name }) => `${kind} ${name}`),
      ['listener shop:80', 'routeConfiguration r', 'cluster b', 'clusterLoadAssignment b'],
    );
  });

  it('42 counts a cluster that never comes as resolved after 15 s, and harms only the routes that choose it', async () => {
    const { server, clock, way } = await running();
    server.stream.respond('routeConfiguration', '2', [routeTo('missing')]);
    await turns();
    clock.advance(14_999);
    assert.equal(way(), 'a');
    clock.advance(1);
    assert.equal(way(), 'missing no_cluster');
    server.stream.respond('routeConfiguration', '3', [routeTo('a')]);
    await turns();
    server.stream.respond('cluster', '3', [cluster('a')]);
    await turns();
    server.stream.respond('clusterLoadAssignment', '3', [endpoints('a', [80])]);
    assert.equal(way(), 'a');
  });

  it('44 refuses a DNS cluster that names no single host, and follows one whose name changes', async () => {
    const dns = (hosts: string[]): ReturnType<typeof cluster> =>
      cluster('a', {
        type: 'STRICT_DNS',
        load_assignment: {
          cluster_name: 'a',
          endpoints: [
            {
              lb_endpoints: hosts.map((host) => ({
                endpoint: { address: { socket_address: { address: host, port_value: 80 } } },
              })),
            },
          ],
        },
      });
    const logical = (hosts: string[]): ResourceInput => ({ ...dns(hosts), type: 'LOGICAL_DNS' });
    const { server, names, hosts, way } = await routed('a');
    server.stream.respond('cluster', '1', [logical(['x.test', 'y.test'])]);
    assert.match(server.stream.asked().at(-1)?.refused ?? '', /LOGICAL_DNS clusters must have a single locality/);
    assert.equal(way(), 'a no_cluster');
    server.stream.respond('cluster', '2', [dns(['x.test'])]);
    assert.deepEqual([...names.keys()], ['x.test:80']);
    const answer = (host: string, address: string): void =>
      names.get(host)?.changed({
        name: host,
        overprovisioningFactor: 140,
        localities: [
          {
            locality: { region: '', zone: '', subZone: '' },
            priority: 0,
            weight: 0,
            endpoints: [
              {
                address: { kind: 'socket', host: address, port: 80 },
                hostname: '',
                health: 'unknown',
                weight: 1,
                metadata: {},
              },
            ],
          },
        ],
      });
    answer('x.test:80', '10.0.0.1');
    assert.deepEqual(hosts('a'), ['10.0.0.1:80']);
    server.stream.respond('cluster', '3', [dns(['z.test'])]);
    assert.deepEqual([...names.keys()], ['z.test:80']);
    assert.deepEqual(hosts('a'), ['10.0.0.1:80'], 'no empty moment');
    answer('z.test:80', '10.0.0.2');
    assert.deepEqual(hosts('a'), ['10.0.0.2:80']);
  });

  const eds = (name: string, localities: object[]): ResourceInput => ({
    '@type': 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
    cluster_name: name,
    endpoints: localities as never,
  });
  const host = (port: number, more: object = {}): object => ({
    endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } },
    ...more,
  });

  it('45 takes localities, priorities, weights and health, updates in place, and an empty update as no endpoints', async () => {
    const { server, hosts, clusters, way } = await running();
    const [live] = clusters;
    const kept = live?.endpoints.get('127.0.0.1:80');
    server.stream.respond('clusterLoadAssignment', '2', [
      eds('a', [
        {
          locality: { region: 'eu' },
          lb_endpoints: [host(80, { load_balancing_weight: 3 }), host(81, { health_status: 'UNHEALTHY' })],
        },
        {
          locality: { region: 'us' },
          priority: 1,
          load_balancing_weight: 5,
          lb_endpoints: [host(82, { health_status: 'DRAINING' })],
        },
      ]),
    ]);
    assert.deepEqual(hosts('a'), ['127.0.0.1:80 w3', '127.0.0.1:81 unhealthy', '127.0.0.1:82 p1 draining']);
    assert.equal(live?.endpoints.get('127.0.0.1:80'), kept, 'the same host, with its connections');
    server.stream.respond('clusterLoadAssignment', '3', [eds('a', [])]);
    assert.deepEqual(hosts('a'), []);
    assert.equal(way(), 'a', 'the route stays; a call finds no healthy upstream');
    assert.equal([...clusters][0], live);
  });

  it('45 follows a change of service_name without an empty moment', async () => {
    const { server, hosts } = await running();
    const other = cluster('a', {
      eds_cluster_config: { eds_config: { ads: {}, resource_api_version: 'V3' }, service_name: 'other' },
    });
    server.stream.respond('cluster', '2', [other]);
    await turns();
    assert.deepEqual(hosts('a'), ['127.0.0.1:80']);
    server.stream.respond('clusterLoadAssignment', '2', [endpoints('other', [90])]);
    assert.deepEqual(hosts('a'), ['127.0.0.1:90']);
  });

  it('45 keeps the endpoints of a cluster whose EDS resource a response leaves out', async () => {
    const { server, hosts } = await running();
    server.stream.respond('clusterLoadAssignment', '2', []);
    assert.deepEqual(hosts('a'), ['127.0.0.1:80']);
  });

  it('46 keeps the endpoints in force when newer ones are refused', async () => {
    const { server, hosts, clusters } = await running();
    server.stream.respond('clusterLoadAssignment', '2', [
      eds('a', [{ lb_endpoints: [host(81), host(82, { load_balancing_weight: 0 })] }]),
    ]);
    assert.match(server.stream.asked().at(-1)?.refused ?? '', /lb_endpoints\[1\]\.load_balancing_weight/);
    assert.deepEqual(hosts('a'), ['127.0.0.1:80']);
    assert.equal([...clusters][0]?.stats.update_rejected, 1);
  });

  it('46 settles a cluster whose first endpoints are refused: it has none, and its route is in force', async () => {
    const { server, hosts, way } = await routed('a');
    server.stream.respond('cluster', '1', [cluster('a')]);
    await turns();
    assert.equal(way(), '?');
    server.stream.respond('clusterLoadAssignment', '1', [eds('a', [{ priority: 1_000, lb_endpoints: [host(80)] }])]);
    assert.equal(way(), 'a');
    assert.deepEqual(hosts('a'), []);
    server.stream.respond('clusterLoadAssignment', '2', [endpoints('a', [80])]);
    assert.deepEqual(hosts('a'), ['127.0.0.1:80']);
  });
});
