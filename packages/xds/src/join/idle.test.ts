import assert from 'node:assert/strict';
import { type JsonObject, toBinary } from '@bufbuild/protobuf';
import { fromJson, messageType } from '@inmesh/api';
import {
  Clusters,
  type ConfigSource,
  FilterCompiler,
  type Kind,
  MeshError,
  noConnector,
  noRegex,
  RouteLookups,
  Runtime,
  seededRandom,
  VirtualClock,
  type Watcher,
} from '@inmesh/core';
import { resourceTypes } from '../decode/index.ts';
import { Join } from './join.ts';
import { listenersByName } from './listener-finder.ts';

const types = resourceTypes();
const hour = 3_600_000;

function model(kind: 'listener' | 'cluster', json: JsonObject): unknown {
  const type = messageType(
    kind === 'listener' ? 'envoy.config.listener.v3.Listener' : 'envoy.config.cluster.v3.Cluster',
  );
  const bytes = toBinary(type, fromJson(type, json));
  return types[kind].decode(bytes, { nodeId: 'n', controlPlane: 'c' }).value;
}

function listenerTo(name: string, cluster: string): unknown {
  const hcm = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
  const router = 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router';
  const route = { match: { prefix: '/' }, route: { cluster } };
  return model('listener', {
    name,
    api_listener: {
      api_listener: {
        '@type': hcm,
        stat_prefix: name,
        http_filters: [{ name: 'router', typed_config: { '@type': router } }],
        route_config: { name, virtual_hosts: [{ name, domains: ['*'], routes: [route] }] },
      },
    },
  });
}

/** A join over a feed that has services a, b and c, on port 80. */
function scene(options: { readonly afterMs?: number } = {}) {
  const clock = new VirtualClock();
  const random = seededRandom(1);
  const watched: string[] = [];
  const state = { connected: true, silent: false };
  const source: ConfigSource = {
    watch(kind: Kind, name: string, watcher: Watcher<never>) {
      const key = `${kind} ${name}`;
      watched.push(key);
      if (!state.silent) {
        if (kind === 'listener' && 'abc'.includes(name[0] ?? ''))
          watcher.changed(listenerTo(name, name[0] ?? '') as never);
        else if (kind === 'cluster') watcher.changed(model(kind, { name, type: 'STATIC' }) as never);
        else watcher.resourceError(new MeshError('no_route', 'none'));
      }
      return () => watched.splice(watched.indexOf(key), 1);
    },
  };
  const unused = () => assert.fail('nothing is resolved and nothing is called here');
  const clusters = new Clusters({ source, resolver: { watch: unused }, connector: noConnector, clock, random });
  const told: string[] = [];
  const outside = new Set<string>();
  const join = new Join({
    source,
    clusters,
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
    listeners: listenersByName(source, (target) => [target]),
    idle: { clock, afterMs: options.afterMs ?? hour, connected: () => state.connected },
    services: {
      used: (target) => told.push(`used ${target}`),
      lost: (target) => told.push(`lost ${target}`),
      outside: (target) => {
        told.push(`outside ${target}`);
        outside.add(target);
      },
      wasOutside: (target) => outside.has(target),
    },
  });
  const followed = () => Array.from(join.entries, ({ authority }) => authority);
  return { clock, clusters, join, watched, state, told, followed };
}

describe('idle services', () => {
  it('are dropped with all that they need, and taken up again by the next call', () => {
    const { clock, join, clusters, watched, followed } = scene();
    const first = join.lookup('a:80', 'a');
    assert.deepEqual(watched, ['listener a:80', 'cluster a']);
    clock.advance(hour);
    assert.deepEqual(followed(), ['a'], 'an hour did not pass for certain');
    clock.advance(hour / 4);
    assert.deepEqual([followed(), watched, [...clusters]], [[], [], []]);
    const second = join.lookup('a:80', 'a');
    assert.notEqual(second, first);
    assert.notEqual(second.table, null);
    assert.deepEqual(watched, ['listener a:80', 'cluster a']);
  });

  it('are not those that are called now and then', () => {
    const { clock, join, followed } = scene();
    join.lookup('a:80', 'a');
    join.lookup('b:80', 'b');
    for (let i = 0; i < 10; i++) {
      clock.advance(hour * 0.9);
      join.lookup('a:80', 'a');
    }
    assert.deepEqual(followed(), ['a']);
  });

  it('are not those with calls under way, or held', () => {
    const { clock, clusters, join, state, followed } = scene();
    join.lookup('a:80', 'a');
    join.lookup('b:80', 'b');
    state.silent = true;
    const held = join.lookup('held:80', 'held');
    const forget = held.whenSettled(() => assert.fail('nothing is said of it'));
    const a = [...clusters].find(({ name }) => name === 'a');
    assert.ok(a);
    a.stats.upstream_rq_active = 1;
    clock.advance(10 * hour);
    assert.deepEqual(followed(), ['a', 'held']);
    a.stats.upstream_rq_active = 0;
    a.stats.upstream_rq_pending_active = 1;
    forget();
    clock.advance(2 * hour);
    assert.deepEqual(followed(), ['a']);
    a.stats.upstream_rq_pending_active = 0;
    clock.advance(1.25 * hour);
    assert.deepEqual(followed(), []);
  });

  it('stay while the control plane is away, and go when it is back', () => {
    const { clock, join, state, followed } = scene();
    join.lookup('a:80', 'a');
    state.connected = false;
    clock.advance(24 * hour);
    assert.deepEqual(followed(), ['a']);
    state.connected = true;
    clock.advance(hour / 4);
    assert.deepEqual(followed(), []);
  });

  it('stay where they are pinned, or where nothing is ever to go; then there is no timer either', () => {
    const pinning = scene();
    pinning.join.lookup('a:80', 'a').pinned = true;
    pinning.clock.advance(5 * hour);
    assert.deepEqual(pinning.followed(), ['a']);
    pinning.join.close();
    assert.equal(pinning.clock.pending, 0);
    const never = scene({ afterMs: 0 });
    never.join.lookup('a:80', 'a');
    assert.equal(never.clock.pending, 0);
  });

  it('cost one timer, however many there are', () => {
    const { clock, join } = scene();
    assert.equal(clock.pending, 0);
    for (let i = 0; i < 100; i++) join.lookup(`a${i}:80`, `a${i}`);
    assert.equal(clock.pending, 1);
  });

  it('count as used only when they are called: what was prefetched goes, and is not remembered for it', () => {
    const { clock, join, told, followed } = scene();
    join.prefetch('a:80', 'a');
    join.prefetch('b:80', 'b');
    join.prefetch('none:80', 'none');
    assert.deepEqual(told, ['lost none:80']);
    assert.equal(join.lookup('a:80', 'a').prefetched, true);
    clock.advance(hour / 4);
    assert.deepEqual(told, ['lost none:80', 'used a:80']);
    clock.advance(hour);
    assert.deepEqual(followed(), []);
    join.lookup('c:80', 'c');
    assert.deepEqual(told, ['lost none:80', 'used a:80', 'used c:80']);
  });

  it('that are none of the mesh’s need not be waited for when they are called again', () => {
    const { clock, join, state, told, followed } = scene();
    const first = join.lookup('x:80', 'x');
    assert.deepEqual([first.absent, first.presumed], [true, false]);
    clock.advance(2 * hour);
    assert.deepEqual(followed(), []);
    state.silent = true;
    const second = join.lookup('x:80', 'x');
    assert.deepEqual([second.absent, second.presumed, second.error?.code], [true, true, 'not_in_mesh']);
    assert.ok(told.includes('outside x:80'));
    const third = join.lookup('y:80', 'y');
    assert.deepEqual([third.absent, third.error], [false, null], 'nothing was ever said of it');
  });

  it('that were presumed to be none of the mesh’s are taken up when there is a listener', () => {
    const { clock, join, told } = scene();
    join.lookup('x:80', 'x');
    clock.advance(2 * hour);
    told.length = 0;
    const entry = join.lookup('x:80', 'x');
    assert.deepEqual([entry.absent, entry.presumed], [true, false], 'asked again, and the answer is the same');
    assert.deepEqual(told, ['outside x:80']);
  });
});
