import assert from 'node:assert/strict';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { createMesh, type Mesh } from 'inmesh';
import { Envoy } from './support/envoy.ts';
import { describeWithPeers } from './support/peers.ts';
import { freePorts } from './support/ports.ts';
import { LineServer, tcpListener } from './support/tcp.ts';
import { clientSocket, serverSocket } from './support/tls/contexts.ts';
import { type IdentityFiles, TestTrust } from './support/tls/trust.ts';
import { until } from './support/until.ts';

type Json = Record<string, unknown>;

/**
 * A database of lines runs behind real Envoys that let in by certificate only (STRICT), as sidecars of two pods. Its client goes to
 * them through a third Envoy with a TCP proxy, and over `mesh.socket` with the very same listeners and clusters. What comes of a
 * stream, how streams are distributed, how they end and what is counted must be the same.
 */
describeWithPeers(['envoy'], 'streams of bytes to a service behind STRICT sidecars', () => {
  const names = ['db', 'split', 'impostor', 'gone', 'idle', 'short', 'lost'] as const;
  type Name = (typeof names)[number];
  let trust: TestTrust;
  let ports: Record<Name, number>;
  let apps: LineServer[];
  let sidecars: Envoy[];
  let envoy: Envoy;
  let mesh: Mesh;

  before(async () => {
    trust = await TestTrust.create();
    const [server, impostor, client] = await Promise.all([
      trust.identity('db'),
      trust.identity('somebody-else'),
      trust.identity('shop'),
    ]);
    apps = [await LineServer.start('one'), await LineServer.start('two')];
    const inbound = await freePorts(3);
    sidecars = await Promise.all([
      sidecar('one', inbound[0] ?? 0, apps[0]?.port ?? 0, server),
      sidecar('two', inbound[1] ?? 0, apps[1]?.port ?? 0, server),
      sidecar('impostor', inbound[2] ?? 0, apps[0]?.port ?? 0, impostor),
    ]);
    const free = await freePorts(names.length + 1);
    ports = Object.fromEntries(names.map((name, index) => [name, free[index]])) as Record<Name, number>;
    const transport_socket = clientSocket({
      identity: client,
      servers: [server.spiffeId],
      alpn: ['istio-peer-exchange', 'istio'],
    });
    const to = (name: string, ...hosts: (number | undefined)[]): Json => ({
      name,
      type: 'STATIC',
      connect_timeout: '5s',
      transport_socket,
      load_assignment: {
        cluster_name: name,
        endpoints: [{ lb_endpoints: hosts.map((port) => ({ endpoint: { address: address(port ?? 0) } })) }],
      },
    });
    const staticResources = {
      listeners: [
        tcpListener('db', ports.db, { cluster: 'both' }),
        tcpListener('split', ports.split, {
          weighted_clusters: {
            clusters: [
              { name: 'one', weight: 1 },
              { name: 'two', weight: 3 },
            ],
          },
        }),
        tcpListener('impostor', ports.impostor, { cluster: 'impostor' }),
        tcpListener('gone', ports.gone, { cluster: 'gone', max_connect_attempts: 3 }),
        tcpListener('idle', ports.idle, { cluster: 'one', idle_timeout: '0.3s' }),
        tcpListener('short', ports.short, { cluster: 'one', max_downstream_connection_duration: '0.3s' }),
        tcpListener('lost', ports.lost, { cluster: 'unknown' }),
      ],
      clusters: [
        to('both', inbound[0], inbound[1]),
        to('one', inbound[0]),
        to('two', inbound[1]),
        to('impostor', inbound[2]),
        to('gone', free.at(-1)),
      ],
    };
    envoy = await Envoy.start({ node: 'client', staticResources });
    const { listeners, clusters } = staticResources;
    mesh = await createMesh({
      bootstrapConfig: JSON.stringify({
        node: { id: 'inmesh', cluster: 'peers' },
        static_resources: { listeners, clusters },
      }),
      env: {},
    });
  });
  after(async () => {
    mesh?.close();
    for (const one of [envoy, ...(sidecars ?? [])]) await one?.stop();
    for (const app of apps ?? []) app.close();
    trust?.[Symbol.dispose]();
  });

  function sidecar(node: string, port: number, app: number, identity: IdentityFiles): Promise<Envoy> {
    const listener = tcpListener(
      'inbound',
      port,
      { cluster: 'app' },
      // Istio's list for TCP: who negotiates the first of them must begin with an exchange of metadata.
      { transport_socket: serverSocket({ identity, alpn: ['istio-peer-exchange', 'h2', 'http/1.1'] }) },
    );
    const endpoints = [{ lb_endpoints: [{ endpoint: { address: address(app) } }] }];
    const cluster = { name: 'app', type: 'STATIC', load_assignment: { cluster_name: 'app', endpoints } };
    return Envoy.start({ node, staticResources: { listeners: [listener], clusters: [cluster] } });
  }

  const sides = [
    ['Envoy', (name: Name) => connect({ port: ports[name], host: '127.0.0.1', allowHalfOpen: true })],
    ['inmesh', (name: Name) => mesh.socket('db', ports[name], { allowHalfOpen: true })],
  ] as const;

  /** Sends lines, ends its side, and has all that came until the end; errors are how inmesh says what Envoy shows by hanging up. */
  async function talk(stream: Duplex, lines: string | Buffer): Promise<string> {
    stream.on('error', () => {});
    stream.end(lines);
    return text(stream).catch(() => '');
  }

  async function stat(side: string, name: string): Promise<number> {
    if (side === 'Envoy') {
      const answer = await (await fetch(`${envoy.admin}/stats?filter=${encodeURIComponent(`^${name}$`)}`)).text();
      return Number(answer.split(': ')[1] ?? 0);
    }
    const [kind, of = '', ...rest] = name.split('.');
    const { tcp, clusters } = mesh.statistics();
    const all: Record<string, unknown> = { ...(kind === 'tcp' ? tcp[of] : clusters[of]) };
    const found = rest.reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], all);
    return typeof found === 'number' ? found : 0;
  }

  async function change(side: string, counters: readonly string[], during: () => Promise<unknown>): Promise<number[]> {
    const before = await Promise.all(counters.map((name) => stat(side, name)));
    await during();
    const gauge = `cluster.both.upstream_cx_active`;
    await until(`${side} has counted`, async () => (await stat(side, gauge)) === 0);
    const after = await Promise.all(counters.map((name) => stat(side, name)));
    return after.map((value, index) => value - (before[index] ?? 0));
  }

  /** What both sides make of the same. */
  async function both<T>(make: (open: (name: Name) => Duplex, side: string) => Promise<T>): Promise<T> {
    const results: T[] = [];
    for (const [side, open] of sides) results.push(await make(open, side));
    assert.deepEqual(results[1], results[0]);
    return results[0] as T;
  }

  it('carries a dialogue, with the identity that the service asks for', async () => {
    const answers = await both((open) => talk(open('db'), 'set a 1\nget a\nget b\n'));
    assert.equal(answers, 'ok\n1\n\n');
  });

  it('takes the hosts of a cluster in turn', async () => {
    const heard = await both(async (open) => {
      const found: string[] = [];
      for (let i = 0; i < 4; i++) found.push(await talk(open('db'), 'whoami\n'));
      return found.map((name) => found.filter((each) => each === name).length);
    });
    assert.deepEqual(heard, [2, 2, 2, 2]);
  });

  it('takes clusters by their weights', async () => {
    for (const [side, open] of sides) {
      const draws = await Promise.all(Array.from({ length: 120 }, () => talk(open('split'), 'whoami\n')));
      const light = draws.filter((name) => name === 'one\n').length;
      assert.equal(draws.filter((name) => name === 'two\n').length, 120 - light);
      // 120 draws of one quarter: five standard deviations (4.74) around 30, exceeded once in more than a million runs.
      assert.ok(Math.abs(light - 30) <= 24, `${side}: ${light} of 120 went to the lighter cluster`);
    }
  });

  it('carries much both ways, each side ending its own', async () => {
    const many = Buffer.alloc(5_000_000, 'inmesh');
    assert.equal(await both((open) => talk(open('db'), Buffer.concat([Buffer.from('sum\n'), many]))), '5000000\n');
    const lines = 'whoami\n'.repeat(50_000);
    const answer = await both(async (open) => (await talk(open('db'), lines)).length);
    assert.equal(answer, 'one\n'.length * 50_000);
  });

  it('ends when the service hangs up', async () => {
    const answer = await both(async (open) => {
      const stream = open('db');
      stream.write('quit\n');
      const said = await text(stream);
      stream.end();
      return said;
    });
    assert.equal(answer, 'ok\n');
  });

  it('says nothing to an impostor', async () => {
    const counted = await both(async (open, side) => {
      const counters = ['cluster.impostor.ssl.fail_verify_san', 'tcp.impostor.downstream_cx_total'];
      return change(side, counters, async () => assert.equal(await talk(open('impostor'), 'whoami\n'), ''));
    });
    assert.deepEqual(counted, [1, 1]);
  });

  it('gives up after as many hosts as it may try', async () => {
    const counters = [
      'cluster.gone.upstream_cx_total',
      'cluster.gone.upstream_cx_connect_fail',
      'cluster.gone.upstream_cx_connect_attempts_exceeded',
      'cluster.gone.upstream_rq_pending_failure_eject',
      'tcp.gone.downstream_cx_total',
    ];
    const counted = await both((open, side) =>
      change(side, counters, async () => assert.equal(await talk(open('gone'), 'whoami\n'), '')),
    );
    assert.deepEqual(counted, [3, 3, 1, 3, 1]);
  });

  it('ends streams that nobody uses, or that are too old', async () => {
    for (const [name, counter] of [
      ['idle', 'tcp.idle.idle_timeout'],
      ['short', 'tcp.short.max_downstream_connection_duration'],
    ] as const) {
      const counted = await both((open, side) =>
        change(side, [counter], async () => {
          const stream = open(name);
          stream.on('error', () => {});
          stream.write('whoami\n');
          assert.equal(await text(stream).catch((error) => `${error}`), 'one\n');
          stream.destroy();
        }),
      );
      assert.deepEqual(counted, [1], name);
    }
  });

  it('goes nowhere where the cluster is not known', async () => {
    const counted = await both((open, side) =>
      change(side, ['tcp.lost.downstream_cx_no_route', 'tcp.lost.downstream_cx_total'], async () =>
        assert.equal(await talk(open('lost'), 'whoami\n'), ''),
      ),
    );
    assert.deepEqual(counted, [1, 1]);
  });

  it('counts streams and bytes alike', async () => {
    const counters = [
      'tcp.db.downstream_cx_total',
      'tcp.db.downstream_cx_rx_bytes_total',
      'tcp.db.downstream_cx_tx_bytes_total',
      'cluster.both.upstream_cx_total',
      'cluster.both.upstream_rq_total',
      'cluster.both.ssl.handshake',
    ];
    const counted = await both((open, side) =>
      change(side, counters, async () => {
        for (let i = 0; i < 3; i++) assert.equal(await talk(open('db'), 'get nothing\n'), '\n');
      }),
    );
    assert.deepEqual(counted, [3, 36, 3, 3, 3, 3]);
  });
});

function address(port: number): Json {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}
