// What a client does with a memory of an earlier run, as dialogues with a scripted control plane.
import assert from 'node:assert/strict';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { messageType } from '@inmesh/api';
import type {
  DeltaDiscoveryRequest,
  DeltaDiscoveryResponse,
  Resource,
} from '@inmesh/api/gen/envoy/service/discovery/v3/discovery_pb';
import type { Kind, StreamHandlers, StreamTransport } from '@inmesh/core';
import { any, setup as plainSetup, turn } from './dialogue.test.ts';
import type { KeptResource, ResourceMemory } from './resource-memory.ts';

/** Writes down what it is told; `kept` is what it gives. */
class Memory implements ResourceMemory {
  readonly kept = new Map<string, KeptResource>();
  readonly said: string[] = [];

  remember(kind: Kind, name: string, content: string): this {
    this.kept.set(`${kind} ${name}`, { version: 'old', bytes: any(kind, name, content).value });
    return this;
  }
  recall(kind: Kind, name: string): KeptResource | null {
    return this.kept.get(`${kind} ${name}`) ?? null;
  }
  keep(kind: Kind, name: string, resource: KeptResource): void {
    this.said.push(`keep ${name} ${resource.version}`);
    this.kept.set(`${kind} ${name}`, resource);
  }
  forget(kind: Kind, name: string): void {
    if (this.kept.delete(`${kind} ${name}`)) this.said.push(`forget ${name}`);
  }
}

function setup(memory: Memory, options: Parameters<typeof plainSetup>[0] = {}) {
  return { memory, ...plainSetup({ memory, ...options }) };
}

describe('ads client with a memory', () => {
  it('puts what is remembered in force at once, asks for it, and takes a newer version', async () => {
    const { memory, server, client, watch } = setup(new Memory().remember('cluster', 'a', '1'));
    const heard = watch('cluster', 'a');
    assert.deepEqual(heard.said, ['changed 1']);
    const [status] = client.status().resources;
    assert.deepEqual([status?.state, status?.version], ['REQUESTED', 'old']);
    await turn();
    assert.deepEqual(server.stream.asked(), [{ type: 'cluster', names: ['a'] }]);
    server.stream.respond('cluster', 'v2', [any('cluster', 'a', '2')]);
    assert.deepEqual(heard.said, ['changed 1', 'changed 2']);
    assert.deepEqual(memory.said, ['keep a v2']);
    assert.equal(client.status().resources[0]?.state, 'ACKED');
  });

  it('tells who hears of all what was only remembered, when it comes as it was', async () => {
    const { server, client, watch } = setup(new Memory().remember('listener', 'a', '1'));
    watch('listener', 'a');
    const heard: string[] = [];
    client.watchAll('listener', {
      changed: (name) => heard.push(`changed ${name}`),
      removed: (name) => heard.push(`removed ${name}`),
      settled: () => heard.push('settled'),
      ambientError: ({ code }) => heard.push(code),
    });
    await turn();
    heard.length = 0;
    server.stream.respond('listener', 'v2', [any('listener', 'a', '1')]);
    assert.deepEqual(heard, ['changed a', 'settled']);
    server.stream.respond('listener', 'v3', [any('listener', 'a', '1')]);
    assert.deepEqual(heard, ['changed a', 'settled', 'settled']);
  });

  it('takes the same version as a confirmation, after which no timer runs', async () => {
    const { memory, server, client, clock, watch } = setup(new Memory().remember('clusterLoadAssignment', 'a', '1'));
    const heard = watch('clusterLoadAssignment', 'a');
    await turn();
    server.stream.respond('clusterLoadAssignment', 'v2', [any('clusterLoadAssignment', 'a', '1')]);
    clock.advance(60_000);
    assert.deepEqual(heard.said, ['changed 1']);
    assert.deepEqual(memory.said, ['keep a v2']);
    assert.equal(client.status().resources[0]?.state, 'ACKED');
  });

  it('keeps it in force beside a version that is refused', async () => {
    const { memory, server, watch } = setup(new Memory().remember('cluster', 'a', '1'));
    const heard = watch('cluster', 'a');
    await turn();
    server.stream.respond('cluster', 'v2', [any('cluster', 'a', 'bad')]);
    assert.deepEqual(heard.said, ['changed 1', 'ambient invalid_config']);
    assert.deepEqual(memory.said, []);
  });

  it('gives it up where the server says that there is none: by its silence on that name, or by removal later', async () => {
    const { memory, server, clock, watch } = setup(
      new Memory().remember('listener', 'a', '1').remember('listener', 'b', '1'),
    );
    const [a, b] = [watch('listener', 'a'), watch('listener', 'b')];
    await turn();
    server.stream.respond('listener', 'v2', [any('listener', 'b', '2')]);
    assert.deepEqual(a.said, ['changed 1'], 'the response may be to an earlier request');
    clock.advance(15_000);
    assert.deepEqual(a.said, ['changed 1', 'resource no_route']);
    server.stream.respond('listener', 'v3', []);
    assert.deepEqual(b.said, ['changed 1', 'changed 2', 'resource no_route']);
    assert.deepEqual(memory.said, ['keep b v2', 'forget a', 'forget b']);
  });

  it('keeps it in force while the server says nothing at all, however long', async () => {
    const { memory, server, clock, watch } = setup(new Memory().remember('cluster', 'a', '1'));
    const heard = watch('cluster', 'a');
    await turn();
    clock.advance(15_000);
    assert.deepEqual(heard.said, ['changed 1', 'ambient connection_failure']);
    server.stream.end();
    clock.advance(120_000);
    assert.equal(
      heard.said.some((each) => each.startsWith('resource')),
      false,
    );
    assert.deepEqual(memory.said, []);
    server.stream.respond('cluster', 'v2', [any('cluster', 'a', '2')]);
    assert.equal(heard.said.at(-1), 'changed 2');
  });

  it('asks first while it is connected, and remembers when the connection goes', async () => {
    const memory = new Memory();
    const { server, watch } = setup(memory);
    watch('cluster', 'other');
    await turn();
    memory.remember('cluster', 'a', '1');
    const heard = watch('cluster', 'a');
    await turn();
    assert.deepEqual(heard.said, []);
    server.stream.end();
    assert.deepEqual(heard.said, ['changed 1', 'ambient connection_failure']);
    assert.deepEqual(watch('cluster', 'a').said, ['changed 1', 'ambient connection_failure']);
  });

  it('tells a delta server nothing of versions that it did not give itself', async () => {
    const streams: { readonly handlers: StreamHandlers; readonly sent: Uint8Array[] }[] = [];
    const transport: StreamTransport = {
      open(_path, _metadata, handlers) {
        const sent: Uint8Array[] = [];
        streams.push({ handlers, sent });
        return { send: (message) => sent.push(message), pause() {}, resume() {}, close() {} };
      },
      close() {},
    };
    const { watch } = setup(new Memory().remember('cluster', 'a', '1'), { variant: 'delta', transport });
    watch('cluster', 'a');
    watch('cluster', 'b');
    await turn();
    const type = messageType<DeltaDiscoveryResponse>('envoy.service.discovery.v3.DeltaDiscoveryResponse');
    const wrapper = messageType<Resource>('envoy.service.discovery.v3.Resource');
    const resource = any('cluster', 'b', '1');
    const resources = [create(wrapper, { name: 'b', version: 'given', resource })];
    const response = create(type, { typeUrl: resource.typeUrl, nonce: 'n1', resources });
    streams[0]?.handlers.onMessage(toBinary(type, response));
    streams[0]?.handlers.onEnd({ code: 14, message: 'gone' });
    const request = messageType<DeltaDiscoveryRequest>('envoy.service.discovery.v3.DeltaDiscoveryRequest');
    const sent = fromBinary(request, streams[1]?.sent[0] ?? new Uint8Array());
    assert.deepEqual([sent.resourceNamesSubscribe, sent.initialResourceVersions], [['a', 'b'], { b: 'given' }]);
  });

  it('forgets what it cannot decode any more, and waits for the server', async () => {
    const { memory, server, watch } = setup(new Memory().remember('cluster', 'a', 'bad'));
    const heard = watch('cluster', 'a');
    assert.deepEqual([heard.said, memory.said], [[], ['forget a']]);
    await turn();
    server.stream.respond('cluster', 'v2', [any('cluster', 'a', '2')]);
    assert.deepEqual(heard.said, ['changed 2']);
  });

  it('keeps what is watched and no more, also after nobody watches', async () => {
    const { memory, server, watch } = setup(new Memory());
    const heard = watch('cluster', 'a');
    await turn();
    server.stream.respond('cluster', 'v1', [any('cluster', 'a', '1'), any('cluster', 'b', '1')]);
    assert.deepEqual(memory.said, ['keep a v1']);
    watch('cluster', 'b');
    assert.deepEqual(memory.said, ['keep a v1', 'keep b v1']);
    heard.unwatch();
    await turn();
    server.connected = false;
    server.stream.end();
    assert.deepEqual(watch('cluster', 'a').said, ['changed 1']);
  });
});
