import type { Area } from '../case.ts';

const ROUTES = `[{ match: { prefix: / }, route: { cluster: one } }]`;

/** Bodies and headers as they pass: nothing is lost, added or cut otherwise. */
export const bodies: Area = {
  area: 'bodies',
  cases: [
    {
      name: 'a megabyte up and down',
      routes: ROUTES,
      requests: [{ line: 'POST / -> 200 one', body: 'u'.repeat(1 << 20), answer: { body: 'd'.repeat(1 << 20) } }],
    },
    {
      name: 'bytes that are no text',
      routes: ROUTES,
      requests: [{ line: 'POST / -> 200 one', body: Uint8Array.from({ length: 256 }, (_, index) => index) }],
    },
    {
      name: 'an empty body of each kind',
      routes: ROUTES,
      requests: [
        { line: 'GET / -> 200 one "" {content-length: 0}', answer: { body: '' } },
        { line: 'GET / -> 500 one ""', answer: { status: 500, body: '' } },
        'POST / "" -> 200 one [content-length: 0]',
      ],
    },
    {
      name: 'trailers of the response',
      routes: ROUTES,
      requests: [
        {
          line: 'GET / -> 200 one',
          answer: {
            trailers: [
              ['x-sum', '42'],
              ['x-more', 'a'],
            ],
          },
        },
      ],
    },
    {
      name: 'HEAD keeps the length of what it leaves out',
      routes: ROUTES,
      requests: [
        { line: 'HEAD / -> 200 one "" {content-length: 7}', answer: { headers: [['content-length', '7']], body: '' } },
      ],
    },
    {
      name: 'statuses of all kinds come back as they are',
      routes: ROUTES,
      requests: [200, 202, 206, 300, 302, 400, 401, 403, 405, 410, 418, 422, 429, 451, 500, 501, 505, 599].map(
        (status) => ({
          line: `GET / -> ${status} one`,
          answer: { status },
        }),
      ),
    },
    {
      name: 'redirects of a service are the caller’s to follow',
      routes: ROUTES,
      requests: [
        {
          line: 'GET / -> 302 one {location: /elsewhere}',
          answer: { status: 302, headers: [['location', '/elsewhere']] },
        },
      ],
    },
    {
      name: 'headers that caches and browsers read',
      routes: ROUTES,
      requests: [
        {
          line: 'GET / [if-none-match: "a"] [range: bytes=0-1] [accept-encoding: gzip, br] -> 206 one [range: bytes=0-1]',
          answer: {
            status: 206,
            headers: [
              ['content-range', 'bytes 0-1/2'],
              ['vary', 'accept'],
              ['cache-control', 'max-age=1'],
              ['etag', '"a"'],
              ['set-cookie', 'a=1; Path=/; HttpOnly'],
              ['set-cookie', 'b=2'],
            ],
          },
        },
      ],
    },
    {
      name: 'what the caller says of itself arrives',
      routes: ROUTES,
      requests: [
        'GET / [user-agent: curl/8] [referer: http://a/] [authorization: Bearer x] [accept-language: de] -> 200 one [user-agent: curl/8] [authorization: Bearer x]',
        'GET / [traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01] [tracestate: a=b] [baggage: k=v] -> 200 one [baggage: k=v]',
        'GET / [x-b3-traceid: 463ac35c9f6413ad48485a3953bb6124] [x-b3-sampled: 1] [grpc-timeout: 1S] -> 200 one',
      ],
    },
    {
      name: 'query strings are left alone',
      routes: ROUTES,
      requests: [
        'GET /?a=1&a=2&b -> 200 one /?a=1&a=2&b',
        'GET /?a=b%20c+d -> 200 one /?a=b%20c+d',
        'GET /a;v=1?x;y -> 200 one /a;v=1?x;y',
        'GET /?? -> 200 one /??',
        "GET /a'b(c)*!$&,=:@~_.- -> 200 one /a'b(c)*!$&,=:@~_.-",
        'GET /?u=http://x/y?z -> 200 one /?u=http://x/y?z',
      ],
    },
    {
      name: 'the authority arrives as it was given',
      routes: ROUTES,
      requests: [
        'GET Shop.Example/ -> 200 one host=Shop.Example',
        'GET shop:80/ -> 200 one host=shop:80',
        'GET shop:8080/ -> 200 one host=shop:8080',
        'GET shop.example./ -> 200 one host=shop.example.',
        'GET [::1]:8080/ -> 200 one host=[::1]:8080',
        'GET 10.0.0.1/ -> 200 one host=10.0.0.1',
      ],
    },
    {
      name: 'forwarding headers of others are kept',
      routes: ROUTES,
      requests: [
        'GET / [x-forwarded-host: outer] [x-forwarded-port: 443] [forwarded: for=1.2.3.4] -> 200 one [x-forwarded-host: outer] [forwarded: for=1.2.3.4]',
        'GET / [via: 1.1 other] -> 200 one [via: 1.1 other]',
      ],
    },
    {
      name: 'interim responses',
      routes: ROUTES,
      requests: [
        { line: 'GET / -> 200 one', answer: { informational: [103] } },
        { line: 'GET / -> 200 one', answer: { informational: [102, 103] } },
      ],
    },
    {
      name: 'weights: thirds of a hundred and one',
      routes: `
        - match: { prefix: / }
          route: { weighted_clusters: { clusters: [{ name: one, weight: 34 }, { name: two, weight: 33 }, { name: three, weight: 34 }] } }`,
      requests: [{ line: 'GET / -> 200', times: 1_000, split: { one: 34 / 101, two: 33 / 101, three: 34 / 101 } }],
    },
    {
      name: 'weights: one in a thousand',
      routes: `
        - match: { prefix: / }
          route: { weighted_clusters: { clusters: [{ name: one, weight: 999 }, { name: two, weight: 1 }] } }`,
      requests: [{ line: 'GET / -> 200', times: 1_000, split: { one: 0.999, two: 0.001 } }],
    },
    {
      name: 'weights: a cluster without endpoints takes its share',
      routes: `
        - match: { prefix: / }
          route: { weighted_clusters: { clusters: [{ name: one, weight: 1 }, { name: empty, weight: 1 }] } }`,
      requests: [{ line: 'GET / -> 200', times: 400, split: { one: 0.5, 503: 0.5 } }],
    },
  ],
};
