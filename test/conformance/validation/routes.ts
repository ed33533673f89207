import type { JsonObject } from '@bufbuild/protobuf';
import { API, type EdgeCase, NAME, RANGE, route, virtualHost } from './edge-case.ts';

const MAX = 4_294_967_295;
const STRUCT = { '@type': `${API}google.protobuf.Struct` };

const routes = (
  title: string,
  fields: JsonObject,
  envoy: RegExp | null,
  grpc: RegExp | null,
  more: Pick<EdgeCase, 'unlikeEnvoy' | 'unlikeGrpc'> = {},
): EdgeCase => ({ title, kind: 'routeConfiguration', fields, envoy, grpc, ...more });

const one = (fields: JsonObject, host: JsonObject = {}): JsonObject => ({
  virtual_hosts: [virtualHost({ routes: [route(fields)], ...host })],
});
const match = (fields: JsonObject): JsonObject => one({ match: { prefix: '/', ...fields } });
const action = (fields: JsonObject): JsonObject => one({ route: { cluster: NAME, ...fields } });
const weights = (...clusters: JsonObject[]): JsonObject => one({ route: { weighted_clusters: { clusters } } });
const retry = (fields: JsonObject): JsonObject => action({ retry_policy: { retry_on: '5xx', ...fields } });
const plugin = (isOptional: boolean): JsonObject => ({
  ...one({ route: { cluster_specifier_plugin: 'p' } }),
  cluster_specifier_plugins: [{ extension: { name: 'p', typed_config: STRUCT }, is_optional: isOptional }],
});

const lookup = (config: JsonObject, isOptional = false): JsonObject => ({
  ...one({ route: { cluster_specifier_plugin: 'p' } }),
  cluster_specifier_plugins: [
    {
      extension: {
        name: 'p',
        typed_config: {
          '@type': 'type.googleapis.com/grpc.lookup.v1.RouteLookupClusterSpecifier',
          route_lookup_config: {
            grpc_keybuilders: [{ names: [{ service: 's' }] }],
            lookup_service: 'dns:///lookup:443',
            cache_size_bytes: '1000',
            ...config,
          },
        },
      },
      is_optional: isOptional,
    },
  ],
});

/** grpc-go reads the plugin always, and has the policy only in programs that import it. */
const LINKED = 'this peer does not import the policy (balancer/rls), without which grpc-go refuses every lookup';

export const ROUTES: readonly EdgeCase[] = [
  routes('good ones', {}, null, null),
  routes('no virtual host', { virtual_hosts: [] }, null, null),
  routes(
    'a virtual host without a name',
    { virtual_hosts: [virtualHost({ name: '' })] },
    /virtual_hosts\[0\]\.name/,
    null,
  ),
  routes('a virtual host without domains', { virtual_hosts: [virtualHost({ domains: [] })] }, /domains/, null),
  routes('an empty domain', { virtual_hosts: [virtualHost({ domains: [''] })] }, null, null),
  routes(
    'a domain twice',
    { virtual_hosts: [virtualHost({ domains: ['a', 'a'] })] },
    /duplicate entry of domain a/,
    null,
  ),
  routes(
    'a domain in two virtual hosts',
    { virtual_hosts: [virtualHost({ domains: ['a'] }), virtualHost({ name: 'w', domains: ['A'] })] },
    /duplicate entry of domain a/,
    null,
  ),
  routes(
    'two virtual hosts of one name',
    { virtual_hosts: [virtualHost({ domains: ['a'] }), virtualHost({ domains: ['b'] })] },
    null,
    null,
  ),
  routes('a * in the middle of a domain', { virtual_hosts: [virtualHost({ domains: ['a*b'] })] }, null, null),
  routes('no match', one({ match: null }), /match: value is required/, /match: value is required/),
  routes('no path', one({ match: {} }), /path_specifier/, /path_specifier/),
  routes('path_separated_prefix', one({ match: { path_separated_prefix: '/a' } }), null, /prefix, path or safe_regex/),
  routes(
    'path_separated_prefix with a slash at its end',
    one({ match: { path_separated_prefix: '/a/' } }),
    /path_separated_prefix/,
    /path_/,
  ),
  routes('CONNECT', one({ match: { connect_matcher: {} } }), null, /prefix, path or safe_regex/),
  routes('a path by an expression that is none', one({ match: { safe_regex: { regex: '(' } } }), /regex/, /regex/),
  routes('a path by an expression of nothing', one({ match: { safe_regex: { regex: '' } } }), /regex/, null),
  routes(
    'a header by an expression that is none',
    match({ headers: [{ name: 'h', string_match: { safe_regex: { regex: '(' } } }] }),
    /regex/,
    /regex/,
  ),
  routes(
    'a header of an empty prefix',
    match({ headers: [{ name: 'h', string_match: { prefix: '' } }] }),
    /prefix/,
    /prefix: is empty/,
  ),
  routes('a header without a name', match({ headers: [{ string_match: { exact: 'a' } }] }), /headers\[0\]\.name/, null),
  routes(
    'a header that only must be there, unsaid',
    match({ headers: [{ name: 'h' }] }),
    null,
    /no header matcher that gRPC knows/,
  ),
  routes(
    'a header without a pattern',
    match({ headers: [{ name: 'h', string_match: {} }] }),
    /match_pattern/,
    /no pattern that gRPC knows/,
  ),
  routes('a query parameter', match({ query_parameters: [{ name: 'q', present_match: true }] }), null, null),
  routes(
    'a fraction in an unknown unit',
    match({ runtime_fraction: { default_value: { numerator: 1, denominator: 9 } } }),
    /denominator/,
    /denominator/,
    { unlikeGrpc: RANGE },
  ),
  routes('no action', one({ route: null }), /action: value is required/, null),
  routes('no cluster', one({ route: {} }), /cluster_specifier/, null),
  routes('a cluster without a name', one({ route: { cluster: '' } }), /cluster/, null),
  routes('a cluster by header', one({ route: { cluster_header: 'x-cluster' } }), null, null),
  routes('weights: none', weights(), /clusters/, /sum of the weights/),
  routes('weights: all 0', weights({ name: NAME, weight: 0 }), /sum of the weights/, /sum of the weights/),
  routes(
    'weights: above uint32',
    weights({ name: NAME, weight: MAX }, { name: 'b', weight: 1 }),
    /sum of the weights/,
    /sum of the weights/,
  ),
  routes('weights: one missing', weights({ name: NAME, weight: 1 }, { name: 'b' }), /weight/, null),
  routes('weights: one 0', weights({ name: NAME, weight: 1 }, { name: 'b', weight: 0 }), null, null),
  routes(
    'weights: name and header',
    weights({ name: NAME, cluster_header: 'x', weight: 1 }),
    /exactly one of name and cluster_header/,
    /exactly one of name and cluster_header/,
    { unlikeGrpc: 'which of the two is meant nobody can know, and inmesh reads both' },
  ),
  routes(
    'a plugin that is not declared',
    one({ route: { cluster_specifier_plugin: 'p' } }),
    /cluster_specifier_plugin/,
    /cluster_specifier_plugin/,
  ),
  routes('an unknown plugin', plugin(false), /cluster_specifier_plugins/, /cluster_specifier_plugins\[0\]/),
  routes('an unknown plugin, optional', plugin(true), null, null),
  routes('a lookup', lookup({}), /cluster_specifier_plugins/, null, { unlikeGrpc: LINKED }),
  routes('a lookup, optional', lookup({}, true), null, null, { unlikeGrpc: LINKED }),
  routes('a lookup without a cache', lookup({ cache_size_bytes: '0' }, true), null, /cache_size_bytes/),
  routes('no retries', retry({ num_retries: 0 }), null, /num_retries: must be at least 1/),
  routes(
    'no retries, for the virtual host',
    { virtual_hosts: [virtualHost({ retry_policy: { retry_on: '5xx', num_retries: 0 } })] },
    null,
    /num_retries: must be at least 1/,
  ),
  routes('backoff: base of 0', retry({ retry_back_off: { base_interval: '0s' } }), /base_interval/, /base_interval/),
  routes('backoff: no base', retry({ retry_back_off: { max_interval: '1s' } }), /base_interval/, /base_interval/),
  routes(
    'backoff: greatest of 0',
    retry({ retry_back_off: { base_interval: '1s', max_interval: '0s' } }),
    /max_interval/,
    /max_interval/,
  ),
  routes(
    'backoff: greatest below the base',
    retry({ retry_back_off: { base_interval: '2s', max_interval: '1s' } }),
    /max_interval/,
    /max_interval/,
    {
      unlikeGrpc: 'gRFC A44 leaves it open: grpc-js refuses it, grpc-go does not',
    },
  ),
  routes('a direct response', one({ route: null, direct_response: { status: 200 } }), null, null),
  routes('a direct response of status 99', one({ route: null, direct_response: { status: 99 } }), /status/, /status/, {
    unlikeGrpc: RANGE,
  }),
  routes(
    'a direct response of 5 KB',
    one({ route: null, direct_response: { status: 200, body: { inline_string: 'a'.repeat(5000) } } }),
    /size is 5000 bytes/,
    /size is 5000 bytes/,
    { unlikeGrpc: RANGE },
  ),
  routes('a redirect', one({ route: null, redirect: { path_redirect: '/b' } }), null, null),
  routes(
    'a redirect of unknown status',
    one({ route: null, redirect: { response_code: 9 } }),
    /response_code/,
    /response_code/,
    { unlikeGrpc: RANGE },
  ),
  routes('non_forwarding_action', one({ route: null, non_forwarding_action: {} }), null, null),
  routes(
    'two rewrites of the path',
    action({ prefix_rewrite: '/b', regex_rewrite: { pattern: { regex: 'a' }, substitution: 'b' } }),
    /rewrite/,
    /rewrite/,
    { unlikeGrpc: RANGE },
  ),
  routes('a hash policy of nothing', action({ hash_policy: [{}] }), /policy_specifier/, /policy_specifier/, {
    unlikeGrpc: 'grpc-go leaves a policy out that it does not know; inmesh knows all that there are, and this is none',
  }),
  routes(
    'a header to add without a name',
    { ...one({}), request_headers_to_add: [{ header: { value: 'a' } }] },
    /key/,
    /key/,
    { unlikeGrpc: RANGE },
  ),
  routes(
    'a header to add that is no header',
    { ...one({}), request_headers_to_add: [{ header: { key: ':path', value: '/' } }] },
    /header\.key/,
    /header\.key/,
    { unlikeGrpc: RANGE },
  ),
  routes(
    'two upgrades of one kind',
    action({ upgrade_configs: [{ upgrade_type: 'websocket' }, { upgrade_type: 'WebSocket' }] }),
    /upgrade/,
    /upgrade/,
    { unlikeGrpc: RANGE },
  ),
  routes(
    'an override of an unknown filter',
    one({ typed_per_filter_config: { nobody: STRUCT } }),
    null,
    /no filter of gRPC/,
    { unlikeEnvoy: 'only the calls of that route are refused, so that the others go on' },
  ),
  routes(
    'an override of an unknown filter, optional',
    one({
      typed_per_filter_config: {
        nobody: { '@type': `${API}envoy.config.route.v3.FilterConfig`, is_optional: true, config: STRUCT },
      },
    }),
    null,
    null,
  ),
];
