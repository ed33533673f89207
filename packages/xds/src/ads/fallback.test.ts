// Several control planes (gRFC A71), as dialogues with scripted ones. Number 22 of the conformance list.
import assert from 'node:assert/strict';
import { any, FakeControlPlane, type Setup, setup, turn, wrapped } from './dialogue.test.ts';

interface Servers extends Setup {
  readonly servers: readonly FakeControlPlane[];
}

/** A client of several servers; the first is that of `setup`. */
function setupServers(count: number): Servers {
  const others = Array.from({ length: count - 1 }, () => new FakeControlPlane());
  const fallbacks = others.map((transport, index) => ({ transport, serverUri: `fallback-${index + 1}.test:18000` }));
  const made = setup({ fallbacks });
  return { ...made, servers: [made.server, ...others] };
}

const streams = ({ servers }: Servers): number[] => servers.map((server) => server.streams.length);

const states = ({ client }: Servers): string[] => client.status().servers.map(({ state }) => state);

describe('ads client: several servers', () => {
  it('22 asks the second server where the first cannot be reached at startup, and tries the first on', async () => {
    const scene = setupServers(2);
    const [first, second] = scene.servers as [FakeControlPlane, FakeControlPlane];
    const heard = scene.watch('cluster', 'a');
    await turn();
    assert.deepEqual(streams(scene), [1, 0]);
    first.stream.end();
    await turn();
    assert.deepEqual(second.stream.asked(), [{ type: 'cluster', names: ['a'] }]);
    second.stream.respond('cluster', 'v1', [any('cluster', 'a', '1')]);
    assert.deepEqual(heard.said, ['ambient connection_failure', 'changed 1']);
    assert.match(heard.failures[0]?.message ?? '', /controlPlane xds\.test:18000/);
    scene.clock.advance(1_000);
    first.stream.end();
    scene.clock.advance(1_600);
    assert.deepEqual(streams(scene), [3, 1]);
    assert.deepEqual(heard.said, ['ambient connection_failure', 'changed 1']);
    assert.equal(scene.client.status().stream.serverUri, 'fallback-1.test:18000');
    assert.deepEqual(states(scene), ['connecting', 'connected']);
    assert.deepEqual(
      scene.client.stats.servers.map(({ stream_opened, stream_failed }) => [stream_opened, stream_failed]),
      [
        [3, 2],
        [1, 0],
      ],
    );
  });

  it('22 takes from the second what the first did not get to say, and keeps what it said until it is replaced', async () => {
    const scene = setupServers(2);
    const [first, second] = scene.servers as [FakeControlPlane, FakeControlPlane];
    const listener = scene.watch('listener', 'l');
    const cluster = scene.watch('cluster', 'a');
    await turn();
    first.stream.respond('listener', 'v1', [any('listener', 'l', '1')]);
    first.stream.end();
    // Its connection had answered: it is asked again before it is given up.
    assert.deepEqual(streams(scene), [2, 0]);
    first.stream.end();
    await turn();
    second.stream.respond('cluster', 's1', [any('cluster', 'a', '2')]);
    assert.deepEqual(listener.said, ['changed 1', 'ambient connection_failure']);
    assert.deepEqual(cluster.said, ['ambient connection_failure', 'changed 2']);
    second.stream.respond('listener', 's1', [any('listener', 'l', '2')]);
    assert.deepEqual(listener.said.slice(2), ['changed 2']);
    assert.deepEqual(
      second.stream.asked().map(({ type, version }) => [type, version]),
      [
        ['listener', undefined],
        ['cluster', undefined],
        ['cluster', 's1'],
        ['listener', 's1'],
      ],
    );
  });

  it('22 takes all from the second where the first goes in the middle of an update', async () => {
    const scene = setupServers(2);
    const [first, second] = scene.servers as [FakeControlPlane, FakeControlPlane];
    const old = scene.watch('clusterLoadAssignment', 'old');
    await turn();
    first.stream.respond('clusterLoadAssignment', 'v1', [any('clusterLoadAssignment', 'old', '1')]);
    const fresh = scene.watch('clusterLoadAssignment', 'new');
    await turn();
    first.stream.end();
    first.stream.end();
    await turn();
    second.stream.respond('clusterLoadAssignment', 's1', [
      any('clusterLoadAssignment', 'old', '2'),
      any('clusterLoadAssignment', 'new', '2'),
    ]);
    assert.deepEqual(old.said, ['changed 1', 'ambient connection_failure', 'changed 2']);
    assert.deepEqual(fresh.said, ['ambient connection_failure', 'changed 2']);
  });

  it('22 climbs down three servers, and back to each better one that answers', async () => {
    const scene = setupServers(3);
    const [first, second, third] = scene.servers as [FakeControlPlane, FakeControlPlane, FakeControlPlane];
    const heard = scene.watch('cluster', 'a');
    await turn();
    first.stream.end();
    await turn();
    second.stream.end();
    await turn();
    third.stream.respond('cluster', 'v3', [any('cluster', 'a', '3')]);
    assert.deepEqual(states(scene), ['backoff', 'backoff', 'connected']);
    scene.clock.advance(1_000);
    second.stream.respond('cluster', 'v2', [any('cluster', 'a', '2')]);
    assert.deepEqual(states(scene), ['connecting', 'connected', 'idle']);
    assert.equal(third.stream.closed, true);
    assert.equal(second.stream.closed, false);
    first.stream.respond('cluster', 'v1', [any('cluster', 'a', '1')]);
    assert.deepEqual(states(scene), ['connected', 'idle', 'idle']);
    assert.equal(second.stream.closed, true);
    assert.deepEqual(heard.said.slice(2), ['changed 3', 'changed 2', 'changed 1']);
    scene.clock.advance(600_000);
    assert.deepEqual(streams(scene), [2, 2, 1]);
  });

  it('22 stays with the first while all that is watched is known, until something is watched that is not', async () => {
    const scene = setupServers(2);
    const [first, second] = scene.servers as [FakeControlPlane, FakeControlPlane];
    scene.watch('cluster', 'a');
    await turn();
    first.stream.respond('cluster', 'v1', [any('cluster', 'a', '1')]);
    first.stream.end();
    first.stream.end();
    await turn();
    assert.deepEqual(streams(scene), [2, 0]);
    scene.watch('cluster', 'gone').unwatch();
    await turn();
    await turn();
    assert.deepEqual(streams(scene), [2, 0]);
    const heard = scene.watch('cluster', 'b');
    await turn();
    await turn();
    second.stream.respond('cluster', 's1', [any('cluster', 'b', '2')]);
    assert.deepEqual(heard.said, ['ambient connection_failure', 'changed 2']);
  });

  it('lets the second remove only what the first did not give, and the first what the second gave', async () => {
    const scene = setupServers(2);
    const [first, second] = scene.servers as [FakeControlPlane, FakeControlPlane];
    const [a, b] = ['a', 'b'].map((name) => scene.watch('cluster', name).said) as [string[], string[]];
    await turn();
    first.stream.respond('cluster', 'v1', [any('cluster', 'a', '1')]);
    first.stream.end();
    first.stream.end();
    await turn();
    second.stream.respond('cluster', 's1', [any('cluster', 'b', '2')]);
    assert.deepEqual(a, ['changed 1', 'ambient connection_failure']);
    assert.deepEqual(b, ['ambient connection_failure', 'changed 2']);
    scene.clock.advance(1_000);
    first.stream.respond('cluster', 'v2', [any('cluster', 'a', '1')]);
    assert.deepEqual(a.slice(2), []);
    assert.deepEqual(b.slice(2), ['resource no_cluster']);
  });

  it('claims to hold nothing of the first once the second is in force, so that the first sends all again', async () => {
    const scene = setupServers(2);
    const [first, second] = scene.servers as [FakeControlPlane, FakeControlPlane];
    scene.watch('cluster', 'a');
    scene.watch('cluster', 'b');
    await turn();
    first.stream.respond('cluster', 'v1', [any('cluster', 'a', '1')]);
    first.stream.end();
    assert.deepEqual(first.stream.asked(), [{ type: 'cluster', names: ['a', 'b'], version: 'v1' }]);
    first.stream.end();
    await turn();
    second.stream.respond('cluster', 's1', [any('cluster', 'a', '2')]);
    scene.clock.advance(1_000);
    assert.deepEqual(first.stream.asked(), [{ type: 'cluster', names: ['a', 'b'] }]);
  });

  it('gives the second the whole time to answer, and names it in errors', async () => {
    const scene = setupServers(2);
    const [first, second] = scene.servers as [FakeControlPlane, FakeControlPlane];
    const silent = scene.watch('cluster', 'silent');
    const bad = scene.watch('clusterLoadAssignment', 'bad');
    await turn();
    scene.clock.advance(14_000);
    first.stream.end();
    await turn();
    scene.clock.advance(14_000);
    second.stream.respond('clusterLoadAssignment', 's1', [any('clusterLoadAssignment', 'bad', 'bad')]);
    assert.deepEqual(silent.said, ['ambient connection_failure']);
    scene.clock.advance(1_000);
    assert.deepEqual(silent.said.slice(1), ['resource no_cluster']);
    for (const { failures } of [silent, bad]) {
      assert.match(failures[1]?.message ?? '', /controlPlane fallback-1\.test:18000/);
    }
  });

  it('forgets at the return what was unwatched and never told to the second', async () => {
    const scene = setupServers(2);
    const [first, second] = scene.servers as [FakeControlPlane, FakeControlPlane];
    const a = scene.watch('clusterLoadAssignment', 'a');
    scene.watch('clusterLoadAssignment', 'b');
    await turn();
    first.stream.end();
    await turn();
    second.stream.respond('clusterLoadAssignment', 's1', [any('clusterLoadAssignment', 'a', '2')]);
    second.stream.end();
    second.stream.end();
    a.unwatch();
    scene.clock.advance(1_000);
    first.stream.respond('clusterLoadAssignment', 'v1', [any('clusterLoadAssignment', 'b', '1')]);
    assert.deepEqual(
      scene.client.status().resources.map(({ name }) => name),
      ['b'],
    );
  });

  it('closes every stream', async () => {
    const scene = setupServers(2);
    const [first, second] = scene.servers as [FakeControlPlane, FakeControlPlane];
    scene.watch('cluster', 'a');
    await turn();
    first.stream.end();
    await turn();
    scene.clock.advance(1_000);
    scene.client.close();
    assert.deepEqual([first.stream.closed, second.stream.closed], [true, true]);
    assert.deepEqual(states(scene), ['closed', 'closed']);
    assert.equal(scene.clock.pending, 0);
  });
});

describe('ads client: names of authorities', () => {
  it('27 knows a resource by one form of its name, however it is written', async () => {
    const { server, watch } = setup();
    const heard = watch('cluster', 'xdstp://outer/t/a?y=2&x=1#directive');
    const same = watch('cluster', 'xdstp://outer/t/a?x=1&y=2');
    await turn();
    assert.deepEqual(server.stream.asked(), [{ type: 'cluster', names: ['xdstp://outer/t/a?x=1&y=2'] }]);
    server.stream.respond('cluster', 'v1', [wrapped('xdstp://outer/t/a?y=2&x=1', any('cluster', 'a', '1'))]);
    server.stream.respond('cluster', 'v2', [any('cluster', 'xdstp://outer/t/a?y=2&x=1', '2')]);
    assert.deepEqual(heard.said, ['changed 1', 'changed 2']);
    assert.deepEqual(same.said, ['changed 1', 'changed 2']);
  });
});
