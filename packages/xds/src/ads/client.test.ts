// The client's side of the protocol, as dialogues with a scripted control plane. Numbers are those of the conformance
// list that the project keeps for xDS clients.
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Watcher } from '@inmesh/core';
import { any, FakeControlPlane, setup, turn, wrapped } from './dialogue.test.ts';

const silent: Watcher<unknown> = { changed() {}, resourceError() {}, ambientError() {} };

describe('ads client: accepting', () => {
  it('1 subscribes, and acknowledges with the version and the nonce', async () => {
    const { server, watch } = setup();
    const heard = watch('cluster', 'a');
    await turn();
    assert.deepEqual(server.paths, [
      '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources',
    ]);
    assert.deepEqual(server.stream.asked(), [{ type: 'cluster', names: ['a'] }]);
    server.stream.respond('cluster', 'v1', [any('cluster', 'a', '1')]);
    assert.deepEqual(server.stream.asked(), [{ type: 'cluster', names: ['a'], version: 'v1', nonce: 'n1' }]);
    server.stream.respond('cluster', 'v2', [any('cluster', 'a', '2')]);
    assert.deepEqual(server.stream.asked(), [{ type: 'cluster', names: ['a'], version: 'v2', nonce: 'n2' }]);
    assert.deepEqual(heard.said, ['changed 1', 'changed 2']);
  });

  it('7 names the node in the first request of a stream only', async () => {
    const { server, watch } = setup();
    watch('listener', 'l');
    watch('cluster', 'a');
    await turn();
    const [first, second] = server.stream.requests;
    assert.equal(first?.node?.id, 'node-1');
    assert.equal(first.node.cluster, 'shop');
    assert.deepEqual(first.node.metadata, { NAMESPACE: 'default' });
    assert.equal(first.node.locality?.region, 'eu');
    assert.equal(first.node.userAgentName, 'inmesh');
    assert.deepEqual(first.node.userAgentVersionType, { case: 'userAgentVersion', value: '1.2.3' });
    assert.deepEqual(first.node.clientFeatures, ['xds.config.resource-in-sotw', 'xds.config.supports-resource-ttl']);
    assert.equal(second?.node, undefined);
  });

  it('asks once per type for all that one turn subscribes, and never for what it takes back', async () => {
    const { server, watch } = setup();
    for (let i = 0; i < 20; i++) watch('clusterLoadAssignment', `e${i}`);
    watch('cluster', 'a');
    watch('listener', 'l').unwatch();
    await turn();
    assert.deepEqual(
      server.stream.asked().map(({ type, names }) => [type, names.length]),
      [
        ['cluster', 1],
        ['clusterLoadAssignment', 20],
      ],
    );
    watch('listener', 'l').unwatch();
    await turn();
    assert.deepEqual(server.stream.asked(), []);
  });

  it('9 tells the server that a resource is not wanted any more, before its answer comes', async () => {
    const { server, client, watch } = setup();
    const a = watch('clusterLoadAssignment', 'a');
    watch('clusterLoadAssignment', 'b');
    await turn();
    a.unwatch();
    a.unwatch();
    await turn();
    const endpoints = [any('clusterLoadAssignment', 'a', '1'), any('clusterLoadAssignment', 'b', '1')];
    server.stream.respond('clusterLoadAssignment', 'v1', endpoints);
    assert.deepEqual(server.stream.asked(), [
      { type: 'clusterLoadAssignment', names: ['a', 'b'] },
      { type: 'clusterLoadAssignment', names: ['b'] },
      { type: 'clusterLoadAssignment', names: ['b'], version: 'v1', nonce: 'n1' },
    ]);
    assert.deepEqual(a.said, []);
    assert.deepEqual(
      client.status().resources.map(({ name }) => name),
      ['b'],
    );
  });

  it('18 takes a partial response, and the rest when it comes', async () => {
    const { server, watch } = setup();
    const heard = ['a', 'b', 'c'].map((name) => watch('routeConfiguration', name).said);
    await turn();
    server.stream.respond('routeConfiguration', 'v1', [any('routeConfiguration', 'b', '1')]);
    assert.deepEqual(heard, [[], ['changed 1'], []]);
    server.stream.respond('routeConfiguration', 'v2', [
      any('routeConfiguration', 'a', '2'),
      any('routeConfiguration', 'c', '2'),
    ]);
    assert.deepEqual(heard, [['changed 2'], ['changed 1'], ['changed 2']]);
  });

  it('does not decode what is byte for byte as it was', async () => {
    const { server, decoded, watch } = setup();
    const heard = watch('cluster', 'a');
    watch('cluster', 'b');
    await turn();
    server.stream.respond('cluster', 'v1', [any('cluster', 'a', '1'), any('cluster', 'b', '1')]);
    server.stream.respond('cluster', 'v2', [any('cluster', 'a', '1'), any('cluster', 'b', '2')]);
    assert.deepEqual(decoded, ['a', 'b', 'b']);
    assert.deepEqual(heard.said, ['changed 1']);
    assert.equal(server.stream.asked().at(-1)?.version, 'v2');
  });

  it('27 unwraps Resource, and takes one without content as a heartbeat', async () => {
    const { server, watch } = setup();
    const heard = watch('cluster', 'xdstp://outer/a');
    await turn();
    server.stream.respond('cluster', 'v1', [wrapped('xdstp://outer/a', any('cluster', 'a', '1'))]);
    server.stream.respond('cluster', 'v2', [wrapped('xdstp://outer/a', null)]);
    assert.deepEqual(heard.said, ['changed 1']);
    assert.deepEqual(
      server.stream.asked().map(({ version }) => version),
      [undefined, 'v1', 'v2'],
    );
  });

  it('keeps unasked clusters as bytes for a later watcher, and unasked endpoints not at all', async () => {
    const { server, decoded, client, watch } = setup();
    watch('cluster', 'a');
    watch('clusterLoadAssignment', 'a');
    await turn();
    server.stream.respond('cluster', 'v1', [any('cluster', 'a', '1'), any('cluster', 'b', '7')]);
    server.stream.respond('clusterLoadAssignment', 'v1', [any('clusterLoadAssignment', 'b', '7')]);
    assert.deepEqual(decoded, ['a', 'b', 'b']);
    assert.deepEqual(watch('cluster', 'b').said, ['changed 7']);
    assert.deepEqual(decoded, ['a', 'b', 'b', 'b']);
    assert.deepEqual(
      client.status().resources.map(({ kind, name }) => `${kind} ${name}`),
      ['cluster a', 'cluster b', 'clusterLoadAssignment a'],
    );
  });

  it('19 reads no further while a response is being processed', async () => {
    const { server, client } = setup();
    const pausedWhenTold: boolean[] = [];
    client.watch('cluster', 'a', { ...silent, changed: () => pausedWhenTold.push(server.stream.paused) });
    await turn();
    server.stream.respond('cluster', 'v1', [any('cluster', 'a', '1')]);
    assert.deepEqual(pausedWhenTold, [true]);
    assert.equal(server.stream.paused, false);
    assert.equal(server.stream.pauses, 1);
  });
});

describe('ads client: refusing', () => {
  it('2 refuses with the version that is in force, the new nonce and the reason', async () => {
    const { server, watch } = setup();
    watch('cluster', 'a');
    await turn();
    server.stream.respond('cluster', 'v1', [any('cluster', 'a', '1')]);
    server.stream.respond('cluster', 'v2', [any('cluster', 'a', 'bad weight')]);
    assert.deepEqual(server.stream.asked().at(-1), {
      type: 'cluster',
      names: ['a'],
      version: 'v1',
      nonce: 'n2',
      refused: '3 cluster "a": field content: bad weight',
    });
  });

  it('3 refuses a first response with an empty version, and tells the watcher that there is nothing', async () => {
    const { server, watch } = setup();
    const heard = watch('cluster', 'a');
    await turn();
    server.stream.respond('cluster', 'v1', [any('cluster', 'a', 'bad')]);
    assert.deepEqual(heard.said, ['resource invalid_config']);
    assert.deepEqual(server.stream.asked().at(-1), {
      type: 'cluster',
      names: ['a'],
      nonce: 'n1',
      refused: '3 cluster "a": field content: bad',
    });
  });

  it('4 keeps the last good version in force', async () => {
    const { server, client, watch } = setup();
    const heard = watch('cluster', 'a');
    await turn();
    server.stream.respond('cluster', 'v1', [any('cluster', 'a', '1')]);
    server.stream.respond('cluster', 'v2', [any('cluster', 'a', 'bad')]);
    assert.deepEqual(heard.said, ['changed 1', 'ambient invalid_config']);
    const [resource] = client.status().resources;
    assert.equal(resource?.state, 'NACKED');
    assert.equal(resource.version, 'v1');
    assert.equal(resource.refusedVersion, 'v2');
    server.stream.respond('cluster', 'v3', [any('cluster', 'a', '1')]);
    assert.equal(client.status().resources[0]?.state, 'ACKED');
    assert.deepEqual(heard.said, ['changed 1', 'ambient invalid_config']);
  });

  it('5 uses the good resources of a bad response and names each bad one', async () => {
    const { server, client, watch } = setup();
    const heard = ['a', 'b', 'c'].map((name) => watch('clusterLoadAssignment', name).said);
    await turn();
    server.stream.respond('clusterLoadAssignment', 'v1', [
      any('clusterLoadAssignment', 'a', 'bad 1'),
      any('clusterLoadAssignment', 'b', '1'),
      any('clusterLoadAssignment', 'c', 'crash'),
    ]);
    assert.deepEqual(heard, [['resource invalid_config'], ['changed 1'], ['resource invalid_config']]);
    assert.equal(
      server.stream.asked().at(-1)?.refused,
      '3 clusterLoadAssignment "a": field content: bad 1; clusterLoadAssignment "c": it could not be decoded: boom',
    );
    assert.deepEqual(
      client.status().resources.map(({ state }) => state),
      ['NACKED', 'ACKED', 'NACKED'],
    );
    const { update_rejected, resource_updates_valid, resource_updates_invalid } =
      client.stats.types.clusterLoadAssignment;
    assert.deepEqual(
      { update_rejected, resource_updates_valid, resource_updates_invalid },
      {
        update_rejected: 1,
        resource_updates_valid: 1,
        resource_updates_invalid: 2,
      },
    );
  });

  it('6 refuses the same again, but tells watchers only once', async () => {
    const { server, decoded, watch } = setup();
    const heard = watch('cluster', 'a');
    await turn();
    server.stream.respond('cluster', 'v1', [any('cluster', 'a', 'bad')]);
    server.stream.respond('cluster', 'v2', [any('cluster', 'a', 'bad')]);
    assert.deepEqual(heard.said, ['resource invalid_config']);
    assert.deepEqual(decoded, ['a']);
    assert.equal(server.stream.asked().filter(({ refused }) => refused !== undefined).length, 2);
    server.stream.respond('cluster', 'v3', [any('cluster', 'a', 'bad in another way')]);
    assert.equal(heard.said.length, 2);
  });

  it('25 names node, control plane, type and resource in errors', async () => {
    const { server, watch } = setup();
    const heard = watch('cluster', 'a');
    await turn();
    server.stream.respond('cluster', 'v1', [any('cluster', 'a', 'bad')]);
    assert.equal(
      heard.failures[0]?.message,
      '[invalid_config] the control plane\'s version "v1" was refused: field content: bad (resource cluster "a", nodeId node-1, controlPlane xds.test:18000)',
    );
    assert.deepEqual(heard.failures[0]?.place, {
      resource: 'cluster "a"',
      nodeId: 'node-1',
      controlPlane: 'xds.test:18000',
    });
  });

  it('refuses a resource of another type, one that is there twice, and a broken wrapper, each by name', async () => {
    const { server, watch } = setup();
    watch('cluster', 'a');
    await turn();
    const broken = { ...wrapped('x', null), value: new Uint8Array([0x1a, 0x7f]) };
    server.stream.respond('cluster', 'v1', [
      any('listener', 'l', '1'),
      any('cluster', 'a', '1'),
      any('cluster', 'a', '1'),
      broken,
    ]);
    const refused = server.stream.asked().at(-1)?.refused ?? '';
    assert.match(refused, /cluster "l": it is a "[^"]*Listener" in a response of "[^"]*Cluster"/);
    assert.match(refused, /cluster "a": it is there twice/);
    assert.match(refused, /the Resource wrapper cannot be decoded/);
  });

  it('refuses a response of a type that it does not know', async () => {
    const { server, errors, watch } = setup();
    watch('cluster', 'a');
    await turn();
    server.stream.respond('type.googleapis.com/test.Unknown', 'v1', []);
    assert.equal(server.stream.asked().at(-1)?.refused, '3 unknown resource type "type.googleapis.com/test.Unknown"');
    assert.match(errors[0]?.message ?? '', /unknown resource type .*controlPlane xds\.test:18000/);
  });

  it('does not answer a known type that was never asked for: that would subscribe to all of it', async () => {
    const { server, errors, watch } = setup();
    watch('cluster', 'a');
    await turn();
    server.stream.respond('listener', 'v1', [any('listener', 'l', '1')]);
    assert.equal(server.stream.asked().length, 1);
    assert.equal(errors.length, 1);
    assert.equal(server.stream.paused, false);
  });
});

describe('ads client: absence', () => {
  it('11 gives a resource 15 s from its request', async () => {
    const { server, clock, client, watch } = setup();
    const heard = watch('listener', 'l');
    await turn();
    clock.advance(14_999);
    assert.deepEqual(heard.said, []);
    clock.advance(1);
    assert.deepEqual(heard.said, ['resource no_route']);
    assert.match(
      heard.failures[0]?.message ?? '',
      /did not answer within 15000 ms \(resource listener "l", nodeId node-1/,
    );
    assert.equal(client.status().resources[0]?.state, 'DOES_NOT_EXIST');
    assert.equal(client.stats.types.listener.init_fetch_timeout, 1);
    server.stream.respond('listener', 'v1', [any('listener', 'l', '1')]);
    assert.deepEqual(heard.said, ['resource no_route', 'changed 1']);
  });

  it('11 counts only while there is a stream', async () => {
    const { server, clock, watch } = setup({ backoff: { baseMs: 60_000 } });
    const heard = watch('listener', 'l');
    await turn();
    clock.advance(10_000);
    server.stream.end();
    clock.advance(59_999);
    assert.deepEqual(heard.said, ['ambient connection_failure']);
    clock.advance(1);
    assert.equal(server.streams.length, 2);
    clock.advance(14_999);
    assert.deepEqual(heard.said, ['ambient connection_failure']);
    clock.advance(1);
    assert.deepEqual(heard.said, ['ambient connection_failure', 'resource no_route']);
  });

  it('12 sets no timer for what it has, after a restart of the stream', async () => {
    const { server, clock, watch } = setup();
    const heard = watch('listener', 'l');
    await turn();
    server.stream.respond('listener', 'v1', [any('listener', 'l', '1')]);
    server.stream.end(0, '');
    clock.advance(60_000);
    assert.deepEqual(heard.said, ['changed 1']);
    assert.equal(clock.pending, 0);
  });

  it('13 takes a cluster that is missing from a response as removed', async () => {
    const { server, watch } = setup();
    const a = watch('cluster', 'a');
    const b = watch('cluster', 'b');
    await turn();
    server.stream.respond('cluster', 'v1', [any('cluster', 'a', '1'), any('cluster', 'b', '1')]);
    server.stream.respond('cluster', 'v2', [any('cluster', 'b', '1')]);
    server.stream.respond('cluster', 'v3', [any('cluster', 'b', '1')]);
    assert.deepEqual(a.said, ['changed 1', 'resource no_cluster']);
    assert.deepEqual(b.said, ['changed 1']);
  });

  it('13 does not take one as removed that is there but refused, or that may be the one without a name', async () => {
    const { server, watch } = setup();
    const a = watch('cluster', 'a');
    const b = watch('cluster', 'b');
    await turn();
    server.stream.respond('cluster', 'v1', [any('cluster', 'a', '1'), any('cluster', 'b', '1')]);
    server.stream.respond('cluster', 'v2', [any('cluster', 'a', 'bad'), any('cluster', 'b', '1')]);
    const nameless = { ...any('cluster', 'b', '2'), value: new Uint8Array([0xff]) };
    server.stream.respond('cluster', 'v3', [any('cluster', 'a', '1'), nameless]);
    assert.deepEqual(a.said, ['changed 1', 'ambient invalid_config']);
    assert.deepEqual(b.said, ['changed 1']);
    assert.match(
      server.stream.asked().at(-1)?.refused ?? '',
      /^3 a cluster without a readable name: it could not be decoded/,
    );
  });

  it('13 leaves one to its timer that was asked for after the response was made', async () => {
    const { server, watch } = setup();
    watch('cluster', 'a');
    await turn();
    const b = watch('cluster', 'b');
    await turn();
    server.stream.respond('cluster', 'v1', [any('cluster', 'a', '1')]);
    assert.deepEqual(b.said, []);
  });

  it('14 keeps routes and endpoints that are missing from a response', async () => {
    const { server, client, watch } = setup();
    const a = watch('clusterLoadAssignment', 'a');
    const b = watch('clusterLoadAssignment', 'b');
    await turn();
    const endpoints = [any('clusterLoadAssignment', 'a', '1'), any('clusterLoadAssignment', 'b', '1')];
    server.stream.respond('clusterLoadAssignment', 'v1', endpoints);
    server.stream.respond('clusterLoadAssignment', 'v2', [any('clusterLoadAssignment', 'b', '2')]);
    assert.deepEqual([...a.said, ...b.said], ['changed 1', 'changed 1', 'changed 2']);
    assert.deepEqual(
      client.status().resources.map(({ version }) => version),
      ['v1', 'v2'],
    );
  });

  it('15 delivers a cluster that was removed and comes back byte for byte', async () => {
    const { server, watch } = setup();
    const heard = watch('cluster', 'a');
    await turn();
    server.stream.respond('cluster', 'v1', [any('cluster', 'a', '1')]);
    server.stream.respond('cluster', 'v2', []);
    server.stream.respond('cluster', 'v3', [any('cluster', 'a', '1')]);
    assert.deepEqual(heard.said, ['changed 1', 'resource no_cluster', 'changed 1']);
  });
});

describe('ads client: watchers', () => {
  it('16 tells a new watcher what is known: a value, a refusal, an absence', async () => {
    const { server, watch } = setup();
    for (const name of ['good', 'mixed', 'refused', 'gone']) watch('cluster', name);
    await turn();
    server.stream.respond('cluster', 'v1', [
      any('cluster', 'good', '1'),
      any('cluster', 'mixed', '1'),
      any('cluster', 'refused', 'bad'),
      any('cluster', 'gone', '1'),
    ]);
    server.stream.respond('cluster', 'v2', [
      any('cluster', 'good', '1'),
      any('cluster', 'mixed', 'bad'),
      any('cluster', 'refused', 'bad'),
    ]);
    assert.deepEqual(watch('cluster', 'good').said, ['changed 1']);
    assert.deepEqual(watch('cluster', 'mixed').said, ['changed 1', 'ambient invalid_config']);
    assert.deepEqual(watch('cluster', 'refused').said, ['resource invalid_config']);
    assert.deepEqual(watch('cluster', 'gone').said, ['resource no_cluster']);
    server.stream.end();
    server.stream.end(14, 'refused');
    assert.deepEqual(watch('cluster', 'good').said, ['changed 1', 'ambient connection_failure']);
  });

  it('17 lets watchers share one subscription until the last one leaves', async () => {
    const { server, watch } = setup();
    const first = watch('cluster', 'a');
    const second = watch('cluster', 'a');
    await turn();
    server.stream.respond('cluster', 'v1', [any('cluster', 'a', '1')]);
    first.unwatch();
    await turn();
    server.stream.respond('cluster', 'v2', [any('cluster', 'a', '2')]);
    assert.deepEqual(first.said, ['changed 1']);
    assert.deepEqual(second.said, ['changed 1', 'changed 2']);
    second.unwatch();
    await turn();
    assert.deepEqual(
      server.stream.asked().map(({ names }) => names),
      [['a'], ['a'], ['a'], []],
    );
  });

  it('17 lets a watcher watch and unwatch in its callback, and sends that with the acknowledgement', async () => {
    const { server, client, watch } = setup();
    const late: string[] = [];
    const unwatch = client.watch('cluster', 'a', {
      ...silent,
      changed: () => {
        watch('clusterLoadAssignment', 'a');
        watch('cluster', 'b');
        client.watch('cluster', 'a', { ...silent, changed: (value) => late.push(JSON.stringify(value)) });
        unwatch();
      },
    });
    await turn();
    server.stream.respond('cluster', 'v1', [any('cluster', 'a', '1')]);
    await turn();
    assert.deepEqual(late, ['{"name":"a","content":"1"}']);
    assert.deepEqual(server.stream.asked(), [
      { type: 'cluster', names: ['a'] },
      { type: 'cluster', names: ['a', 'b'], version: 'v1', nonce: 'n1' },
      { type: 'clusterLoadAssignment', names: ['a'] },
    ]);
    server.stream.respond('cluster', 'v2', [any('cluster', 'a', '2')]);
    assert.equal(late.length, 2);
  });

  it('keeps what is unwatched and watched again within one turn', async () => {
    const { server, watch } = setup();
    const first = watch('cluster', 'a');
    await turn();
    server.stream.respond('cluster', 'v1', [any('cluster', 'a', '1')]);
    server.stream.asked();
    first.unwatch();
    assert.deepEqual(watch('cluster', 'a').said, ['changed 1']);
    await turn();
    assert.deepEqual(server.stream.asked(), []);
  });

  it('asks again for what was forgotten', async () => {
    const { server, watch } = setup();
    watch('cluster', 'b');
    const first = watch('cluster', 'a');
    await turn();
    server.stream.respond('cluster', 'v1', [any('cluster', 'a', '1'), any('cluster', 'b', '1')]);
    first.unwatch();
    await turn();
    const second = watch('cluster', 'a');
    await turn();
    assert.deepEqual(second.said, []);
    assert.deepEqual(
      server.stream
        .asked()
        .slice(-2)
        .map(({ names }) => names),
      [['b'], ['b', 'a']],
    );
  });

  it('survives a watcher that throws, and tells of it', async () => {
    const { server, client, errors, watch } = setup();
    client.watch('cluster', 'a', {
      ...silent,
      changed: () => {
        throw new Error('mine');
      },
    });
    const heard = watch('cluster', 'a');
    await turn();
    server.stream.respond('cluster', 'v1', [any('cluster', 'a', '1')]);
    assert.deepEqual(heard.said, ['changed 1']);
    assert.equal(errors[0]?.message, 'a watcher of cluster "a" threw');
    assert.equal(String(errors[0]?.cause), 'Error: mine');
    assert.equal(server.stream.asked().at(-1)?.version, 'v1');
  });

  it('tells nobody anything after close, even when closed from a callback', async () => {
    const { server, client, clock, watch } = setup();
    client.watch('cluster', 'a', { ...silent, changed: () => client.close() });
    const b = watch('cluster', 'b');
    await turn();
    server.stream.respond('cluster', 'v1', [any('cluster', 'a', '1'), any('cluster', 'b', '1')]);
    assert.equal(server.stream.closed, true);
    assert.deepEqual(b.said, []);
    assert.equal(clock.pending, 0);
    assert.equal(client.status().stream.state, 'closed');
    assert.throws(() => client.watch('cluster', 'a', silent), TypeError);
  });

  it('runs its stream outside the request that watched first', async () => {
    const store = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    class Transport extends FakeControlPlane {
      override open(...args: Parameters<FakeControlPlane['open']>): ReturnType<FakeControlPlane['open']> {
        seen.push(store.getStore());
        return super.open(...args);
      }
    }
    const { client } = setup({ transport: new Transport() });
    store.run('request 1', () => client.watch('cluster', 'a', silent));
    await turn();
    assert.deepEqual(seen, [undefined]);
  });
});

describe('ads client: the stream', () => {
  it('8 subscribes to everything again with the last accepted version and no nonce', async () => {
    const { server, watch } = setup();
    watch('cluster', 'a');
    watch('cluster', 'b');
    watch('clusterLoadAssignment', 'a');
    await turn();
    server.stream.respond('cluster', 'v1', [any('cluster', 'a', '1')]);
    server.stream.respond('cluster', 'v2', [any('cluster', 'a', 'bad')]);
    server.stream.end();
    assert.equal(server.streams.length, 2);
    assert.deepEqual(server.stream.asked(), [
      { type: 'cluster', names: ['a', 'b'], version: 'v1' },
      { type: 'clusterLoadAssignment', names: ['a'] },
    ]);
    assert.equal(server.stream.requests[0]?.node?.id, 'node-1');
    assert.equal(server.stream.requests[1]?.node, undefined);
  });

  it('10 waits longer after each stream without a response, and tells watchers of each', async () => {
    const { server, clock, client, watch } = setup();
    const heard = watch('cluster', 'a');
    await turn();
    for (const wait of [1_000, 1_600, 2_560]) {
      server.stream.end(14, 'connection refused');
      const before = server.streams.length;
      clock.advance(wait - 1);
      assert.equal(server.streams.length, before);
      clock.advance(1);
      assert.equal(server.streams.length, before + 1);
    }
    assert.deepEqual(heard.said, [
      'ambient connection_failure',
      'ambient connection_failure',
      'ambient connection_failure',
    ]);
    assert.equal(
      heard.failures[0]?.message,
      '[connection_failure] the ADS stream failed: status 14, connection refused (nodeId node-1, controlPlane xds.test:18000)',
    );
    assert.equal(client.stats.control_plane.stream_failed, 3);
    assert.equal(client.stats.types.cluster.update_failure, 3);
    server.stream.respond('cluster', 'v1', [any('cluster', 'a', '1')]);
    assert.equal(client.status().stream.lastError, null);
    server.stream.end();
    server.stream.end();
    const before = server.streams.length;
    clock.advance(1_000);
    assert.equal(server.streams.length, before + 1, 'the row began again');
  });

  it('10 opens the next stream at once after one that had a response, silently', async () => {
    const { server, clock, client, watch } = setup();
    const heard = watch('cluster', 'a');
    await turn();
    server.stream.respond('cluster', 'v1', [any('cluster', 'a', '1')]);
    server.stream.end(0, '');
    assert.equal(server.streams.length, 2);
    assert.deepEqual(heard.said, ['changed 1']);
    assert.equal(client.status().stream.state, 'connecting');
    clock.advance(10_000);
    server.stream.respond('cluster', 'v1', [any('cluster', 'a', '1')]);
    server.stream.end(0, '');
    assert.equal(server.streams.length, 3);
  });

  it('10 is not drawn into a circle by a server that answers and hangs up', async () => {
    const { server, clock, watch } = setup();
    watch('cluster', 'a');
    await turn();
    for (let i = 0; i < 5; i++) {
      server.stream.respond('cluster', 'v1', [any('cluster', 'a', '1')]);
      server.stream.end(0, '');
    }
    assert.equal(server.streams.length, 2);
    clock.advance(1_000);
    assert.equal(server.streams.length, 3);
  });

  it('ends a stream that talks garbage, keeps what is in force, and comes back', async () => {
    for (const garbage of [
      new Uint8Array([0xff, 0xff, 0xff]),
      new Uint8Array(),
      new TextEncoder().encode('HTTP/1.1 400'),
    ]) {
      const { server, clock, client, watch } = setup();
      const heard = watch('cluster', 'a');
      await turn();
      server.stream.respond('cluster', 'v1', [any('cluster', 'a', '1')]);
      const first = server.stream;
      first.respondRaw(garbage);
      assert.equal(first.closed, true);
      assert.deepEqual(heard.said, ['changed 1', 'ambient connection_failure']);
      assert.match(heard.failures[0]?.message ?? '', /undecodable response/);
      assert.equal(client.status().resources[0]?.state, 'ACKED');
      assert.equal(server.streams.length, 1, 'not at once');
      clock.advance(1_000);
      assert.deepEqual(server.stream.asked(), [{ type: 'cluster', names: ['a'], version: 'v1' }]);
    }
  });

  it('survives a token that cannot be read', async () => {
    let attempts = 0;
    const metadata = (): Record<string, string> => {
      if (attempts++ === 0) throw new Error('no token yet');
      return { authorization: `Bearer ${attempts}` };
    };
    const { server, clock, watch } = setup({ metadata });
    const heard = watch('cluster', 'a');
    await turn();
    assert.deepEqual(heard.said, ['ambient connection_failure']);
    clock.advance(1_000);
    assert.deepEqual(server.stream.metadata, { authorization: 'Bearer 2' });
  });

  it('opens no stream while nothing is watched', async () => {
    const { server, clock, client, watch } = setup();
    await turn();
    assert.equal(client.status().stream.state, 'idle');
    const heard = watch('cluster', 'a');
    await turn();
    heard.unwatch();
    server.stream.end();
    clock.advance(300_000);
    assert.equal(server.streams.length, 1);
    assert.equal(client.status().stream.state, 'idle');
    watch('cluster', 'b');
    await turn();
    assert.deepEqual(server.stream.asked(), [{ type: 'cluster', names: ['b'] }]);
  });

  it('forgets nothing while disconnected', async () => {
    const { server, clock, watch } = setup();
    const first = watch('cluster', 'a');
    watch('cluster', 'b');
    await turn();
    server.stream.respond('cluster', 'v1', [any('cluster', 'a', '1'), any('cluster', 'b', '1')]);
    server.stream.end();
    server.stream.end();
    first.unwatch();
    await turn();
    const again = watch('cluster', 'a');
    assert.deepEqual(again.said, ['changed 1', 'ambient connection_failure']);
    clock.advance(1_000);
    assert.deepEqual(server.stream.asked(), [{ type: 'cluster', names: ['b', 'a'], version: 'v1' }]);
  });

  it('24 says what it knows', async () => {
    const { server, clock, client, watch } = setup();
    for (const name of ['acked', 'nacked', 'requested']) watch('clusterLoadAssignment', name);
    watch('listener', 'l');
    await turn();
    assert.equal(client.status().stream.state, 'connecting');
    clock.advance(15_000);
    clock.advance(500);
    watch('clusterLoadAssignment', 'late');
    await turn();
    server.stream.respond('clusterLoadAssignment', 'v1', [
      any('clusterLoadAssignment', 'acked', '1'),
      any('clusterLoadAssignment', 'nacked', 'bad'),
    ]);
    assert.deepEqual(client.status().stream, {
      serverUri: 'xds.test:18000',
      via: null,
      variant: 'sotw',
      state: 'connected',
      connected: true,
      since: 1_700_000_015_500,
      lastError: null,
    });
    assert.deepEqual(
      client.status().resources.map(({ name, state, version, updatedAt }) => ({
        name,
        state,
        version,
        updatedAt: updatedAt - 1_700_000_000_000,
      })),
      [
        { name: 'l', state: 'DOES_NOT_EXIST', version: '', updatedAt: 15_000 },
        { name: 'acked', state: 'ACKED', version: 'v1', updatedAt: 15_500 },
        { name: 'nacked', state: 'NACKED', version: '', updatedAt: 15_500 },
        { name: 'requested', state: 'DOES_NOT_EXIST', version: '', updatedAt: 15_000 },
        { name: 'late', state: 'REQUESTED', version: '', updatedAt: 15_500 },
      ],
    );
    assert.equal(client.stats.control_plane.connected_state, 1);
  });
});
