import assert from 'node:assert/strict';
import { Clusters, noConnector, seededRandom, VirtualClock, type Watcher } from '@inmesh/core';
import { NamedClusters } from './named-clusters.ts';

describe('clusters that calls name', () => {
  function setup() {
    const watched = new Map<string, Watcher<never>>();
    const unused = (): never => {
      throw new Error('nothing is resolved and nothing is called');
    };
    const clusters = new Clusters({
      source: {
        watch: (_, name, watcher) => {
          watched.set(name, watcher as Watcher<never>);
          return () => watched.delete(name);
        },
      },
      resolver: { watch: unused },
      connector: noConnector,
      clock: new VirtualClock(),
      random: seededRandom(1),
    });
    let told = 0;
    const named = new NamedClusters(clusters, () => told++);
    return { watched, named, told: () => told };
  }

  it('are looked for once, and followed until the end', () => {
    const { named, watched } = setup();
    assert.equal(named.handle('a'), named.handle('a'));
    assert.deepEqual([...watched.keys()], ['a']);
    named.close();
    assert.deepEqual([...watched.keys()], []);
  });

  it('are bounded in number: those that were not named for longest go', () => {
    const { named, watched } = setup();
    for (let i = 0; i < 100; i++) named.handle(`c${i}`);
    named.handle('c0');
    named.handle('another');
    assert.equal(watched.size, 100);
    assert.ok(watched.has('c0') && !watched.has('c1') && watched.has('another'));
  });
});
