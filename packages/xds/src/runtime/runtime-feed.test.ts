import assert from 'node:assert/strict';
import {
  type ConfigSource,
  flattenRuntime,
  MeshError,
  type RuntimeLayer,
  runtimeValue,
  type Watcher,
} from '@inmesh/core';
import { RuntimeFeed } from './runtime-feed.ts';

function scene() {
  const watchers = new Map<string, Watcher<RuntimeLayer>>();
  const source: ConfigSource = {
    watch(kind, name, watcher) {
      assert.equal(kind, 'runtime');
      watchers.set(name, watcher as unknown as Watcher<RuntimeLayer>);
      return () => watchers.delete(name);
    },
  };
  let tellDisk = (_: string): void => assert.fail('the disk is not followed');
  const feed = new RuntimeFeed({
    layers: [
      { kind: 'static', name: 'base', layer: layer('base', { a: 1, b: 1, c: 1 }) },
      { kind: 'disk', name: 'disk', directory: '/d/current', symlinkRoot: '/d' },
      { kind: 'rtds', name: 'feed', resource: 'rtds' },
      { kind: 'admin', name: 'admin' },
    ],
    source,
    followDisk: (from, tell) => {
      assert.equal(from.directory, '/d/current');
      tellDisk = (value) => tell(new Map([['b', runtimeValue(value)]]));
      return () => {
        tellDisk = () => assert.fail('the disk is not followed any more');
      };
    },
  });
  const values = () => ['a', 'b', 'c'].map((key) => feed.runtime.integer(key, 0));
  return { feed, watchers, values, tellDisk: (value: string) => tellDisk(value) };
}

function layer(name: string, values: { readonly [key: string]: unknown }): RuntimeLayer {
  return { name, values: flattenRuntime(values) };
}

describe('runtime feed', () => {
  it('lets each layer win over those before it, whenever it comes', () => {
    const { feed, watchers, values, tellDisk } = scene();
    assert.deepEqual(values(), [1, 1, 1]);
    watchers.get('rtds')?.changed(layer('rtds', { b: 3, c: 3 }));
    assert.deepEqual(values(), [1, 3, 3]);
    tellDisk('2');
    assert.deepEqual(values(), [1, 3, 3]);
    feed.modify({ c: 4 });
    assert.deepEqual(values(), [1, 3, 4]);
    assert.deepEqual(
      feed.runtime.layers.map(({ name }) => name),
      ['base', 'disk', 'feed', 'admin'],
    );
  });

  it('keeps a layer in an outage, and empties it where the control plane has it no more', () => {
    const { watchers, values, tellDisk } = scene();
    tellDisk('2');
    const rtds = watchers.get('rtds');
    rtds?.changed(layer('rtds', { b: 3 }));
    rtds?.ambientError(new MeshError('connection_failure', 'gone'));
    assert.deepEqual(values(), [1, 3, 1]);
    rtds?.resourceError(new MeshError('config_timeout', 'none'));
    assert.deepEqual(values(), [1, 2, 1]);
  });

  it('takes an override back with an empty text, and follows nothing once it is closed', () => {
    const { feed, watchers, values } = scene();
    feed.modify({ a: '7', b: true });
    assert.deepEqual([values(), feed.runtime.boolean('b', false)], [[7, 0, 1], true]);
    feed.modify({ a: '', b: '' });
    assert.deepEqual(values(), [1, 1, 1]);
    feed.close();
    assert.equal(watchers.size, 0);
  });

  it('has nowhere to put an override without an admin layer', () => {
    const source: ConfigSource = { watch: () => assert.fail('nothing is to be watched') };
    const feed = new RuntimeFeed({ layers: [], source, followDisk: () => assert.fail('no disk') });
    assert.throws(() => feed.modify({ a: 1 }), /No admin layer specified/);
  });
});
