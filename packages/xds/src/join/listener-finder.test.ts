import assert from 'node:assert/strict';
import { type ConfigSource, type Listener, MeshError, type Model, type Watcher } from '@inmesh/core';
import { listenersByName } from './listener-finder.ts';

describe('listeners by name', () => {
  const listener = (name: string): Listener => ({
    name,
    address: null,
    http: null,
    direction: 'unspecified',
    chains: [],
  });
  const absent = new MeshError('no_route', 'it does not exist');
  const refused = new MeshError('invalid_config', 'it was refused');
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  /** A finder for `a:80` under two names, what its watcher was told, and the feed's side. */
  function find() {
    const watchers = new Map<string, Watcher<Listener>>();
    const source: ConfigSource = {
      watch: (_, name, watcher) => {
        watchers.set(name, watcher as Watcher<Model['listener']>);
        return () => watchers.delete(name);
      },
    };
    const told: string[] = [];
    const stop = listenersByName(source, () => ['a:80', 'a']).find('a:80', {
      changed: ({ name }) => told.push(name),
      notInMesh: ({ code }) => told.push(`not in mesh ${code}`),
      resourceError: ({ code }) => told.push(code),
      ambientError: ({ code }) => told.push(`ambient ${code}`),
    });
    const say = (name: string): Watcher<Listener> => {
      const watcher = watchers.get(name);
      assert.ok(watcher, `nobody watches ${name}`);
      return watcher;
    };
    return { told, say, stop, watchers };
  }

  it('are asked for by all names at once, and the one that is there is taken while the other is not known', async () => {
    const { told, say } = find();
    say('a').changed(listener('a'));
    await turn();
    assert.deepEqual(told, ['a']);
    say('a:80').resourceError(absent);
    await turn();
    assert.deepEqual([...new Set(told)], ['a']);
  });

  it('prefer the best name, in whatever order one response brings them, and follow it', async () => {
    const { told, say } = find();
    say('a').changed(listener('a'));
    say('a:80').changed(listener('a:80'));
    await turn();
    assert.deepEqual([...new Set(told)], ['a:80']);
    say('a:80').resourceError(absent);
    await turn();
    assert.equal(told.at(-1), 'a');
  });

  it('are not there only when no name has one; that one was refused says more than that one is absent', async () => {
    const { told, say } = find();
    say('a:80').resourceError(absent);
    await turn();
    assert.deepEqual(told, []);
    say('a').resourceError(absent);
    await turn();
    assert.deepEqual(told, ['not in mesh no_route']);
    say('a').resourceError(refused);
    await turn();
    assert.equal(told.at(-1), 'invalid_config');
  });

  it('stay of the mesh once they were found: a removal is an error, and does not let calls pass', async () => {
    const { told, say } = find();
    say('a').changed(listener('a'));
    say('a:80').resourceError(absent);
    await turn();
    say('a').resourceError(absent);
    await turn();
    assert.equal(told.at(-1), 'no_route');
  });

  it('are watched no more after the end, and nothing is told then', async () => {
    const { told, say, stop, watchers } = find();
    say('a').changed(listener('a'));
    stop();
    await turn();
    assert.deepEqual(told, []);
    assert.equal(watchers.size, 0);
  });
});
