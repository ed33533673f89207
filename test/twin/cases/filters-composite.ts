import type { Area, Case } from '../case.ts';
import {
  all,
  always,
  append,
  bucket,
  FAULT,
  filter,
  LIMIT,
  MUTATION,
  mutation,
  perRoute,
  toOne,
  typed,
  typedAs,
} from './filter-yaml.ts';

const MATCHING = 'envoy.extensions.common.matching.v3';
const SKIP = typedAs('envoy.extensions.filters.common.matcher.action.v3.SkipFilter');
const INPUT = `{ name: i, typed_config: ${typedAs('envoy.type.matcher.v3.HttpRequestHeaderMatchInput', '{ header_name: x }')} }`;

/** By the values of header `x`, what happens. */
const byX = (actions: Readonly<Record<string, string>>, more = ''): string =>
  `{ matcher_tree: { input: ${INPUT}, exact_match_map: { map: { ${Object.entries(actions)
    .map(([value, action]) => `'${value}': { action: { name: a, typed_config: ${action} } }`)
    .join(', ')} } } }${more} }`;
const otherwise = (action: string): string => `, on_no_match: { action: { name: a, typed_config: ${action} } }`;
const embedded = (type: string, config: string): string => `{ name: e, typed_config: ${typed(type, config)} }`;
const execute = (type: string, config: string, more = ''): string =>
  typed('composite.v3.ExecuteFilterAction', `{ typed_config: ${embedded(type, config)}${more} }`);
const chain = (...filters: string[]): string =>
  typed('composite.v3.ExecuteFilterAction', `{ filter_chain: { typed_config: [${filters.join(', ')}] } }`);
const named = (name: string): string => typed('composite.v3.ExecuteFilterAction', `{ filter_chain_name: ${name} }`);

const abort = (status: number): string => `{ abort: { http_status: ${status}, ${always} } }`;
const aborting = (status: number): string => execute(FAULT, abort(status));
const adding = (value: string): string =>
  `{ mutations: { request_mutations: [${append('x-o', value)}], response_mutations: [${append('x-o', value)}] } }`;

/** Any filter with a matcher around it. */
const withMatcher = (matcher: string, type: string, config = '{}'): string =>
  `{ name: c, typed_config: ${typedAs(`${MATCHING}.ExtensionWithMatcher`, `{ xds_matcher: ${matcher}, extension_config: ${embedded(type, config)} }`)} }`;
const COMPOSITE = 'composite.v3.Composite';
const composite = (matcher: string, config = '{}'): string => withMatcher(matcher, COMPOSITE, config);
const ownMatcher = (matcher: string, more = ''): string => filter('c', COMPOSITE, `{ matcher: ${matcher}${more} }`);
const override = (type: string, config: string): string =>
  perRoute(`c: ${type.includes('.v3.Comp') ? typed(type, config) : typedAs(type, config)}`);

const NAMED = `{ named_filter_chains: { n: { typed_config: [${embedded(FAULT, abort(503))}] } } }`;

const delegates: readonly Case[] = [
  {
    name: 'composite: is the filter that the matcher says',
    filters: `[${composite(byX({ a: aborting(418), b: execute(MUTATION, adding('b')) }))}]`,
    routes: toOne,
    requests: [
      'GET / [x: a] -> 418 FI "fault filter abort"',
      'GET / [x: b] -> 200 one [x-o: b] {x-o: b}',
      'GET / [x: c] -> 200 one [!x-o] {!x-o}',
      'GET / -> 200 one',
    ],
  },
  {
    name: 'composite: on_no_match',
    filters: `[${composite(byX({ a: SKIP }, otherwise(aborting(418))))}]`,
    routes: toOne,
    requests: ['GET / [x: a] -> 200 one', 'GET / -> 418 FI'],
  },
  {
    name: 'composite: without a matcher it is nothing',
    filters: `[${filter('c', COMPOSITE)}]`,
    routes: toOne,
    requests: ['GET / [x: a] -> 200 one'],
  },
  {
    name: 'composite: stands where the feed has it, and sees what those before it did',
    filters: `[${mutation(`{ request_mutations: [${append('x', 'a')}, ${append('x-o', '1')}] }`)}, ${composite(byX({ a: execute(MUTATION, adding('2')) }))},
      ${filter('last', MUTATION, adding('3'))}]`,
    routes: toOne,
    requests: ['GET / -> 200 one [x-o: 1,2,3] {x-o: 3,2}'],
  },
  {
    name: 'composite: a request that was answered before it has chosen none',
    filters: `[${filter('envoy.filters.http.fault', FAULT, abort(418))}, ${composite(byX({ a: execute(MUTATION, adding('2')) }))}]`,
    routes: toOne,
    requests: ['GET / [x: a] -> 418 FI {!x-o}'],
  },
  {
    name: 'composite: a share of the calls',
    filters: `[${composite(byX({ a: execute(FAULT, abort(418), ', sample_percent: { default_value: { numerator: 2500, denominator: TEN_THOUSAND } }') }))}]`,
    routes: toOne,
    requests: [{ line: 'GET / [x: a] -> 200', times: 400, split: { one: 0.75, 418: 0.25 } }],
  },
  {
    name: 'composite: what counts is shared by the routes',
    filters: `[${composite(
      byX({
        a: execute(LIMIT, `{ stat_prefix: l, filter_enabled: { ${all} }, filter_enforced: { ${all} }, ${bucket(2)} }`),
      }),
    )}]`,
    routes: '[{ match: { prefix: /1 }, route: { cluster: one } }, { match: { prefix: /2 }, route: { cluster: two } }]',
    requests: ['GET /1 [x: a] -> 200 one', 'GET /2 [x: a] -> 200 two', 'GET /1 [x: a] -> 429 RL', 'GET /1 -> 200 one'],
  },
  {
    name: 'composite: a buffer in it',
    filters: `[${composite(byX({ a: execute('buffer.v3.Buffer', '{ max_request_bytes: 5 }') }))}]`,
    routes: toOne,
    requests: ['POST / [x: a] "123456" -> 413 x0', 'POST / [x: a] "12345" -> 200 one', 'POST / "123456" -> 200 one'],
  },
  {
    name: 'composite: the deprecated matcher',
    filters: `[{ name: c, typed_config: ${typedAs(
      `${MATCHING}.ExtensionWithMatcher`,
      `{ matcher: ${byX({ a: aborting(418) })}, extension_config: ${embedded(COMPOSITE, '{}')} }`,
    )} }]`,
    routes: toOne,
    requests: ['GET / [x: a] -> 418 FI', 'GET / [x: b] -> 200 one'],
  },
  {
    name: 'composite: a list of predicates',
    filters: `[${composite(`{ matcher_list: { matchers: [
      { predicate: { and_matcher: { predicate: [{ single_predicate: { input: ${INPUT}, value_match: { prefix: a } } },
          { not_matcher: { single_predicate: { input: ${INPUT}, value_match: { suffix: z } } } }] } },
        on_match: { action: { name: a, typed_config: ${aborting(418)} } } },
      { predicate: { single_predicate: { input: ${INPUT}, value_match: { prefix: a } } }, on_match: { action: { name: a, typed_config: ${aborting(499)} } } }] } }`)}]`,
    routes: toOne,
    requests: ['GET / [x: ab] -> 418 FI', 'GET / [x: az] -> 499 FI', 'GET / [x: b] -> 200 one'],
  },
];

const chains: readonly Case[] = [
  {
    name: 'composite: a chain of filters, in order',
    filters: `[${composite(byX({ a: chain(embedded(MUTATION, adding('1')), embedded(MUTATION, adding('2'))) }))}]`,
    routes: toOne,
    requests: ['GET / [x: a] -> 200 one [x-o: 1,2] {x-o: 2,1}', 'GET / -> 200 one [!x-o]'],
  },
  {
    name: 'composite: a filter of a chain answers',
    filters: `[${composite(byX({ a: chain(embedded(MUTATION, adding('1')), embedded(FAULT, abort(418))) }))}]`,
    routes: toOne,
    requests: ['GET / [x: a] -> 418 FI {x-o: 1}'],
  },
  {
    name: 'composite: a chain by its name, in a composite with a matcher of its own',
    filters: `[${ownMatcher(
      byX({ a: named('n'), b: named('unknown') }),
      `, named_filter_chains: { n: { typed_config: [${embedded(MUTATION, adding('1'))}, ${embedded(FAULT, abort(418))}] } }`,
    )}]`,
    routes: toOne,
    requests: ['GET / [x: a] -> 418 FI', 'GET / [x: c] -> 200 one'],
  },
  {
    name: 'composite: a matcher of its own',
    filters: `[${ownMatcher(byX({ a: aborting(418) }))}]`,
    routes: `
      - match: { prefix: /other }
        route: { cluster: one }
        ${override('composite.v3.CompositePerRoute', `{ matcher: ${byX({ b: aborting(499) })} }`)}
      - { match: { prefix: / }, route: { cluster: one } }`,
    requests: [
      'GET / [x: a] -> 418 FI',
      'GET / [x: b] -> 200 one',
      'GET /other [x: a] -> 200 one',
      'GET /other [x: b] -> 499 FI',
    ],
  },
];

const overrides: readonly Case[] = [
  {
    name: 'composite: a route has a matcher of its own',
    filters: `[${composite(byX({ a: aborting(418) }))}]`,
    hosts: `
      - name: h
        domains: ['*']
        ${override(`${MATCHING}.ExtensionWithMatcherPerRoute`, `{ xds_matcher: ${byX({ b: aborting(499) })} }`)}
        routes:
          - match: { prefix: /r }
            route: { cluster: one }
            ${override(`${MATCHING}.ExtensionWithMatcherPerRoute`, `{ xds_matcher: ${byX({ c: aborting(503) })} }`)}
          - { match: { prefix: / }, route: { cluster: one } }`,
    requests: [
      'GET / [x: b] -> 499 FI',
      'GET / [x: a] -> 200 one',
      'GET /r [x: c] -> 503 FI',
      'GET /r [x: b] -> 200 one',
    ],
  },
  {
    name: 'composite: a filter in it may be overridden under its name',
    filters: `[${composite(byX({ a: aborting(418) }))}]`,
    routes: `
      - match: { prefix: /r }
        route: { cluster: one }
        ${perRoute(`c: ${typed(FAULT, abort(499))}`)}
      - { match: { prefix: / }, route: { cluster: one } }`,
    requests: ['GET / [x: a] -> 418 FI', 'GET /r [x: a] -> 499 FI', 'GET /r -> 200 one'],
  },
];

const wrapped: readonly Case[] = [
  {
    name: 'with matcher: leaves its filter out',
    filters: `[${withMatcher(byX({ a: SKIP }), FAULT, abort(418))}]`,
    routes: toOne,
    requests: ['GET / [x: a] -> 200 one', 'GET / [x: b] -> 418 FI', 'GET / -> 418 FI'],
  },
  {
    name: 'with matcher: of a filter that sees the response',
    filters: `[${withMatcher(byX({ a: SKIP }), MUTATION, adding('1'))}]`,
    routes: toOne,
    requests: ['GET / [x: a] -> 200 one [!x-o] {!x-o}', 'GET / -> 200 one [x-o: 1] {x-o: 1}'],
  },
  {
    name: 'with matcher: a request that was answered before it has not been looked at',
    filters: `[${filter('envoy.filters.http.fault', FAULT, abort(418))}, ${withMatcher(byX({ a: SKIP }), MUTATION, adding('1'))}]`,
    routes: toOne,
    requests: ['GET / [x: a] -> 418 FI {x-o: 1}', 'GET / -> 418 FI {x-o: 1}'],
  },
  {
    name: 'with matcher: without a matcher the filter takes no part, until a route has one',
    filters: `[{ name: c, typed_config: ${typedAs(`${MATCHING}.ExtensionWithMatcher`, `{ extension_config: ${embedded(FAULT, abort(418))} }`)} }]`,
    routes: `
      - match: { prefix: /r }
        route: { cluster: one }
        ${override(`${MATCHING}.ExtensionWithMatcherPerRoute`, `{ xds_matcher: ${byX({ a: SKIP })} }`)}
      - { match: { prefix: / }, route: { cluster: one } }`,
    requests: ['GET / -> 200 one', 'GET /r -> 418 FI', 'GET /r [x: a] -> 200 one'],
  },
  {
    name: 'with matcher: the filter itself may be overridden',
    filters: `[${withMatcher(byX({ a: SKIP }), FAULT, abort(418))}]`,
    routes: `
      - match: { prefix: /r }
        route: { cluster: one }
        ${perRoute(`c: ${typed(FAULT, abort(499))}`)}
      - { match: { prefix: / }, route: { cluster: one } }`,
    requests: ['GET / -> 418 FI', 'GET /r -> 499 FI', 'GET /r [x: a] -> 200 one'],
  },
];

const refused: readonly Case[] = [
  {
    name: 'composite: two kinds of delegates in one action',
    filters: `[${ownMatcher(
      byX({
        a: typed(
          'composite.v3.ExecuteFilterAction',
          `{ typed_config: ${embedded(FAULT, abort(418))}, filter_chain: { typed_config: [${embedded(FAULT, abort(499))}] } }`,
        ),
        b: typed(
          'composite.v3.ExecuteFilterAction',
          `{ typed_config: ${embedded(FAULT, abort(418))}, filter_chain_name: n }`,
        ),
        c: typed(
          'composite.v3.ExecuteFilterAction',
          `{ filter_chain: { typed_config: [${embedded(FAULT, abort(499))}] }, filter_chain_name: n }`,
        ),
      }),
      `, named_filter_chains: { n: { typed_config: [${embedded(FAULT, abort(503))}] } }`,
    )}]`,
    routes: toOne,
    requests: ['GET / [x: a] -> 499 FI', 'GET / [x: b] -> 503 FI', 'GET / [x: c] -> 499 FI'],
  },
  {
    name: 'composite: a chain without filters is refused',
    filters: `[${composite(byX({ a: chain() }))}]`,
    routes: toOne,
    refused: 'at least one filter',
    requests: [],
  },
  {
    name: 'composite: an action without filters is refused',
    filters: `[${composite(byX({ a: typed('composite.v3.ExecuteFilterAction') }))}]`,
    routes: toOne,
    refused: 'needs typed_config',
    requests: [],
  },
  {
    name: 'composite: names a chain of its own, with a matcher around it',
    filters: `[${composite(byX({ a: named('n'), b: named('unknown') }), NAMED)}]`,
    routes: toOne,
    requests: ['GET / [x: a] -> 503 FI', 'GET / [x: b] -> 200 one'],
  },
  {
    name: 'composite: names a chain where there are none',
    filters: `[${ownMatcher(byX({ a: named('n') }))}]`,
    routes: toOne,
    requests: ['GET / [x: a] -> 200 one'],
  },
  {
    name: 'composite: a route names a chain of the listener',
    filters: `[${filter('c', COMPOSITE, NAMED)}]`,
    routes: `
      - match: { prefix: / }
        route: { cluster: one }
        ${override('composite.v3.CompositePerRoute', `{ matcher: ${byX({ a: named('n'), b: named('unknown') })} }`)}`,
    requests: ['GET / [x: a] -> 503 FI', 'GET / [x: b] -> 200 one'],
  },
  {
    name: 'composite: an action of another kind is refused',
    filters: `[${composite(byX({ a: typedAs('envoy.config.route.v3.Route', '{ match: { prefix: / }, route: { cluster: one } }') }))}]`,
    routes: toOne,
    refused: 'no action',
    requests: [],
  },
  {
    name: 'composite: a filter in it that makes no sense is refused',
    filters: `[${composite(byX({ a: aborting(42) }))}]`,
    routes: toOne,
    refused: 'http_status',
    requests: [],
  },
];

export const filtersComposite: Area = {
  area: 'filters: composite',
  cases: [...delegates, ...chains, ...overrides, ...wrapped, ...refused],
};
