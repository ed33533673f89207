import assert from 'node:assert/strict';
import { Clusters, type Listener, MeshError, type MeshErrorCode, VirtualClock, type Watcher } from '@inmesh/core';
import { Join } from './join.ts';

/** A join whose finder the test plays: it says what the listener is, or why there is none. */
function scene() {
  const clock = new VirtualClock();
  const random = () => 0;
  const source = { watch: () => () => {} };
  const connector = { connect: () => assert.fail('nothing is called here') };
  const resolver = { watch: () => () => {} };
  const said: { watcher: Watcher<Listener> | null } = { watcher: null };
  const join = new Join({
    source,
    clusters: new Clusters({ source, resolver, connector, clock, random }),
    random,
    listeners: {
      find: (_, watcher) => {
        said.watcher = watcher;
        return () => {};
      },
    },
  });
  const entry = join.lookup('reviews:80', 'reviews');
  const lose = (code: MeshErrorCode) => said.watcher?.resourceError(new MeshError(code, 'no listener'));
  const give = (listener: Listener) => said.watcher?.changed(listener);
  return { entry, lose, give };
}

const tcp: Listener = { name: 'reviews:80', address: null, http: null };

describe('an authority without a listener', () => {
  it('is none of the mesh’s only where the feed says that there is none', () => {
    const verdicts = (['no_route', 'invalid_config', 'connection_failure', 'config_timeout'] as const).map((code) => {
      const { entry, lose } = scene();
      lose(code);
      return [code, entry.absent, entry.error?.code];
    });
    assert.deepEqual(verdicts, [
      ['no_route', true, 'no_route'],
      ['invalid_config', false, 'invalid_config'],
      ['connection_failure', false, 'connection_failure'],
      ['config_timeout', false, 'config_timeout'],
    ]);
  });

  it('stays the mesh’s once it had one: a service taken out must not leak to plain DNS', () => {
    const { entry, lose, give } = scene();
    give(tcp);
    lose('no_route');
    assert.deepEqual([entry.absent, entry.error?.code], [false, 'no_route']);
  });
});
