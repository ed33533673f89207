import assert from 'node:assert/strict';
import { create, toBinary } from '@bufbuild/protobuf';
import { messageType, typeUrlOf } from '@inmesh/api';
import type { HTTPFault } from '@inmesh/api/gen/envoy/extensions/filters/http/fault/v3/fault_pb';
import {
  CONNECTION_MANAGER_DEFAULTS,
  type ConfigDiscovery,
  type ConfigSource,
  type ExtensionConfig,
  type FaultConfig,
  type Listener,
  MeshError,
  type Model,
  type Watcher,
} from '@inmesh/core';
import { DiscoveredFilters } from './discovered-filters.ts';
import { ListenerCompleter } from './listener-completer.ts';

const FAULT = 'envoy.extensions.filters.http.fault.v3.HTTPFault';

function fault(upstreamCluster: string): ExtensionConfig {
  const type = messageType<HTTPFault>(FAULT);
  return { name: 'f', typeName: FAULT, message: toBinary(type, create(type, { upstreamCluster })), struct: null };
}

function listenerWith(discovery: Partial<ConfigDiscovery> = {}): Listener {
  const defaults = { name: 'f', defaultConfig: null, applyDefaultConfigWithoutWarming: false, typeNames: [FAULT] };
  const entry = {
    name: 'f',
    typeUrl: typeUrlOf(FAULT),
    disabled: false,
    optional: false,
    config: null,
    unsupported: [],
  };
  const httpFilters = [{ ...entry, support: 'missing', discovery: { ...defaults, ...discovery } }] as const;
  const http = {
    statPrefix: 's',
    routes: { kind: 'rds', name: 'r' },
    manager: CONNECTION_MANAGER_DEFAULTS,
    httpFilters,
  } as const;
  return { name: 'l', address: null, http, direction: 'outbound', chains: [] };
}

function scene(completer = new ListenerCompleter()) {
  const watched = new Map<string, Watcher<ExtensionConfig>>();
  const source: ConfigSource = {
    watch(kind, name, watcher) {
      assert.equal(kind, 'extensionConfig');
      watched.set(name, watcher as Watcher<Model['extensionConfig']>);
      return () => watched.delete(name);
    },
  };
  let changes = 0;
  const filters = new DiscoveredFilters(source, completer, () => {
    changes++;
  });
  /** What the filter of a listener was made of; null while it is waited for. */
  const made = (listener: Listener) => {
    const entry = filters.complete(listener)?.http?.httpFilters[0];
    if (entry === undefined) return null;
    return entry.support === 'known' ? (entry.config as FaultConfig).upstreamCluster : entry.support;
  };
  return { watched, filters, made, changes: () => changes };
}

const gone = new MeshError('invalid_config', 'none of that name');

describe('filters whose configuration comes on its own', () => {
  it('are waited for, and follow what comes', () => {
    const { watched, filters, made, changes } = scene();
    const listener = listenerWith();
    filters.follow(listener);
    assert.equal(made(listener), null);
    watched.get('f')?.changed(fault('a'));
    assert.deepEqual([made(listener), changes()], ['a', 1]);
    watched.get('f')?.changed(fault('b'));
    assert.equal(made(listener), 'b');
    watched.get('f')?.ambientError(gone);
    assert.equal(made(listener), 'b');
  });

  it('are missing where there is none; the default serves, where there is one', () => {
    for (const [defaultConfig, expected] of [
      [null, 'missing'],
      [fault('default'), 'default'],
    ] as const) {
      const { watched, filters, made } = scene();
      const listener = listenerWith({ defaultConfig });
      filters.follow(listener);
      assert.equal(made(listener), null);
      watched.get('f')?.resourceError(gone);
      assert.equal(made(listener), expected);
      watched.get('f')?.changed(fault('late'));
      assert.equal(made(listener), 'late');
    }
  });

  it('need not wait where the default may serve first', () => {
    const { filters, made } = scene();
    const listener = listenerWith({ defaultConfig: fault('default'), applyDefaultConfigWithoutWarming: true });
    filters.follow(listener);
    assert.equal(made(listener), 'default');
  });

  it('keep what they had when something comes that the listener does not allow, or that is none', () => {
    const { watched, filters, made } = scene();
    const listener = listenerWith({ defaultConfig: fault('default') });
    filters.follow(listener);
    watched.get('f')?.changed(fault('a'));
    watched.get('f')?.changed({ ...fault('b'), typeName: 'x.Other' });
    assert.equal(made(listener), 'a');
    watched.get('f')?.changed({ ...fault('b'), message: Uint8Array.of(0xff) });
    assert.equal(made(listener), 'default');
  });

  it('are followed as long as a listener names them', () => {
    const { watched, filters } = scene();
    filters.follow(listenerWith());
    filters.follow(listenerWith({ name: 'g' }));
    assert.deepEqual([...watched.keys()], ['g']);
    filters.close();
    assert.equal(watched.size, 0);
  });

  it('make one listener for all authorities that share it', () => {
    const completer = new ListenerCompleter();
    const [one, two] = [scene(completer), scene(completer)];
    const listener = listenerWith();
    const config = fault('a');
    for (const { filters, watched } of [one, two]) {
      filters.follow(listener);
      watched.get('f')?.changed(config);
    }
    assert.equal(one.filters.complete(listener), two.filters.complete(listener));
  });
});
