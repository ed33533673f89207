import assert from 'node:assert/strict';
import { ANY_CONNECTION, type FilterChain, type Listener, TCP_PROXY_DEFAULTS } from '@inmesh/core';
import { type BytesTarget, bytesEntrance } from './bytes-entrance.ts';
import { chainForBytes, WHOLE } from './chains.ts';
import { ListenerIndex } from './listener-index.ts';

function proxy(cluster: string, more: Partial<FilterChain> = {}): FilterChain {
  const tcp = { ...TCP_PROXY_DEFAULTS, statPrefix: cluster, clusters: [{ name: cluster, weight: 1 }] };
  return { name: '', port: null, catchAll: true, match: ANY_CONNECTION, http: null, tcp, ...more };
}

function routes(name: string): FilterChain {
  const http = { statPrefix: 's', routes: { kind: 'rds', name }, httpFilters: [] } as unknown as FilterChain['http'];
  return { ...proxy(''), catchAll: false, http, tcp: null };
}

function listener(name: string, host: string, port: number, ...chains: FilterChain[]): Listener {
  return { name, address: { kind: 'socket', host, port }, http: null, direction: 'outbound', chains };
}

function indexOf(...listeners: Listener[]): ListenerIndex {
  const index = new ListenerIndex();
  for (const each of listeners) index.set(each);
  return index;
}

function at(index: ListenerIndex, host: string, port: number, more: Partial<BytesTarget> = {}): string | null {
  const target = { host, port, flavour: 'sidecar', domain: 'default.svc.cluster.local', ours: true, ...more } as const;
  const entrance = bytesEntrance(index, target);
  return entrance === null ? null : `${entrance.listener} ${entrance.chain === WHOLE ? '(whole)' : entrance.chain}`;
}

describe('where streams of bytes enter the feed of a sidecar', () => {
  const index = indexOf(
    listener('10.0.0.5_5432', '10.0.0.5', 5432, proxy('outbound|5432||db.default.svc.cluster.local', { name: 'db' })),
    listener('0.0.0.0_80', '0.0.0.0', 80, routes('80'), proxy('PassthroughCluster', { name: 'pass', isDefault: true })),
    listener('virtualOutbound', '0.0.0.0', 15001, proxy('BlackHoleCluster', { name: 'rest' })),
  );

  it('is the TCP proxy of the service, by any of its names and by its address', () => {
    const own = '10.0.0.5_5432 tcp db outbound|5432||db.default.svc.cluster.local';
    for (const host of ['db', 'db.default', 'db.default.svc.cluster.local']) assert.equal(at(index, host, 5432), own);
    assert.equal(at(index, '10.0.0.5', 5432), '10.0.0.5_5432 (whole)');
  });

  it('is the listener of a port that is shared with HTTP, whose match says that bytes are something else', () => {
    assert.equal(at(index, 'reviews', 80), '0.0.0.0_80 (whole)');
    assert.equal(at(index, '10.0.0.77', 80), '0.0.0.0_80 (whole)');
  });

  it('is the outbound policy for the rest', () => {
    assert.equal(at(index, 'db', 5433), 'virtualOutbound tcp rest BlackHoleCluster');
    assert.equal(at(index, '10.9.9.9', 5432), 'virtualOutbound tcp rest BlackHoleCluster');
  });

  it('is a chain that asks nothing more, where it was found by a name', () => {
    const match = { ...ANY_CONNECTION, prefixRanges: [{ address: '10.0.0.5', length: 32 }] };
    const strict = listener('l', '0.0.0.0', 5432, proxy('outbound|5432||db.default.svc.cluster.local', { match }));
    const entrance = bytesEntrance(indexOf(strict), {
      host: 'db',
      port: 5432,
      flavour: 'sidecar',
      domain: 'default.svc.cluster.local',
      ours: true,
    });
    assert.ok(entrance);
    assert.deepEqual(
      chainForBytes(strict, entrance.chain)?.chains.map((chain) => [chain.match, chain.tcp?.statPrefix]),
      [[ANY_CONNECTION, 'outbound|5432||db.default.svc.cluster.local']],
    );
    assert.equal(chainForBytes(strict, WHOLE), strict);
    assert.equal(chainForBytes({ ...strict, chains: [] }, entrance.chain), null);
  });
});

describe('where streams of bytes enter other feeds', () => {
  it('is the upstream that Consul’s names say', () => {
    const index = indexOf(listener('db:127.0.0.1:9191', '127.0.0.1', 9191, proxy('db', { name: 'c' })));
    const flavour = 'consul';
    assert.equal(at(index, 'db', 9191, { flavour }), 'db:127.0.0.1:9191 tcp c db');
    assert.equal(at(index, 'db.service.consul', 1, { flavour }), 'db:127.0.0.1:9191 tcp c db');
    assert.equal(at(index, 'localhost', 9191, { flavour }), 'db:127.0.0.1:9191 (whole)');
    assert.equal(at(index, 'api.example', 443, { flavour }), null);
  });

  it('is the listener of the name, or of the port for hosts of the mesh', () => {
    const index = indexOf(
      listener('cache:6379', '0.0.0.0', 1, proxy('cache')),
      listener('any', '0.0.0.0', 5432, proxy('db')),
    );
    const flavour = 'envoy';
    assert.equal(at(index, 'cache', 6379, { flavour }), 'cache:6379 (whole)');
    assert.equal(at(index, 'db', 5432, { flavour }), 'any (whole)');
    assert.equal(at(index, 'db.example', 5432, { flavour, ours: false }), null);
    assert.equal(at(index, 'db', 5433, { flavour }), null);
  });
});
