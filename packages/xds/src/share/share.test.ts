// One stream for several clients: a host that has it, and guests that take it at second hand; no sockets, no threads.
import assert from 'node:assert/strict';
import type { Kind, StreamHandlers } from '@inmesh/core';
import type { AdsClientOptions } from '../ads/client-options.ts';
import type { CollectionWatcher } from '../ads/collection.ts';
import { any, type Setup, setup, type Toy, toyTypes } from '../ads/dialogue.test.ts';
import { FeedHost, type FeedHostOptions } from './feed-host.ts';
import type { FeedWay } from './guest-stream.ts';
import { decodeMessage, encodeMessage, type HostMessage } from './messages.ts';
import { type FeedSeeker, sharedStreams } from './shared-stream.ts';

const kinds: readonly Kind[] = ['listener', 'routeConfiguration', 'cluster', 'clusterLoadAssignment'];
const types = kinds.map((kind) => ({ kind, typeUrl: any(kind, 'x', '').typeUrl }));

/** A way to a host that a test can slow down and cut; messages arrive in later turns, as on any carrier. */
class TestWay implements FeedWay {
  readonly via = 'the host';
  readonly host: FeedHost;
  /** What the host said. */
  readonly heard: HostMessage[] = [];
  /** While set, nothing of what the host says arrives. */
  held: (() => void)[] | null = null;
  #cut: () => void = () => {};

  constructor(host: FeedHost) {
    this.host = host;
  }

  open(guest: StreamHandlers) {
    let open = true;
    let host: StreamHandlers | null = null;
    const later = (deliver: () => void) => queueMicrotask(() => open && deliver());
    const end = (handlers: StreamHandlers | null) => {
      if (!open) return;
      open = false;
      handlers?.onEnd({ code: 14, message: 'gone' });
    };
    this.host.accept((handlers) => {
      host = handlers;
      return {
        send: (message) => {
          this.heard.push(decodeMessage<HostMessage>(message).head);
          const deliver = () => guest.onMessage(message);
          if (this.held === null) later(deliver);
          else this.held.push(deliver);
        },
        pause() {},
        resume() {},
        close: () => queueMicrotask(() => end(guest)),
      };
    });
    this.#cut = () => {
      const [a, b] = [host, guest];
      if (!open) return;
      open = false;
      a?.onEnd({ code: 14, message: 'cut' });
      b.onEnd({ code: 14, message: 'cut' });
    };
    return {
      send: (message: Uint8Array) => later(() => host?.onMessage(message)),
      pause() {},
      resume() {},
      close: () => end(host),
    };
  }

  release(): void {
    const held = this.held ?? [];
    this.held = null;
    for (const deliver of held) deliver();
  }
  cut(): void {
    this.#cut();
  }
}

class TestSeeker implements FeedSeeker {
  readonly key: string;
  way: FeedWay | null;
  readonly refusals: string[] = [];
  readonly #moved = new Set<() => void>();

  constructor(way: FeedWay | null, key = 'key') {
    this.way = way;
    this.key = key;
  }
  seek(): Promise<FeedWay | null> {
    return Promise.resolve(this.way);
  }
  refused(_way: FeedWay, reason: string): void {
    this.refusals.push(reason);
    this.way = null;
  }
  whenMoved(callback: () => void): () => void {
    this.#moved.add(callback);
    return () => this.#moved.delete(callback);
  }
  move(way: FeedWay): void {
    this.way = way;
    for (const callback of [...this.#moved]) callback();
  }
}

interface Guest extends Setup {
  readonly seeker: TestSeeker;
  readonly way: TestWay;
}

function scene(options: Partial<AdsClientOptions> = {}, hostOptions: Partial<FeedHostOptions> = {}) {
  const origin = setup(options);
  const host = new FeedHost({ client: origin.client, key: 'key', version: '1.2.3', ...hostOptions });
  const guest = (of: Partial<AdsClientOptions> = {}, key = 'key'): Guest => {
    const way = new TestWay(host);
    const seeker = new TestSeeker(way, key);
    return { seeker, way, ...setup({ openStream: sharedStreams(seeker, types), ...of }) };
  };
  return { origin, host, guest };
}

/** Lets everything that is on its way arrive. */
async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}

class All implements CollectionWatcher<never> {
  readonly said: string[] = [];
  changed(name: string, value: never): void {
    this.said.push(`${name} ${(value as Toy).content}`);
  }
  removed(name: string): void {
    this.said.push(`-${name}`);
  }
  settled(): void {
    this.said.push('.');
  }
  ambientError({ code }: { readonly code: string }): void {
    this.said.push(code);
  }
}

describe('a shared feed', () => {
  it('reaches all guests over the one stream of the host', async () => {
    const { origin, host, guest } = scene();
    const [one, two] = [guest(), guest()];
    const heard = [one.watch('cluster', 'a'), two.watch('cluster', 'a'), two.watch('cluster', 'b')];
    await settle();
    assert.deepEqual(origin.server.stream.asked().at(-1)?.names, ['a', 'b']);
    origin.server.stream.respond('cluster', 'v1', [any('cluster', 'a', '1'), any('cluster', 'b', '2')]);
    await settle();
    origin.server.stream.respond('cluster', 'v2', [any('cluster', 'a', '3'), any('cluster', 'b', '2')]);
    await settle();
    assert.deepEqual(
      heard.map(({ said }) => said),
      [['changed 1', 'changed 3'], ['changed 1', 'changed 3'], ['changed 2']],
    );
    assert.deepEqual(
      [one, two, origin].map(({ server }) => server.streams.length),
      [0, 0, 1],
    );
    assert.equal(host.guests, 2);
    const { stream, resources } = two.client.status();
    assert.deepEqual(
      [
        stream.via,
        stream.serverUri,
        stream.connected,
        resources.map(({ name, version, state }) => [name, version, state]),
      ],
      [
        'the host',
        'xds.test:18000',
        true,
        [
          ['a', 'v2', 'ACKED'],
          ['b', 'v1', 'ACKED'],
        ],
      ],
    );
    one.client.close();
    two.client.close();
    await settle();
    assert.equal(host.guests, 0);
    assert.deepEqual(origin.server.stream.asked().at(-1)?.names, []);
    assert.deepEqual([...origin.errors, ...one.errors, ...two.errors], []);
  });

  it('gives what is in force at once to a guest that comes late, and keeps other kinds apart', async () => {
    const { origin, guest } = scene();
    origin.watch('cluster', 'a');
    await settle();
    origin.server.stream.respond('cluster', 'v1', [any('cluster', 'a', '1')]);
    const late = guest();
    const heard = late.watch('cluster', 'a');
    const other = late.watch('clusterLoadAssignment', 'a');
    await settle();
    assert.deepEqual([heard.said, other.said], [['changed 1'], []]);
    assert.deepEqual(origin.server.stream.asked().at(-1), { type: 'clusterLoadAssignment', names: ['a'] });
  });

  it('tells what is wrong in the words of the host, and that it is over', async () => {
    const { origin, guest } = scene();
    const one = guest();
    const [good, bad, absent] = ['good', 'bad', 'absent'].map((name) => one.watch('cluster', name));
    await settle();
    origin.server.stream.respond('cluster', 'v1', [any('cluster', 'good', '1'), any('cluster', 'bad', 'bad 1')]);
    await settle();
    assert.deepEqual(bad?.said, ['resource invalid_config']);
    assert.match(bad?.failures[0]?.message ?? '', /version "v1" was refused: field content: bad 1 .*nodeId node-1/);
    origin.server.stream.respond('cluster', 'v2', [any('cluster', 'good', 'bad 2'), any('cluster', 'bad', '2')]);
    origin.clock.advance(15_000);
    await settle();
    assert.deepEqual(
      [good?.said, bad?.said, absent?.said],
      [['changed 1', 'ambient invalid_config'], ['resource invalid_config', 'changed 2'], ['resource no_cluster']],
    );
    const states = () => one.client.status().resources.map(({ state, refusedVersion }) => [state, refusedVersion]);
    assert.deepEqual(states(), [
      ['NACKED', 'v2'],
      ['ACKED', null],
      ['DOES_NOT_EXIST', null],
    ]);
    origin.server.stream.respond('cluster', 'v3', [any('cluster', 'good', '1'), any('cluster', 'absent', '1')]);
    await settle();
    assert.deepEqual(states(), [
      ['ACKED', null],
      ['DOES_NOT_EXIST', null],
      ['ACKED', null],
    ]);
    assert.deepEqual([bad?.said.at(-1), absent?.said.at(-1)], ['resource no_cluster', 'changed 1']);
  });

  it('says when the control plane is away, gives what is known all the same, and lets nothing expire meanwhile', async () => {
    const { origin, guest } = scene();
    const one = guest();
    const heard = one.watch('cluster', 'a');
    await settle();
    origin.server.stream.respond('cluster', 'v1', [any('cluster', 'a', '1')]);
    await settle();
    origin.server.stream.end();
    origin.server.stream.end();
    await settle();
    assert.deepEqual(heard.said, ['changed 1', 'ambient connection_failure']);
    assert.match(one.client.stream.lastError ?? '', /the ADS stream failed: status 14, gone/);
    assert.deepEqual([one.client.stream.connected, one.client.stream.state], [false, 'backoff']);
    const late = guest();
    const known = late.watch('cluster', 'a');
    const unknown = late.watch('cluster', 'b');
    await settle();
    for (const clock of [late.clock, one.clock]) clock.advance(60_000);
    assert.deepEqual(known.said.sort(), ['ambient connection_failure', 'changed 1']);
    assert.deepEqual(unknown.said, ['ambient connection_failure']);
    origin.clock.advance(2_000);
    origin.server.stream.respond('cluster', 'v1', [any('cluster', 'a', '1'), any('cluster', 'b', '2')]);
    await settle();
    assert.deepEqual([late.client.stream.connected, late.client.stream.lastError], [true, null]);
    assert.equal(unknown.said.at(-1), 'changed 2');
  });

  it('is told as a whole to a guest that wants all, in parts, and then as it changes', async () => {
    const { origin, guest } = scene({}, { partBytes: 20 });
    const one = guest();
    const named = one.watch('cluster', 'c3');
    await settle();
    const all = new All();
    one.client.watchAll('cluster', all);
    await settle();
    const absent = one.watch('cluster', 'nowhere');
    const many = Array.from({ length: 9 }, (_, i) => any('cluster', `c${i}`, `${i}`));
    origin.server.stream.respond('cluster', 'v1', [...many, any('cluster', 'x', 'bad')]);
    await settle();
    assert.deepEqual(
      all.said.filter((said) => /^c/.test(said)).sort(),
      many.map((_, i) => `c${i} ${i}`),
    );
    assert.equal(all.said.at(-1), '.');
    assert.deepEqual([named.said, absent.said], [['changed 3'], ['resource no_cluster']]);
    const parts = one.way.heard.filter((message) => message.type === 'part');
    assert.ok(parts.length > 3, `${parts.length} parts`);
    all.said.length = 0;
    origin.server.stream.respond('cluster', 'v2', [any('cluster', 'c3', 'new'), ...many.slice(4)]);
    await settle();
    assert.deepEqual(all.said, ['c3 new', '-c0', '-c1', '-c2', '.']);
    assert.deepEqual(
      one.client.status().resources.filter(({ state }) => state === 'NACKED'),
      [],
    );
    origin.server.stream.respond('cluster', 'v3', [any('cluster', 'c3', 'bad'), ...many.slice(4)]);
    await settle();
    assert.deepEqual(named.said.slice(1), ['changed new', 'ambient invalid_config']);
  });

  it('is settled at once where there is nothing', async () => {
    const { origin, guest } = scene();
    const one = guest();
    const all = new All();
    one.client.watchAll('listener', all);
    await settle();
    assert.deepEqual(all.said, []);
    origin.server.stream.respond('listener', 'v1', []);
    await settle();
    assert.deepEqual(all.said, ['.']);
  });

  it('costs the host one part for a guest that does not read, which then gets the latest only', async () => {
    const { origin, guest } = scene();
    const slow = guest();
    const heard = slow.watch('cluster', 'a');
    await settle();
    const before = slow.way.heard.length;
    slow.way.held = [];
    for (let version = 1; version <= 50; version++) {
      origin.server.stream.respond('cluster', `v${version}`, [any('cluster', 'a', `${version}`)]);
      await settle();
    }
    // Its state, because the control plane answered, and one part.
    assert.deepEqual(
      slow.way.heard.slice(before).map(({ type }) => type),
      ['state', 'part'],
    );
    slow.way.release();
    await settle();
    assert.deepEqual(heard.said, ['changed 1', 'changed 50']);
  });

  it('is told kind by kind, so that one that changes all the time leaves room for others', async () => {
    const { origin, guest } = scene();
    const slow = guest();
    slow.watch('cluster', 'a');
    slow.watch('clusterLoadAssignment', 'a');
    await settle();
    slow.way.held = [];
    for (const version of ['1', '2']) {
      origin.server.stream.respond('cluster', version, [any('cluster', 'a', version)]);
      await settle();
    }
    origin.server.stream.respond('clusterLoadAssignment', '1', [any('clusterLoadAssignment', 'a', '1')]);
    await settle();
    slow.way.release();
    await settle();
    assert.deepEqual(
      slow.way.heard.flatMap((message) => (message.type === 'part' ? [message.kind] : [])),
      ['cluster', 'clusterLoadAssignment', 'cluster'],
    );
  });

  it('stays in force when the host goes, and goes on with the next host or an own stream', async () => {
    const { origin, host, guest } = scene();
    const one = guest();
    const heard = one.watch('cluster', 'a');
    await settle();
    origin.server.stream.respond('cluster', 'v1', [any('cluster', 'a', '1')]);
    await settle();
    // The guest is not held by its host: it asks the control plane itself, and that asks for all anew.
    one.seeker.way = null;
    host.close();
    await settle();
    assert.deepEqual(heard.said, ['changed 1']);
    assert.deepEqual(one.server.stream.asked(), [{ type: 'cluster', names: ['a'] }]);
    assert.equal(one.client.stream.via, null);
    one.server.stream.respond('cluster', 'v2', [any('cluster', 'a', '2')]);
    assert.deepEqual(heard.said, ['changed 1', 'changed 2']);
    // Somebody else is to have it: the own stream is closed.
    const { origin: next, host: nextHost } = scene();
    next.watch('cluster', 'a');
    await settle();
    next.server.stream.respond('cluster', 'v3', [any('cluster', 'a', '3')]);
    one.seeker.move(new TestWay(nextHost));
    await settle();
    assert.equal(one.server.stream.closed, true);
    assert.deepEqual(heard.said, ['changed 1', 'changed 2', 'changed 3']);
    assert.equal(one.client.stats.control_plane.stream_failed, 0);
  });

  it('comes back after a cut, with what changed meanwhile', async () => {
    const { origin, guest } = scene();
    const one = guest();
    const heard = [one.watch('cluster', 'a'), one.watch('cluster', 'b')];
    await settle();
    origin.watch('cluster', 'a');
    origin.server.stream.respond('cluster', 'v1', [any('cluster', 'a', '1'), any('cluster', 'b', '1')]);
    await settle();
    const bystander = origin.watch('cluster', 'b');
    one.seeker.way = null;
    one.way.cut();
    origin.server.stream.respond('cluster', 'v2', [any('cluster', 'b', '2')]);
    one.seeker.way = one.way;
    one.server.connected = false;
    await settle();
    one.seeker.move(one.way);
    await settle();
    assert.deepEqual(
      heard.map(({ said }) => said),
      [
        ['changed 1', 'resource no_cluster'],
        ['changed 1', 'changed 2'],
      ],
    );
    assert.deepEqual(bystander.said, ['changed 1', 'changed 2']);
  });

  it('is not shared with another feed, another version or a stranger: these have streams of their own', async () => {
    const { origin, host, guest } = scene();
    const guests = [guest({}, 'other'), guest({ userAgentVersion: '1.2.4' })];
    for (const each of guests) each.watch('cluster', 'a');
    await settle();
    assert.deepEqual(
      guests.map(({ server, seeker }) => [server.streams.length, seeker.refusals]),
      [
        [1, ['it has the feed of another node or control plane']],
        [1, ['it is inmesh 1.2.3 (protocol 1), and this is inmesh 1.2.4 (protocol 1)']],
      ],
    );
    assert.equal(host.guests, 0);
    for (const message of [new Uint8Array([9]), new Uint8Array(64).fill(255), encodeMessage({ type: 'next' })]) {
      let closed = false;
      const close = () => {
        closed = true;
      };
      host.accept((handlers) => {
        queueMicrotask(() => handlers.onMessage(message));
        return { send() {}, pause() {}, resume() {}, close };
      });
      await settle();
      assert.deepEqual([closed, host.guests], [true, 0]);
    }
    assert.equal(origin.server.streams.length, 0);
  });

  it('is decoded by guests and not judged again, but for what a guest remembers from elsewhere', async () => {
    const kept = { version: '', bytes: any('cluster', 'kept', 'old').value };
    const memory = { recall: (_: Kind, name: string) => (name === 'kept' ? kept : null), keep() {}, forget() {} };
    const accepted: (readonly [name: string, accepted: boolean | undefined])[] = [];
    const { origin, guest } = scene();
    const one = guest({ memory, types: toyTypes([], (name, context) => accepted.push([name, context.accepted])) });
    one.watch('cluster', 'a');
    one.watch('cluster', 'kept');
    await settle();
    origin.server.stream.respond('cluster', 'v1', [any('cluster', 'a', '1'), any('cluster', 'kept', 'new')]);
    await settle();
    one.seeker.way = null;
    one.way.cut();
    await settle();
    one.server.stream.respond('cluster', 'v2', [any('cluster', 'a', '2'), any('cluster', 'kept', 'new')]);
    assert.deepEqual(accepted, [
      ['kept', false],
      ['a', true],
      ['kept', true],
      ['a', undefined],
    ]);
  });

  it('has one word for the guests of a guest', async () => {
    const { origin, guest } = scene();
    const middle = guest();
    const relay = new FeedHost({ client: middle.client, key: 'key', version: '1.2.3' });
    const seeker = new TestSeeker(new TestWay(relay));
    const last = setup({ openStream: sharedStreams(seeker, types) });
    const heard = last.watch('cluster', 'a');
    await settle();
    origin.server.stream.respond('cluster', 'v1', [any('cluster', 'a', '1')]);
    await settle();
    assert.deepEqual([heard.said, last.client.stream.connected], [['changed 1'], true]);
  });
});
