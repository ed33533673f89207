// Several control planes with the same resources (gRFC A71), with the real resource types and in each variant of the protocol; the
// first and the others may speak different ones.
import assert from 'node:assert/strict';
import type { AdsVariant } from '@inmesh/xds';
import { cluster, endpoints } from '../../support/feed.ts';
import { ScriptedServer, scene, turn } from './scripted.ts';

const pairs: readonly (readonly [AdsVariant, AdsVariant])[] = [
  ['sotw', 'sotw'],
  ['delta', 'delta'],
  ['sotw', 'delta'],
  ['delta', 'sotw'],
];

for (const [variant, other] of pairs) {
  const start = (count: number) => {
    const others = Array.from({ length: count - 1 }, () => new ScriptedServer());
    const fallbacks = others.map((transport, index) => ({
      transport,
      serverUri: `fallback-${index + 1}.test:18000`,
      variant: other,
    }));
    return { ...scene({ variant, fallbacks }), others };
  };

  describe(`several xDS servers, ${variant} and then ${other}`, () => {
    it('22 falls back at startup, and returns when the first answers', async () => {
      const { server: first, others, watch, clock, client } = start(2);
      const [second] = others as [ScriptedServer];
      const heard = watch('cluster', 'a');
      await turn();
      first.stream.end();
      await turn();
      assert.deepEqual(second.stream.asked(), [{ type: 'cluster', wanted: ['a'] }]);
      second.stream.respond('cluster', 'v1', [cluster('a', { connect_timeout: '9s' })]);
      clock.advance(1_000);
      assert.deepEqual(first.stream.asked(), [{ type: 'cluster', wanted: ['a'] }]);
      first.stream.respond('cluster', 'v1', [cluster('a')]);
      assert.deepEqual(heard.said, ['ambient connection_failure', 'changed', 'changed']);
      assert.equal(second.stream.closed, true);
      assert.deepEqual(
        client.status().servers.map(({ variant, state }) => [variant, state]),
        [
          [variant, 'connected'],
          [other, 'idle'],
        ],
      );
    });

    it('22 falls back in the middle of an update, and tells no server what another one gave', async () => {
      const { server: first, others, watch, clock } = start(2);
      const [second] = others as [ScriptedServer];
      const old = watch('clusterLoadAssignment', 'old');
      await turn();
      first.stream.respond('clusterLoadAssignment', 'v1', [endpoints('old', [1])]);
      const fresh = watch('clusterLoadAssignment', 'new');
      await turn();
      first.stream.end();
      first.stream.end();
      await turn();
      const wanted = ['old', 'new'];
      assert.deepEqual(second.stream.asked(), [{ type: 'clusterLoadAssignment', wanted }]);
      second.stream.respond('clusterLoadAssignment', 's1', [endpoints('old', [2]), endpoints('new', [2])]);
      assert.deepEqual(old.said, ['changed', 'ambient connection_failure', 'changed']);
      assert.deepEqual(fresh.said, ['ambient connection_failure', 'changed']);
      clock.advance(1_000);
      assert.deepEqual(first.stream.asked(), [{ type: 'clusterLoadAssignment', wanted }]);
    });

    it('22 does not fall back while all is known, and holds on to what the second has not got', async () => {
      const { server: first, others, watch } = start(2);
      const [second] = others as [ScriptedServer];
      const known = watch('cluster', 'known');
      await turn();
      first.stream.respond('cluster', 'v1', [cluster('known')]);
      first.stream.end();
      first.stream.end();
      await turn();
      assert.equal(second.streams.length, 0);
      const unknown = watch('cluster', 'unknown');
      await turn();
      await turn();
      second.stream.respond('cluster', 's1', [cluster('unknown')], { removed: ['known'] });
      assert.deepEqual(known.said, ['changed', 'ambient connection_failure']);
      assert.deepEqual(unknown.said, ['ambient connection_failure', 'changed']);
    });

    it('22 climbs down three servers and back', async () => {
      const { server: first, others, watch, clock, client } = start(3);
      const [second, third] = others as [ScriptedServer, ScriptedServer];
      const heard = watch('cluster', 'a');
      const states = () => client.status().servers.map(({ state }) => state);
      await turn();
      first.stream.end();
      await turn();
      second.stream.end();
      await turn();
      third.stream.respond('cluster', 'v3', [cluster('a', { connect_timeout: '3s' })]);
      assert.deepEqual(states(), ['backoff', 'backoff', 'connected']);
      clock.advance(1_000);
      second.stream.respond('cluster', 'v2', [cluster('a', { connect_timeout: '2s' })]);
      assert.deepEqual(states(), ['connecting', 'connected', 'idle']);
      first.stream.respond('cluster', 'v1', [cluster('a', { connect_timeout: '1s' })]);
      assert.deepEqual(states(), ['connected', 'idle', 'idle']);
      assert.deepEqual(heard.said.slice(2), ['changed', 'changed', 'changed']);
      assert.deepEqual(
        [first, second, third].map(({ streams }) => streams.length),
        [2, 2, 1],
      );
    });
  });
}
