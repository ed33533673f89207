// The ADS client as a peer of any control plane: one test per numbered behaviour, in each variant that has it. The numbers are
// those of ../README.md.
import assert from 'node:assert/strict';
import { fromBinary } from '@bufbuild/protobuf';
import { messageType } from '@inmesh/api';
import type { Cluster } from '@inmesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import type { ResourceInput } from '@inmesh/control-plane';
import { VirtualClock } from '@inmesh/core';
import type { AdsClientOptions, AdsVariant, CollectionWatcher } from '@inmesh/xds';
import { apiListener, cluster, endpoints, routes } from '../../support/feed.ts';
import { packed, type Scene, scene, turn } from './scripted.ts';

const bad = (name: string, timeout = '-1s'): ResourceInput => cluster(name, { connect_timeout: timeout });

for (const variant of ['sotw', 'delta'] as const satisfies readonly AdsVariant[]) {
  const start = (options: Partial<AdsClientOptions> = {}): Scene => scene({ variant, ...options });
  /** What a request says of the version: the state of the world only. */
  const at = (version: string): { version?: string } => (variant === 'sotw' ? { version } : {});
  /** A response after which, of these clusters, none but those given are there. */
  const leave = ({ server }: Scene, version: string, all: readonly string[], left: readonly ResourceInput[]): void => {
    const names = left.map((each) => (each as { name?: string }).name);
    server.stream.respond('cluster', version, left, { removed: all.filter((name) => !names.includes(name)) });
  };

  describe(`xDS client, ${variant}`, () => {
    it('1 acknowledges with version and nonce', async () => {
      const { server, watch } = start();
      const heard = watch('cluster', 'a');
      await turn();
      assert.deepEqual(server.stream.asked(), [{ type: 'cluster', wanted: ['a'] }]);
      server.stream.respond('cluster', 'v1', [cluster('a')]);
      assert.deepEqual(server.stream.asked(), [{ type: 'cluster', wanted: ['a'], ...at('v1'), nonce: 'n1' }]);
      server.stream.respond('cluster', 'v2', [cluster('a', { connect_timeout: '9s' })]);
      assert.deepEqual(server.stream.asked(), [{ type: 'cluster', wanted: ['a'], ...at('v2'), nonce: 'n2' }]);
      assert.deepEqual(heard.said, ['changed', 'changed']);
    });

    it('2 refuses with the version in force, the new nonce and the reason', async () => {
      const { server, watch } = start();
      watch('cluster', 'a');
      await turn();
      server.stream.respond('cluster', 'v1', [cluster('a')]);
      server.stream.respond('cluster', 'v2', [bad('a')]);
      const nack = server.stream.asked().at(-1);
      assert.deepEqual(
        { ...nack, refused: '' },
        { type: 'cluster', wanted: ['a'], ...at('v1'), nonce: 'n2', refused: '' },
      );
      assert.match(nack?.refused ?? '', /^cluster "a": Cluster "a": connect_timeout: value must be greater than 0s/);
    });

    it('3 refuses a first response with no version, and tells the watcher that there is nothing', async () => {
      const { server, watch } = start();
      const heard = watch('cluster', 'a');
      await turn();
      server.stream.respond('cluster', 'v1', [bad('a')]);
      const nack = server.stream.asked().at(-1);
      assert.equal(nack?.version, undefined);
      assert.equal(nack?.nonce, 'n1');
      assert.ok(nack.refused !== undefined);
      assert.deepEqual(heard.said, ['resource invalid_config']);
    });

    it('4 keeps the last good version, with an ambient error', async () => {
      const { server, client, watch } = start();
      const heard = watch('cluster', 'a');
      await turn();
      server.stream.respond('cluster', 'v1', [cluster('a')]);
      server.stream.respond('cluster', 'v2', [bad('a')]);
      assert.deepEqual(heard.said, ['changed', 'ambient invalid_config']);
      const [status] = client.status().resources;
      assert.deepEqual([status?.state, status?.version, status?.refusedVersion], ['NACKED', 'v1', 'v2']);
    });

    it('5 uses the good resources of a bad response, and names each bad one', async () => {
      const { server, client, watch } = start();
      const heard = ['a', 'b', 'c'].map((name) => watch('cluster', name).said);
      await turn();
      server.stream.respond('cluster', 'v1', [bad('a'), cluster('b'), bad('c')]);
      assert.deepEqual(heard, [['resource invalid_config'], ['changed'], ['resource invalid_config']]);
      assert.match(server.stream.asked().at(-1)?.refused ?? '', /cluster "a": .*; cluster "c": /);
      server.stream.respond('cluster', 'v2', [cluster('a'), cluster('b'), cluster('c')]);
      assert.equal(server.stream.asked().at(-1)?.refused, undefined);
      assert.deepEqual(
        client.status().resources.map(({ state }) => state),
        ['ACKED', 'ACKED', 'ACKED'],
      );
    });

    it('6 tells watchers of the same refusal once', async () => {
      const { server, watch } = start();
      const heard = watch('cluster', 'a');
      await turn();
      server.stream.respond('cluster', 'v1', [bad('a')]);
      server.stream.respond('cluster', 'v2', [bad('a')]);
      assert.equal(server.stream.asked().filter(({ refused }) => refused !== undefined).length, 2);
      assert.deepEqual(heard.said, ['resource invalid_config']);
    });

    it('7 names the node in the first request of a stream only', async () => {
      const { server, watch } = start();
      watch('cluster', 'a');
      watch('listener', 'l');
      await turn();
      server.stream.respond('cluster', 'v1', [cluster('a')]);
      assert.deepEqual(
        server.stream.nodes.map((node) => node?.id),
        ['node-1', undefined, undefined],
      );
      const features = server.stream.nodes[0]?.clientFeatures;
      assert.deepEqual(features, ['xds.config.resource-in-sotw', 'xds.config.supports-resource-ttl']);
      server.stream.end();
      assert.equal(server.stream.nodes[0]?.id, 'node-1');
    });

    it('8 subscribes to everything again on a new stream, with what it has and without a nonce', async () => {
      const { server, watch } = start();
      watch('cluster', 'a');
      watch('cluster', 'b');
      watch('clusterLoadAssignment', 'a');
      await turn();
      server.stream.respond('cluster', 'v1', [cluster('a'), bad('b')]);
      server.stream.respond('clusterLoadAssignment', 'v7', [endpoints('a', [80])]);
      server.stream.end();
      assert.equal(server.streams.length, 2);
      assert.deepEqual(
        server.stream.asked(),
        variant === 'sotw'
          ? [
              { type: 'cluster', wanted: ['a', 'b'] },
              { type: 'clusterLoadAssignment', wanted: ['a'], version: 'v7' },
            ]
          : [
              { type: 'cluster', wanted: ['a', 'b'], held: { a: 'v1' } },
              { type: 'clusterLoadAssignment', wanted: ['a'], held: { a: 'v7' } },
            ],
      );
    });

    it('9 tells the server before its answer that a resource is not wanted any more', async () => {
      const { server, client, watch } = start();
      const a = watch('clusterLoadAssignment', 'a');
      watch('clusterLoadAssignment', 'b');
      await turn();
      a.unwatch();
      await turn();
      server.stream.respond('clusterLoadAssignment', 'v1', [endpoints('a', [80]), endpoints('b', [80])]);
      assert.deepEqual(
        server.stream.asked().map(({ wanted, nonce }) => [wanted, nonce]),
        [
          [['a', 'b'], undefined],
          [['b'], undefined],
          [['b'], 'n1'],
        ],
      );
      assert.deepEqual(a.said, []);
      assert.deepEqual(
        client.status().resources.map(({ name }) => name),
        ['b'],
      );
    });

    it('10 waits longer after each stream without a response, and not at all after one with', async () => {
      const { server, clock, watch } = start();
      watch('cluster', 'a');
      await turn();
      for (const wait of [1_000, 1_600, 2_560]) {
        server.stream.end();
        const before = server.streams.length;
        clock.advance(wait - 1);
        assert.equal(server.streams.length, before);
        clock.advance(1);
        assert.equal(server.streams.length, before + 1);
      }
      server.stream.respond('cluster', 'v1', [cluster('a')]);
      const before = server.streams.length;
      server.stream.end(0, '');
      assert.equal(server.streams.length, before + 1);
      server.stream.end();
      clock.advance(1_000);
      assert.equal(server.streams.length, before + 2, 'the row begins again');
    });

    it('11 gives a resource 15 s from when the connection is up', async () => {
      const made = start();
      made.server.connected = false;
      const heard = made.watch('listener', 'l');
      await turn();
      made.clock.advance(60_000);
      assert.deepEqual(heard.said, []);
      made.server.stream.open();
      made.clock.advance(14_999);
      assert.deepEqual(heard.said, []);
      made.clock.advance(1);
      assert.deepEqual(heard.said, ['resource no_route']);
    });

    it('11 asks later for more on a connection that is up: the same 15 s', async () => {
      const { clock, watch } = start();
      watch('listener', 'l');
      await turn();
      clock.advance(10_000);
      const late = watch('clusterLoadAssignment', 'e');
      await turn();
      clock.advance(14_999);
      assert.deepEqual(late.said, []);
      clock.advance(1);
      assert.deepEqual(late.said, ['resource no_healthy_upstream']);
    });

    it('12 sets no timer for what it has, after a restart of the stream', async () => {
      const { server, clock, watch } = start();
      const heard = watch('listener', 'l');
      await turn();
      server.stream.respond('listener', 'v1', [apiListener('l', [])]);
      server.stream.end(0, '');
      clock.advance(60_000);
      assert.deepEqual(heard.said, ['changed']);
      assert.equal(clock.pending, 0);
    });

    it('13 takes a cluster that the server takes away as removed', async () => {
      const made = start();
      const a = made.watch('cluster', 'a');
      const b = made.watch('cluster', 'b');
      await turn();
      made.server.stream.respond('cluster', 'v1', [cluster('a'), cluster('b')]);
      leave(made, 'v2', ['a', 'b'], [cluster('b')]);
      assert.deepEqual(a.said, ['changed', 'resource no_cluster']);
      assert.deepEqual(b.said, ['changed']);
      assert.equal(made.client.status().resources[0]?.state, 'DOES_NOT_EXIST');
    });

    it('14 keeps routes and endpoints that a response does not have', async () => {
      const { server, watch } = start();
      const a = watch('clusterLoadAssignment', 'a');
      watch('clusterLoadAssignment', 'b');
      watch('routeConfiguration', 'r');
      await turn();
      server.stream.respond('clusterLoadAssignment', 'v1', [endpoints('a', [80]), endpoints('b', [80])]);
      server.stream.respond('clusterLoadAssignment', 'v2', [endpoints('b', [81])]);
      server.stream.respond('routeConfiguration', 'v1', [routes('r', [])]);
      server.stream.respond('routeConfiguration', 'v2', []);
      assert.deepEqual(a.said, ['changed']);
      assert.deepEqual(watch('routeConfiguration', 'r').said, ['changed']);
    });

    it('15 delivers a cluster that was removed and comes back byte for byte (defect 1 of grpc-js-xds)', async () => {
      const made = start();
      const heard = made.watch('cluster', 'a');
      await turn();
      made.server.stream.respond('cluster', 'v1', [cluster('a')]);
      leave(made, 'v2', ['a'], []);
      made.server.stream.respond('cluster', 'v3', [cluster('a')]);
      assert.deepEqual(heard.said, ['changed', 'resource no_cluster', 'changed']);
    });

    it('16 tells a new watcher what is known: value, refusal, absence (defect 13 of grpc-js-xds)', async () => {
      const made = start();
      const names = ['good', 'mixed', 'refused', 'gone'];
      for (const name of names) made.watch('cluster', name);
      await turn();
      made.server.stream.respond('cluster', 'v1', [cluster('good'), cluster('mixed'), bad('refused'), cluster('gone')]);
      leave(made, 'v2', ['gone'], [cluster('good'), bad('mixed'), bad('refused')]);
      assert.deepEqual(
        names.map((name) => made.watch('cluster', name).said),
        [['changed'], ['changed', 'ambient invalid_config'], ['resource invalid_config'], ['resource no_cluster']],
      );
    });

    it('17 lets watchers share a subscription, and start another in a callback', async () => {
      const { server, client, watch } = start();
      const first = watch('cluster', 'a');
      let nested: ReturnType<typeof watch> | null = null;
      client.watch('cluster', 'a', {
        changed: () => {
          nested ??= watch('clusterLoadAssignment', 'a');
        },
        resourceError() {},
        ambientError() {},
      });
      await turn();
      server.stream.respond('cluster', 'v1', [cluster('a')]);
      first.unwatch();
      await turn();
      assert.deepEqual(
        server.stream.asked().map(({ type, wanted }) => `${type} ${wanted}`),
        ['cluster a', 'cluster a', 'clusterLoadAssignment a'],
      );
      assert.ok(nested !== null);
    });

    it('18 takes part of what it asked for, and the rest when it comes', async () => {
      const { server, watch } = start();
      const heard = ['a', 'b', 'c'].map((name) => watch('routeConfiguration', name).said);
      await turn();
      server.stream.respond('routeConfiguration', 'v1', [routes('b', [])]);
      assert.deepEqual(heard, [[], ['changed'], []]);
      server.stream.respond('routeConfiguration', 'v2', [routes('a', []), routes('c', [])]);
      assert.deepEqual(heard, [['changed'], ['changed'], ['changed']]);
    });

    it('19 reads no further until all of a response is applied, in slices, and answers after the last', async () => {
      const clock = new SlowClock();
      const made = start({ clock });
      const heard = ['a', 'b', 'c'].map((name) => made.watch('cluster', name).said);
      const other = made.watch('listener', 'l');
      await turn();
      made.server.stream.asked();
      made.server.stream.respond('cluster', 'v1', [cluster('a'), bad('b'), cluster('c')]);
      assert.deepEqual(heard, [['changed'], [], []]);
      assert.equal(made.server.stream.paused, true);
      other.unwatch();
      await turn();
      assert.deepEqual(
        made.server.stream.asked().map(({ type }) => type),
        ['listener'],
        'other types go on',
      );
      clock.advance(0);
      assert.deepEqual(
        heard.map(({ length }) => length),
        [1, 1, 1],
      );
      assert.equal(made.server.stream.paused, false);
      assert.match(made.server.stream.asked().at(-1)?.refused ?? '', /cluster "b"/);
    });

    it('19 gives up a response whose stream has ended, and keeps what it took of it', async () => {
      const clock = new SlowClock();
      const made = start({ clock });
      const heard = ['a', 'b'].map((name) => made.watch('cluster', name).said);
      await turn();
      made.server.stream.respond('cluster', 'v1', [cluster('a'), cluster('b')]);
      const first = made.server.stream;
      first.asked();
      first.end(0, '');
      clock.advance(0);
      assert.deepEqual(heard, [['changed'], []]);
      assert.deepEqual(first.asked(), [], 'no answer');
      made.server.stream.respond('cluster', 'v1', [cluster('a'), cluster('b')]);
      clock.advance(0);
      assert.deepEqual(heard, [['changed'], ['changed']]);
    });

    it('23 keeps what is taken away in force with ignore_resource_deletion', async () => {
      const made = start({ serverFeatures: ['xds_v3', 'ignore_resource_deletion'] });
      const a = made.watch('cluster', 'a');
      await turn();
      made.server.stream.respond('cluster', 'v1', [cluster('a')]);
      leave(made, 'v2', ['a'], []);
      leave(made, 'v3', ['a'], []);
      assert.deepEqual(a.said, ['changed', 'ambient no_cluster']);
      assert.deepEqual(made.watch('cluster', 'a').said, ['changed', 'ambient no_cluster']);
      assert.equal(made.client.status().resources[0]?.state, 'ACKED');
      made.server.stream.respond('cluster', 'v4', [cluster('a', { connect_timeout: '9s' })]);
      assert.deepEqual(a.said, ['changed', 'ambient no_cluster', 'changed']);
      assert.deepEqual(made.watch('cluster', 'a').said, ['changed']);
    });

    it('23 ends the version in force when a newer one is refused with fail_on_data_errors, which wins', async () => {
      const made = start({ serverFeatures: ['fail_on_data_errors', 'ignore_resource_deletion'] });
      const a = made.watch('cluster', 'a');
      const b = made.watch('cluster', 'b');
      await turn();
      made.server.stream.respond('cluster', 'v1', [cluster('a'), cluster('b')]);
      leave(made, 'v2', ['a', 'b'], [bad('a')]);
      assert.deepEqual(a.said, ['changed', 'resource invalid_config']);
      assert.deepEqual(b.said, ['changed', 'resource no_cluster']);
    });

    it('23 takes silence for slowness after 30 s with resource_timer_is_transient_error', async () => {
      const { server, clock, client, watch } = start({ serverFeatures: ['resource_timer_is_transient_error'] });
      const heard = watch('cluster', 'a');
      await turn();
      clock.advance(29_999);
      assert.deepEqual(heard.said, []);
      clock.advance(1);
      assert.deepEqual(heard.said, ['resource connection_failure']);
      assert.equal(client.status().resources[0]?.state, 'TIMEOUT');
      server.stream.respond('cluster', 'v1', [cluster('a')]);
      assert.deepEqual(heard.said, ['resource connection_failure', 'changed']);
      assert.equal(client.status().resources[0]?.state, 'ACKED');
    });

    it('23 hears what the server says of a single resource', async () => {
      const { server, clock, client, watch } = start();
      const heard = ['known', 'absent', 'forbidden', 'later'].map((name) => watch('clusterLoadAssignment', name));
      await turn();
      server.stream.respond('clusterLoadAssignment', 'v1', [endpoints('known', [80])]);
      server.stream.respond('clusterLoadAssignment', 'v2', [], {
        problems: [
          ['known', 7, 'not yours any more'],
          ['absent', 5, 'no such service'],
          ['forbidden', 7, 'not yours'],
          ['later', 14, 'database is down'],
          ['never asked for', 5, ''],
        ],
      });
      assert.deepEqual(
        heard.map(({ said }) => said.at(-1)),
        [
          'ambient no_healthy_upstream',
          'resource no_healthy_upstream',
          'resource no_healthy_upstream',
          'resource connection_failure',
        ],
      );
      assert.match(heard[3]?.failures[0]?.message ?? '', /status 14: database is down/);
      assert.deepEqual(new Set(client.status().resources.map(({ state }) => state)), new Set(['RECEIVED_ERROR']));
      assert.equal(client.status().resources.length, 4);
      clock.advance(60_000);
      assert.equal(heard[1]?.said.length, 1, 'its timer has stopped');
      server.stream.respond('clusterLoadAssignment', 'v3', [endpoints('known', [80])]);
      assert.equal(client.status().resources[0]?.state, 'ACKED');
    });

    it('23 ends the version in force when the server says that there is none, with fail_on_data_errors', async () => {
      const { server, watch } = start({ serverFeatures: ['fail_on_data_errors'] });
      const heard = ['a', 'b'].map((name) => watch('clusterLoadAssignment', name).said);
      await turn();
      server.stream.respond('clusterLoadAssignment', 'v1', [endpoints('a', [80]), endpoints('b', [80])]);
      server.stream.respond('clusterLoadAssignment', 'v2', [], {
        problems: [
          ['a', 5, ''],
          ['b', 14, ''],
        ],
      });
      assert.deepEqual(heard, [
        ['changed', 'resource no_healthy_upstream'],
        ['changed', 'ambient connection_failure'],
      ]);
    });

    it('24 says what it knows of each resource and of the stream', async () => {
      const { server, clock, client, watch } = start();
      for (const name of ['acked', 'nacked', 'absent']) watch('cluster', name);
      await turn();
      assert.equal(client.status().stream.state, 'connecting');
      clock.advance(15_000);
      watch('clusterLoadAssignment', 'requested');
      await turn();
      server.stream.respond('cluster', 'v1', [cluster('acked'), bad('nacked')]);
      const { stream, resources } = client.status();
      assert.deepEqual([stream.state, stream.variant, stream.lastError], ['connected', variant, null]);
      assert.deepEqual(
        resources.map(({ name, state, version }) => `${name} ${state} ${version}`.trim()),
        ['acked ACKED v1', 'nacked NACKED', 'absent DOES_NOT_EXIST', 'requested REQUESTED'],
      );
      assert.match(resources[1]?.error ?? '', /connect_timeout/);
    });

    it('24 keeps what is in force beside what was refused, with the time of each', async () => {
      const { server, clock, client, watch } = start();
      watch('cluster', 'c');
      await turn();
      server.stream.respond('cluster', 'v1', [cluster('c')]);
      clock.advance(1_000);
      server.stream.respond('cluster', 'v2', [bad('c')]);
      clock.advance(1_000);
      server.stream.respond('cluster', 'v3', [bad('c')]);
      const [content, ...others] = client.contents();
      assert.deepEqual(others, []);
      assert.equal(content?.version, 'v1');
      const read = (bytes: Uint8Array | null) =>
        fromBinary(messageType<Cluster>('envoy.config.cluster.v3.Cluster'), bytes ?? new Uint8Array());
      const timeouts = [content.bytes, content.refusedBytes].map((bytes) => read(bytes).connectTimeout?.seconds);
      assert.deepEqual(timeouts, [2n, -1n]);
      assert.equal(content.refusedVersion, 'v2', 'where the same bytes came first');
      assert.equal((content.refusedAt ?? 0) - (content.acceptedAt ?? 0), 1_000);
    });

    it('25 names node, control plane and resource in its errors', async () => {
      const { server, watch } = start();
      const heard = watch('cluster', 'a');
      await turn();
      server.stream.respond('cluster', 'v1', [bad('a')]);
      assert.match(
        heard.failures[0]?.message ?? '',
        /resource cluster "a", nodeId node-1, controlPlane xds\.test:18000/,
      );
    });

    it('26 counts updates, resources and failures', async () => {
      const { server, client, watch } = start();
      watch('cluster', 'a');
      watch('cluster', 'b');
      await turn();
      server.stream.respond('cluster', 'v1', [cluster('a'), bad('b')]);
      server.stream.respond('cluster', 'v2', [cluster('a'), cluster('b')]);
      assert.equal(client.stats.control_plane.connected_state, 1);
      server.stream.end(0, '');
      server.stream.end();
      const { cluster: counted } = client.stats.types;
      assert.deepEqual(
        {
          attempt: counted.update_attempt,
          success: counted.update_success,
          rejected: counted.update_rejected,
          failure: counted.update_failure,
          valid: counted.resource_updates_valid,
          invalid: counted.resource_updates_invalid,
        },
        { attempt: 2, success: 1, rejected: 1, failure: 1, valid: 2, invalid: 1 },
      );
      assert.deepEqual(client.stats.control_plane, { connected_state: 0, stream_opened: 2, stream_failed: 1 });
    });

    it('27 unwraps Resource, knows heartbeats and aliases', async () => {
      const { server, watch } = start();
      const named = watch('cluster', 'outer');
      const alias = watch('clusterLoadAssignment', 'short');
      await turn();
      server.stream.respond('cluster', 'v1', [{ any: packed(cluster('inner')), name: 'outer' }]);
      server.stream.respond('cluster', 'v1', [{ any: null, name: 'outer' }]);
      assert.deepEqual(named.said, ['changed'], 'a heartbeat changes nothing, nor takes anything away');
      server.stream.respond('clusterLoadAssignment', 'v1', [
        { any: packed(endpoints('long', [80])), aliases: ['short'] },
      ]);
      assert.deepEqual(alias.said, ['changed']);
      assert.deepEqual(
        server.stream.asked().filter(({ refused }) => refused !== undefined),
        [],
      );
    });

    it('27 takes a response of heartbeats alone as news of those alone', async () => {
      const { server, watch } = start();
      const heard = ['a', 'b'].map((name) => watch('cluster', name).said);
      await turn();
      server.stream.respond('cluster', 'v1', [cluster('a'), cluster('b')]);
      server.stream.respond('cluster', 'v1', [{ any: null, name: 'a' }]);
      assert.deepEqual(heard, [['changed'], ['changed']]);
    });

    it('27 drops a resource whose time to live passes without a refresh, also while disconnected', async () => {
      const { server, clock, watch } = start();
      const heard = watch('cluster', 'a');
      await turn();
      server.stream.respond('cluster', 'v1', [{ any: packed(cluster('a')), ttlMs: 5_000 }]);
      clock.advance(4_000);
      server.stream.respond('cluster', 'v1', [{ any: null, name: 'a', ttlMs: 5_000 }]);
      clock.advance(4_000);
      server.stream.respond('cluster', 'v1', [{ any: packed(cluster('a')), ttlMs: 5_000 }]);
      clock.advance(4_999);
      assert.deepEqual(heard.said, ['changed']);
      clock.advance(1);
      assert.deepEqual(heard.said, ['changed', 'resource no_cluster']);
      server.stream.respond('cluster', 'v2', [{ any: packed(cluster('a')), ttlMs: 5_000 }]);
      server.stream.respond('cluster', 'v2', [cluster('a')]);
      clock.advance(60_000);
      assert.deepEqual(heard.said, ['changed', 'resource no_cluster', 'changed'], 'without a time it lives on');
      server.stream.respond('cluster', 'v3', [{ any: packed(cluster('a')), ttlMs: 3e15 }]);
      clock.advance(1_000);
      assert.equal(heard.said.at(-1), 'changed', 'longer than any timer');
    });

    it('wildcard: asks for all, tells each resource once, and knows at once what does not exist', async () => {
      const made = start();
      const { server, client } = made;
      const { told, watcher } = collector();
      const early = made.watch('cluster', 'nowhere');
      const leaveAll = client.watchAll('cluster', watcher);
      await turn();
      assert.deepEqual(server.stream.asked(), [{ type: 'cluster', wanted: [] }]);
      server.stream.respond('cluster', 'v1', [cluster('a'), cluster('b'), bad('c')]);
      assert.deepEqual(told.splice(0), ['changed a', 'changed b', 'ambient invalid_config', 'settled']);
      assert.deepEqual(early.said, ['resource no_cluster']);
      assert.deepEqual(made.watch('cluster', 'elsewhere').said, ['resource no_cluster']);
      const byName = made.watch('cluster', 'a');
      assert.deepEqual(byName.said, ['changed'], 'from its bytes');
      await turn();
      assert.deepEqual(
        server.stream.asked().map(({ wanted }) => wanted),
        [[]],
        'names are not asked for',
      );
      leave(made, 'v2', ['a'], [cluster('b'), bad('c')]);
      assert.deepEqual(told.splice(0), ['removed a', 'settled']);
      assert.deepEqual(byName.said, ['changed', 'resource no_cluster']);
      assert.deepEqual([...client.names('cluster')], ['b']);
      const late = collector();
      client.watchAll('cluster', late.watcher)();
      client.watchAll('cluster', late.watcher);
      assert.deepEqual(late.told, ['changed b', 'settled', 'changed b', 'settled']);
      leaveAll();
    });

    it('wildcard: asks for the names that are watched when nobody wants all any more', async () => {
      const { server, client, watch } = start();
      const leaveAll = client.watchAll('cluster', collector().watcher);
      watch('cluster', 'a');
      await turn();
      server.stream.respond('cluster', 'v1', [cluster('a'), cluster('b')]);
      server.stream.asked();
      leaveAll();
      await turn();
      assert.deepEqual(
        server.stream.asked().map(({ wanted }) => wanted),
        [['a']],
      );
      assert.deepEqual([...client.names('cluster')], ['a']);
      client.watchAll('cluster', collector().watcher);
      await turn();
      assert.deepEqual(
        server.stream.asked().map(({ wanted }) => wanted),
        [['*']],
      );
    });

    it('wildcard: says after 15 s that no answer came', async () => {
      const { clock, client } = start();
      const { told, watcher } = collector();
      client.watchAll('listener', watcher);
      await turn();
      clock.advance(15_000);
      assert.deepEqual(told, ['ambient config_timeout']);
    });

    it('never asks for nothing first, which would mean all', async () => {
      const { server, watch } = start();
      watch('listener', 'l').unwatch();
      watch('cluster', 'a');
      await turn();
      assert.deepEqual(server.stream.asked(), [{ type: 'cluster', wanted: ['a'] }]);
    });

    it('refuses what it does not know, and ignores what it did not ask for', async () => {
      const { server, errors, watch } = start();
      watch('cluster', 'a');
      await turn();
      server.stream.asked();
      server.stream.respond('type.googleapis.com/test.Unknown', 'v1', []);
      assert.match(server.stream.asked()[0]?.refused ?? '', /unknown resource type/);
      server.stream.respond('listener', 'v1', [apiListener('l', [])]);
      assert.deepEqual(server.stream.asked(), []);
      assert.equal(errors.length, 2);
      server.stream.respond('cluster', 'v1', [{ any: packed(apiListener('l', [])) }]);
      assert.match(server.stream.asked()[0]?.refused ?? '', /it is a ".*Listener" in a response of ".*Cluster"/);
    });

    it('speaks the other variant where the server has not got this one, and keeps to it', async () => {
      for (const [code, message] of [
        [12, 'unknown method'],
        [2, 'not implemented'],
      ] as const) {
        const { server, client, clock, watch } = start();
        const heard = watch('cluster', 'a');
        await turn();
        assert.equal(server.stream.variant, variant);
        server.stream.end(code, message);
        const other = variant === 'sotw' ? 'delta' : 'sotw';
        assert.equal(server.stream.variant, other, 'at once');
        assert.deepEqual(server.stream.asked(), [{ type: 'cluster', wanted: ['a'] }]);
        assert.deepEqual(heard.said, []);
        server.stream.respond('cluster', 'v1', [cluster('a')]);
        server.stream.end(14, 'restart');
        assert.equal(server.stream.variant, other);
        assert.equal(client.status().stream.variant, other);
        server.stream.end(14, 'down');
        clock.advance(1_000);
        assert.equal(server.stream.variant, other, 'an outage is no reason to change');
      }
    });

    it('tries both variants in turn, with waits, where the server has neither', async () => {
      const { server, clock, watch } = start();
      const heard = watch('cluster', 'a');
      await turn();
      server.stream.end(12, 'no');
      server.stream.end(12, 'no');
      assert.equal(server.streams.length, 2);
      assert.deepEqual(heard.said, ['ambient connection_failure']);
      clock.advance(1_000);
      server.stream.end(12, 'no');
      clock.advance(1_600);
      assert.deepEqual(
        server.streams.map((stream) => stream.variant === variant),
        [true, false, true, false],
      );
    });
  });
}

describe('xDS client, delta only', () => {
  it('holds versions per resource, and those that it refused not', async () => {
    const { server, watch } = scene({ variant: 'delta' });
    for (const name of ['a', 'b', 'c']) watch('cluster', name);
    await turn();
    server.stream.respond('cluster', 's1', [
      { any: packed(cluster('a')), version: '17' },
      { any: packed(cluster('b')), version: '4' },
      { any: packed(cluster('c')), version: '1' },
    ]);
    server.stream.respond('cluster', 's2', [{ any: packed(bad('b')), version: '5' }], { removed: ['c'] });
    server.stream.end(0, '');
    assert.deepEqual(server.stream.asked(), [{ type: 'cluster', wanted: ['a', 'b', 'c'], held: { a: '17', b: '4' } }]);
  });

  it('says of all that it has, with the wildcard, on a new stream', async () => {
    const { server, client } = scene({ variant: 'delta' });
    const { told, watcher } = collector();
    client.watchAll('cluster', watcher);
    await turn();
    server.stream.respond('cluster', 's1', [cluster('a'), cluster('b')]);
    server.stream.end(0, '');
    assert.deepEqual(server.stream.asked(), [{ type: 'cluster', wanted: [], held: { a: 's1', b: 's1' } }]);
    told.length = 0;
    server.stream.respond('cluster', 's2', [], { removed: ['b'] });
    assert.deepEqual(told, ['removed b', 'settled']);
  });

  it('takes the silence of a server that was told of all in force for assent', async () => {
    const { server, clock, client, watch } = scene({ variant: 'delta' });
    watch('cluster', 'a');
    await turn();
    server.stream.respond('cluster', 's1', [cluster('a')]);
    server.stream.end(0, '');
    server.stream.end(14, 'away');
    const state = (): (string | null)[] => {
      const { state, lastError } = client.status().stream;
      return [state, lastError === null ? null : 'an error'];
    };
    assert.deepEqual(state(), ['backoff', 'an error']);
    clock.advance(1_200);
    assert.deepEqual(server.stream.asked()[0]?.held, { a: 's1' });
    await turn();
    assert.deepEqual(state(), ['connected', null]);
  });

  it('asks again for a name that was given up', async () => {
    const { server, watch } = scene({ variant: 'delta' });
    const first = watch('clusterLoadAssignment', 'a');
    watch('clusterLoadAssignment', 'b');
    await turn();
    server.stream.respond('clusterLoadAssignment', 's1', [endpoints('a', [80]), endpoints('b', [80])]);
    first.unwatch();
    await turn();
    const again = watch('clusterLoadAssignment', 'a');
    await turn();
    assert.deepEqual(again.said, []);
    assert.deepEqual(
      server.stream
        .asked()
        .slice(-2)
        .map(({ wanted }) => wanted),
      [['b'], ['b', 'a']],
    );
  });

  it('keeps nothing that it did not ask for', async () => {
    const { server, client, watch } = scene({ variant: 'delta' });
    watch('cluster', 'a');
    await turn();
    server.stream.respond('cluster', 's1', [cluster('a'), cluster('b'), bad('c')]);
    assert.match(server.stream.asked().at(-1)?.refused ?? '', /cluster "c"/);
    assert.deepEqual([...client.names('cluster')], ['a']);
    assert.equal(client.status().resources.length, 1);
  });

  it('takes no versions over from the state of the world', async () => {
    const { server, watch } = scene();
    watch('cluster', 'a');
    await turn();
    server.stream.respond('cluster', 'v1', [cluster('a')]);
    server.stream.end(0, '');
    server.stream.end(12, 'only delta from today on');
    assert.equal(server.stream.variant, 'delta');
    assert.deepEqual(server.stream.asked(), [{ type: 'cluster', wanted: ['a'] }]);
  });
});

function collector(): { told: string[]; watcher: CollectionWatcher<unknown> } {
  const told: string[] = [];
  return {
    told,
    watcher: {
      changed: (name) => told.push(`changed ${name}`),
      removed: (name) => told.push(`removed ${name}`),
      settled: () => told.push('settled'),
      ambientError: ({ code }) => told.push(`ambient ${code}`),
    },
  };
}

/** Each look at it takes ten milliseconds, so that every step of work fills a slice. */
class SlowClock extends VirtualClock {
  #looks = 0;
  override now(): number {
    return super.now() + 10 * this.#looks++;
  }
}
