import type { Area } from '../case.ts';

/** Virtual hosts, path matches, weights, direct responses: what every feed has. */
export const basics: Area = {
  area: 'basics',
  cases: [
    {
      name: 'the longest domain wins, an exact one before all',
      hosts: `
        - { name: any, domains: ['*'], routes: [{ match: { prefix: / }, route: { cluster: one } }] }
        - { name: suffix, domains: ['*.example'], routes: [{ match: { prefix: / }, route: { cluster: two } }] }
        - { name: longer, domains: ['*.shop.example'], routes: [{ match: { prefix: / }, route: { cluster: three } }] }
        - { name: prefix, domains: ['api.*'], routes: [{ match: { prefix: / }, route: { cluster: pair } }] }
        - { name: exact, domains: [api.shop.example], routes: [{ match: { prefix: / }, direct_response: { status: 202 } }] }`,
      requests: [
        'GET api.shop.example/ -> 202',
        'GET API.Shop.Example/ -> 202',
        'GET cart.shop.example/ -> 200 three',
        'GET cart.example/ -> 200 two',
        'GET api.example/ -> 200 two',
        'GET other/ -> 200 one',
        'GET other:8080/ -> 200 one host=other:8080',
        'GET .example/ -> 200 one',
      ],
    },
    {
      name: 'the port is a part of the authority',
      hosts: `
        - { name: with, domains: ['shop:8080'], routes: [{ match: { prefix: / }, route: { cluster: one } }] }
        - { name: without, domains: [shop], routes: [{ match: { prefix: / }, route: { cluster: two } }] }`,
      requests: ['GET shop:8080/ -> 200 one', 'GET shop/ -> 200 two', 'GET shop:80/ -> 404 NR ""'],
    },
    {
      name: 'ignore_port_in_host_matching',
      config: `
        ignore_port_in_host_matching: true
        virtual_hosts:
          - { name: shop, domains: [shop], routes: [{ match: { prefix: / }, route: { cluster: one } }] }`,
      requests: ['GET shop:8080/ -> 200 one host=shop:8080', 'GET shop/ -> 200 one', 'GET shop2:80/ -> 404 NR'],
    },
    {
      name: 'no virtual host',
      hosts: `[{ name: shop, domains: [shop.example], routes: [{ match: { prefix: / }, route: { cluster: one } }] }]`,
      requests: ['GET other/ -> 404 NR ""', 'GET shop.example/ -> 200 one "one"'],
    },
    {
      name: 'prefix, in the order of the routes',
      routes: `
        - { match: { prefix: /a/b }, route: { cluster: one } }
        - { match: { prefix: /a }, route: { cluster: two } }
        - { match: { prefix: / }, route: { cluster: three } }`,
      requests: [
        'GET /a/bc -> 200 one',
        'GET /a/b?x=1 -> 200 one /a/b?x=1',
        'GET /ab -> 200 two',
        'GET /A/b -> 200 three',
        'GET /x/a -> 200 three',
        'GET /a%2Fb -> 200 two /a%2Fb',
      ],
    },
    {
      name: 'path, the whole of it without the query',
      routes: `[{ match: { path: /a/b }, route: { cluster: one } }]`,
      requests: [
        'GET /a/b -> 200 one',
        'GET /a/b? -> 200 one /a/b?',
        'GET /a/b?c=/d -> 200 one /a/b?c=/d',
        'GET /a/b/ -> 404 NR',
        'GET /a/B -> 404 NR',
        'GET /a -> 404 NR',
      ],
    },
    {
      name: 'path_separated_prefix',
      routes: `[{ match: { path_separated_prefix: /v1 }, route: { cluster: one } }]`,
      requests: ['GET /v1 -> 200 one', 'GET /v1/ -> 200 one', 'GET /v1?a=b -> 200 one', 'GET /v10 -> 404 NR'],
    },
    {
      name: 'case_sensitive: false',
      routes: `
        - { match: { path: /CasePath, case_sensitive: false }, route: { cluster: one } }
        - { match: { prefix: /case, case_sensitive: false }, route: { cluster: two } }`,
      requests: ['GET /cAsEpAtH -> 200 one', 'GET /CASE/x -> 200 two /CASE/x', 'GET /cas -> 404 NR'],
    },
    {
      name: 'a direct response',
      routes: `
        - { match: { path: /teapot }, direct_response: { status: 418, body: { inline_string: I am a route } } }
        - { match: { path: /empty }, direct_response: { status: 200 } }
        - { match: { path: /none }, direct_response: { status: 204 } }`,
      requests: [
        'GET /teapot -> 418 "I am a route" {content-type: text/plain} {content-length: 12}',
        'HEAD /teapot -> 418 ""',
        'POST /teapot "much" -> 418 x0',
        'GET /empty -> 200 ""',
        'GET /none -> 204 ""',
      ],
    },
    {
      name: 'a direct response with a status that points elsewhere says where',
      routes: `[{ match: { prefix: / }, direct_response: { status: 201 } }]`,
      requests: ['GET shop/a?b -> 201 {location: http://shop/a?b}'],
    },
    {
      name: 'weighted clusters: a weight of zero is never chosen',
      routes: `
        - match: { prefix: / }
          route: { weighted_clusters: { clusters: [{ name: one, weight: 0 }, { name: two, weight: 1 }] } }`,
      requests: [{ line: 'GET / -> 200', times: 50, split: { two: 1 } }],
    },
    {
      name: 'weighted clusters: 90 to 10',
      routes: `
        - match: { prefix: / }
          route: { weighted_clusters: { clusters: [{ name: one, weight: 90 }, { name: two, weight: 10 }] } }`,
      requests: [{ line: 'GET / -> 200', times: 1_000, split: { one: 0.9, two: 0.1 } }],
    },
    {
      name: 'a body goes up and comes back',
      routes: `[{ match: { prefix: / }, route: { cluster: one } }]`,
      requests: [
        { line: 'POST / [content-type: text/plain] "up" -> 200 one "down"', answer: { body: 'down' } },
        'PUT / "" -> 200 one',
        'DELETE / -> 200 one',
        'HEAD / -> 200 one ""',
        'PATCH / -> 200 one [content-length: 0]',
        'OPTIONS / -> 200 one',
        'PROPFIND / -> 200 one',
      ],
    },
    {
      name: 'a method that may have a body says that it has none',
      routes: `[{ match: { prefix: / }, route: { cluster: one } }]`,
      requests: [
        'PUT /x -> 200 one [content-length: 0]',
        'GET /x -> 200 one [!content-length]',
        'HEAD /x -> 200 one [!content-length]',
        'DELETE /x -> 200 one [!content-length]',
        'TRACE /x -> 200 one [!content-length]',
      ],
    },
    {
      name: 'the attempt count goes up and comes back',
      hosts: `
        - name: all
          domains: ['*']
          include_request_attempt_count: true
          include_attempt_count_in_response: true
          routes: [{ match: { prefix: / }, route: { cluster: one } }]`,
      requests: ['GET / -> 200 one [x-envoy-attempt-count: 1] {x-envoy-attempt-count: 1}'],
    },
    {
      name: 'the timeout that the service is told',
      routes: `
        - { match: { prefix: /seven }, route: { cluster: one, timeout: 7s } }
        - { match: { prefix: /none }, route: { cluster: one, timeout: 0s } }
        - { match: { prefix: / }, route: { cluster: one } }`,
      requests: [
        'GET /seven -> 200 one [x-envoy-expected-rq-timeout-ms: 7000]',
        'GET /none -> 200 one [!x-envoy-expected-rq-timeout-ms]',
        'GET / -> 200 one [x-envoy-expected-rq-timeout-ms: 15000]',
      ],
    },
    {
      name: 'an id and a scheme that the caller gives are kept',
      routes: `[{ match: { prefix: / }, route: { cluster: one } }]`,
      requests: [
        'GET / [x-request-id: b4b2c6a0-0000-4000-8000-0123456789ab] -> 200 [x-request-id: b4b2c6a0-0000-4000-8000-0123456789ab]',
        'GET / [x-forwarded-proto: https] -> 200 one [x-forwarded-proto: https]',
        'GET / -> 200 one [x-forwarded-proto: http]',
      ],
    },
    {
      name: 'routes see the scheme that the connection manager notes',
      routes: `
        - { match: { prefix: /, headers: [{ name: x-forwarded-proto, string_match: { exact: http } }] }, route: { cluster: one } }
        - { match: { prefix: / }, route: { cluster: two } }`,
      requests: ['GET / -> 200 one', 'GET / [x-forwarded-proto: https] -> 200 two'],
    },
    {
      name: 'headers of the response come back, repeated ones in their order',
      routes: `[{ match: { prefix: / }, route: { cluster: one } }]`,
      requests: [
        {
          line: 'GET / -> 203 one {x-a: 1,2} {set-cookie: a=b,c=d}',
          answer: {
            status: 203,
            headers: [
              ['X-A', '1'],
              ['set-cookie', 'a=b'],
              ['x-a', '2'],
              ['Set-Cookie', 'c=d'],
            ],
          },
        },
        { line: 'GET / -> 204 one ""', answer: { status: 204 } },
        { line: 'GET / -> 304 one ""', answer: { status: 304, headers: [['etag', '"x"']] } },
      ],
    },
    {
      name: 'headers of the request arrive, repeated ones in their order',
      routes: `[{ match: { prefix: / }, route: { cluster: one } }]`,
      requests: [
        'GET / [X-One: a] [x-two: b] [x-one: c] -> 200 one [x-one: a,c] [x-two: b]',
        'GET / [cookie: a=b; c=d] [accept: */*] [x-empty:] -> 200 one [x-empty: ]',
      ],
    },
    {
      name: 'a prefix_rewrite where a policy matches the path is refused',
      routes: `
        - match:
            path_match_policy:
              name: envoy.path.match.uri_template.uri_template_matcher
              typed_config: { '@type': type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig, path_template: '/{x}' }
          route: { cluster: one, prefix_rewrite: /b }`,
      requests: [],
      refused: 'cannot be used with match.path_match_policy',
    },
    {
      name: 'a redirect with prefix_rewrite where a policy matches the path is refused',
      routes: `
        - match:
            path_match_policy:
              name: envoy.path.match.uri_template.uri_template_matcher
              typed_config: { '@type': type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig, path_template: '/{x}' }
          redirect: { prefix_rewrite: /b }`,
      requests: [],
      refused: 'cannot be used with match.path_match_policy',
    },
  ],
};
