import assert from 'node:assert/strict';
import { ANY_CONNECTION, type ClusterConfig, type ConfigSource, type Listener } from '@inmesh/core';
import type { CollectionWatcher } from '../ads/collection.ts';
import { WholeFeed } from './whole-feed.ts';
import type { WholeTypes } from './wildcard-finder.ts';

function scene() {
  const followed: string[] = [];
  const all = new Map<string, CollectionWatcher<never>>();
  const feed: WholeTypes = {
    watchAll: (kind, watcher) => {
      all.set(kind, watcher);
      return () => all.delete(kind);
    },
  };
  const source: ConfigSource = {
    watch: (kind, name) => {
      followed.push(`${kind} ${name}`);
      return () => followed.splice(followed.indexOf(`${kind} ${name}`), 1);
    },
  };
  const whole = new WholeFeed({ feed, source });
  const listener = (name: string, routes: string, direction: Listener['direction'] = 'outbound') => {
    const http = { statPrefix: '', routes: { kind: 'rds', name: routes }, httpFilters: [] };
    const chains = [{ name: '', port: null, catchAll: false, match: ANY_CONNECTION, http, tcp: null }];
    all.get('listener')?.changed(name, { name, http, chains, direction, address: null } as unknown as never);
  };
  const cluster = (name: string, discovery: ClusterConfig['discovery']) =>
    all.get('cluster')?.changed(name, { name, discovery } as unknown as never);
  return { whole, all, listener, cluster, followed: () => [...followed].sort() };
}

describe('a whole feed', () => {
  it('is followed with the routes and endpoints that it names', () => {
    const { listener, cluster, followed } = scene();
    listener('0.0.0.0_80', '80');
    listener('inbound', 'own', 'inbound');
    cluster('a', { kind: 'eds', serviceName: 'endpoints of a' });
    cluster('rest', { kind: 'original_dst' });
    assert.deepEqual(followed(), [
      'cluster a',
      'cluster rest',
      'clusterLoadAssignment endpoints of a',
      'listener 0.0.0.0_80',
      'routeConfiguration 80',
    ]);
  });

  it('is let go where it changes, goes or is closed', () => {
    const { whole, all, listener, cluster, followed } = scene();
    listener('l', 'old');
    listener('l', 'new');
    cluster('a', { kind: 'eds', serviceName: 'e' });
    all.get('cluster')?.removed('a');
    assert.deepEqual(followed(), ['listener l', 'routeConfiguration new']);
    whole.close();
    assert.deepEqual([followed(), all.size], [[], 0]);
  });
});
