import assert from 'node:assert/strict';
import { cluster, endpoints, host, to } from './support/feed.ts';
import { type HoldingServer, selfIssued, startHolding } from './support/holding.ts';
import { describeWithPeers } from './support/peers.ts';
import { envoyCounts, meshCounts, same } from './support/pool-counts.ts';
import { PROTOCOLS, type Protocol, protocolFields } from './support/protocols.ts';
import { type FeedContent, SharedFeed } from './support/shared-feed.ts';
import { until } from './support/until.ts';

type Json = Record<string, unknown>;

/** Fields of the clusters, by what is to be seen on them. */
const KINDS = {
  idle: { common: { idle_timeout: '0.3s' } },
  old: { common: { max_connection_duration: '0.3s' } },
  health: {},
  'health-close': { fields: { close_connections_on_host_health_failure: true } },
  hosts: {},
  'hosts-close': { fields: { common_lb_config: { close_connections_on_host_set_change: true } } },
} as const;
type Kind = keyof typeof KINDS;

/** What a host is told to be, or a second host beside it. */
type Change = 'none' | 'unhealthy' | 'draining' | 'more hosts';

/** When connections end that nobody fails: what Envoy does with those of a cluster that are idle, old, or whose hosts change. */
describeWithPeers(['envoy'], 'the same feed to Envoy and inmesh: how connections end', () => {
  const kinds = Object.keys(KINDS) as Kind[];
  const ids = kinds.flatMap((kind) => PROTOCOLS.map((protocol) => ({ kind, protocol, id: `${kind}-${protocol}` })));
  const servers = new Map<string, HoldingServer>();
  const changes = new Map<string, Change>();
  let spare: HoldingServer;
  let feed: SharedFeed;

  before(async () => {
    const trust = await selfIssued();
    for (const { id, protocol } of ids) servers.set(id, await startHolding(protocol, { trust }));
    spare = await startHolding('http1');
    feed = await SharedFeed.start(content());
  });

  after(async () => {
    for (const server of servers.values()) server.release();
    await feed?.stop();
    for (const server of [spare, ...servers.values()]) await server?.close();
  });

  function content(): FeedContent {
    return {
      virtualHosts: ids.map(({ id }) => host(id, [`${id}.test`], [to(id, '/', { timeout: '0s' })])),
      resources: ids.flatMap(({ kind, protocol, id }) => {
        const { common = {}, fields = {} } = KINDS[kind] as { common?: Json; fields?: Json };
        const [settings] = cluster(id, [], { ...protocolFields(protocol, { common }), ...fields });
        return settings === undefined ? [] : [settings, hostsOf(id)];
      }),
    };
  }

  function hostsOf(id: string) {
    const change = changes.get(id) ?? 'none';
    const health = { unhealthy: 'UNHEALTHY', draining: 'DRAINING' }[change as string] ?? 'UNKNOWN';
    const ports = [servers.get(id)?.port ?? 0, ...(change === 'more hosts' ? [spare.port] : [])];
    return endpoints(id, [], {
      endpoints: [
        {
          locality: { zone: 'a' },
          lb_endpoints: ports.map((port) => ({
            health_status: health,
            endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } },
          })),
        },
      ],
    });
  }

  const countedOf = (protocol: Protocol) => ({
    envoy: feed.envoy,
    mesh: feed.mesh,
    chosen: protocol.startsWith('auto'),
  });

  /** A call through both, to be answered later. */
  function begin(id: string): Promise<number[]> {
    return Promise.all(feed.sides.map(async (side) => (await side.call({ authority: `${id}.test` })).status));
  }

  async function held(id: string, calls: number): Promise<void> {
    await until(`${calls} calls are held`, () => servers.get(id)?.held.size === calls);
  }

  async function answered(id: string, call: Promise<number[]>): Promise<void> {
    servers.get(id)?.release();
    assert.deepEqual(await call, [200, 200]);
  }

  /** Both have come to count so much. */
  async function counted(id: string, protocol: Protocol, name: string, value: number): Promise<void> {
    await until(`both count ${value} of ${name}`, async () => {
      const envoy = await envoyCounts(countedOf(protocol), id);
      return envoy[name] === value && meshCounts(feed, id, [name])[name] === value;
    });
  }

  for (const { kind, protocol, id } of ids) {
    if (kind === 'idle') {
      it(`idle_timeout, over ${protocol}`, async () => {
        const call = begin(id);
        await held(id, 2);
        await answered(id, call);
        await counted(id, protocol, 'upstream_cx_idle_timeout', 1);
        await same(countedOf(protocol), id, 'after the time', false);
      });
    } else if (kind === 'old') {
      it(`max_connection_duration, over ${protocol}`, async () => {
        const call = begin(id);
        await held(id, 2);
        await counted(id, protocol, 'upstream_cx_max_duration_reached', 1);
        await same(countedOf(protocol), id, 'with a call on it', false);
        const next = begin(id);
        await held(id, 4);
        await same(countedOf(protocol), id, 'with a call on another', false);
        await answered(
          id,
          Promise.all([call, next]).then((both) => both.flat().slice(0, 2)),
        );
        await counted(id, protocol, 'upstream_cx_max_duration_reached', 2);
        await same(countedOf(protocol), id, 'with none', false);
      });
    }
  }

  const hostChanges: readonly (readonly [Kind, Change])[] = [
    ['health', 'draining'],
    ['health', 'unhealthy'],
    ['health-close', 'draining'],
    ['health-close', 'unhealthy'],
    ['hosts', 'more hosts'],
    ['hosts-close', 'more hosts'],
  ];
  for (const [kind, change] of hostChanges) {
    for (const protocol of PROTOCOLS) {
      const id = `${kind}-${protocol}`;
      it(`${change} where ${kind}, over ${protocol}`, async () => {
        changes.set(id, 'none');
        await feed.change(content());
        const idle = begin(id);
        await held(id, 2);
        const busy = begin(id);
        await held(id, 4);
        await answered(
          id,
          Promise.all([idle, busy]).then((both) => both.flat().slice(0, 2)),
        );
        const last = begin(id);
        await held(id, 2);
        await same(countedOf(protocol), id, 'before', false);
        changes.set(id, change);
        await feed.change(content());
        await same(countedOf(protocol), id, 'after the change', false);
        await answered(id, last);
        await same(countedOf(protocol), id, 'after the call', false);
      });
    }
  }
});
