import assert from 'node:assert/strict';
import type { JsonObject } from '@bufbuild/protobuf';
import { fromJson, messageType } from '@inmesh/api';
import type { RouteConfiguration as ProtoRouteConfiguration } from '@inmesh/api/gen/envoy/config/route/v3/route_pb';
import type { RouteConfiguration } from '@inmesh/core';
import type { DecodeProfile } from './decoding.ts';
import { newDecoding } from './new-decoding.ts';
import { decodeRouteConfiguration } from './route-configuration.ts';

const LOOKUP = {
  grpc_keybuilders: [{ names: [{ service: 's' }], headers: [{ key: 'user', names: ['X-User', 'x-account'] }] }],
  lookup_service: 'dns:///lookup:443',
  cache_size_bytes: '1000',
};
const plugin = (config: JsonObject, options: JsonObject = {}): JsonObject => ({
  extension: {
    name: 'p',
    typed_config: {
      '@type': 'type.googleapis.com/grpc.lookup.v1.RouteLookupClusterSpecifier',
      route_lookup_config: { ...LOOKUP, ...config },
    },
  },
  ...options,
});
const other = (options: JsonObject = {}): JsonObject => ({
  extension: { name: 'p', typed_config: { '@type': 'type.googleapis.com/google.protobuf.Struct', value: {} } },
  ...options,
});

function decode(profile: DecodeProfile, routes: JsonObject[], plugins: JsonObject[] = []): RouteConfiguration {
  const json = {
    name: 'r',
    virtual_hosts: [{ name: 'h', domains: ['*'], routes: routes.map((route) => ({ match: { prefix: '/' }, route })) }],
    cluster_specifier_plugins: plugins,
  };
  const type = messageType<ProtoRouteConfiguration>('envoy.config.route.v3.RouteConfiguration');
  return decodeRouteConfiguration(newDecoding({ profile }), fromJson(type, json));
}

const BY_NAME = { cluster_specifier_plugin: 'p' };
const routesOf = (config: RouteConfiguration) => config.virtualHosts[0]?.routes ?? [];

function lookupOf(config: JsonObject) {
  const action = routesOf(decode('grpc', [BY_NAME], [plugin(config)]))[0]?.action;
  assert.ok(action?.kind === 'forward');
  return action.clusters[0]?.lookup ?? assert.fail('no lookup');
}

describe('cluster specifiers', () => {
  it('of gRPC are read, declared or inline, with its defaults', () => {
    const lookup = {
      keyBuilders: [
        {
          names: [{ service: 's', method: '' }],
          headers: [{ key: 'user', names: ['x-user', 'x-account'] }],
          extraKeys: { host: '', service: '', method: '' },
          constantKeys: {},
        },
      ],
      lookupService: 'dns:///lookup:443',
      lookupServiceTimeoutMs: 10_000,
      maxAgeMs: 300_000,
      staleAgeMs: 300_000,
      cacheSizeBytes: 1000,
      defaultTarget: '',
    };
    assert.deepEqual(lookupOf({}), lookup);
    const inline = routesOf(decode('grpc', [{ inline_cluster_specifier_plugin: plugin({}) }]))[0];
    assert.ok(inline?.action.kind === 'forward');
    assert.deepEqual([inline.unsupported, inline.action.clusters[0]?.lookup], [[], lookup]);
  });

  it('bound ages and size as gRPC does', () => {
    const ages = (max: string, stale: string) => {
      const { maxAgeMs, staleAgeMs } = lookupOf({ max_age: max, stale_age: stale });
      return [maxAgeMs, staleAgeMs];
    };
    assert.deepEqual(ages('60s', '30s'), [60_000, 30_000]);
    assert.deepEqual(ages('60s', '90s'), [60_000, 60_000]);
    assert.deepEqual(ages('400s', '0s'), [300_000, 300_000]);
    assert.deepEqual(ages('400s', '350s'), [400_000, 300_000]);
    assert.equal(lookupOf({ cache_size_bytes: '100000000' }).cacheSizeBytes, 5 * 1024 * 1024);
  });

  const names = [{ service: 's' }];
  const refused: readonly [string, JsonObject, RegExp][] = [
    ['without a key builder', { grpc_keybuilders: [] }, /grpc_keybuilders: at least one/],
    ['without a name', { grpc_keybuilders: [{}] }, /grpc_keybuilders\[0\]\.names: at least one/],
    ['without a service', { grpc_keybuilders: [{ names: [{ method: 'm' }] }] }, /names\[0\]\.service/],
    ['with a slash', { grpc_keybuilders: [{ names: [{ service: 's', method: '/m' }] }] }, /names\[0\]\.method/],
    ['with a name twice', { grpc_keybuilders: [{ names }, { names }] }, /\[1\]\.names\[0\]: \/s\/ has a key builder/],
    [
      'with a key twice',
      { grpc_keybuilders: [{ names, extra_keys: { host: 'a' }, constant_keys: { a: 'b' } }] },
      /extra_keys\.host: the key "a" is used twice/,
    ],
    [
      'with a required header',
      { grpc_keybuilders: [{ names, headers: [{ key: 'a', names: ['b'], required_match: true }] }] },
      /headers\[0\]\.required_match/,
    ],
    ['without a service to ask', { lookup_service: '' }, /lookup_service: value is required/],
    ['with a target of another scheme', { lookup_service: 'http://lookup' }, /lookup_service: the scheme/],
    ['without a cache', { cache_size_bytes: '0' }, /cache_size_bytes: must be greater than 0/],
    ['with stale_age alone', { stale_age: '1s' }, /stale_age: needs max_age/],
  ];
  for (const [title, config, field] of refused) {
    it(`are refused ${title}, optional or not`, () => {
      const place = /cluster_specifier_plugins\[0\]\.extension\.typed_config\.route_lookup_config/;
      for (const is_optional of [true, false]) {
        const read = () => decode('grpc', [BY_NAME], [plugin(config, { is_optional })]);
        assert.throws(read, (error: Error) => place.test(error.message) && field.test(error.message));
      }
    });
  }

  for (const [title, profile, unknown] of [
    ['that Envoy lacks', 'envoy', (options: JsonObject) => plugin({}, options)],
    ['that nobody has', 'grpc', other],
  ] as const) {
    it(`${title} leave their routes out where they are optional, and are refused elsewhere`, () => {
      const optional = unknown({ is_optional: true });
      const routes = [BY_NAME, { inline_cluster_specifier_plugin: optional }, { cluster: 'c' }];
      const kept = routesOf(decode(profile, routes, [optional])).map(({ action }) => action);
      assert.deepEqual(
        kept.map((action) => action.kind === 'forward' && action.clusters.map(({ name }) => name)),
        [['c']],
      );
      assert.throws(() => decode(profile, [BY_NAME], [unknown({})]), /cluster_specifier_plugins\[0\]/);
    });
  }

  it('inline that are unknown are refused by Envoy; gRPC takes the route, whose calls are refused', () => {
    const route = { inline_cluster_specifier_plugin: other() };
    assert.throws(() => decode('envoy', [route]), /route\.inline_cluster_specifier_plugin: there is no plugin of type/);
    const [taken] = routesOf(decode('grpc', [route]));
    assert.deepEqual(taken?.unsupported, ['route.cluster_specifier_plugin (google.protobuf.Struct)']);
  });

  it('of Envoy are refused to calls, as this version lacks them, be they optional; gRPC leaves them out', () => {
    const type = 'envoy.extensions.router.cluster_specifiers.matcher.v3.MatcherClusterSpecifier';
    const typed_config = { '@type': `type.googleapis.com/${type}`, cluster_matcher: {} };
    const matcher = { extension: { name: 'p', typed_config }, is_optional: true };
    const [refused] = routesOf(decode('envoy', [BY_NAME], [matcher]));
    assert.deepEqual(refused?.unsupported, [`route.cluster_specifier_plugin (${type})`]);
    assert.deepEqual(routesOf(decode('grpc', [BY_NAME], [matcher])), []);
  });

  it("leave their routes out of a virtual host's tree too", () => {
    const named = (route: JsonObject) => ({ match: { prefix: '/' }, route });
    const action = {
      name: 'routes',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.config.route.v3.RouteList',
        routes: [named(BY_NAME), named({ cluster: 'c' })],
      },
    };
    const type = messageType<ProtoRouteConfiguration>('envoy.config.route.v3.RouteConfiguration');
    const config = fromJson(type, {
      virtual_hosts: [{ name: 'h', domains: ['*'], matcher: { on_no_match: { action } } }],
      cluster_specifier_plugins: [other({ is_optional: true })],
    });
    const [host] = decodeRouteConfiguration(newDecoding(), config).virtualHosts;
    assert.deepEqual([host?.routes.length, JSON.stringify(host?.matcher).includes('[0]')], [1, true]);
  });
});
