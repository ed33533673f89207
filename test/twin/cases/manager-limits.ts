import type { Area } from '../case.ts';

const ROUTES = `[{ match: { prefix: / }, route: { cluster: one } }]`;

/** How the connection manager limits calls. */
export const managerLimits: Area = {
  area: 'manager-limits',
  cases: [
    {
      name: 'headers_with_underscores_action: the default lets them through',
      routes: ROUTES,
      requests: ['GET / [x_a: b] -> 200 one [x_a: b]'],
    },
    {
      name: 'headers_with_underscores_action: REJECT_REQUEST',
      routes: ROUTES,
      manager: 'common_http_protocol_options: { headers_with_underscores_action: REJECT_REQUEST }',
      requests: ['GET / [x-a: b_c] -> 200 one', { line: 'GET / [x_a: b] -> 400', unlogged: true }],
    },
    {
      name: 'headers_with_underscores_action: DROP_HEADER',
      routes: ROUTES,
      manager: 'common_http_protocol_options: { headers_with_underscores_action: DROP_HEADER }',
      requests: ['GET / [x_a: b] [_: c] [x-d: e] -> 200 one [!x_a] [x-d: e]'],
    },
    {
      name: 'a hundred headers at most',
      routes: ROUTES,
      requests: [
        { line: 'GET / -> 200 one', headers: Array.from({ length: 90 }, (_, i) => [`x-${i}`, 'a'] as const) },
        {
          line: 'GET / -> 431',
          unlogged: true,
          headers: Array.from({ length: 110 }, (_, i) => [`x-${i}`, 'a'] as const),
        },
      ],
    },
    {
      name: 'max_headers_count',
      routes: ROUTES,
      manager: 'common_http_protocol_options: { max_headers_count: 20 }',
      requests: [
        { line: 'GET / -> 200 one', headers: Array.from({ length: 10 }, (_, i) => [`x-${i}`, 'a'] as const) },
        {
          line: 'GET / -> 431',
          unlogged: true,
          headers: Array.from({ length: 30 }, (_, i) => [`x-${i}`, 'a'] as const),
        },
      ],
    },
    {
      name: '60 KiB of headers at most',
      routes: ROUTES,
      requests: [
        { line: 'GET / -> 200 one', headers: [['x-long', 'a'.repeat(50_000)]] },
        { line: 'GET / -> 431', unlogged: true, headers: [['x-long', 'a'.repeat(70_000)]] },
      ],
    },
    {
      name: 'max_request_headers_kb',
      routes: ROUTES,
      manager: 'max_request_headers_kb: 4',
      requests: [
        { line: 'GET / -> 200 one', headers: [['x-long', 'a'.repeat(3_000)]] },
        { line: 'GET / -> 431', unlogged: true, headers: [['x-long', 'a'.repeat(5_000)]] },
      ],
    },
    {
      name: 'stream_idle_timeout',
      routes: `[{ match: { prefix: / }, route: { cluster: one, timeout: 0s } }]`,
      manager: 'stream_idle_timeout: 0.2s',
      requests: [
        { line: 'GET / -> 504 SI "stream timeout"', answer: { silent: true } },
        { line: 'POST / "body" -> 504 SI', answer: { silent: true } },
        { line: 'GET / -> 200 one', answer: { delayMs: 20 } },
      ],
    },
    {
      name: 'idle_timeout of the route',
      routes: `
        - { match: { prefix: /own }, route: { cluster: one, timeout: 0s, idle_timeout: 0.2s } }
        - { match: { prefix: /none }, route: { cluster: one, timeout: 0s, idle_timeout: 0s } }
        - { match: { prefix: / }, route: { cluster: one, timeout: 0.1s, idle_timeout: 5s } }`,
      manager: 'stream_idle_timeout: 0.15s',
      requests: [
        { line: 'GET /own -> 504 SI', answer: { silent: true } },
        { line: 'GET /none -> 200 one', answer: { delayMs: 400 } },
        { line: 'GET / -> 504 UT', answer: { silent: true } },
      ],
    },
    {
      name: 'max_stream_duration of the connection manager',
      routes: `[{ match: { prefix: / }, route: { cluster: one, timeout: 0s } }]`,
      manager: 'common_http_protocol_options: { max_stream_duration: 0.2s }',
      requests: [
        { line: 'GET / -> 504', answer: { silent: true } },
        { line: 'GET / -> 200 one', answer: { delayMs: 20 } },
      ],
    },
    {
      name: 'max_stream_duration of the route',
      routes: `
        - { match: { prefix: /own }, route: { cluster: one, max_stream_duration: { max_stream_duration: 0.2s } } }
        - { match: { prefix: /none }, route: { cluster: one, max_stream_duration: { max_stream_duration: 0s } } }`,
      manager: 'common_http_protocol_options: { max_stream_duration: 0.1s }',
      requests: [
        { line: 'GET /own -> 504', answer: { silent: true } },
        { line: 'GET /none -> 200 one', answer: { delayMs: 300 } },
      ],
    },
    {
      name: 'max_response_headers_kb of the cluster',
      routes: `
        - { match: { prefix: /small }, route: { cluster: small-headers } }
        - { match: { prefix: / }, route: { cluster: one } }`,
      clusters: {
        'small-headers': {
          fields: `
            typed_extension_protocol_options:
              envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
                '@type': type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
                common_http_protocol_options: { max_response_headers_kb: 4 }
                explicit_http_config: { http_protocol_options: {} }`,
        },
      },
      requests: [
        { line: 'GET / -> 200 one', answer: { headers: [['x-long', 'a'.repeat(6_000)]] } },
        { line: 'GET /small -> 200', answer: { headers: [['x-long', 'a'.repeat(2_000)]] } },
        { line: 'GET /small -> 502', http1: true, answer: { headers: [['x-long', 'a'.repeat(6_000)]] } },
      ],
    },
  ],
};
