import type { Area, Case } from '../case.ts';
import { refusedMatch, yesNo } from './yes-no.ts';

/** Requests that differ in a header, a query or a cookie. */
const header = (...values: string[]) => values.map((value) => (value === '-' ? 'GET /' : `GET / ${value}`));
const x = (name: string, fields: string, yes: readonly string[], no: readonly string[]): Case =>
  yesNo(`header: ${name}`, `{ prefix: /, headers: [{ name: x, ${fields} }] }`, header(...yes), header(...no));
const query = (name: string, fields: string, yes: readonly string[], no: readonly string[]): Case =>
  yesNo(
    `query: ${name}`,
    `{ prefix: /, query_parameters: [{ name: a, ${fields} }] }`,
    yes.map((text) => `GET /${text}`),
    no.map((text) => `GET /${text}`),
  );
const cookie = (name: string, fields: string, yes: readonly string[], no: readonly string[]): Case =>
  yesNo(
    `cookie: ${name}`,
    `{ prefix: /, cookies: [{ name: a, ${fields} }] }`,
    yes.map((text) => `GET / ${text}`),
    no.map((text) => `GET / ${text}`),
  );
const refused = (name: string, fields: string, reason: string) =>
  refusedMatch(name, `{ prefix: /, ${fields} }`, reason);
const any = (name: string, fields: string, yes: readonly string[], no: readonly string[]) =>
  yesNo(name, `{ prefix: /, ${fields} }`, yes, no);

/** What a route asks besides its path. */
export const matchingConditions: Area = {
  area: 'matching: conditions',
  cases: [
    x('there', '', ['[x: a]', '[x: ]', '[X: a]'], ['-', '[y: a]']),
    x('not there', 'present_match: false', ['-'], ['[x: a]', '[x: ]']),
    x('there, inverted', 'present_match: true, invert_match: true', ['-'], ['[x: a]']),
    x('not there, inverted', 'present_match: false, invert_match: true', ['[x: a]', '[x: ]'], ['-']),
    x('there, empty where missing', 'present_match: true, treat_missing_header_as_empty: true', ['-', '[x: a]'], []),
    x(
      'not there, empty where missing',
      'present_match: false, treat_missing_header_as_empty: true',
      [],
      ['-', '[x: a]'],
    ),
    x(
      'exact',
      'string_match: { exact: a }',
      ['[x: a]', '[x: a] [x: b]', '[x: b] [x: a]'],
      ['-', '[x: ]', '[x: A]', '[x: ab]', '[x: a,b]', '[x: b] [x: c]'],
    ),
    x('exact in the old form', 'exact_match: a', ['[x: a]', '[x: a] [x: b]'], ['-', '[x: ab]']),
    x('exact, empty, in the old form: any value', "exact_match: ''", ['[x: a]', '[x: ]'], ['-']),
    x('exact, empty', "string_match: { exact: '' }", ['[x: ]'], ['-', '[x: a]']),
    x(
      'exact, empty where missing',
      "string_match: { exact: '' }, treat_missing_header_as_empty: true",
      ['-', '[x: ]'],
      ['[x: a]'],
    ),
    x(
      'exact, inverted: what is missing does not match',
      'string_match: { exact: a }, invert_match: true',
      ['[x: b]', '[x: ]', '[x: b] [x: c]'],
      ['-', '[x: a]', '[x: b] [x: a]'],
    ),
    x(
      'exact, inverted, empty where missing',
      'string_match: { exact: a }, invert_match: true, treat_missing_header_as_empty: true',
      ['-', '[x: b]'],
      ['[x: a]'],
    ),
    x('exact in any case', 'string_match: { exact: aB, ignore_case: true }', ['[x: Ab]', '[x: ab]'], ['[x: abc]']),
    x('prefix', 'string_match: { prefix: ab }', ['[x: ab]', '[x: abc]'], ['-', '[x: a]', '[x: Ab]']),
    x('prefix in the old form', 'prefix_match: ab', ['[x: abc]'], ['[x: xab]']),
    x('prefix in any case', 'string_match: { prefix: AB, ignore_case: true }', ['[x: abc]'], ['[x: a]']),
    x('suffix', 'string_match: { suffix: bc }', ['[x: abc]', '[x: a] [x: bc]'], ['[x: abcd]', '[x: bC]']),
    x('suffix in the old form', 'suffix_match: bc', ['[x: abc]'], ['[x: bcd]']),
    x('contains', 'string_match: { contains: b }', ['[x: abc]'], ['-', '[x: aBc]']),
    x('contains in the old form', "contains_match: ','", ['[x: a,b]'], ['[x: a] [x: b]']),
    x(
      'contains in any case',
      'string_match: { contains: B, ignore_case: true }',
      ['[x: abc]', '[x: aBc]'],
      ['[x: ac]'],
    ),
    x(
      'pattern for the whole value',
      "string_match: { safe_regex: { regex: 'a|b+' } }",
      ['[x: a]', '[x: bb]', '[x: c] [x: b]'],
      ['-', '[x: ab]', '[x: a,b]'],
    ),
    x('pattern in the old form', "safe_regex_match: { regex: 'a.*' }", ['[x: abc]'], ['[x: ba]']),
    x(
      'pattern that what is empty matches',
      "string_match: { safe_regex: { regex: 'a*' } }, treat_missing_header_as_empty: true",
      ['-', '[x: aa]', '[x: ]'],
      ['[x: b]'],
    ),
    x(
      'range',
      'range_match: { start: 1, end: 10 }',
      ['[x: 1]', '[x: 9]', '[x: +5]', '[x: 05]', '[x: 20] [x: 5]'],
      ['-', '[x: 0]', '[x: 10]', '[x: 5.0]', '[x: ]', '[x: 1,2]', '[x: 0x5]'],
    ),
    x(
      'range below zero',
      'range_match: { start: -5, end: 0 }',
      ['[x: -5]', '[x: -1]'],
      ['[x: 0]', '[x: - 5]', '[x: --5]'],
    ),
    x('range that holds nothing', 'range_match: { start: 5, end: 5 }', [], ['[x: 5]']),
    x(
      'range, inverted',
      'range_match: { start: 1, end: 10 }, invert_match: true',
      ['[x: 10]', '[x: a]'],
      ['-', '[x: 5]'],
    ),
    x(
      'range of 64 bits',
      "range_match: { start: '9223372036854775806', end: '9223372036854775807' }",
      ['[x: 9223372036854775806]'],
      ['[x: 9223372036854775807]', '[x: 9223372036854775808]'],
    ),
    any(
      'header: the name in any case',
      'headers: [{ name: X-User, string_match: { exact: a } }]',
      ['GET / [x-user: a]', 'GET / [X-USER: a]'],
      ['GET /'],
    ),
    any(
      'header: all of several',
      'headers: [{ name: x }, { name: y }]',
      ['GET / [x: 1] [y: 2]'],
      ['GET / [x: 1]', 'GET / [y: 1]'],
    ),
    any(
      'header: method',
      "headers: [{ name: ':method', string_match: { exact: POST } }]",
      ['POST /'],
      ['GET /', 'PUT /'],
    ),
    any(
      'header: path with its query',
      "headers: [{ name: ':path', string_match: { suffix: '?a=b' } }]",
      ['GET /x?a=b'],
      ['GET /x', 'GET /x?a=bc'],
    ),
    any(
      'header: authority',
      "headers: [{ name: ':authority', string_match: { prefix: shop } }]",
      ['GET shop.example/', 'GET shop/'],
      ['GET other/'],
    ),
    any('header: host', 'headers: [{ name: host, string_match: { exact: shop } }]', ['GET shop/'], ['GET other/']),
    any('header: scheme', "headers: [{ name: ':scheme', string_match: { exact: http } }]", ['GET /'], []),
    any('header: a name that no header has', "headers: [{ name: 'a b' }]", [], ['GET /']),
    refused('header: an empty prefix', "headers: [{ name: x, string_match: { prefix: '' } }]", 'prefix'),
    refused('header: an empty prefix in the old form', "headers: [{ name: x, prefix_match: '' }]", 'prefix_match'),
    refused('header: an empty contains', "headers: [{ name: x, string_match: { contains: '' } }]", 'contains'),
    refused('header: an empty pattern', "headers: [{ name: x, string_match: { safe_regex: { regex: '' } } }]", 'regex'),
    refused(
      'header: a pattern that is none',
      "headers: [{ name: x, string_match: { safe_regex: { regex: '[' } } }]",
      'regex',
    ),
    refused(
      'header: a pattern that is none, in the old form',
      "headers: [{ name: x, safe_regex_match: { regex: '(' } }]",
      'regex',
    ),
    refused(
      'header: a pattern in any case',
      'headers: [{ name: x, string_match: { safe_regex: { regex: a }, ignore_case: true } }]',
      'ignore_case',
    ),
    refused('header: nothing to match a string with', 'headers: [{ name: x, string_match: {} }]', 'string_match'),
    refused('header: no name', "headers: [{ name: '' }]", 'headers[0].name'),

    query(
      'there',
      '',
      ['?a', '?a=', '?a=b', '?x&a=b', '?&a=b', '?a==b'],
      ['', '?A=b', '?%61=b', '?aa=b', '??a=b', '?=b', ';a=b', '?x=?a=b'],
    ),
    query('not there', 'present_match: false', ['', '?A=b', '?aa=b'], ['?a', '?a=b']),
    query(
      'exact: the first value, as written',
      'string_match: { exact: b }',
      ['?a=b', '?a=b&a=c', '?x&a=b'],
      ['', '?a', '?a=c&a=b', '?a=%62', '?a==b', '?a=b=c', '?a=B', '?a=b;c'],
    ),
    query('empty', "string_match: { exact: '' }", ['?a', '?a='], ['', '?a=b']),
    query('in any case', 'string_match: { exact: B, ignore_case: true }', ['?a=b', '?a=B'], ['?a=c']),
    query('prefix', 'string_match: { prefix: b }', ['?a=bc'], ['?a=cb']),
    query('suffix', 'string_match: { suffix: b }', ['?a==b', '?a=ab'], ['?a=b=c']),
    query('contains', "string_match: { contains: '=' }", ['?a=b=c'], ['?a=bc']),
    query('pattern', "string_match: { safe_regex: { regex: 'b.*' } }", ['?a=bcd', '?a=b/..', '?a=b?c'], ['?a=ab']),
    any(
      'query: all of several',
      'query_parameters: [{ name: a }, { name: b, string_match: { exact: c } }]',
      ['GET /?a&b=c', 'GET /?b=c&a'],
      ['GET /?a', 'GET /?a&b=d'],
    ),
    refused('query: no name', "query_parameters: [{ name: '' }]", 'query_parameters[0].name'),
    refused(
      'query: a pattern that is none',
      "query_parameters: [{ name: a, string_match: { safe_regex: { regex: '+' } } }]",
      'regex',
    ),

    cookie(
      'exact',
      'string_match: { exact: b }',
      [
        '[cookie: a=b]',
        '[cookie: a="b"]',
        '[cookie: x=y; a=b]',
        '[cookie: x=y;a=b]',
        '[cookie: a=b; a=c]',
        '[cookie: x;a=b]',
      ],
      [
        '[y: 1]',
        '[cookie: a=c; a=b]',
        '[cookie: A=b]',
        '[cookie: a]',
        '[cookie: a=]',
        '[cookie: a =b]',
        '[cookie: a= b]',
        '[cookie: a=b=c]',
        '[cookie: a="b]',
      ],
    ),
    cookie(
      'inverted',
      'string_match: { exact: b }, invert_match: true',
      ['[y: 1]', '[cookie: a=c]', '[cookie: a]'],
      ['[cookie: a=b]'],
    ),
    cookie('empty', "string_match: { exact: '' }", ['[cookie: a=]', '[cookie: a=""]'], ['[cookie: a]', '[y: 1]']),
    cookie('pattern', "string_match: { safe_regex: { regex: 'b|c' } }", ['[cookie: a=c]'], ['[cookie: a=bc]']),
    refused('cookie: nothing to match it with', 'cookies: [{ name: a }]', 'cookies[0].string_match'),

    {
      name: 'grpc',
      // Its answers must come from a cluster: a local one would be told in gRPC's way.
      routes: `
        - { match: { prefix: /, grpc: {} }, route: { cluster: one } }
        - { match: { prefix: / }, route: { cluster: two } }`,
      requests: [
        'POST / [content-type: application/grpc] -> 200 one',
        'POST / [content-type: application/grpc+proto] -> 200 one',
        'POST / [content-type: application/grpc+] -> 200 one',
        'POST / [content-type: application/grpc-web] -> 200 two',
        'POST / [content-type: application/grpc;x=y] -> 200 two',
        'POST / [content-type: Application/grpc] -> 200 two',
        'POST / -> 200 two',
      ],
    },
    {
      name: 'a type with parameters is not answered in gRPC’s way',
      routes: '[{ match: { prefix: /x }, route: { cluster: one } }]',
      requests: ['POST / [content-type: application/grpc;x=y] -> 404 NR'],
    },
    any('tls_context: nothing asked', 'tls_context: {}', ['GET /'], []),
    any('tls_context: presented', 'tls_context: { presented: true }', [], ['GET /']),
    any('tls_context: not presented', 'tls_context: { presented: false }', ['GET /'], []),
    any('tls_context: validated', 'tls_context: { validated: true }', [], ['GET /']),
    any(
      'dynamic metadata that nobody set',
      'dynamic_metadata: [{ filter: f, path: [{ key: k }], value: { present_match: true } }]',
      [],
      ['GET /'],
    ),
    any(
      'dynamic metadata that nobody set, inverted',
      'dynamic_metadata: [{ filter: f, path: [{ key: k }], value: { present_match: true }, invert: true }]',
      ['GET /'],
      [],
    ),
    any('filter state that nobody set', "filter_state: [{ key: k, string_match: { exact: '' } }]", [], ['GET /']),
    any('never: a share of zero', 'runtime_fraction: { default_value: { numerator: 0 } }', [], ['GET /']),
    any(
      'always: a share of all',
      'runtime_fraction: { default_value: { numerator: 1000000, denominator: MILLION } }',
      ['GET /'],
      [],
    ),
    any('always: a share above all', 'runtime_fraction: { default_value: { numerator: 101 } }', ['GET /'], []),
    refused('a share without its size', 'runtime_fraction: { runtime_key: k }', 'default_value'),
    {
      name: 'a share of the calls',
      routes: `
        - { match: { prefix: /, runtime_fraction: { default_value: { numerator: 3000, denominator: TEN_THOUSAND } } }, route: { cluster: one } }
        - { match: { prefix: / }, route: { cluster: two } }`,
      requests: [{ line: 'GET / -> 200', times: 400, split: { one: 0.3, two: 0.7 } }],
    },
    {
      name: 'one chance decides a share and the cluster in it',
      // Of 100 values the first 50 pass; of those the first 25 go to the one cluster, so what falls to the other is never more than half.
      routes: `
        - match: { prefix: /, runtime_fraction: { default_value: { numerator: 50 } } }
          route: { weighted_clusters: { clusters: [{ name: one, weight: 50 }, { name: two, weight: 50 }] } }
        - { match: { prefix: / }, route: { cluster: three } }`,
      requests: [{ line: 'GET / -> 200', times: 400, split: { one: 0.5, two: 0, three: 0.5 } }],
    },
  ],
};
