import assert from 'node:assert/strict';
import {
  ANY_CONNECTION,
  type ClusterConfig,
  Clusters,
  type ConfigSource,
  type FilterChain,
  isMeshError,
  type Listener,
  MeshError,
  noConnector,
  TCP_PROXY_DEFAULTS,
  type TcpDestination,
  VirtualClock,
  type Watcher,
} from '@inmesh/core';
import { decodeJson } from '../testing/decode-json.ts';
import type { ListenerWatcher } from './listener-finder.ts';
import { TcpJoin } from './tcp-join.ts';

const DB: TcpDestination = { host: 'db', port: 5432, serverName: '', tls: false };

function chain(cluster: string | null, more: Partial<FilterChain> = {}): FilterChain {
  const clusters = cluster === null ? [] : [{ name: cluster, weight: 1 }];
  const tcp = cluster === null ? null : { ...TCP_PROXY_DEFAULTS, statPrefix: 'db', clusters };
  return { name: '', port: null, catchAll: true, match: ANY_CONNECTION, http: null, tcp, ...more };
}

function listener(...chains: FilterChain[]): Listener {
  return { name: 'l', address: null, http: null, direction: 'outbound', chains };
}

/** A join whose feed is the test. */
function scene(idleMs = 60_000) {
  const clock = new VirtualClock();
  const watched = new Map<string, Watcher<ClusterConfig>>();
  const source: ConfigSource = {
    watch(kind, name, watcher) {
      if (kind === 'cluster') watched.set(name, watcher as unknown as Watcher<ClusterConfig>);
      return () => watched.delete(name);
    },
  };
  const clusters = new Clusters({
    source,
    resolver: { watch: () => () => {} },
    connector: noConnector,
    clock,
    random: () => 0,
  });
  const asked: string[] = [];
  const said: { watcher: ListenerWatcher | null } = { watcher: null };
  const join = new TcpJoin({
    clusters,
    clock,
    idleMs,
    listeners: {
      find: (target, watcher, traffic) => {
        asked.push(`${target} for ${traffic}`);
        said.watcher = watcher;
        return () => asked.push(`no ${target}`);
      },
    },
  });
  const told = () => {
    assert.ok(said.watcher, 'nobody asked for a listener');
    return said.watcher;
  };
  const tellCluster = (name: string) => watched.get(name)?.changed(decodeJson('cluster', { name, type: 'STATIC' }));
  return { join, asked, told, watched, tellCluster, clock };
}

describe('the way of streams to a destination', () => {
  it('is the TCP proxy of the chain that takes them, once it is told', () => {
    const { join, asked, told, watched, tellCluster } = scene();
    const entry = join.lookup(DB);
    assert.deepEqual(asked, ['db:5432 for bytes']);
    let heard = 0;
    entry.whenSettled(() => heard++);
    told().changed(listener(chain('other', { port: 1 }), chain('db')));
    assert.equal(heard, 1);
    assert.deepEqual([...watched.keys()], ['db']);
    assert.equal(entry.way?.cluster('db'), null, 'the feed has not told');
    entry.whenSettled(() => heard++);
    tellCluster('db');
    assert.equal(heard, 2);
    const cluster = entry.way?.cluster('db') ?? null;
    assert.ok(cluster !== null && !isMeshError(cluster));
    assert.equal(cluster.name, 'db');
    assert.equal(join.lookup({ ...DB, host: 'DB' }), entry, 'one for all of its streams');
  });

  it('is another one when the listener changes, and what both need stays', () => {
    const { join, told, watched, tellCluster } = scene();
    const entry = join.lookup(DB);
    told().changed(listener(chain('db')));
    tellCluster('db');
    const cluster = entry.way?.cluster('db');
    told().changed(listener(chain('db', { name: 'again' })));
    assert.equal(entry.way?.cluster('db'), cluster);
    told().changed(listener(chain('next')));
    assert.deepEqual([...watched.keys()], ['next']);
    assert.equal(join.stats.size, 1);
  });

  it('is none where no chain takes them, or what takes them is for HTTP', () => {
    const { join, told, watched } = scene();
    const entry = join.lookup(DB);
    told().changed(listener(chain('db')));
    told().changed(listener(chain('db', { port: 1 })));
    assert.match(entry.error?.message ?? '', /no filter chain of the listener takes such a stream/);
    assert.equal(entry.way, null);
    assert.equal(watched.size, 0);
    told().changed(listener(chain(null)));
    assert.match(entry.error?.message ?? '', /for HTTP/);
  });

  it('is none of the mesh’s, or broken, as the feed says', () => {
    const { join, told } = scene();
    const entry = join.lookup(DB);
    const outside = new MeshError('not_in_mesh', 'no listener');
    told().notInMesh(outside);
    assert.deepEqual([entry.error, entry.absent], [outside, true]);
    const broken = new MeshError('invalid_config', 'refused');
    told().resourceError(broken);
    assert.deepEqual([entry.error, entry.absent], [broken, false]);
    told().changed(listener(chain('db')));
    assert.deepEqual([entry.error, entry.absent], [null, false]);
  });

  it('is followed no more some time after the last stream', () => {
    const { join, asked, told, watched, clock } = scene();
    const first = join.lookup(DB);
    told().changed(listener(chain('db')));
    join.lookup(DB);
    first.release();
    clock.advance(60_000);
    assert.equal(watched.size, 1, 'one is left');
    first.release();
    clock.advance(59_999);
    const again = join.lookup(DB);
    assert.equal(again, first);
    clock.advance(60_000);
    again.release();
    clock.advance(60_000);
    assert.equal(watched.size, 0);
    assert.equal(asked.at(-1), 'no db:5432');
    assert.notEqual(join.lookup(DB), first);
  });

  it('ends with the mesh, and whoever waits is told', () => {
    const { join, clock } = scene(0);
    const entry = join.lookup(DB);
    let heard = 0;
    entry.whenSettled(() => heard++);
    entry.release();
    join.close();
    assert.equal(heard, 1);
    assert.equal(entry.error?.code, 'draining');
    assert.equal(clock.pending, 0);
  });
});
