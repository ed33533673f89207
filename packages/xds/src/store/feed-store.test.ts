import assert from 'node:assert/strict';
import { create, toBinary } from '@bufbuild/protobuf';
import { messageType } from '@inmesh/api';
import type { Cluster } from '@inmesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import { VirtualClock } from '@inmesh/core';
import { FeedStore, type FeedStoreOptions } from './feed-store.ts';
import { MemoryFiles } from './memory-files.test.ts';

const day = 86_400_000;
const node = {
  id: 'node-1',
  cluster: 'shop',
  locality: { region: 'eu', zone: 'a', subZone: '' },
  metadata: { NAMESPACE: 'default' },
};

function cluster(name: string, altStatName = ''): Uint8Array {
  const type = messageType<Cluster>('envoy.config.cluster.v3.Cluster');
  return toBinary(type, create(type, { name, altStatName }));
}

function scene() {
  const files = new MemoryFiles();
  const clock = new VirtualClock(1_700_000_000_000);
  const warnings: string[] = [];
  const open = (options: Partial<FeedStoreOptions> = {}) =>
    new FeedStore({
      files,
      node,
      serverUris: ['xds.test:18000'],
      clock,
      onWarning: ({ message }) => warnings.push(message),
      ...options,
    });
  return { files, clock, warnings, open };
}

describe('feed store', () => {
  it('gives the next run what this one kept: resources and services', () => {
    const { open, warnings } = scene();
    const first = open();
    first.keep('cluster', 'a', { version: 'v1', bytes: cluster('a') });
    first.keep('cluster', 'b', { version: 'v1', bytes: cluster('b') });
    first.forget('cluster', 'b');
    first.used('reviews:9080', 'reviews:9080');
    first.used('gone:80', 'gone');
    first.lost('gone:80', 'gone');
    first.close();
    const second = open();
    assert.deepEqual(second.recall('cluster', 'a'), {
      kind: 'cluster',
      name: 'a',
      version: 'v1',
      bytes: cluster('a'),
      harmless: true,
    });
    assert.deepEqual([second.recall('cluster', 'b'), second.recall('listener', 'a')], [null, null]);
    assert.deepEqual(
      second.services().map(({ target, authority }) => [target, authority]),
      [['reviews:9080', 'reviews:9080']],
    );
    assert.deepEqual(warnings, []);
  });

  it('is of one node and one control plane', () => {
    const { open, files } = scene();
    const first = open();
    first.keep('cluster', 'a', { version: 'v1', bytes: cluster('a') });
    first.close();
    const others = [
      open({ node: { ...node, id: 'node-2' } }),
      open({ node: { ...node, metadata: { NAMESPACE: 'other' } } }),
      open({ serverUris: ['other.test:18000'] }),
    ];
    assert.deepEqual(
      others.map((store) => store.recall('cluster', 'a')),
      [null, null, null],
    );
    assert.equal(files.text.includes('NAMESPACE') || files.text.includes('node-1'), false);
  });

  it('writes what comes together once, then not more than every half a minute, and at its end', async () => {
    const { open, files, clock } = scene();
    const store = open();
    const keep = (version: string) => store.keep('cluster', 'a', { version, bytes: cluster('a', version) });
    keep('v1');
    keep('v2');
    clock.advance(999);
    assert.equal(files.writes, 0);
    clock.advance(1);
    await files.land();
    assert.equal(files.writes, 1);
    keep('v3');
    clock.advance(29_000);
    assert.equal(files.writes, 1);
    clock.advance(1_000);
    await files.land();
    assert.equal(files.writes, 2);
    keep('v4');
    store.close();
    assert.equal(files.writes, 3);
    store.close();
    assert.equal(files.writes, 3);
    assert.equal(clock.pending, 0);
    assert.equal(open().recall('cluster', 'a')?.version, 'v4');
  });

  it('writes nothing where nothing changed', async () => {
    const { open, files, clock } = scene();
    const first = open();
    first.keep('cluster', 'a', { version: 'v1', bytes: cluster('a') });
    first.used('a:80', 'a');
    first.close();
    const second = open();
    second.keep('cluster', 'a', { version: 'v1', bytes: cluster('a') });
    second.used('a:80', 'a');
    clock.advance(60_000);
    await files.land();
    second.close();
    assert.equal(files.writes, 1);
  });

  it('does not let a write that is late undo the last one', async () => {
    const { open, files, clock } = scene();
    const store = open();
    store.keep('cluster', 'a', { version: 'v1', bytes: cluster('a') });
    clock.advance(1_000);
    store.keep('cluster', 'a', { version: 'v2', bytes: cluster('a', '2') });
    store.close();
    await files.land();
    assert.equal(open().recall('cluster', 'a')?.version, 'v2');
  });

  it('is bounded in resources, bytes and services, and keeps what came last', () => {
    const { open } = scene();
    const few = open({ maxResources: 2, maxServices: 2 });
    for (const name of ['a', 'b', 'c']) {
      few.keep('cluster', name, { version: '', bytes: cluster(name) });
      few.used(`${name}:80`, name);
    }
    assert.deepEqual(
      ['a', 'b', 'c'].map((name) => few.recall('cluster', name) !== null),
      [false, true, true],
    );
    assert.deepEqual(
      few.services().map(({ authority }) => authority),
      ['b', 'c'],
    );
    const small = open({ maxBytes: 1_000 });
    for (let i = 0; i < 9; i++) small.keep('cluster', `${i}`, { version: '', bytes: new Uint8Array(200).fill(i) });
    const kept = Array.from({ length: 9 }, (_, i) => small.recall('cluster', `${i}`) !== null);
    assert.deepEqual(kept, [false, false, false, false, true, true, true, true, true]);
    small.keep('cluster', '8', { version: '', bytes: new Uint8Array(251) });
    assert.equal(small.recall('cluster', '8'), null, 'one that is too large takes its older version along');
  });

  it('forgets services that were not used for a month', () => {
    const { open, clock } = scene();
    const first = open();
    first.used('old:80', 'old');
    clock.advance(20 * day);
    first.used('new:80', 'new');
    first.close();
    clock.advance(11 * day);
    assert.deepEqual(
      open()
        .services()
        .map(({ authority }) => authority),
      ['new'],
    );
  });

  it('ignores a file that is damaged, foreign or of another version, with a warning that names it', () => {
    const { open, files, warnings } = scene();
    const first = open();
    first.keep('cluster', 'a', { version: 'v1', bytes: cluster('a') });
    first.close();
    const [[name, good]] = [...files.files] as [[string, Uint8Array]];
    const text = Buffer.from(good).toString();
    const cases: readonly (readonly [string, RegExp])[] = [
      [text.replace('"v1"', '"v2"'), /checksum/],
      [text.slice(0, -3), /checksum/],
      [text.replace(/^inmesh-feed 2/, 'inmesh-feed 1'), /format version 1, and this is 2/],
      ['', /no remembered feed/],
      ['{"x":1}', /no remembered feed/],
    ];
    for (const [content, reason] of cases) {
      files.files.set(name, Buffer.from(content));
      assert.equal(open().recall('cluster', 'a'), null);
      const warning = warnings.pop() ?? '';
      assert.ok(warning.startsWith(`the remembered feed in /state/${name} is ignored: `), warning);
      assert.match(warning, reason);
    }
    const other = open({ node: { ...node, id: 'node-2' } });
    other.keep('cluster', 'a', { version: 'v9', bytes: cluster('a') });
    other.close();
    const foreign = [...files.files.entries()].find(([each]) => each !== name)?.[1];
    files.files.set(name, foreign ?? new Uint8Array());
    assert.equal(open().recall('cluster', 'a'), null);
    assert.match(warnings.pop() ?? '', /another node/);
    assert.deepEqual(warnings, []);
  });

  it('knows the listeners of a feed of whole types, all or none', () => {
    const { open } = scene();
    const listeners = Array.from({ length: 500 }, (_, index) => ({
      name: `0.0.0.0_${index}`,
      ways: [
        [`routes ${index}`, `rds ${index}`],
        [`port ${index}`, `rds ${index}`],
      ] as const,
    }));
    const first = open();
    assert.equal(first.listeners(), null);
    first.follow(() => listeners);
    first.close();
    assert.deepEqual([...(open().listeners() ?? [])], listeners);
    const second = open({ maxListeners: 499 });
    second.used('a:80', 'a');
    second.close();
    assert.equal(open().listeners(), null, 'a part of an index would lie');
    const third = open();
    third.follow(() => []);
    third.close();
    assert.deepEqual([...(open().listeners() ?? [0])], []);
  });

  it('knows for a day what was not the mesh’s', () => {
    const { open, clock } = scene();
    const first = open();
    first.used('moved:80', 'moved');
    for (const name of ['moved', 'other', 'back']) first.outside(`${name}:80`, name);
    first.used('back:80', 'back');
    first.close();
    const known = () => {
      const store = open();
      return ['moved', 'other', 'back'].map((name) => store.wasOutside(`${name}:80`, name));
    };
    assert.deepEqual(known(), [true, true, false]);
    assert.deepEqual(
      open()
        .services()
        .map(({ target }) => target),
      ['back:80'],
    );
    assert.equal(open().wasUsed('back:80'), true);
    clock.advance(day + 1);
    assert.deepEqual(known(), [false, false, false]);
  });

  it('keeps large resources as they are, and no secret of any kind', () => {
    const { open, files } = scene();
    const first = open();
    const large = new Uint8Array(700_001).fill(7);
    first.keep('clusterLoadAssignment', 'large', { version: 'v1', bytes: large });
    first.keep('secret', 'key', { version: 'v1', bytes: Buffer.from('hush') });
    first.close();
    assert.deepEqual(open().recall('clusterLoadAssignment', 'large')?.bytes, large);
    assert.equal(open().recall('secret', 'key'), null);
    assert.equal(files.text.includes(Buffer.from('hush').toString('base64')), false);
  });

  it('goes on where it can neither read nor write, and says so once', async () => {
    const { open, files, clock, warnings } = scene();
    files.fault = new Error('EACCES');
    const store = open();
    for (const version of ['v1', 'v2', 'v3']) {
      store.keep('cluster', 'a', { version, bytes: cluster('a', version) });
      clock.advance(60_000);
      await files.land();
    }
    assert.equal(store.recall('cluster', 'a')?.version, 'v3');
    assert.equal(files.writes, 3);
    assert.deepEqual(
      warnings.map((warning) => warning.replace(/\w{32}/, 'x')),
      [
        'the remembered feed in /state/x.feed is ignored: EACCES',
        'the feed cannot be remembered in /state/x.feed: EACCES',
      ],
    );
    store.close();
  });
});
