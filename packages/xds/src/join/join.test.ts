import assert from 'node:assert/strict';
import {
  Clusters,
  CONNECTION_MANAGER_DEFAULTS,
  type ConfigSource,
  FilterCompiler,
  noConnector,
  noRegex,
  ROUTE_CONFIGURATION_DEFAULTS,
  RouteLookups,
  Runtime,
  seededRandom,
  VIRTUAL_HOST_DEFAULTS,
  VirtualClock,
} from '@inmesh/core';
import { Join } from './join.ts';
import type { ListenerFinder } from './listener-finder.ts';

describe('join', () => {
  /** A join over a feed that never answers. */
  function silentJoin(maxAuthorities = 10_000, listeners: ListenerFinder = { find: () => () => {} }): Join {
    const source: ConfigSource = { watch: () => () => {} };
    const random = seededRandom(1);
    const unused = (): never => {
      throw new Error('nothing is resolved and nothing is called here');
    };
    const clusters = new Clusters({
      source,
      resolver: { watch: unused },
      connector: noConnector,
      clock: new VirtualClock(),
      random,
    });
    return new Join({
      source,
      clusters,
      random,
      regex: noRegex,
      runtime: new Runtime(),
      lookups: new RouteLookups({
        open: () => assert.fail('nothing is looked up here'),
        clock: new VirtualClock(),
        random,
      }),
      filters: new FilterCompiler({
        types: () => null,
        clock: new VirtualClock(),
        random,
        runtime: new Runtime(),
        regex: noRegex,
        peer: null,
        stats: {},
      }),
      listeners,
      maxAuthorities,
    });
  }

  it('follows an authority once, however often it is called', () => {
    const join = silentJoin();
    assert.equal(join.lookup('a:80', 'a'), join.lookup('a:80', 'a'));
    assert.equal(join.lookup('a:9080', 'a:9080'), join.lookup('a:9080', 'a:9080'));
    assert.equal([...join.entries].length, 2);
  });

  it('keeps apart what domains tell apart: another host, and a default port that the caller wrote out', () => {
    const join = silentJoin();
    const entries = [join.lookup('a:80', 'a'), join.lookup('a:80', 'a:80'), join.lookup('a:80', 'b')];
    entries.push(join.lookup('a:9080', 'a'), join.lookup('a:9080', 'a:9080'));
    assert.equal(new Set(entries).size, entries.length);
    assert.deepEqual(
      entries.map(({ authority }) => authority),
      ['a', 'a:80', 'b', 'a', 'a:9080'],
    );
  });

  it('makes room by what was not asked for again and what nobody waits for', () => {
    const join = silentJoin(3);
    const [used, awaited, idle] = ['used:1', 'awaited:1', 'idle:1'].map((name) => join.lookup(name, name));
    join.lookup('used:1', 'used:1');
    awaited?.whenSettled(() => {});
    const next = join.lookup('next:1', 'next:1');
    assert.deepEqual(new Set(join.entries), new Set([used, awaited, next]));
    assert.equal(idle?.error?.code, 'draining');
    assert.equal(used?.error, null);
  });

  it('makes room also where all are waited for, and tells those who wait', () => {
    const join = silentJoin(2);
    let told = 0;
    for (const name of ['a:1', 'b:1']) join.lookup(name, name).whenSettled(() => told++);
    join.lookup('c:1', 'c:1');
    assert.equal([...join.entries].length, 2);
    assert.equal(told, 1);
  });

  it('tries the full names of a short host where no virtual host but a catch-all has it', () => {
    const host = (name: string, ...domains: string[]) => ({
      ...VIRTUAL_HOST_DEFAULTS,
      name,
      domains,
      routes: [],
    });
    const virtualHosts = [
      host('full', 'reviews.default.svc.cluster.local'),
      host('short', 'ratings'),
      host('other', 'ratings.default.svc.cluster.local'),
      host('rest', '*'),
    ];
    const config = { ...ROUTE_CONFIGURATION_DEFAULTS, name: 'r', virtualHosts, ignorePortInHostMatching: true };
    const http = {
      statPrefix: 's',
      routes: { kind: 'inline', config },
      manager: CONNECTION_MANAGER_DEFAULTS,
      httpFilters: [],
    } as const;
    const join = silentJoin(10, {
      find: (_, watcher) => {
        watcher.changed({ name: 'l', address: null, http, direction: 'outbound', chains: [] });
        return () => {};
      },
      fullNames: (name) => [`${name}.default.svc.cluster.local`, name],
    });
    for (const [called, expected] of [
      ['reviews:9080', 'full'],
      ['ratings:9080', 'short'],
      ['details:9080', 'rest'],
    ] as const) {
      assert.equal(join.lookup(called, called).table?.virtualHost.name, expected);
    }
  });

  it('has a table without routes where no virtual host matches, because filters come before that answer', () => {
    const config = { ...ROUTE_CONFIGURATION_DEFAULTS, name: 'r', virtualHosts: [] };
    const http = {
      statPrefix: 's',
      routes: { kind: 'inline', config },
      manager: CONNECTION_MANAGER_DEFAULTS,
      httpFilters: [],
    } as const;
    const join = silentJoin(10, {
      find: (_, watcher) => {
        watcher.changed({ name: 'l', address: null, http, direction: 'outbound', chains: [] });
        return () => {};
      },
    });
    const entry = join.lookup('a:80', 'a:80');
    assert.deepEqual([entry.table?.routes, entry.table?.listener.name], [[], 'l']);
    assert.equal(entry.error?.code, 'no_route');
    assert.equal(entry.table?.refusal, entry.error);
  });

  it('follows nothing any more once it is closed', () => {
    const join = silentJoin();
    const before = join.lookup('a:1', 'a:1');
    let told = 0;
    before.whenSettled(() => told++);
    join.close();
    const after = join.lookup('b:1', 'b:1');
    assert.deepEqual([before.error?.code, after.error?.code, told], ['draining', 'draining', 1]);
    assert.equal([...join.entries].length, 0);
  });
});
