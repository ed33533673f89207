import assert from 'node:assert/strict';
import type { JsonValue } from '@bufbuild/protobuf';
import { fromJson, messageType } from '@inmesh/api';
import type { RouteConfiguration as ProtoRouteConfiguration } from '@inmesh/api/gen/envoy/config/route/v3/route_pb';
import type { FilterOverride, FilterOverrides } from '@inmesh/core';
import { newDecoding } from './new-decoding.ts';
import { decodeRouteConfiguration } from './route-configuration.ts';

const API = 'type.googleapis.com/';
const decoding = newDecoding();

function decodeRoutes(entries: { readonly [level: string]: JsonValue }) {
  const per = (level: string) => {
    const any = entries[level];
    return any === undefined ? {} : { typed_per_filter_config: { f: any } };
  };
  const clusters = [{ name: 'c', weight: 1, ...per('cluster') }];
  const routes = [{ match: { prefix: '/' }, route: { weighted_clusters: { clusters } }, ...per('route') }];
  const json = { name: 'r', virtual_hosts: [{ name: 'vh', domains: ['*'], routes, ...per('host') }], ...per('config') };
  const type = messageType<ProtoRouteConfiguration>('envoy.config.route.v3.RouteConfiguration');
  return decodeRouteConfiguration(decoding, fromJson(type, json));
}

function decodeOne(any: JsonValue): FilterOverride {
  const override = decodeRoutes({ config: any }).filters?.get('f');
  assert.ok(override);
  return override;
}

const wrapper = (fields: { readonly [name: string]: JsonValue }): JsonValue => ({
  '@type': `${API}envoy.config.route.v3.FilterConfig`,
  ...fields,
});
const struct = (type: string, value: JsonValue): JsonValue => ({
  '@type': `${API}xds.type.v3.TypedStruct`,
  type_url: `${API}${type}`,
  value,
});

describe('typed_per_filter_config', () => {
  it('is read on each of its four levels, and is absent where there is none', () => {
    const any = (level: string) => struct('x.Y', { level });
    const config = decodeRoutes({ config: any('a'), host: any('b'), route: any('c'), cluster: any('d') });
    const [host] = config.virtualHosts;
    const [route] = host?.routes ?? [];
    const share = route?.action.kind === 'forward' ? route.action.clusters[0] : undefined;
    const levels: (FilterOverrides | undefined)[] = [config.filters, host?.filters, route?.filters, share?.filters];
    assert.deepEqual(
      levels.map((level) => level?.get('f')?.config),
      ['a', 'b', 'c', 'd'].map((level) => ({ json: { level }, bytes: null })),
    );
    const bare = decodeRoutes({});
    assert.equal('filters' in bare || 'filters' in (bare.virtualHosts[0] ?? {}), false);
  });

  it('disables a filter, or enables it without a word about its configuration', () => {
    const off = decodeOne(wrapper({ disabled: true, config: struct('x.Y', {}) }));
    assert.deepEqual([off.disabled, off.config], [true, null]);
    const on = decodeOne(wrapper({ config: {} }));
    assert.deepEqual([on.disabled, on.config], [false, null]);
  });

  it('may say that whoever does not know the type is to leave it out', () => {
    const override = decodeOne(wrapper({ is_optional: true, config: struct('x.Y', { a: 1 }) }));
    assert.deepEqual(
      [override.optional, override.support, override.typeUrl, override.config],
      [true, 'unknown', `${API}x.Y`, { json: { a: 1 }, bytes: null }],
    );
  });

  it('hands on a message of the API as JSON, and one of nobody’s as bytes', () => {
    const lua = decodeOne({
      '@type': `${API}envoy.extensions.filters.http.lua.v3.LuaPerRoute`,
      source_code: { inline_string: 'x' },
    });
    assert.deepEqual((lua.config as { json: unknown }).json, { source_code: { inline_string: 'x' } });
    assert.equal(lua.support, 'unknown');
  });

  it('is refused where the wrapper holds nothing, as by Envoy', () => {
    assert.throws(
      () => decodeOne(wrapper({})),
      /typed_per_filter_config\["f"\]: empty route\/virtual host per filter configuration/,
    );
  });
});
