import assert from 'node:assert/strict';
import { cluster, host, to } from './support/feed.ts';
import { type HoldingServer, selfIssued, startHolding } from './support/holding.ts';
import { describeWithPeers } from './support/peers.ts';
import { same } from './support/pool-counts.ts';
import { PROTOCOLS, type Protocol, protocolFields } from './support/protocols.ts';
import { SharedFeed } from './support/shared-feed.ts';
import type { Ask, Outcome, Side } from './support/sides.ts';
import { until } from './support/until.ts';

interface Scene {
  readonly name: string;
  /** Of the cluster; the thresholds are those of the default priority unless they say otherwise. */
  readonly thresholds?: readonly Record<string, unknown>[];
  readonly fields?: Record<string, unknown>;
  readonly common?: Record<string, unknown>;
  readonly http2?: Record<string, unknown>;
  readonly protocols?: readonly Protocol[];
  readonly maxConcurrentStreams?: number;
  /** Hosts of the cluster. Default 1. */
  readonly hosts?: number;
  /** Calls at the same time, wave after wave; the next begins once all of the last have ended. Default: one of 5. */
  readonly waves?: readonly number[];
  /** Path of the calls; `/high` has a route of that priority. */
  readonly paths?: readonly string[];
}

const SCENES: readonly Scene[] = [
  // First, because Envoy adds up the room of all clusters; inmesh, as the documentation has it, that of the cluster.
  {
    name: 'connections ahead',
    protocols: ['http1'],
    fields: { preconnect_policy: { predictive_preconnect_ratio: 2 } },
    hosts: 3,
    waves: [1, 1, 1],
  },
  { name: 'no limits' },
  { name: 'no limits, again', waves: [3, 5, 2] },
  { name: 'max_connections', thresholds: [{ max_connections: 2 }] },
  { name: 'max_connections, two hosts', thresholds: [{ max_connections: 1 }], hosts: 2, waves: [4] },
  { name: 'max_pending_requests', thresholds: [{ max_connections: 1, max_pending_requests: 2 }] },
  { name: 'no pending requests', thresholds: [{ max_pending_requests: 0 }], waves: [2] },
  { name: 'max_requests', thresholds: [{ max_requests: 2, track_remaining: true }] },
  {
    name: 'all that is left is told',
    thresholds: [
      {
        max_connections: 7,
        max_pending_requests: 8,
        max_requests: 9,
        max_retries: 2,
        max_connection_pools: 6,
        track_remaining: true,
      },
    ],
  },
  {
    name: 'each priority by itself',
    thresholds: [
      { max_connections: 1, max_pending_requests: 1, track_remaining: true },
      { priority: 'HIGH', max_connections: 2, max_pending_requests: 2, track_remaining: true },
    ],
    paths: ['/', '/high'],
    waves: [8],
  },
  {
    name: 'max_connections of a host',
    fields: { circuit_breakers: { per_host_thresholds: [{ max_connections: 1 }] } },
    hosts: 2,
    waves: [6],
  },
  { name: 'max_connection_pools, two hosts', thresholds: [{ max_connection_pools: 1 }], hosts: 2, waves: [2] },
  { name: 'max_requests_per_connection', common: { max_requests_per_connection: 2 }, waves: [1, 1, 1, 1, 1] },
  { name: 'max_requests_per_connection, at once', common: { max_requests_per_connection: 2 }, waves: [5, 5] },
  {
    name: 'few streams on a connection, by its own limit',
    protocols: ['http2', 'auto-http2'],
    http2: { max_concurrent_streams: 2 },
    waves: [5, 5],
  },
  {
    name: 'few streams on a connection, and few connections',
    protocols: ['http2', 'auto-http2'],
    http2: { max_concurrent_streams: 2 },
    thresholds: [{ max_connections: 2 }],
    waves: [7],
  },
  {
    name: 'few streams on a connection, by the server’s limit',
    protocols: ['http2', 'auto-http2'],
    maxConcurrentStreams: 2,
    waves: [1, 2, 4],
  },
  {
    name: 'spare connections',
    // Over HTTP/1.1 by ALPN inmesh expects of the next connection what the last one carried; Envoy always the most.
    protocols: ['http1', 'http2', 'auto-http2'],
    fields: { preconnect_policy: { per_upstream_preconnect_ratio: 1.5 } },
    waves: [2, 4],
  },
];

describeWithPeers(['envoy'], 'the same feed to Envoy and inmesh: pools of connections', () => {
  const placed = SCENES.flatMap((scene) => (scene.protocols ?? PROTOCOLS).map((protocol) => ({ scene, protocol }))).map(
    (each, index) => ({ ...each, id: `pool-${index}` }),
  );
  const servers = new Map<string, HoldingServer[]>();
  let feed: SharedFeed;

  before(async () => {
    const trust = await selfIssued();
    for (const { scene, protocol, id } of placed) {
      const own = Array.from({ length: scene.hosts ?? 1 }, () => startHolding(protocol, { ...scene, trust }));
      servers.set(id, await Promise.all(own));
    }
    const portsOf = (id: string) => (servers.get(id) ?? []).map(({ port }) => port);
    feed = await SharedFeed.start({
      virtualHosts: placed.map(({ id }) =>
        host(
          id,
          [`${id}.test`],
          [to(id, '/high', { priority: 'HIGH', timeout: '0s' }), to(id, '/', { timeout: '0s' })],
        ),
      ),
      resources: placed.flatMap(({ scene, protocol, id }) => cluster(id, portsOf(id), fieldsOf(scene, protocol))),
    });
  });

  after(async () => {
    await feed?.stop();
    for (const server of [...servers.values()].flat()) await server.close();
  });

  for (const { scene, protocol, id } of placed) {
    it(`${scene.name}, over ${protocol}`, async () => {
      const own = servers.get(id) ?? [];
      const counted = { envoy: feed.envoy, mesh: feed.mesh, chosen: protocol.startsWith('auto') };
      const outcomes = new Map<Side, string[]>(feed.sides.map((side) => [side, []]));
      const { paths = ['/'], waves = [5] } = scene;
      for (const [wave, calls] of waves.entries()) {
        const all: Promise<unknown>[] = [];
        // One after the other, so that it is not for chance to say which of them finds a connection.
        for (let i = 0; i < calls; i++) {
          const ask: Ask = { authority: `${id}.test`, path: paths[i % paths.length] as string };
          for (const side of feed.sides) {
            all.push(side.call(ask).then((outcome) => outcomes.get(side)?.push(textOf(outcome))));
          }
          await same(counted, id, `with ${i + 1} calls of wave ${wave + 1}`, wave === 0);
        }
        let left = all.length;
        for (const each of all) void each.finally(() => left--);
        await until('all calls have ended', () => {
          for (const server of own) server.release();
          return left === 0;
        });
        await Promise.all(all);
        await same(counted, id, `after wave ${wave + 1}`, false);
      }
      const [envoy, inmesh] = feed.sides.map((side) => outcomes.get(side)?.toSorted());
      assert.deepEqual(inmesh, envoy);
    });
  }
});

function fieldsOf(
  { thresholds, fields = {}, common = {}, http2 = {} }: Scene,
  protocol: Protocol,
): Record<string, unknown> {
  return {
    ...(thresholds === undefined ? {} : { circuit_breakers: { thresholds } }),
    ...protocolFields(protocol, { common, http2 }),
    ...fields,
  };
}

function textOf({ status, flags, details, body, headers }: Outcome): string {
  return [status, flags, details ?? '', body, headers['x-envoy-overloaded'] ?? ''].join(' ');
}
