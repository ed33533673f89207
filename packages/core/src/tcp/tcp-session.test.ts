import assert from 'node:assert/strict';
import type { Duplex } from 'node:stream';
import type { Cluster } from '../cluster/cluster.ts';
import { MeshError } from '../errors.ts';
import { TCP_PROXY_DEFAULTS, type TcpProxy } from '../model/tcp-proxy.ts';
import { Harness } from '../testing/harness.ts';
import type { TcpEntry, TcpWay } from './tcp-directory.ts';
import { type TcpSession, type TcpSessionEvents, TcpSessions } from './tcp-session.ts';
import { TcpStats } from './tcp-stats.ts';

/** A destination that the test knows all about, and the streams to it. */
class Scene implements TcpEntry {
  readonly harness = new Harness({ ports: [1, 2] });
  readonly stats = new TcpStats();
  way: TcpWay | null = null;
  error: MeshError | null = null;
  absent = false;
  released = 0;
  readonly clusters = new Map<string, Cluster | MeshError | null>([['reviews', this.harness.cluster]]);
  #waiting: (() => void)[] = [];
  readonly sessions: TcpSessions;

  constructor(maxHeld = 10) {
    this.sessions = new TcpSessions({
      directory: { lookup: () => this },
      clock: this.harness.clock,
      random: this.harness.random,
      holdTimeoutMs: 15_000,
      maxHeld,
    });
  }

  whenSettled(callback: () => void): () => void {
    this.#waiting.push(callback);
    return () => {
      this.#waiting = this.#waiting.filter((each) => each !== callback);
    };
  }

  release(): void {
    this.released++;
  }

  tell(): void {
    for (const callback of this.#waiting.splice(0)) callback();
  }

  proxy(proxy: Partial<TcpProxy> = {}): void {
    const clusters = [{ name: 'reviews', weight: 1 }];
    this.way = {
      proxy: { ...TCP_PROXY_DEFAULTS, statPrefix: 's', clusters, ...proxy },
      stats: this.stats,
      cluster: (name) => this.clusters.get(name) ?? null,
    };
    this.tell();
  }

  async open(): Promise<Heard> {
    const heard = new Heard();
    heard.session = this.sessions.open({ host: 'db', port: 5432, serverName: '', tls: false }, heard);
    await turn();
    return heard;
  }

  get opening() {
    const opening = this.harness.connector.bytes.at(-1);
    assert.ok(opening, 'nobody is connecting');
    return opening;
  }
}

class Heard implements TcpSessionEvents {
  session!: TcpSession;
  stream: Duplex | null = null;
  passed: MeshError | null = null;
  error: MeshError | null = null;
  expired = 0;

  onConnected(stream: Duplex): void {
    this.stream = stream;
  }
  onPass(why: MeshError): void {
    this.passed = why;
  }
  onError(error: MeshError): void {
    this.error = error;
  }
  onExpired(): void {
    this.expired++;
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('a stream of bytes through the mesh', () => {
  it('is connected to a host of its cluster, and counted until it ends', async () => {
    const scene = new Scene();
    scene.proxy();
    const heard = await scene.open();
    assert.equal(scene.stats.downstream_cx_total, 1);
    const stream = scene.opening.accept();
    assert.equal(heard.stream, stream);
    heard.session.sent(7);
    heard.session.received(5);
    assert.equal(scene.harness.cluster.stats.upstream_cx_active, 1);
    heard.session.close();
    heard.session.close();
    stream.destroy();
    await turn();
    assert.deepEqual(
      { ...scene.stats },
      {
        ...new TcpStats(),
        downstream_cx_total: 1,
        downstream_cx_rx_bytes_total: 7,
        downstream_cx_tx_bytes_total: 5,
      },
    );
    assert.equal(scene.harness.cluster.stats.upstream_cx_active, 0);
    assert.equal(scene.released, 1);
    assert.equal(scene.harness.clock.pending, 0);
  });

  it('goes to clusters by their weights', async () => {
    const scene = new Scene();
    const other = scene.harness.newCluster({ name: 'other' });
    const picks = { reviews: 0, other: 0 };
    other.pick = () => {
      picks.other++;
      return new MeshError('no_healthy_upstream', 'none');
    };
    scene.harness.cluster.pick = () => {
      picks.reviews++;
      return new MeshError('no_healthy_upstream', 'none');
    };
    scene.clusters.set('other', other);
    const clusters = [
      { name: 'reviews', weight: 1 },
      { name: 'other', weight: 3 },
      { name: 'never', weight: 0 },
    ];
    scene.proxy({ clusters });
    for (let i = 0; i < 400; i++) await scene.open();
    // 400 draws of one quarter, within five standard deviations (8.66) of 100: a false alarm in less than a million runs.
    assert.equal(picks.reviews + picks.other, 400);
    assert.ok(Math.abs(picks.reviews - 100) < 43, `${picks.reviews} of 400 went to the lighter one`);
  });

  describe('waits', () => {
    it('for its listener, then for its cluster', async () => {
      const scene = new Scene();
      scene.clusters.set('reviews', null);
      const heard = await scene.open();
      assert.equal(scene.sessions.held, 1);
      scene.proxy();
      assert.equal(scene.sessions.held, 1);
      assert.equal(scene.harness.connector.bytes.length, 0);
      scene.tell();
      assert.equal(scene.harness.connector.bytes.length, 0, 'nothing new was told of its cluster');
      scene.clusters.set('reviews', scene.harness.cluster);
      scene.tell();
      assert.equal(scene.sessions.held, 0);
      assert.equal(heard.stream, null);
      assert.equal(heard.stream ?? heard.error, null);
      const stream = scene.opening.accept();
      assert.equal(heard.stream, stream);
    });

    it('no longer than the hold allows', async () => {
      const scene = new Scene();
      const heard = await scene.open();
      scene.harness.clock.advance(15_000);
      assert.equal(heard.error?.code, 'config_timeout');
      assert.equal(scene.sessions.held, 0);
      assert.equal(scene.released, 1);
      scene.proxy();
      assert.equal(scene.harness.connector.bytes.length, 0);
    });

    it('not at all where too many wait', async () => {
      const scene = new Scene(1);
      const first = await scene.open();
      const second = await scene.open();
      assert.equal(second.error?.code, 'hold_overflow');
      first.session.close();
      assert.equal(scene.sessions.held, 0);
      assert.equal(scene.harness.clock.pending, 0);
    });
  });

  describe('goes where it would without the mesh', () => {
    it('where the feed has no listener for it', async () => {
      const scene = new Scene();
      scene.absent = true;
      scene.error = new MeshError('not_in_mesh', 'no listener');
      assert.equal((await scene.open()).passed, scene.error);
      assert.equal(scene.released, 1);
    });

    it('where its cluster is of original destinations, in the clear', async () => {
      const scene = new Scene();
      scene.clusters.set('reviews', scene.harness.newCluster({ discovery: { kind: 'original_dst' } }));
      scene.proxy();
      const heard = await scene.open();
      assert.match(heard.passed?.message ?? '', /original destination/);
      assert.equal(scene.stats.downstream_cx_active, 0);
    });

    it('but not where that cluster wants more than bytes in the clear', async () => {
      const scene = new Scene();
      const socket = {
        kind: 'upstream_proxy_protocol',
        version: 'v1',
        tlvs: [],
        inner: { kind: 'raw_buffer' },
      } as const;
      const cluster = scene.harness.newCluster({
        discovery: { kind: 'original_dst' },
        transport: { socket, matches: [] },
      });
      scene.clusters.set('reviews', cluster);
      scene.proxy();
      const heard = await scene.open();
      assert.equal(heard.passed, null);
      scene.opening.accept();
      assert.deepEqual([...cluster.endpoints.keys()], ['db:5432']);
    });
  });

  describe('is refused', () => {
    it('where there is no way', async () => {
      const scene = new Scene();
      scene.error = new MeshError('no_route', 'no chain');
      assert.equal((await scene.open()).error, scene.error);
    });

    it('where its proxy, or its cluster, needs what this version lacks', async () => {
      const scene = new Scene();
      scene.proxy({ unsupported: ['tcp_proxy.tunneling_config'] });
      const heard = await scene.open();
      assert.match(
        heard.error?.message ?? '',
        /the TCP proxy needs what this version lacks: tcp_proxy\.tunneling_config/,
      );
      scene.clusters.set('reviews', scene.harness.newCluster({ unsupported: ['lb_policy: MAGLEV'] }));
      scene.proxy();
      assert.match(
        (await scene.open()).error?.message ?? '',
        /the cluster needs what this version lacks: lb_policy: MAGLEV/,
      );
    });

    it('where its cluster does not exist', async () => {
      const scene = new Scene();
      const error = new MeshError('no_cluster', 'unknown');
      scene.clusters.set('reviews', error);
      scene.proxy();
      assert.equal((await scene.open()).error, error);
      assert.equal(scene.stats.downstream_cx_no_route, 1);
    });

    it('where no host is well', async () => {
      const scene = new Scene();
      scene.harness.cluster.assign({ name: 'reviews', overprovisioningFactor: 140, localities: [] });
      scene.proxy();
      assert.equal((await scene.open()).error?.code, 'no_healthy_upstream');
    });

    it('after as many hosts as the proxy allows', async () => {
      const scene = new Scene();
      scene.proxy({ maxConnectAttempts: 2 });
      const heard = await scene.open();
      scene.opening.refuse('first');
      assert.equal(scene.harness.connector.bytes.length, 2);
      scene.opening.refuse('second');
      assert.equal(heard.error?.code, 'connection_failure');
      assert.match(heard.error?.message ?? '', /second/);
      assert.equal(scene.harness.cluster.stats.upstream_cx_connect_attempts_exceeded, 1);
      assert.equal(scene.harness.cluster.stats.upstream_cx_connect_fail, 2);
    });

    it('with pauses between them, where the proxy wants some', async () => {
      const scene = new Scene();
      scene.proxy({ maxConnectAttempts: 3, backoff: { baseMs: 1_000, maxMs: 5_000 } });
      await scene.open();
      scene.opening.refuse();
      assert.equal(scene.harness.connector.bytes.length, 1);
      scene.harness.clock.advance(1_000);
      assert.equal(scene.harness.connector.bytes.length, 2);
      const heard = scene.opening.accept();
      assert.ok(heard);
    });
  });

  it('is given up while it connects, and while it pauses', async () => {
    const scene = new Scene();
    scene.proxy({ maxConnectAttempts: 2, backoff: { baseMs: 1_000, maxMs: 1_000 } });
    const first = await scene.open();
    first.session.close();
    assert.equal(scene.opening.cancelled, true);
    const second = await scene.open();
    scene.opening.refuse();
    second.session.close();
    scene.harness.clock.advance(1_000);
    assert.equal(scene.harness.connector.bytes.length, 2);
    assert.equal(second.error, null);
    assert.equal(scene.stats.downstream_cx_active, 0);
  });

  describe('ends', () => {
    it('when nothing was heard for the idle timeout', async () => {
      const scene = new Scene();
      scene.proxy({ idleTimeoutMs: 10_000 });
      const heard = await scene.open();
      scene.opening.accept();
      scene.harness.clock.advance(9_000);
      heard.session.sent(1);
      scene.harness.clock.advance(9_000);
      heard.session.received(1);
      scene.harness.clock.advance(9_999);
      assert.equal(heard.expired, 0);
      scene.harness.clock.advance(1);
      assert.equal(heard.expired, 1);
      assert.equal(scene.stats.idle_timeout, 1);
      heard.session.close();
      assert.equal(scene.harness.clock.pending, 0);
    });

    it('when it is too old, however busy', async () => {
      const scene = new Scene();
      scene.proxy({ idleTimeoutMs: 0, maxDurationMs: 10_000, maxDurationJitterPercent: 0 });
      const heard = await scene.open();
      scene.opening.accept();
      scene.harness.clock.advance(9_999);
      heard.session.sent(1);
      scene.harness.clock.advance(1);
      assert.equal(heard.expired, 1);
      assert.equal(scene.stats.max_downstream_connection_duration, 1);
    });
  });
});
