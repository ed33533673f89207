// Names with authorities (gRFC A47), as dialogues with scripted control planes. Numbers 20 and 21 of the conformance list.
import assert from 'node:assert/strict';
import type { ConfigSource } from '@inmesh/core';
import { FakeControlPlane, Heard, setup, turn } from './dialogue.test.ts';
import { Federation } from './federation.ts';
import { authorityOf, canonicalName } from './resource-name.ts';

describe('federation', () => {
  it('20 asks each name of its own authority, which is opened by the first watch and closed some time after the last', async () => {
    const own = setup();
    const opened: string[] = [];
    const released: string[] = [];
    const server = new FakeControlPlane();
    const { client } = setup({ transport: server, clock: own.clock });
    const federation = new Federation({
      own: own.client,
      open: (authority) => {
        opened.push(authority);
        return { client, release: () => released.push(authority) };
      },
      nodeId: 'node-1',
      clock: own.clock,
    });
    federation.watch('cluster', 'a', new Heard());
    assert.deepEqual(opened, []);
    const first = federation.watch('cluster', 'xdstp://east/t/a?y=2&x=1', new Heard());
    const second = federation.watch('cluster', 'xdstp://east/t/b', new Heard());
    await turn();
    assert.deepEqual(own.server.stream.asked(), [{ type: 'cluster', names: ['a'] }]);
    assert.deepEqual(server.stream.asked(), [
      { type: 'cluster', names: ['xdstp://east/t/a?x=1&y=2', 'xdstp://east/t/b'] },
    ]);
    assert.deepEqual(opened, ['east']);
    assert.deepEqual(federation.sources, [client]);
    first();
    first();
    own.clock.advance(300_000);
    assert.deepEqual(released, []);
    second();
    own.clock.advance(299_999);
    const back = federation.watch('cluster', 'xdstp://east/t/b', new Heard());
    own.clock.advance(300_000);
    assert.deepEqual(released, []);
    back();
    own.clock.advance(300_000);
    assert.deepEqual(released, ['east']);
    federation.watch('cluster', 'xdstp://east/t/b', new Heard())();
    assert.deepEqual(opened, ['east', 'east']);
    federation.close();
    own.clock.advance(300_000);
    assert.deepEqual(released, ['east', 'east']);
  });

  it('21 refuses a name of an unknown authority, one that is malformed, and one whose servers cannot be used, by name', () => {
    const { client, clock } = setup();
    const federation = new Federation<ConfigSource>({
      own: client,
      open: (authority) => {
        if (authority === 'broken') throw new TypeError('no such file');
        return null;
      },
      nodeId: 'node-1',
      clock,
    });
    const heard = new Heard();
    federation.watch('cluster', 'xdstp://west/t/a', heard)();
    federation.watch('listener', 'xdstp:a', heard)();
    federation.watch('listener', 'xdstp://broken/t/a', heard)();
    assert.deepEqual(
      heard.failures.map(({ message }) => message),
      [
        '[invalid_config] its authority "west" is not among those of the bootstrap (resource cluster "xdstp://west/t/a", nodeId node-1)',
        '[invalid_config] it is no xdstp://authority/type/id (resource listener "xdstp:a", nodeId node-1)',
        '[invalid_config] its authority "broken" cannot be asked: no such file (resource listener "xdstp://broken/t/a", nodeId node-1)',
      ],
    );
    assert.deepEqual(heard.said, Array(3).fill('resource invalid_config'));
  });
});

describe('resource names', () => {
  const forms: readonly (readonly [written: string, canonical: string])[] = [
    ['plain?b=1&a=2', 'plain?b=1&a=2'],
    ['xdstp://a/t/id', 'xdstp://a/t/id'],
    ['xdstp://a/t/id?', 'xdstp://a/t/id'],
    ['xdstp://a/t/id?b=1&a=2', 'xdstp://a/t/id?a=2&b=1'],
    ['xdstp://a/t/id?ab=1&a=2', 'xdstp://a/t/id?a=2&ab=1'],
    ['xdstp://a/t/id?a=1&a=2', 'xdstp://a/t/id?a=1'],
    ['xdstp:///t/i/d?b=%20#x=y', 'xdstp:///t/i/d?b=%20'],
    ['xdstp:nonsense', 'xdstp:nonsense'],
  ];
  for (const [written, canonical] of forms) {
    it(`has ${canonical} for ${written}`, () => {
      assert.equal(canonicalName(written), canonical);
      assert.equal(canonicalName(canonical), canonical);
    });
  }

  it('tells the authority, which may be empty, from names that have none and from malformed ones', () => {
    assert.deepEqual(['xdstp://a/t/id?x=1', 'xdstp:///t/id', 'plain', 'xdstp:nonsense'].map(authorityOf), [
      'a',
      '',
      null,
      undefined,
    ]);
  });
});
