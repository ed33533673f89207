import assert from 'node:assert/strict';
import { type JsonObject, type JsonValue, toBinary } from '@bufbuild/protobuf';
import { fromJson, messageType } from '@inmesh/api';
import { isMeshError, NO_CONDITIONS, type Route, type RouteConfiguration, type VirtualHost } from '@inmesh/core';
import { resourceTypes } from './resource-types.ts';

const types = resourceTypes();
const context = { nodeId: 'node-1', controlPlane: 'xds.test:1', profile: 'envoy' } as const;

function decode(config: JsonObject): RouteConfiguration {
  const type = messageType('envoy.config.route.v3.RouteConfiguration');
  return types.routeConfiguration.decode(toBinary(type, fromJson(type, { name: 'r', ...config })), context).value;
}

function host(json: JsonObject): VirtualHost {
  return decode({ virtual_hosts: [{ name: 'v', domains: ['*'], ...json }] }).virtualHosts[0] as VirtualHost;
}

function route(match: JsonObject): Route {
  return host({ routes: [{ match, direct_response: { status: 200 } }] }).routes[0] as Route;
}

function problemOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.ok(isMeshError(error) && error.code === 'invalid_config', `${error}`);
    return error.message;
  }
  return assert.fail('it was accepted');
}

const any = (type: string, fields: JsonObject = {}): JsonObject => ({
  name: 'x',
  typed_config: { '@type': `type.googleapis.com/${type}`, ...fields },
});
const template = (path: string) =>
  any('envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig', { path_template: path });
const exact = (value: string) => ({ kind: 'exact', value, ignoreCase: false });

describe('the match of a route', () => {
  it('reads every kind of path', () => {
    const cases: [JsonObject, Route['path']][] = [
      [
        { prefix: '/a', case_sensitive: false },
        { kind: 'prefix', value: '/a', caseSensitive: false },
      ],
      [{ path: '/a' }, { kind: 'path', value: '/a', caseSensitive: true }],
      [{ path_separated_prefix: '/a' }, { kind: 'path_separated_prefix', value: '/a', caseSensitive: true }],
      [{ safe_regex: { regex: '/a|/b' } }, { kind: 'safe_regex', value: '/a|/b', caseSensitive: true }],
      [{ connect_matcher: {} }, { kind: 'connect_matcher', value: '', caseSensitive: true }],
      [{ path_match_policy: template('/{x}/*') }, { kind: 'uri_template', value: '/{x}/*', caseSensitive: true }],
    ];
    for (const [match, expected] of cases) {
      const found = route(match);
      assert.deepEqual([found.path, found.unsupported, found.conditions], [expected, [], NO_CONDITIONS]);
    }
  });

  it('reads headers in the old forms and the new one', () => {
    const header = (json: JsonObject) =>
      route({ prefix: '/', headers: [{ name: 'X-User', ...json }] }).conditions.headers[0];
    const plain = { name: 'x-user', invert: false, treatMissingAsEmpty: false };
    const string = (match: object) => ({ ...plain, test: { kind: 'string', match } });
    assert.deepEqual(header({}), { ...plain, test: { kind: 'present', present: true } });
    assert.deepEqual(header({ present_match: false }), { ...plain, test: { kind: 'present', present: false } });
    assert.deepEqual(header({ exact_match: 'a' }), string(exact('a')));
    assert.deepEqual(header({ exact_match: '' }), { ...plain, test: { kind: 'any' } });
    assert.deepEqual(header({ prefix_match: 'a' }), string({ ...exact('a'), kind: 'prefix' }));
    assert.deepEqual(header({ suffix_match: 'a' }), string({ ...exact('a'), kind: 'suffix' }));
    assert.deepEqual(header({ contains_match: 'a' }), string({ ...exact('a'), kind: 'contains' }));
    assert.deepEqual(header({ safe_regex_match: { regex: 'a' } }), string({ ...exact('a'), kind: 'safe_regex' }));
    assert.deepEqual(header({ string_match: { exact: '' } }), string(exact('')));
    assert.deepEqual(
      header({ string_match: { prefix: 'A', ignore_case: true } }),
      string({ kind: 'prefix', value: 'A', ignoreCase: true }),
    );
    assert.deepEqual(
      header({
        range_match: { start: '-9223372036854775808', end: 5 },
        invert_match: true,
        treat_missing_header_as_empty: true,
      }),
      {
        name: 'x-user',
        test: { kind: 'range', start: -(2n ** 63n), end: 5n },
        invert: true,
        treatMissingAsEmpty: true,
      },
    );
  });

  it('reads all that may be asked besides', () => {
    const found = route({
      prefix: '/',
      runtime_fraction: { default_value: { numerator: 3, denominator: 'TEN_THOUSAND' }, runtime_key: 'k' },
      grpc: {},
      query_parameters: [
        { name: 'q', string_match: { exact: 'a' } },
        { name: 'p', present_match: false },
        { name: 'o' },
      ],
      cookies: [{ name: 'c', string_match: { exact: 'a' }, invert_match: true }],
      tls_context: { presented: true },
      dynamic_metadata: [
        {
          filter: 'f',
          path: [{ key: 'a' }, { key: 'b' }],
          value: { list_match: { one_of: { double_match: { range: { start: 1, end: 2 } } } } },
        },
      ],
      filter_state: [
        { key: 'k', address_match: { ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }], invert_match: true } },
      ],
    });
    assert.deepEqual(found.unsupported, []);
    assert.deepEqual(found.conditions, {
      runtimeFraction: { runtimeKey: 'k', defaultValue: { numerator: 3, denominator: 10_000 } },
      grpc: true,
      headers: [],
      queryParameters: [
        { name: 'q', test: { kind: 'string', match: exact('a') } },
        { name: 'p', test: { kind: 'present', present: false } },
        { name: 'o', test: { kind: 'present', present: true } },
      ],
      cookies: [{ name: 'c', match: exact('a'), invert: true }],
      tlsContext: { presented: true, validated: null },
      dynamicMetadata: [
        {
          filter: 'f',
          path: ['a', 'b'],
          value: { kind: 'list', oneOf: { kind: 'range', start: 1, end: 2 } },
          invert: false,
        },
      ],
      filterState: [
        { key: 'k', test: { kind: 'address', ranges: [{ address: '10.0.0.0', length: 8 }], invert: true } },
      ],
    });
    const values = route({
      prefix: '/',
      dynamic_metadata: [
        { null_match: {} },
        { bool_match: true },
        { present_match: true },
        { double_match: { exact: 4 } },
        { string_match: { exact: 'a' } },
        { or_match: { value_matchers: [{ null_match: {} }, { bool_match: false }] } },
      ].map((value) => ({ filter: 'f', path: [{ key: 'a' }], value: value as JsonValue })),
    }).conditions.dynamicMetadata.map(({ value }) => value);
    assert.deepEqual(values, [
      { kind: 'null' },
      { kind: 'bool', value: true },
      { kind: 'present', present: true },
      { kind: 'number', value: 4 },
      { kind: 'string', match: exact('a') },
      { kind: 'or', any: [{ kind: 'null' }, { kind: 'bool', value: false }] },
    ]);
  });

  it('names a matcher that is not there, and keeps the others', () => {
    const custom = { name: 'x', string_match: { custom: any('google.protobuf.Empty') } };
    const found = route({ prefix: '/', headers: [{ name: 'y' }, custom], query_parameters: [custom] });
    assert.deepEqual(found.unsupported, [
      'match.headers[1].string_match.custom',
      'match.query_parameters[0].string_match.custom',
    ]);
    assert.deepEqual(
      found.conditions.headers.map(({ name }) => name),
      ['y'],
    );
    const policy = route({ path_match_policy: any('google.protobuf.Empty') });
    assert.deepEqual([policy.path, policy.unsupported], [null, ['match.path_match_policy (google.protobuf.Empty)']]);
  });

  it('refuses what Envoy refuses', () => {
    const cases: [JsonObject, RegExp][] = [
      [
        { safe_regex: { regex: '/[a' } },
        /routes\[0\]\.match\.safe_regex\.regex: error parsing regexp: missing closing \]/,
      ],
      [{ safe_regex: { regex: '\\x{10FFFF}' } }, /safe_regex\.regex: invalid escape sequence/],
      [
        { prefix: '/', headers: [{ name: 'x', string_match: { safe_regex: { regex: '*' } } }] },
        /match\.headers\[0\]\.string_match\.safe_regex\.regex: /,
      ],
      [
        { prefix: '/', headers: [{ name: 'x', safe_regex_match: { regex: '(?=a)' } }] },
        /headers\[0\]\.safe_regex_match\.regex: /,
      ],
      [
        { prefix: '/', headers: [{ name: 'x', string_match: { safe_regex: { regex: 'a' }, ignore_case: true } }] },
        /headers\[0\]\.string_match: ignore_case has no effect for safe_regex/,
      ],
      [{ prefix: '/', headers: [{ name: 'x', string_match: {} }] }, /headers\[0\]\.string_match/],
      [{ prefix: '/', headers: [{ name: 'x', string_match: { prefix: '' } }] }, /headers\[0\]\.string_match\.prefix/],
      [{ prefix: '/', headers: [{ name: 'x', prefix_match: '' }] }, /headers\[0\]\.prefix_match/],
      [{ prefix: '/', headers: [{ name: '' }] }, /headers\[0\]\.name/],
      [{ prefix: '/', headers: [{ name: 'x\n' }] }, /headers\[0\]\.name/],
      [{ prefix: '/', query_parameters: [{ name: '' }] }, /query_parameters\[0\]\.name/],
      [{ prefix: '/', cookies: [{ name: 'c' }] }, /cookies\[0\]\.string_match/],
      [{ prefix: '/', runtime_fraction: {} }, /runtime_fraction\.default_value/],
      [
        { path_match_policy: template('/a//b') },
        /path_match_policy\.typed_config\.path_template: \/a\/\/b is no template/,
      ],
      [{ path_match_policy: template('') }, /path_match_policy\.typed_config\.path_template/],
      [{}, /match\.path_specifier|match: /],
    ];
    for (const [match, expected] of cases)
      assert.match(
        problemOf(() => route(match)),
        expected,
      );
  });

  it('takes what Envoy takes: ranges that hold nothing, odd names', () => {
    const odd = [{ name: 'x', range_match: { start: 6, end: 5 } }, { name: 'a b' }, { name: ':x' }];
    assert.equal(route({ prefix: '/', headers: odd }).conditions.headers.length, 3);
  });
});

describe('the matcher tree of a virtual host', () => {
  const ROUTE = 'envoy.config.route.v3.Route';
  const header = any('envoy.type.matcher.v3.HttpRequestHeaderMatchInput', { header_name: 'X-User' });
  const routeTo = (cluster: string): JsonObject => ({ match: { prefix: '/' }, route: { cluster } });
  const action = (cluster: string) => ({ action: any(ROUTE, routeTo(cluster)) });
  const single = (input: JsonObject, test: JsonObject = { value_match: { exact: 'a' } }) => ({
    single_predicate: { input, ...test },
  });
  const list = (predicate: JsonObject, onMatch: JsonObject = action('one')): JsonObject => ({
    matcher_list: { matchers: [{ predicate, on_match: onMatch }] },
  });
  const custom = (type: string, fields: JsonObject) => ({
    custom_match: any(`envoy.extensions.matching.input_matchers.${type}`, fields),
  });

  it('gathers the routes of its actions, and points at them', () => {
    const found = host({
      matcher: {
        matcher_tree: {
          input: header,
          prefix_match_map: {
            map: {
              a: action('one'),
              b: { action: any('envoy.config.route.v3.RouteList', { routes: [routeTo('two'), routeTo('three')] }) },
              c: { matcher: list(single(header)) },
            },
          },
        },
        on_no_match: action('none'),
      },
    });
    const clusters = found.routes.map(({ action: each }) =>
      each.kind === 'forward' ? each.clusters[0]?.name : each.kind,
    );
    const { matcher } = found;
    assert.ok(matcher?.kind === 'prefix_map');
    const at = (name: string) => {
      const found = matcher.map.get(name);
      return found?.kind === 'action' ? found.action.map((position) => clusters[position]) : found?.kind;
    };
    assert.deepEqual([at('a'), at('b'), at('c')], [['one'], ['two', 'three'], 'matcher']);
    assert.deepEqual(matcher.input, { kind: 'request_header', name: 'x-user' });
    assert.ok(matcher.onNoMatch?.kind === 'action');
    assert.deepEqual(
      matcher.onNoMatch.action.map((position) => clusters[position]),
      ['none'],
    );
    assert.deepEqual(
      found.routes.flatMap(({ unsupported }) => unsupported),
      [],
    );
  });

  it('reads predicates and what they test', () => {
    const tests: [JsonObject, object][] = [
      [
        custom('ip.v3.Ip', { cidr_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }], stat_prefix: 's' }),
        { kind: 'ip', ranges: [{ address: '10.0.0.0', length: 8 }] },
      ],
      [
        custom('consistent_hashing.v3.ConsistentHashing', { threshold: 5, modulo: 10, seed: 3 }),
        { kind: 'consistent_hashing', threshold: 5, modulo: 10, seed: 3n },
      ],
      [
        custom('runtime_fraction.v3.RuntimeFraction', { runtime_fraction: { default_value: { numerator: 5 } } }),
        {
          kind: 'runtime_fraction',
          fraction: { runtimeKey: '', defaultValue: { numerator: 5, denominator: 100 } },
          seed: 0n,
        },
      ],
      [
        custom('metadata.v3.Metadata', { value: { bool_match: true }, invert: true }),
        { kind: 'metadata', value: { kind: 'bool', value: true }, invert: true },
      ],
    ];
    for (const [json, expected] of tests) {
      const { matcher } = host({ matcher: list({ not_matcher: single(header, json) }) });
      assert.ok(matcher?.kind === 'list');
      const predicate = matcher.matchers[0]?.predicate;
      assert.deepEqual(
        predicate?.kind === 'not' && predicate.predicate.kind === 'single' && predicate.predicate.test,
        expected,
      );
    }
    const state = any('envoy.extensions.matching.common_inputs.network.v3.FilterStateInput', { key: 'k' });
    const both = {
      or_matcher: { predicate: [single(state), { and_matcher: { predicate: [single(header), single(header)] } }] },
    };
    const { matcher } = host({ matcher: list(both) });
    assert.ok(matcher?.kind === 'list' && matcher.matchers[0]?.predicate.kind === 'or');
    assert.deepEqual(
      matcher.matchers[0].predicate.predicates.map(({ kind }) => kind),
      ['single', 'and'],
    );
  });

  it('refuses what Envoy refuses', () => {
    const query = any('envoy.type.matcher.v3.HttpRequestQueryParamMatchInput', { query_param: 'x' });
    const source = any('envoy.extensions.matching.common_inputs.network.v3.SourceIPInput');
    const regex = { value_match: { safe_regex: { regex: '[', google_re2: {} } } };
    const cases: [JsonObject, RegExp][] = [
      [{ matcher: list(single(header)), routes: [routeTo('c')] }, /cannot set both matcher and routes/],
      [{ matcher: list(single(query)) }, /can only match on request headers, not on .*HttpRequestQueryParamMatchInput/],
      [{ matcher: list(single(source)) }, /can only match on request headers/],
      [
        { matcher: list(single(header), { ...action('c'), keep_matching: true }) },
        /on_match\.keep_matching: is not supported/,
      ],
      [{ matcher: list(single(header, regex)) }, /value_match\.safe_regex\.regex/],
      [
        {
          matcher: list(single(header), {
            action: any('envoy.config.route.v3.VirtualHost', { name: 'v', domains: ['x'] }),
          }),
        },
        /is no action of a route table/,
      ],
      [{ matcher: list({ and_matcher: { predicate: [single(header)] } }) }, /and_matcher\.predicate/],
      [{ matcher: { matcher_tree: { input: header, exact_match_map: { map: {} } } } }, /exact_match_map\.map/],
      [
        { matcher: list(single(header, custom('consistent_hashing.v3.ConsistentHashing', { threshold: 5 }))) },
        /modulo/,
      ],
    ];
    for (const [json, expected] of cases)
      assert.match(
        problemOf(() => host(json)),
        expected,
      );
  });

  it('refuses the calls of a host whose tree needs what is not there', () => {
    const variable = any('envoy.extensions.matching.common_inputs.environment_variable.v3.Config', { name: 'HOME' });
    const found = host({ matcher: list(single(variable)) });
    assert.equal(found.matcher, null);
    assert.deepEqual(
      found.routes.map(({ path, unsupported }) => [path, unsupported]),
      [[null, ['virtual_host.matcher.matcher_list.matchers[0].predicate.single_predicate.input.typed_config']]],
    );
  });
});
