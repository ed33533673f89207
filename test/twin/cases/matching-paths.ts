import type { Area, Case } from '../case.ts';
import { refusedMatch, yesNo } from './yes-no.ts';

const get = (...paths: string[]) => paths.map((path) => `GET ${path}`);
const path = (name: string, match: string, yes: readonly string[], no: readonly string[]) =>
  yesNo(name, match, get(...yes), get(...no));
const TEMPLATE = 'type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig';
const asTemplate = (value: string) =>
  `{ path_match_policy: { name: t, typed_config: { '@type': ${TEMPLATE}, path_template: '${value}' } } }`;
const template = (value: string, yes: readonly string[], no: readonly string[]) =>
  path(`template ${value}`, asTemplate(value), yes, no);
const noTemplate = (value: string) => refusedMatch(`template ${value} is none`, asTemplate(value), 'is no template');
const noPattern = (value: string) =>
  refusedMatch(`pattern ${value} is none`, `{ safe_regex: { regex: '${value}' } }`, 'safe_regex.regex');

const hosts = (name: string, domains: string, asked: readonly [string, string][], config = ''): Case => ({
  name,
  config: `
    ${config}
    virtual_hosts:
      - { name: h, domains: ${domains}, routes: [{ match: { prefix: / }, direct_response: { status: 201 } }] }
      - { name: any, domains: ['*'], routes: [{ match: { prefix: / }, direct_response: { status: 202 } }] }`,
  requests: asked.map(([host, status]) => `GET ${host}/ -> ${status}`),
});
const twice = (name: string, first: string, second: string): Case => ({
  name,
  hosts: `[{ name: a, domains: ${first} }, { name: b, domains: ${second} }]`,
  requests: [],
  refused: 'duplicate entry of domain',
});

/** Which virtual host and which path a route is for. */
export const matchingPaths: Area = {
  area: 'matching: hosts and paths',
  cases: [
    hosts('a suffix stands for one character at least', "['*.shop']", [
      ['a.shop', '201'],
      ['.shop', '202'],
      ['shop', '202'],
      ['a.b.shop', '201'],
      ['a.shop.', '202'],
    ]),
    hosts('a suffix without a dot', "['*-shop']", [
      ['x-shop', '201'],
      ['-shop', '202'],
      ['x.shop', '202'],
    ]),
    hosts('a prefix stands for one character at least', "['shop.*']", [
      ['shop.x', '201'],
      ['shop.', '202'],
      ['shop', '202'],
      ['shop.x:8080', '201'],
    ]),
    hosts('a prefix for all ports', "['shop:*']", [
      ['shop:80', '201'],
      ['shop', '202'],
      ['shop:', '202'],
    ]),
    hosts('a dot at the end is a part of the name', '[shop]', [
      ['shop', '201'],
      ['shop.', '202'],
      ['SHOP', '201'],
    ]),
    hosts('a name that is listed with and without it', "['shop', 'shop.']", [
      ['shop', '201'],
      ['shop.', '201'],
    ]),
    hosts('a star inside is none', "['a*b']", [
      ['axb', '202'],
      ['ab', '202'],
    ]),
    hosts(
      'ports are left out where the feed says so',
      "[shop, '*.example']",
      [
        ['shop:80', '201'],
        ['shop', '201'],
        ['a.example:1', '201'],
        ['shop:x', '201'],
      ],
      'ignore_port_in_host_matching: true',
    ),
    hosts(
      'a domain with a port matches none then',
      "['shop:80']",
      [
        ['shop:80', '202'],
        ['shop', '202'],
      ],
      'ignore_port_in_host_matching: true',
    ),
    hosts(
      'an IPv6 address keeps its brackets',
      "['[::1]']",
      [
        ['[::1]:80', '201'],
        ['[::1]', '201'],
      ],
      'ignore_port_in_host_matching: true',
    ),
    hosts('an IPv6 address with its port', "['[::1]:80']", [
      ['[::1]:80', '201'],
      ['[::1]', '202'],
    ]),
    {
      name: 'the longest wildcard wins, whatever the order',
      hosts: `
        - { name: a, domains: ['*.b.c'], routes: [{ match: { prefix: / }, direct_response: { status: 201 } }] }
        - { name: b, domains: ['*.a.b.c', 'x.*'], routes: [{ match: { prefix: / }, direct_response: { status: 202 } }] }
        - { name: c, domains: ['*c', 'x.y.*'], routes: [{ match: { prefix: / }, direct_response: { status: 203 } }] }`,
      requests: [
        'GET z.b.c/ -> 201',
        'GET z.a.b.c/ -> 202',
        'GET z.c/ -> 203',
        'GET x.z/ -> 202',
        'GET x.y.z/ -> 203',
        'GET x.y.b.c/ -> 201',
      ],
    },
    twice('a domain twice', '[a]', '[a]'),
    twice('a domain twice in another case', '[a]', '[A]'),
    twice('a suffix twice', "['*.a']", "['*.A']"),
    twice('all hosts twice', "['*']", "['*']"),

    path('prefix, empty', "{ prefix: '' }", ['/', '/x?y'], []),
    path('prefix with a question mark matches nothing', "{ prefix: '/a?b' }", [], ['/a?b', '/a']),
    path('prefix in any case', '{ prefix: /A, case_sensitive: false }', ['/a', '/A/b', '/ab?x'], ['/b']),
    path('path', '{ path: /a }', ['/a', '/a?x'], ['/a/', '/A', '/a;x', '/%61']),
    path('path in any case', '{ path: /Ab, case_sensitive: false }', ['/aB', '/AB?x=y'], ['/ab/']),
    path('separated prefix', '{ path_separated_prefix: /a }', ['/a', '/a/', '/a/b', '/a?x'], ['/ab', '/A', '/a;x']),
    path(
      'separated prefix in any case',
      '{ path_separated_prefix: /A, case_sensitive: false }',
      ['/a/b', '/A', '/a?x'],
      ['/ab'],
    ),
    path(
      'pattern for the whole path',
      "{ safe_regex: { regex: '/a|/b' } }",
      ['/a', '/b', '/a?x'],
      ['/ab', '/bc', '/A'],
    ),
    path('pattern without a slash', "{ safe_regex: { regex: 'a' } }", [], ['/a']),
    path(
      'pattern, whose letter case is its own',
      "{ safe_regex: { regex: '/A' }, case_sensitive: false }",
      ['/A', '/A?x'],
      ['/a'],
    ),
    path('pattern in any case', "{ safe_regex: { regex: '(?i)/A' } }", ['/a', '/A'], ['/b']),
    path(
      'pattern with classes',
      "{ safe_regex: { regex: '/v[0-9]+/[[:alpha:]]*' } }",
      ['/v1/', '/v12/ab'],
      ['/v/ab', '/v1/a1'],
    ),
    path('pattern with groups', "{ safe_regex: { regex: '/(?P<n>a|b)(c)?' } }", ['/a', '/bc'], ['/c', '/abc']),
    path('pattern, lazy', "{ safe_regex: { regex: '/a.*?b' } }", ['/ab', '/axbxb'], ['/axbx']),
    path(
      'pattern that would take a backtracker for ever',
      "{ safe_regex: { regex: '/(a+)+b' } }",
      ['/aaaab'],
      [`/${'a'.repeat(60)}`],
    ),
    ...['[a', '*a', '(?=a)', 'a**', '\\1', '(a', 'a{2,1}', 'x{1001}', '\\h', '[z-a]', '\\x{10FFFF}', '(?#c)'].map(
      noPattern,
    ),
    path('connect_matcher is for CONNECT alone', '{ connect_matcher: {} }', [], ['/', '/x']),
    {
      name: 'path parameters, where they are ignored',
      config: `
        ignore_path_parameters_in_path_matching: true
        virtual_hosts:
          - name: v
            domains: ['*']
            routes:
              - { match: { path: /a }, direct_response: { status: 201 } }
              - { match: { path_separated_prefix: /b }, direct_response: { status: 202 } }
              - { match: { safe_regex: { regex: /c } }, direct_response: { status: 203 } }
              - { match: { prefix: '/d;' }, direct_response: { status: 204 } }`,
      requests: [
        'GET /a;v=1 -> 201',
        'GET /a;v=1?q=2 -> 201',
        'GET /a?q;v -> 201',
        'GET /b;v/x -> 202',
        'GET /c;x -> 203',
        'GET /d;x -> 404',
      ],
    },

    template('/', ['/'], ['/x']),
    template('/a/', ['/a/'], ['/a']),
    template('/a/*', ['/a/b', '/a/b?x', '/a/b=c', '/a/*', '/a/%20', "/a/!$&'()+,;:@~"], ['/a/', '/a/b/c', '/A/b']),
    template('/a/**', ['/a/b', '/a/', '/a/b/c'], ['/a']),
    template('/a/{x}/b', ['/a/q/b'], ['/a/b', '/a/q/r/b']),
    template('/a/{x=**}/b.m', ['/a/q/r/b.m', '/a//b.m'], ['/a/q/bxm']),
    template('/**.m3u8', ['/x/y.m3u8', '/.m3u8'], ['/x.m3u']),
    template('/a{x}', ['/ab'], ['/a', '/b']),
    template('/{x}.y', ['/q.y'], ['/qxy', '/.y']),
    template('/{x}y/z', ['/qy/z'], ['/q/z']),
    template('/{x=a=b}', ['/a=b'], ['/b']),
    template('/{x=*}/{y=**}', ['/a/b/c', '/a/'], ['/a']),
    template('/a+b(c)$', ['/a+b(c)$'], ['/aab']),
    template('/a*b', ['/aab', '/b'], ['/a*b', '/axb']),
    template('/***', [], ['/x', '/x/*']),
    template('/*/a/{x}', ['/q/a/b'], ['/a/b']),
    ...['a', '/a b', '//', '/a//b', '/a?b', '/a}', '/{}', '/{1x}', '/{x', '/{x=}', '/{x=/a}', '/{x=a/}', '/{x=*a}'].map(
      noTemplate,
    ),
    ...['/{a}{b}', '/*{x}', '/**a/b', '/{x=**}/*', '/**/{x}', '/{x}/{x}', '/{a}/{b}/{c}/{d}/{e}/{f}'].map(noTemplate),
    noTemplate('/{abcdefghijklmnopq}'),
  ],
};
