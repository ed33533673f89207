import assert from 'node:assert/strict';
import { Clusters, type ConfigSource, seededRandom, VirtualClock } from '@inmesh/core';
import { Join } from './join.ts';

describe('join', () => {
  /** A join over a feed that never answers. */
  function silentJoin(): Join {
    const source: ConfigSource = { watch: () => () => {} };
    const random = seededRandom(1);
    const unused = (): never => {
      throw new Error('nothing is resolved and nothing is called here');
    };
    const clusters = new Clusters({
      source,
      resolver: { watch: unused },
      connector: { connect: unused },
      clock: new VirtualClock(),
      random,
    });
    return new Join({ source, clusters, random, listeners: { find: () => () => {} } });
  }

  it('follows an authority once, however often it is called', () => {
    const join = silentJoin();
    assert.equal(join.lookup('a:80', 'a'), join.lookup('a:80', 'a'));
    assert.equal(join.lookup('a:9080', 'a:9080'), join.lookup('a:9080', 'a:9080'));
    assert.equal([...join.entries].length, 2);
  });

  it('keeps apart what domains tell apart: another host, and a default port that the caller wrote out', () => {
    const join = silentJoin();
    const entries = [join.lookup('a:80', 'a'), join.lookup('a:80', 'a:80'), join.lookup('a:80', 'b')];
    entries.push(join.lookup('a:9080', 'a'), join.lookup('a:9080', 'a:9080'));
    assert.equal(new Set(entries).size, entries.length);
    assert.deepEqual(
      entries.map(({ authority }) => authority),
      ['a', 'a:80', 'b', 'a', 'a:9080'],
    );
  });
});
