import type { Area, Case } from '../case.ts';

const API = 'type.googleapis.com';
const INPUT = `{ name: i, typed_config: { '@type': ${API}/envoy.type.matcher.v3.HttpRequestHeaderMatchInput, header_name: x } }`;
const route = (status: number, match = '{ prefix: / }') =>
  `{ match: ${match}, direct_response: { status: ${status} } }`;
const typed = (type: string, fields: string) => `{ name: t, typed_config: { '@type': ${API}/${type}, ${fields} } }`;
const act = (status: number, match?: string) =>
  `{ action: ${typed('envoy.config.route.v3.Route', route(status, match).slice(1, -1).trim())} }`;
const is = (value: string) => `{ single_predicate: { input: ${INPUT}, value_match: ${value} } }`;
const custom = (type: string, fields: string) =>
  `{ single_predicate: { input: ${INPUT}, custom_match: ${typed(`envoy.extensions.matching.input_matchers.${type}`, fields)} } }`;
const list = (...matchers: readonly (readonly [string, string])[]) =>
  `matcher_list: { matchers: [${matchers.map(([predicate, onMatch]) => `{ predicate: ${predicate}, on_match: ${onMatch} }`).join(', ')}] }`;
const map = (kind: 'exact' | 'prefix', entries: Readonly<Record<string, string>>) =>
  `matcher_tree: { input: ${INPUT}, ${kind}_match_map: { map: { ${Object.entries(entries)
    .map(([key, onMatch]) => `'${key}': ${onMatch}`)
    .join(', ')} } } }`;

function tree(name: string, matcher: string, requests: readonly string[]): Case {
  return { name, hosts: `[{ name: h, domains: ['*'], matcher: { ${matcher} } }]`, requests };
}
function refused(name: string, matcher: string, reason: string, more = ''): Case {
  return {
    name,
    hosts: `[{ name: h, domains: ['*'], matcher: { ${matcher} }${more} }]`,
    requests: [],
    refused: reason,
  };
}
const otherInput = (type: string, fields = '') =>
  list([`{ single_predicate: { input: ${typed(type, fields)}, value_match: { exact: a } } }`, act(201)]);

/** What the values come to, by xxHash64. */
const hashed: Readonly<Record<string, number>> = {
  a: 201,
  b: 202,
  c: 404,
  d: 201,
  e: 202,
  f: 201,
  g: 404,
  'user-1234567890-1234567890-1234567890': 201,
};
const shared: Readonly<Record<string, number>> = { a: 404, b: 404, c: 201, d: 404, e: 201, f: 404 };

/** Virtual hosts whose routes are found by a matcher tree. */
export const matchingTree: Area = {
  area: 'matching: tree',
  cases: [
    tree(
      'the first of a list',
      list([is('{ exact: a }'), act(201)], [is('{ prefix: a }'), act(202)], [is('{ exact: ab }'), act(203)]),
      ['GET / [x: a] -> 201', 'GET / [x: ab] -> 202', 'GET / [x: b] -> 404 NR', 'GET / -> 404 NR'],
    ),
    tree('on_no_match', `${list([is('{ exact: a }'), act(201)])}, on_no_match: ${act(202)}`, [
      'GET / [x: a] -> 201',
      'GET / -> 202',
    ]),
    tree('on_no_match alone', `on_no_match: ${act(202)}`, ['GET / -> 202']),
    tree('nothing at all', '', ['GET / -> 404 NR']),
    tree(
      'the route still asks for itself',
      list([is('{ exact: a }'), act(201, '{ path: /a }')], [is('{ exact: a }'), act(202)]),
      ['GET /a [x: a] -> 201', 'GET /b [x: a] -> 404 NR'],
    ),
    tree(
      'a list of routes',
      list([
        is('{ exact: a }'),
        `{ action: ${typed('envoy.config.route.v3.RouteList', `routes: [${route(201, '{ path: /a }')}, ${route(202, '{ prefix: /a }')}]`)} }`,
      ]),
      ['GET /a [x: a] -> 201', 'GET /ab [x: a] -> 202', 'GET /b [x: a] -> 404 NR'],
    ),
    tree(
      'an empty list of routes',
      list([is('{ exact: a }'), `{ action: ${typed('envoy.config.route.v3.RouteList', 'routes: []')} }`]),
      ['GET / [x: a] -> 404 NR'],
    ),
    tree(
      'a nested matcher that matches nothing',
      list(
        [is('{ prefix: a }'), `{ matcher: { ${list([is('{ exact: abc }'), act(201)])} } }`],
        [is('{ prefix: ab }'), act(202)],
      ),
      ['GET / [x: abc] -> 201', 'GET / [x: abd] -> 202', 'GET / [x: ac] -> 404 NR'],
    ),
    tree(
      'a nested matcher with its own on_no_match',
      list(
        [is('{ prefix: a }'), `{ matcher: { ${list([is('{ exact: abc }'), act(201)])}, on_no_match: ${act(203)} } }`],
        [is('{ prefix: ab }'), act(202)],
      ),
      ['GET / [x: abc] -> 201', 'GET / [x: abd] -> 203'],
    ),
    tree('a map', `${map('exact', { a: act(201), ab: act(202) })}, on_no_match: ${act(203)}`, [
      'GET / [x: a] -> 201',
      'GET / [x: ab] -> 202',
      'GET / [x: abc] -> 203',
      'GET / -> 203',
      'GET / [x: A] -> 203',
    ]),
    tree('a map of beginnings: the longest', map('prefix', { a: act(201), abc: act(202), 'abd/': act(203) }), [
      'GET / [x: a] -> 201',
      'GET / [x: abcd] -> 202',
      'GET / [x: abd] -> 201',
      'GET / [x: abd/x] -> 203',
      'GET / [x: b] -> 404',
      'GET / -> 404',
    ]),
    tree(
      'a map of beginnings: nested, and back to a shorter one',
      `${map('prefix', { a: act(201), ab: `{ matcher: { ${list([is('{ exact: abc }'), act(202)])} } }` })}, on_no_match: ${act(203)}`,
      ['GET / [x: abc] -> 202', 'GET / [x: abd] -> 201', 'GET / [x: b] -> 203'],
    ),
    tree('and', list([`{ and_matcher: { predicate: [${is('{ prefix: a }')}, ${is('{ suffix: b }')}] } }`, act(201)]), [
      'GET / [x: ab] -> 201',
      'GET / [x: a] -> 404',
      'GET / [x: b] -> 404',
    ]),
    tree('or', list([`{ or_matcher: { predicate: [${is('{ exact: a }')}, ${is('{ exact: b }')}] } }`, act(201)]), [
      'GET / [x: a] -> 201',
      'GET / [x: b] -> 201',
      'GET / [x: c] -> 404',
    ]),
    tree('not', list([`{ not_matcher: ${is('{ exact: a }')} }`, act(201)]), [
      'GET / [x: a] -> 404',
      'GET / [x: b] -> 201',
      'GET / -> 201',
    ]),
    tree('a header that comes twice', list([is("{ exact: 'a,b' }"), act(201)], [is('{ exact: a }'), act(202)]), [
      'GET / [x: a] [x: b] -> 201',
      'GET / [x: a] -> 202',
    ]),
    tree(
      'values: in any case, contained, patterns',
      list(
        [is('{ exact: AB, ignore_case: true }'), act(201)],
        [is('{ contains: z }'), act(202)],
        [is("{ safe_regex: { google_re2: {}, regex: '[0-9]+' } }"), act(203)],
      ),
      ['GET / [x: aB] -> 201', 'GET / [x: yzy] -> 202', 'GET / [x: 42] -> 203', 'GET / [x: 4x] -> 404'],
    ),
    tree(
      'an address',
      list([
        custom(
          'ip.v3.Ip',
          'cidr_ranges: [{ address_prefix: 10.0.0.0, prefix_len: 8 }, { address_prefix: "fd00::", prefix_len: 8 }], stat_prefix: s',
        ),
        act(201),
      ]),
      [
        'GET / [x: 10.1.2.3] -> 201',
        'GET / [x: 11.1.2.3] -> 404',
        'GET / [x: fd12::1] -> 201',
        'GET / [x: ::ffff:10.1.2.3] -> 404',
        'GET / [x: ten] -> 404',
        'GET / -> 404',
      ],
    ),
    tree(
      'a hash',
      list(
        [custom('consistent_hashing.v3.ConsistentHashing', 'threshold: 50, modulo: 100, seed: 7'), act(201)],
        [custom('consistent_hashing.v3.ConsistentHashing', 'threshold: 25, modulo: 100, seed: 7'), act(202)],
      ),
      ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'user-1234567890-1234567890-1234567890'].map(
        (value) => `GET / [x: ${value}] -> ${hashed[value]}`,
      ),
    ),
    tree(
      'a share by a hash',
      list([
        custom(
          'runtime_fraction.v3.RuntimeFraction',
          'runtime_fraction: { default_value: { numerator: 5000, denominator: TEN_THOUSAND } }, seed: 3',
        ),
        act(201),
      ]),
      ['a', 'b', 'c', 'd', 'e', 'f'].map((value) => `GET / [x: ${value}] -> ${shared[value]}`),
    ),
    tree(
      'a tree over filter state that nobody set',
      otherInput('envoy.extensions.matching.common_inputs.network.v3.FilterStateInput', 'key: k'),
      ['GET / -> 404'],
    ),
    refused('tree and routes', list([is('{ exact: a }'), act(201)]), 'cannot set both', `, routes: [${route(201)}]`),
    refused(
      'a query',
      otherInput('envoy.type.matcher.v3.HttpRequestQueryParamMatchInput', 'query_param: x'),
      'can only match on request headers',
    ),
    refused(
      'an address of the connection',
      otherInput('envoy.extensions.matching.common_inputs.network.v3.SourceIPInput'),
      'can only match on request headers',
    ),
    refused(
      'a header of the response',
      otherInput('envoy.type.matcher.v3.HttpResponseHeaderMatchInput', 'header_name: x'),
      'can only match on request headers',
    ),
    refused(
      'keep_matching',
      list([is('{ exact: a }'), `{ keep_matching: true, ${act(201).slice(1, -1)} }`]),
      'keep_matching',
    ),
    refused(
      'a pattern that is none in a tree',
      list([is("{ safe_regex: { google_re2: {}, regex: '[' } }"), act(201)]),
      'regex',
    ),
    refused('an empty map', `matcher_tree: { input: ${INPUT}, exact_match_map: { map: {} } }`, 'map'),
    refused('and of one', list([`{ and_matcher: { predicate: [${is('{ exact: a }')}] } }`, act(201)]), 'and_matcher'),
    refused(
      'a modulo of zero',
      list([custom('consistent_hashing.v3.ConsistentHashing', 'threshold: 5'), act(201)]),
      'modulo',
    ),
    refused(
      'an action that is no route',
      list([
        is('{ exact: a }'),
        `{ action: ${typed('envoy.config.route.v3.VirtualHost', "name: v, domains: ['x']")} }`,
      ]),
      'is no action of a route table',
    ),
  ],
};
