import type { Area, Case } from '../case.ts';
import { filter, perRoute, shown, toOne, typed, typedAs } from './filter-yaml.ts';

const RBAC = 'rbac.v3.RBAC';
const rbac = (config: string): string => filter('envoy.filters.http.rbac', RBAC, config);
/** Rules of one policy `p`. */
const rules = (action: string, permissions: string, principals = '[{ any: true }]'): string =>
  `{ action: ${action}, policies: { p: { permissions: ${permissions}, principals: ${principals} } } }`;
const allow = (permissions: string, principals?: string): string =>
  `[${rbac(`{ rules: ${rules('ALLOW', permissions, principals)} }`)}]`;
const deny = (permissions: string, principals?: string): string =>
  `[${rbac(`{ rules: ${rules('DENY', permissions, principals)} }`)}]`;
const header = (name: string, value: string): string =>
  `{ header: { name: ${name}, string_match: { exact: ${value} } } }`;
const DENIED = '403 "RBAC: access denied" x0';

/** `yes` are allowed by an ALLOW, and denied by a DENY, of the same rule; `no` the other way round. */
function rule(
  name: string,
  permission: string,
  principal: string,
  yes: readonly string[],
  no: readonly string[],
): Case[] {
  const both = [`[${permission}]`, `[${principal}]`] as const;
  return [
    {
      name: `rbac: ${name}, allowed`,
      filters: allow(...both),
      routes: toOne,
      requests: [...yes.map((line) => `${line} -> 200 one`), ...no.map((line) => `${line} -> ${DENIED}`)],
    },
    {
      name: `rbac: ${name}, denied`,
      filters: deny(...both),
      routes: toOne,
      requests: [...yes.map((line) => `${line} -> ${DENIED}`), ...no.map((line) => `${line} -> 200 one`)],
    },
  ];
}
const permitted = (name: string, permission: string, yes: readonly string[], no: readonly string[]): Case[] =>
  rule(name, permission, '{ any: true }', yes, no);

const HTTP_INPUT = typedAs('envoy.type.matcher.v3.HttpRequestHeaderMatchInput', '{ header_name: x }');
const act = (name: string, action: string): string =>
  `{ action: { name: a, typed_config: ${typedAs('envoy.config.rbac.v3.Action', `{ name: ${name}, action: ${action} }`)} } }`;
const byX = (actions: Readonly<Record<string, string>>, more = ''): string =>
  `{ matcher_tree: { input: { name: i, typed_config: ${HTTP_INPUT} }, exact_match_map: { map: { ${Object.entries(
    actions,
  )
    .map(([value, action]) => `${value}: ${action}`)
    .join(', ')} } } }${more} }`;
const OWN = 'envoy.filters.http.rbac';
const metadata = filter(
  'envoy.filters.http.header_to_metadata',
  'header_to_metadata.v3.Config',
  '{ request_rules: [{ header: x, on_header_present: { metadata_namespace: n, key: k } }] }',
);
const isA = '{ filter: n, path: [{ key: k }], value: { string_match: { exact: a } } }';

const rulesOfPolicies: readonly Case[] = [
  ...permitted('any', '{ any: true }', ['GET /'], []),
  ...permitted('a header', header('x', 'a'), ['GET / [x: a]'], ['GET / [x: b]', 'GET /']),
  ...permitted('the method', header("':method'", 'GET'), ['GET /'], ['POST / "x"', 'PUT /']),
  ...permitted('the path', '{ url_path: { path: { prefix: /a } } }', ['GET /ab', 'GET /a?x'], ['GET /b', 'GET /?/a']),
  ...permitted(
    'the whole path',
    '{ url_path: { path: { exact: /a } } }',
    ['GET /a', 'GET /a?x=1'],
    ['GET /a/', 'GET /A'],
  ),
  ...permitted(
    'a template of the path',
    `{ uri_template: { name: t, typed_config: ${typedAs('envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig', '{ path_template: "/a/{b}" }')} } }`,
    ['GET /a/1', 'GET /a/1?x'],
    ['GET /a/1/2', 'GET /a'],
  ),
  ...permitted(
    'all of several',
    `{ and_rules: { rules: [${header('x', 'a')}, ${header('y', 'b')}] } }`,
    ['GET / [x: a] [y: b]'],
    ['GET / [x: a]', 'GET / [y: b]', 'GET /'],
  ),
  ...permitted(
    'one of several',
    `{ or_rules: { rules: [${header('x', 'a')}, ${header('y', 'b')}] } }`,
    ['GET / [x: a]', 'GET / [y: b]'],
    ['GET /'],
  ),
  ...permitted('not', `{ not_rule: ${header('x', 'a')} }`, ['GET /', 'GET / [x: b]'], ['GET / [x: a]']),
  ...permitted('a server name, without TLS', '{ requested_server_name: { exact: shop } }', [], ['GET /']),
  ...permitted('no server name', '{ requested_server_name: { exact: "" } }', ['GET /'], []),
  ...rule('a principal by a header', '{ any: true }', header('x', 'a'), ['GET / [x: a]'], ['GET /']),
  ...rule('an authenticated principal, without TLS', '{ any: true }', '{ authenticated: {} }', [], ['GET /']),
  ...rule(
    'anyone but an authenticated principal',
    '{ any: true }',
    '{ not_id: { authenticated: { principal_name: { exact: "spiffe://a/b" } } } }',
    ['GET /'],
    [],
  ),
  ...rule(
    'an address of elsewhere',
    '{ any: true }',
    '{ source_ip: { address_prefix: 10.9.8.7, prefix_len: 32 } }',
    [],
    ['GET /'],
  ),
  ...rule(
    'permission and principal',
    header('x', 'a'),
    '{ and_ids: { ids: [{ url_path: { path: { prefix: /p } } }, { or_ids: { ids: [{ any: true }] } }] } }',
    ['GET /p [x: a]'],
    ['GET /p', 'GET / [x: a]'],
  ),
  {
    name: 'rbac: dynamic metadata',
    filters: `[${metadata}, ${rbac(`{ rules: ${rules('ALLOW', `[{ metadata: ${isA} }]`)} }`)}]`,
    routes: toOne,
    requests: ['GET / [x: a] -> 200 one', 'GET / [x: b] -> 403', 'GET / -> 403'],
  },
  {
    name: 'rbac: metadata of the route',
    filters: allow(`[{ sourced_metadata: { metadata_matcher: ${isA}, metadata_source: ROUTE } }]`),
    routes: `
      - { match: { prefix: /a }, metadata: { filter_metadata: { n: { k: a } } }, route: { cluster: one } }
      - { match: { prefix: /b }, metadata: { filter_metadata: { n: { k: b } } }, route: { cluster: one } }
      - { match: { prefix: /c }, route: { cluster: one } }`,
    requests: ['GET /a -> 200 one', 'GET /b -> 403', 'GET /c -> 403', 'GET /none -> 403'],
  },
  {
    name: 'rbac: no policy at all',
    filters: `[${rbac('{ rules: { action: ALLOW } }')}]`,
    routes: `
      - match: { prefix: /deny }
        route: { cluster: one }
        ${perRoute(`envoy.filters.http.rbac: ${typed('rbac.v3.RBACPerRoute', '{ rbac: { rules: { action: DENY } } }')}`)}
      - match: { prefix: /off }
        route: { cluster: one }
        ${perRoute(`envoy.filters.http.rbac: ${typed('rbac.v3.RBACPerRoute')}`)}
      - { match: { prefix: / }, route: { cluster: one } }`,
    requests: [`GET / -> ${DENIED}`, 'GET /deny -> 200 one', 'GET /off -> 200 one'],
  },
  {
    name: 'rbac: comes before the answers of the route, and before there is none',
    filters: deny('[{ any: true }]'),
    routes: '[{ match: { prefix: /direct }, direct_response: { status: 201 } }]',
    requests: ['GET /direct -> 403', 'GET /none -> 403'],
  },
  {
    name: 'rbac: gRPC is answered in its way',
    filters: deny('[{ any: true }]'),
    routes: toOne,
    requests: ['POST / [content-type: application/grpc] -> 200 {grpc-status: 7} {grpc-message: RBAC: access denied}'],
  },
  {
    name: 'rbac: the first policy by name is told of',
    filters: `[${rbac(`{ rules: { action: DENY, policies: { b: { permissions: [{ any: true }], principals: [{ any: true }] },
      'a b': { permissions: [${header('x', 'a')}], principals: [{ any: true }] } } } }`)}]`,
    routes: toOne,
    requests: ['GET / [x: a] -> 403', 'GET / -> 403'],
  },
];

const told: readonly Case[] = [
  {
    name: 'rbac: logs',
    filters: `[${rbac(`{ rules: ${rules('LOG', `[${header('x', 'a')}]`)} }`)}, ${shown('envoy.common:access_log_hint', `${OWN}:enforced_engine_result`)}]`,
    routes: toOne,
    requests: [
      'GET / [x: a] -> 200 one [x-m0: true] [x-m1: allowed]',
      'GET / -> 200 one [x-m0: false] [x-m1: allowed]',
    ],
  },
  {
    name: 'rbac: rules in the shadow only tell',
    filters: `[${rbac(`{ shadow_rules: ${rules('ALLOW', `[${header('x', 'a')}]`)} }`)}, ${shown(`${OWN}:shadow_engine_result`, `${OWN}:shadow_effective_policy_id`, `${OWN}:enforced_engine_result`)}]`,
    routes: toOne,
    requests: [
      'GET / [x: a] -> 200 one [x-m0: allowed] [x-m1: p] [!x-m2]',
      'GET / -> 200 one [x-m0: denied] [!x-m1] [!x-m2]',
    ],
  },
  {
    name: 'rbac: tells under prefixes',
    filters: `[${rbac(`{ rules_stat_prefix: r_, shadow_rules_stat_prefix: s_, rules: ${rules('ALLOW', '[{ any: true }]')}, shadow_rules: ${rules('DENY', '[{ any: true }]')} }`)},
      ${shown(`${OWN}:s_shadow_engine_result`, `${OWN}:r_enforced_engine_result`, `${OWN}:r_enforced_effective_policy_id`)}]`,
    routes: toOne,
    requests: ['GET / -> 200 one [x-m0: denied] [x-m1: allowed] [x-m2: p]'],
  },
];

const trees: readonly Case[] = [
  {
    name: 'rbac: a matcher tree',
    filters: `[${rbac(`{ matcher: ${byX({ a: act('yes', 'ALLOW'), b: act('no no', 'DENY'), c: act('note', 'LOG') })} }`)}, ${shown('envoy.common:access_log_hint')}]`,
    routes: toOne,
    requests: [
      'GET / [x: a] -> 200 one [x-m0: false]',
      `GET / [x: b] -> ${DENIED}`,
      'GET / [x: c] -> 200 one [x-m0: true]',
      `GET / [x: d] -> ${DENIED}`,
      `GET / -> ${DENIED}`,
    ],
  },
  {
    name: 'rbac: on_no_match of a matcher tree',
    filters: `[${rbac(`{ matcher: ${byX({ b: act('no', 'DENY') }, `, on_no_match: ${act('rest', 'ALLOW')}`)} }`)}]`,
    routes: toOne,
    requests: ['GET / -> 200 one', 'GET / [x: b] -> 403'],
  },
  {
    name: 'rbac: a matcher tree comes before rules',
    filters: `[${rbac(`{ matcher: ${byX({ a: act('yes', 'ALLOW') })}, rules: ${rules('DENY', '[{ any: true }]')} }`)}]`,
    routes: toOne,
    requests: ['GET / [x: a] -> 200 one', 'GET / -> 403'],
  },
  {
    name: 'rbac: a matcher tree in the shadow',
    filters: `[${rbac(`{ shadow_matcher: ${byX({ a: act('yes', 'ALLOW') })} }`)}, ${shown(`${OWN}:shadow_engine_result`, `${OWN}:shadow_effective_policy_id`)}]`,
    routes: toOne,
    requests: ['GET / [x: a] -> 200 one [x-m0: allowed] [x-m1: yes]', 'GET / -> 200 one [x-m0: denied]'],
  },
];

const refused: readonly Case[] = [
  {
    name: 'rbac: a policy without permissions is refused',
    filters: `[${rbac('{ rules: { action: ALLOW, policies: { p: { principals: [{ any: true }] } } } }')}]`,
    routes: toOne,
    refused: 'permissions',
    requests: [],
  },
  {
    name: 'rbac: a range of ports that ends before it starts is refused',
    filters: allow('[{ destination_port_range: { start: 5, end: 5 } }]'),
    routes: toOne,
    refused: 'range start 5',
    requests: [],
  },
  {
    name: 'rbac: any of false is refused',
    filters: allow('[{ any: false }]'),
    routes: toOne,
    refused: 'any',
    requests: [],
  },
];

export const filtersRbac: Area = { area: 'filters: rbac', cases: [...rulesOfPolicies, ...told, ...trees, ...refused] };
