import type { Area, Ask } from '../case.ts';

const ROUTES = `[{ match: { prefix: / }, route: { cluster: one } }]`;

/** A request that goes to Envoy as it is written here. */
function raw(line: string, more: Omit<Ask, 'line' | 'raw'> = {}): Ask {
  return { line, raw: true, ...more };
}

/** What is no HTTP, or hardly: the same verdict, and nothing of it gets on. */
export const badInput: Area = {
  area: 'bad input',
  cases: [
    {
      name: 'a control character in a value',
      routes: ROUTES,
      requests: [
        raw('GET / -> 400 x0', { headers: [['x-a', 'a\0b']] }),
        raw('GET / -> 400 x0', { headers: [['x-a', 'a\x01b']] }),
        raw('GET / -> 400 x0', { headers: [['x-a', 'a\x7fb']] }),
        raw('GET / -> 200 one', { headers: [['x-a', 'a\tb']] }),
        raw('GET / -> 200 one', { headers: [['x-a', 'caf\xe9']] }),
      ],
    },
    {
      name: 'a name that is none',
      routes: ROUTES,
      requests: [
        raw('GET / -> 400 x0', { headers: [['x a', '1']] }),
        raw('GET / -> 400 x0', { headers: [['x(a', '1']] }),
        raw('GET / -> 400 x0', { headers: [['x\0a', '1']] }),
        raw('GET / -> 400 x0', { headers: [['', '1']] }),
        raw('GET / -> 400 x0', { headers: [['caf\xe9', '1']] }),
        raw('GET / -> 200 one', { headers: [["x!#$%&'*+-.^_`|~9", '1']] }),
      ],
    },
    {
      name: 'a path with what does not belong there',
      routes: ROUTES,
      requests: [
        raw('GET /a\0b -> 400 x0'),
        raw('GET /a\x01b -> 400 x0'),
        raw('GET /a\x7fb -> 400 x0'),
        raw('GET /caf\xe9 -> 400 x0'),
      ],
    },
    {
      name: 'a fragment is refused',
      routes: ROUTES,
      requests: [raw('GET /a#b -> 400 x0'), raw('GET /a?b#c -> 400 x0')],
    },
    {
      name: 'what is no HTTP gets no answer of a route either',
      routes: `
        - match: { prefix: /moved }
          redirect: { path_redirect: /new }
        - match: { prefix: / }
          direct_response: { status: 204 }
          response_headers_to_add: [{ header: { key: x-echo, value: "%REQ(x-a)%" } }]`,
      requests: [
        'GET / [x-a: 1] -> 204 {x-echo: 1}',
        raw('GET / -> 400 x0 {!x-echo}', { headers: [['x-a', 'a\0b']] }),
        raw('GET / -> 400 x0 {!x-echo}', { headers: [['x-a', 'a\x01b']] }),
        raw('GET / -> 400 x0', { headers: [['x\0a', '1']] }),
        raw('GET /moved\x01 -> 400 x0 {!location}'),
        raw('GET /moved\0b -> 400 x0 {!location}'),
        raw('G\x01T / -> 400 x0'),
        raw('GET a\x01b/ -> 400 x0'),
      ],
    },
    {
      // Exponential, or of high degree, for engines that go back; `packages/xds/src/regex` counts the steps.
      name: 'patterns that are catastrophic elsewhere, on long texts',
      routes: `
        - match: { safe_regex: { regex: "/p(a+)+" } }
          route: { cluster: one }
        - match: { safe_regex: { regex: "/q(a|a|aa)*b" } }
          route: { cluster: two }
        - match: { prefix: /h, headers: [{ name: x-a, string_match: { safe_regex: { regex: "(([a-z])+.)+[A-Z]([a-z])+" } } }] }
          route: { cluster: one }
        - match: { prefix: /r }
          route: { cluster: two, regex_rewrite: { pattern: { regex: "(.*a)*x" }, substitution: /z } }`,
      requests: [
        `GET /p${'a'.repeat(5_000)} -> 200 one`,
        `GET /p${'a'.repeat(5_000)}! -> 404 NR`,
        `GET /q${'a'.repeat(5_000)}b -> 200 two`,
        `GET /q${'a'.repeat(5_000)} -> 404 NR`,
        { line: 'GET /h -> 404 NR', headers: [['x-a', 'a'.repeat(20_000)]] },
        { line: 'GET /h -> 200 one', headers: [['x-a', `${'a'.repeat(20_000)}Ab`]] },
        `GET /r${'a'.repeat(3_000)} -> 200 two /r${'a'.repeat(3_000)}`,
        `GET /r${'a'.repeat(3_000)}x -> 200 two /z`,
      ],
    },
    {
      name: 'bad percent-encoding goes on as it came',
      routes: ROUTES,
      requests: [
        'GET /% -> 200 one /%',
        'GET /%zz -> 200 one /%zz',
        'GET /%00 -> 200 one /%00',
        'GET /a%2 -> 200 one /a%2',
        'GET /%c3%28 -> 200 one /%c3%28',
        'GET /a?%zz=% -> 200 one /a?%zz=%',
      ],
    },
    {
      name: 'dots and slashes stay where nothing normalizes them',
      routes: `
        - { match: { prefix: /private }, direct_response: { status: 403 } }
        - { match: { prefix: / }, route: { cluster: one } }`,
      requests: [
        'GET /public/../private -> 200 one /public/../private',
        'GET /public/%2e%2e/private -> 200 one /public/%2e%2e/private',
        'GET /./private -> 200 one /./private',
        'GET //private -> 200 one //private',
        'GET /private/../public -> 403',
        'GET /public%2F..%2Fprivate -> 200 one /public%2F..%2Fprivate',
        'GET /%70rivate -> 200 one /%70rivate',
      ],
    },
    {
      name: 'an authority that is none',
      routes: ROUTES,
      requests: [
        raw('GET a@b/ -> 200 one', { http1: true }),
        raw('GET a"b/ -> 400 x0'.replace('"', '\x01')),
        raw('GET a_b/ -> 200 one host=a_b'),
        raw('GET a:b/ -> 200 one'),
        raw('GET [::1]:80/ -> 200 one host=[::1]:80'),
      ],
    },
    {
      name: 'a method that is none',
      routes: ROUTES,
      requests: [
        raw('G\x01T / -> 400 x0'),
        raw('get / -> 400', { http1: true }),
        raw('FROBNICATE / -> 400', { http1: true }),
      ],
    },
    {
      // draft-ietf-httpbis-safe-method-w-body, 2: a server must fail it.
      name: 'a QUERY must say what it is written in',
      routes: ROUTES,
      requests: [
        'QUERY / [content-type: text/plain] "body" -> 200 one',
        'QUERY / "body" -> 400 x0',
        'QUERY / -> 400 x0',
        'QUERY / [content-type: ] "body" -> 400 x0',
        'GET / "" -> 200 one',
      ],
    },
    {
      name: 'many headers',
      routes: ROUTES,
      requests: [{ line: 'GET / -> 200 one', headers: many(90) }],
    },
    {
      name: 'too many headers, and too long ones',
      routes: ROUTES,
      requests: [
        raw('GET / -> 431 x0', { headers: many(120) }),
        raw('GET / -> 431 x0', { headers: [['x-long', 'x'.repeat(70_000)]] }),
      ],
    },
    {
      name: 'long headers',
      routes: ROUTES,
      requests: [
        { line: 'GET / -> 200 one', headers: [['x-long', 'x'.repeat(50_000)]] },
        { line: `GET /${'a'.repeat(30_000)} -> 200 one` },
      ],
    },
  ],
};

function many(count: number): [string, string][] {
  return Array.from({ length: count }, (_, index) => [`x-${index}`, `${index}`]);
}
