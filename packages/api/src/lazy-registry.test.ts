import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createFileRegistry, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { LazyRegistry } from './lazy-registry.ts';

const bytes = readFileSync(new URL('../envoy.binpb', import.meta.url));
const set = fromBinary(FileDescriptorSetSchema, bytes);
const whole = createFileRegistry(set);

describe('LazyRegistry', () => {
  it('has every type that a registry made at once has', () => {
    const lazy = new LazyRegistry(bytes);
    const names = (types: Iterable<{ typeName: string; kind: string }>): string[] =>
      Array.from(types, ({ kind, typeName }) => `${kind} ${typeName}`).sort();
    assert.deepEqual(names(lazy), names(whole));
  });

  it('finds each by its name alone, in any order', () => {
    const lazy = new LazyRegistry(bytes);
    for (const { typeName, kind } of [...whole].reverse()) assert.equal(lazy.get(typeName)?.kind, kind, typeName);
  });

  it('gives the same type whichever way leads to it', () => {
    const lazy = new LazyRegistry(bytes);
    const policy = lazy.getEnum('envoy.config.cluster.v3.Cluster.LbPolicy');
    const cluster = lazy.getMessage('envoy.config.cluster.v3.Cluster');
    assert.equal(cluster?.field.lbPolicy?.enum, policy);
    assert.equal(
      cluster?.field.loadAssignment?.message,
      lazy.getMessage('envoy.config.endpoint.v3.ClusterLoadAssignment'),
    );
    const manager = lazy.getMessage(
      'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    );
    assert.equal(manager?.field.httpFilters?.message?.typeName.endsWith('.HttpFilter'), true);
    assert.equal(lazy.getMessage('envoy.config.cluster.v3.Cluster'), cluster);
  });

  it('knows extensions by what they extend', () => {
    const lazy = new LazyRegistry(bytes);
    const options = lazy.getMessage('google.protobuf.FieldOptions');
    assert.ok(options);
    const rules = lazy.getExtensionFor(options, 1071);
    assert.equal(rules?.typeName, 'validate.rules');
    assert.equal(rules, lazy.getExtension('validate.rules'));
    assert.equal(lazy.getExtensionFor(options, 1), undefined);
  });

  it('has nothing under the name of another kind, or of none', () => {
    const lazy = new LazyRegistry(bytes);
    assert.equal(lazy.getEnum('envoy.config.cluster.v3.Cluster'), undefined);
    assert.equal(lazy.getMessage('envoy.config.cluster.v3.Cluster.LbPolicy'), undefined);
    assert.equal(lazy.getService('envoy.config.cluster.v3.Cluster'), undefined);
    assert.equal(lazy.getExtension('envoy.config.cluster.v3.Cluster'), undefined);
    for (const name of ['', '.', 'envoy', 'envoy.config.cluster.v3.Cluster.Nothing', 'Nothing']) {
      assert.equal(lazy.get(name), undefined, name);
    }
  });

  it('says which file is missing', () => {
    const file = set.file.filter(({ name }) => name !== 'envoy/config/core/v3/base.proto');
    const lazy = new LazyRegistry(toBinary(FileDescriptorSetSchema, { ...set, file }));
    assert.throws(
      () => lazy.get('envoy.config.cluster.v3.Cluster'),
      /the API has no file envoy\/config\/core\/v3\/base\.proto/,
    );
  });
});
