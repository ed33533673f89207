import type { Area, Case } from '../case.ts';
import {
  all,
  always,
  append,
  bucket,
  FAULT,
  filter,
  LIMIT,
  limit,
  MUTATION,
  mutation,
  never,
  perRoute,
  shown,
  toOne,
  typed,
} from './filter-yaml.ts';

const fault = (config: string): string => `[${filter('envoy.filters.http.fault', FAULT, config)}]`;
const faults: readonly Case[] = [
  {
    name: 'fault: aborts with a status',
    filters: fault(`{ abort: { http_status: 418, ${always} } }`),
    routes: toOne,
    requests: ['GET / -> 418 "fault filter abort" FI', 'HEAD / -> 418', 'POST / "body" -> 418 x0 FI'],
  },
  {
    name: 'fault: aborts with a body of its own',
    filters: fault(`{ abort: { http_status: 503, response_body: sorry, ${always} } }`),
    routes: toOne,
    requests: ['GET / -> 503 "sorry" FI'],
  },
  {
    name: 'fault: a share of nothing does nothing',
    filters: fault(`{ abort: { http_status: 418, ${never} }, delay: { fixed_delay: 60s, ${never} } }`),
    routes: toOne,
    requests: ['GET / -> 200 one'],
  },
  {
    name: 'fault: no percentage is none',
    filters: fault(`{ abort: { http_status: 418 } }`),
    routes: toOne,
    requests: ['GET / -> 200 one'],
  },
  {
    name: 'fault: aborts with a gRPC status',
    filters: fault(`{ abort: { grpc_status: 14, ${always} } }`),
    routes: toOne,
    requests: [
      'GET / -> 200 "fault filter abort" x0',
      'POST / [content-type: application/grpc] -> 200 {grpc-status: 14} x0',
    ],
  },
  {
    name: 'fault: a gRPC call is answered in gRPC’s way',
    filters: fault(`{ abort: { http_status: 503, ${always} } }`),
    routes: toOne,
    requests: [
      'POST / [content-type: application/grpc] -> 200 {grpc-status: 14} {grpc-message: fault filter abort}',
      'POST / [content-type: application/grpc+proto] -> 200 {grpc-status: 14}',
      'POST / [content-type: application/grpc-web] -> 503 {!grpc-status}',
    ],
  },
  {
    name: 'fault: headers say how to abort',
    filters: fault(`{ abort: { header_abort: {}, ${always} } }`),
    routes: toOne,
    requests: [
      'GET / -> 200 one',
      'GET / [x-envoy-fault-abort-request: 429] -> 429 FI',
      'GET / [x-envoy-fault-abort-request: 199] -> 200 one',
      'GET / [x-envoy-fault-abort-request: 600] -> 200 one',
      'GET / [x-envoy-fault-abort-request: 4x] -> 200 one',
      'GET / [x-envoy-fault-abort-request: +429] -> 429',
      'GET / [x-envoy-fault-abort-grpc-request: 5] -> 200 x0',
      'GET / [x-envoy-fault-abort-request: 404] [x-envoy-fault-abort-grpc-request: 5] -> 404 FI',
      'GET / [x-envoy-fault-abort-request: 429] [x-envoy-fault-abort-request-percentage: 0] -> 200 one',
      'GET / [x-envoy-fault-abort-request: 429] [x-envoy-fault-abort-request-percentage: x] -> 429',
    ],
  },
  {
    name: 'fault: a header lowers the share and never raises it',
    filters: fault(`{ abort: { header_abort: {}, ${never} } }`),
    routes: toOne,
    requests: [
      'GET / [x-envoy-fault-abort-request: 429] [x-envoy-fault-abort-request-percentage: 100] -> 200 one',
      'GET / [x-envoy-fault-abort-request: 429] -> 200 one',
    ],
  },
  {
    name: 'fault: the headers mean nothing where the feed does not let them',
    filters: fault(`{ abort: { http_status: 503, ${never} } }`),
    routes: toOne,
    requests: ['GET / [x-envoy-fault-abort-request: 429] [x-envoy-fault-abort-request-percentage: 100] -> 200 one'],
  },
  {
    name: 'fault: delays, and then lets go or aborts',
    filters: fault(`{ delay: { fixed_delay: 0.05s, ${always} } }`),
    routes: `
      - match: { prefix: /abort }
        route: { cluster: one }
        ${perRoute(`envoy.filters.http.fault: ${typed(FAULT, `{ delay: { fixed_delay: 0.01s, ${always} }, abort: { http_status: 500, ${always} } }`)}`)}
      - { match: { prefix: /empty }, route: { cluster: empty } }
      - { match: { prefix: / }, route: { cluster: one } }`,
    requests: [
      'GET / -> 200 one',
      'GET /abort -> 500 DI,FI',
      'GET /empty -> 503 DI,UH',
      'POST / "with a body" -> 200 one',
    ],
  },
  {
    name: 'fault: tells in metadata what it did',
    filters: `[${mutation(`{ response_mutations: [${append('x-told', '%DYNAMIC_METADATA(my-fault:k)%')}] }`)},
      ${filter('my-fault', FAULT, `{ delay: { fixed_delay: 0.01s, ${always} }, filter_metadata: { k: told } }`)}, ${shown('my-fault:k')}]`,
    routes: `
      - match: { prefix: /abort }
        route: { cluster: one }
        ${perRoute(`my-fault: ${typed(FAULT, `{ abort: { http_status: 418, ${always} }, filter_metadata: { k: aborted } }`)}`)}
      - match: { prefix: /none }
        route: { cluster: one }
        ${perRoute(`my-fault: ${typed(FAULT, `{ abort: { http_status: 418, ${never} }, filter_metadata: { k: told } }`)}`)}
      - { match: { prefix: / }, route: { cluster: one } }`,
    requests: [
      'GET / -> 200 one [x-m0: told] {x-told: told}',
      'GET /abort -> 418 FI {x-told: aborted}',
      'GET /none -> 200 one [!x-m0]',
    ],
  },
  {
    name: 'fault: a header says how long to wait',
    filters: fault(`{ delay: { header_delay: {}, ${always} } }`),
    routes: toOne,
    requests: [
      'GET / [x-envoy-fault-delay-request: 20] -> 200 one',
      'GET / [x-envoy-fault-delay-request: x] -> 200 one',
      'GET / -> 200 one',
      'GET / [x-envoy-fault-delay-request: 60000] [x-envoy-fault-delay-request-percentage: 0] -> 200 one',
    ],
  },
  {
    name: 'fault: only calls to a cluster',
    filters: fault(`{ abort: { http_status: 418, ${always} }, upstream_cluster: two }`),
    routes: `
      - { match: { prefix: /two }, route: { cluster: two } }
      - { match: { prefix: /direct }, direct_response: { status: 201 } }
      - { match: { prefix: /one }, route: { cluster: one } }`,
    requests: ['GET /two -> 418 FI', 'GET /one -> 200 one', 'GET /direct -> 201', 'GET /none -> 404 NR'],
  },
  {
    name: 'fault: only calls of some nodes',
    filters: fault(`{ abort: { http_status: 418, ${always} }, downstream_nodes: [a, b] }`),
    routes: toOne,
    requests: [
      'GET / [x-envoy-downstream-service-node: a] -> 418 FI',
      'GET / [x-envoy-downstream-service-node: c] -> 200 one',
      'GET / -> 200 one',
    ],
  },
  {
    name: 'fault: only calls whose headers match all',
    filters: fault(
      `{ abort: { http_status: 418, ${always} }, headers: [{ name: x-a, string_match: { exact: b } }, { name: x-c, present_match: true, invert_match: true }] }`,
    ),
    routes: toOne,
    requests: ['GET / -> 200 one', 'GET / [x-a: b] -> 418 FI', 'GET / [x-a: b] [x-c: d] -> 200 one'],
  },
  {
    name: 'fault: comes before the answers of the route, and before there is none',
    filters: fault(`{ abort: { http_status: 418, ${always} } }`),
    routes: '[{ match: { prefix: /direct }, direct_response: { status: 201 } }]',
    requests: ['GET /direct -> 418 FI', 'GET /none -> 418 FI'],
  },
  {
    name: 'fault: max_active_faults of 0 allows none',
    filters: fault(`{ abort: { http_status: 418, ${always} }, max_active_faults: 0 }`),
    routes: toOne,
    requests: ['GET / -> 200 one'],
  },
  {
    name: 'fault: slows the response down',
    filters: fault(`{ response_rate_limit: { fixed_limit: { limit_kbps: 100 }, ${always} } }`),
    routes: toOne,
    requests: [
      { line: 'GET / -> 200 one', answer: { body: 'x'.repeat(20_000) } },
      { line: 'GET / -> 200 one', answer: { body: '' } },
    ],
  },
  {
    name: 'fault: a header says how much to slow it down',
    filters: fault(`{ response_rate_limit: { header_limit: {}, ${always} } }`),
    routes: toOne,
    requests: [
      { line: 'GET / [x-envoy-fault-throughput-response: 50] -> 200 one', answer: { body: 'x'.repeat(9_000) } },
      { line: 'GET / [x-envoy-fault-throughput-response: 0] -> 200 one', answer: { body: 'x'.repeat(9_000) } },
    ],
  },
  ...[
    [50, 'HUNDRED', 0.5],
    [1, 'HUNDRED', 0.01],
    [2_500, 'TEN_THOUSAND', 0.25],
    [900_000, 'MILLION', 0.9],
  ].map(([numerator, denominator, share]): Case => {
    const rest = 1 - Number(share);
    return {
      name: `fault: aborts ${numerator} of ${denominator}`,
      filters: fault(
        `{ abort: { http_status: 418, percentage: { numerator: ${numerator}, denominator: ${denominator} } } }`,
      ),
      routes: toOne,
      requests: [{ line: 'GET / -> 200', times: 400, split: { one: rest, 418: Number(share) } }],
    };
  }),
];

const mutated = (mutations: string): string =>
  perRoute(
    `envoy.filters.http.header_mutation: ${typed('header_mutation.v3.HeaderMutationPerRoute', `{ mutations: ${mutations} }`)}`,
  );
const query = (key: string, value: string, action: string): string =>
  `{ append: { record: { key: ${key}, value: '${value}' }, action: ${action} } }`;

const headerMutations: readonly Case[] = [
  {
    name: 'header_mutation: adds, overwrites, removes, one after the other',
    filters: `[${mutation(`{ request_mutations: [${append('x-a', '1')}, ${append('x-a', '2')}, ${append('x-b', '3', 'OVERWRITE_IF_EXISTS')},
      ${append('x-c', '4', 'ADD_IF_ABSENT')}, ${append('x-d', '5', 'OVERWRITE_IF_EXISTS_OR_ADD')}, { remove: x-gone }, ${append('x-gone', 'back')}] }`)}]`,
    routes: toOne,
    requests: [
      'GET / -> 200 one [x-a: 1,2] [!x-b] [x-c: 4] [x-d: 5] [x-gone: back]',
      'GET / [x-a: 0] [x-b: 0] [x-c: 0] [x-d: 0] [x-gone: here] -> 200 one [x-a: 0,1,2] [x-b: 3] [x-c: 0] [x-d: 5] [x-gone: back]',
    ],
  },
  {
    name: 'header_mutation: values are formats, and an empty one adds nothing',
    filters: `[${mutation(`{ request_mutations: [${append('x-path', '%REQ(:PATH)%')}, ${append('x-none', '%REQ(X-NOT-THERE)%')},
      ${append('x-both', '%REQ(X-A)%-%REQ(:METHOD)%')}], response_mutations: [${append('x-code', '%RESPONSE_CODE%')}, ${append('x-was', '%RESP(X-OLD)%')}] }`)}]`,
    routes: toOne,
    requests: [
      {
        line: 'GET /p?q=1 [x-a: v] -> 200 one [x-path: /p?q=1] [!x-none] [x-both: v-GET] {x-code: 200} {x-was: o}',
        answer: { headers: [['x-old', 'o']] },
      },
    ],
  },
  ...[':path', 'Host', ':method'].map(
    (key): Case => ({
      name: `header_mutation: ${key} may not be changed`,
      filters: `[${mutation(`{ request_mutations: [${append(key, 'x', 'OVERWRITE_IF_EXISTS_OR_ADD')}] }`)}]`,
      routes: toOne,
      refused: 'may not be modified',
      requests: [],
    }),
  ),
  {
    name: 'header_mutation: removes what matches',
    filters: `[${mutation('{ request_mutations: [{ remove_on_match: { key_matcher: { prefix: x-a } } }], response_mutations: [{ remove_on_match: { key_matcher: { safe_regex: { regex: ".*-secret" } } } }] }')}]`,
    routes: toOne,
    requests: [
      {
        line: 'GET / [x-a: 1] [X-Ab: 2] [x-b: 3] -> 200 one [!x-a] [!x-ab] [x-b: 3] {!a-secret} {a-secrets: 2}',
        answer: {
          headers: [
            ['a-secret', '1'],
            ['a-secrets', '2'],
          ],
        },
      },
    ],
  },
  {
    name: 'header_mutation: of the response, also of answers of the mesh',
    filters: `[${mutation(`{ response_mutations: [${append('x-a', '1')}, { remove: x-gone }] }`)}]`,
    routes: `
      - { match: { prefix: /empty }, route: { cluster: empty } }
      - { match: { prefix: /direct }, direct_response: { status: 410, body: { inline_string: gone } } }
      - { match: { prefix: /one }, route: { cluster: one } }`,
    requests: [
      { line: 'GET /one -> 200 one {x-a: 1} {!x-gone}', answer: { headers: [['x-gone', 'x']] } },
      'GET /empty -> 503 UH {x-a: 1}',
      'GET /direct -> 410 {x-a: 1} "gone"',
      'GET /none -> 404 NR {x-a: 1}',
    ],
  },
  {
    name: 'header_mutation: sees the answers of filters before it',
    filters: `[${filter('envoy.filters.http.fault', FAULT, `{ abort: { http_status: 418, ${always} } }`)}, ${mutation(`{ response_mutations: [${append('x-a', '1')}], request_mutations: [${append('x-b', '1')}] }`)}]`,
    routes: toOne,
    requests: ['GET / -> 418 FI {x-a: 1}'],
  },
  ...[
    [false, '0,r,h,c'],
    [true, '0,c,h,r'],
  ].map(
    ([wins, expected]): Case => ({
      name: `header_mutation: most_specific_header_mutations_wins ${wins}`,
      filters: `[${mutation(`{ request_mutations: [${append('x-a', '0')}] }`, `, most_specific_header_mutations_wins: ${wins}`)}]`,
      config: `
        ${mutated(`{ request_mutations: [${append('x-a', 'c')}] }`)}
        virtual_hosts:
          - name: h
            domains: ['*']
            ${mutated(`{ request_mutations: [${append('x-a', 'h')}] }`)}
            routes:
              - match: { prefix: / }
                route: { cluster: one }
                ${mutated(`{ request_mutations: [${append('x-a', 'r')}] }`)}`,
      requests: [`GET / -> 200 one [x-a: ${expected}]`],
    }),
  ),
  {
    name: 'header_mutation: of the weighted cluster that is chosen',
    filters: `[${mutation('{}')}]`,
    routes: `
      - match: { prefix: / }
        route:
          weighted_clusters:
            clusters:
              - { name: one, weight: 0, ${mutated(`{ request_mutations: [${append('x-a', 'one')}] }`)} }
              - { name: two, weight: 1, ${mutated(`{ request_mutations: [${append('x-a', 'two')}] }`)} }`,
    requests: ['GET / -> 200 two [x-a: two]'],
  },
  {
    name: 'header_mutation: query parameters',
    filters: `[${mutation(`{ query_parameter_mutations: [${query('a', '1', 'APPEND_IF_EXISTS_OR_ADD')}, ${query('b', '2', 'ADD_IF_ABSENT')},
      ${query('c', '3', 'OVERWRITE_IF_EXISTS')}, ${query('d', '%REQ(X-D)%', 'OVERWRITE_IF_EXISTS_OR_ADD')}, { remove: gone }] }`)}]`,
    routes: toOne,
    requests: [
      'GET /p -> 200 one',
      'GET /p?a=0&b=0&c=0&d=0&gone=0 [x-d: v] -> 200 one',
      'GET /p?z=1&y&a=%2F&=x -> 200 one',
      'GET /p?a=1&a=2&z=a+b -> 200 one',
    ],
  },
  {
    name: 'header_mutation: a removed last parameter takes the question mark along',
    filters: `[${mutation('{ query_parameter_mutations: [{ remove: a }] }')}]`,
    routes: toOne,
    requests: [
      'GET /p?a=1 -> 200 one',
      'GET /p?b=1 -> 200 one',
      'GET /p -> 200 one /p',
      'GET /p?x=~!*();/? -> 200 one',
    ],
  },
  {
    name: 'header_mutation: of trailers, where there are any',
    filters: `[${mutation(`{ response_trailers_mutations: [${append('x-t', '1')}] }`)}]`,
    routes: toOne,
    requests: ['GET / -> 200 one'],
  },
  {
    name: 'header_mutation: a format that is none is refused',
    filters: `[${mutation(`{ request_mutations: [${append('x-a', '%NOT_A_COMMAND%')}] }`)}]`,
    routes: toOne,
    refused: 'NOT_A_COMMAND',
    requests: [],
  },
];

const BUFFER = 'buffer.v3.Buffer';
const buffers: readonly Case[] = [
  {
    name: 'buffer: up to max_request_bytes',
    filters: `[${filter('envoy.filters.http.buffer', BUFFER, '{ max_request_bytes: 5 }')}]`,
    routes: `
      - match: { prefix: /off }
        route: { cluster: one }
        ${perRoute(`envoy.filters.http.buffer: ${typed('buffer.v3.BufferPerRoute', '{ disabled: true }')}`)}
      - match: { prefix: /more }
        route: { cluster: one }
        ${perRoute(`envoy.filters.http.buffer: ${typed('buffer.v3.BufferPerRoute', '{ buffer: { max_request_bytes: 10 } }')}`)}
      - { match: { prefix: / }, route: { cluster: one } }`,
    requests: [
      'GET / -> 200 one',
      'POST / "12345" -> 200 one',
      'POST / "123456" -> 413 x0',
      'POST /more "123456" -> 200 one',
      'POST /off "12345678901" -> 200 one',
    ],
  },
];

const localRateLimits: readonly Case[] = [
  {
    name: 'local_ratelimit: answers what is over the limit',
    filters: `[${limit(bucket(2))}]`,
    routes: toOne,
    requests: ['GET / -> 200 one', 'GET / -> 200 one', 'GET / -> 429 RL "local_rate_limited"', 'GET / -> 429 RL x0'],
  },
  {
    name: 'local_ratelimit: with a status and headers of its own',
    filters: `[${limit(`${bucket(1)}, status: { code: 503 }, response_headers_to_add: [{ header: { key: x-limited, value: '%REQ(:PATH)%' } }]`)}]`,
    routes: toOne,
    requests: ['GET / -> 200 one {!x-limited}', 'GET /p -> 503 RL {x-limited: /p}'],
  },
  {
    name: 'local_ratelimit: a status below 400 is none',
    filters: `[${limit(`${bucket(1)}, status: { code: 200 }`)}]`,
    routes: toOne,
    requests: ['GET / -> 200 one', 'GET / -> 429 RL'],
  },
  {
    name: 'local_ratelimit: only watches where it is not enforced',
    filters: `[${filter(
      'envoy.filters.http.local_ratelimit',
      LIMIT,
      `{ stat_prefix: l, filter_enabled: { ${all} }, ${bucket(1)}, request_headers_to_add_when_not_enforced: [{ header: { key: x-over, value: 'yes' } }] }`,
    )}]`,
    routes: toOne,
    requests: ['GET / -> 200 one [!x-over]', 'GET / -> 200 one [x-over: yes]'],
  },
  {
    name: 'local_ratelimit: is off where it is not enabled',
    filters: `[${filter('envoy.filters.http.local_ratelimit', LIMIT, `{ stat_prefix: l, filter_enforced: { ${all} }, ${bucket(1)} }`)}]`,
    routes: toOne,
    requests: ['GET / -> 200 one', 'GET / -> 200 one'],
  },
  {
    name: 'local_ratelimit: tells what is left',
    filters: `[${limit(`token_bucket: { max_tokens: 2, fill_interval: 3600s }, enable_x_ratelimit_headers: DRAFT_VERSION_03`)}]`,
    routes: toOne,
    requests: [
      'GET / -> 200 one {x-ratelimit-limit: 2} {x-ratelimit-remaining: 1}',
      'GET / -> 200 one {x-ratelimit-remaining: 0}',
      'GET / -> 429 RL {x-ratelimit-limit: 2} {x-ratelimit-remaining: 0}',
    ],
  },
  {
    name: 'local_ratelimit: to gRPC',
    filters: `[${limit(`${bucket(1)}, rate_limited_as_resource_exhausted: true`)}]`,
    routes: toOne,
    requests: ['GET / -> 200 one', 'POST / [content-type: application/grpc] -> 200 {grpc-status: 8} RL'],
  },
  {
    name: 'local_ratelimit: per route, each with its own bucket',
    filters: `[${filter('envoy.filters.http.local_ratelimit', LIMIT, '{ stat_prefix: l }')}]`,
    routes: ['/a', '/b']
      .map(
        (path) => `
      - match: { prefix: ${path} }
        route: { cluster: one }
        ${perRoute(`envoy.filters.http.local_ratelimit: ${typed(LIMIT, `{ stat_prefix: l, filter_enabled: { ${all} }, filter_enforced: { ${all} }, ${bucket(1)} }`)}`)}`,
      )
      .join(''),
    requests: ['GET /a -> 200 one', 'GET /a -> 429 RL', 'GET /b -> 200 one', 'GET /b -> 429 RL'],
  },
  {
    name: 'local_ratelimit: descriptors',
    filters: `[${limit(`${bucket(100)},
      rate_limits: [{ actions: [{ request_headers: { header_name: x-user, descriptor_key: user } }] },
        { actions: [{ generic_key: { descriptor_value: any } }, { query_parameters: { query_parameter_name: q, descriptor_key: q } }] }],
      descriptors: [{ entries: [{ key: user, value: alice }], ${bucket(1)} }, { entries: [{ key: generic_key, value: any }, { key: q, value: '1' }], ${bucket(2)} }]`)}]`,
    routes: toOne,
    requests: [
      'GET / [x-user: alice] -> 200 one',
      'GET / [x-user: alice] -> 429 RL',
      'GET / [x-user: bob] -> 200 one',
      'GET / [x-user: bob] -> 200 one',
      'GET /?q=1 -> 200 one',
      'GET /?q=2 -> 200 one',
      'GET /?q=1 -> 200 one',
      'GET /?q=1 -> 429 RL',
    ],
  },
  {
    name: 'local_ratelimit: a descriptor with an open entry has a bucket for each value',
    filters: `[${limit(`${bucket(100)},
      rate_limits: [{ actions: [{ request_headers: { header_name: x-user, descriptor_key: user } }] }],
      descriptors: [{ entries: [{ key: user, value: alice }], ${bucket(2)} }, { entries: [{ key: user }], ${bucket(1)} }]`)}]`,
    routes: toOne,
    requests: [
      'GET / [x-user: bob] -> 200 one',
      'GET / [x-user: carol] -> 200 one',
      'GET / [x-user: bob] -> 429 RL',
      'GET / [x-user: carol] -> 429 RL',
      'GET / -> 200 one',
    ],
  },
  {
    name: 'local_ratelimit: a bucket that fills too often is refused',
    filters: `[${limit('token_bucket: { max_tokens: 1, fill_interval: 0.01s }')}]`,
    routes: toOne,
    refused: 'fill_interval',
    requests: [],
  },
];

const SET = 'set_metadata.v3.Config';
const setting = (entries: string): string =>
  filter('envoy.filters.http.set_metadata', SET, `{ metadata: [${entries}] }`);
const TO_METADATA = 'header_to_metadata.v3.Config';
const toMetadata = (rules: string): string =>
  filter('envoy.filters.http.header_to_metadata', TO_METADATA, `{ request_rules: [${rules}] }`);
const metadata: readonly Case[] = [
  {
    name: 'set_metadata: writes, merges where it may, and leaves alone where not',
    filters: `[${setting(`{ metadata_namespace: a, value: { x: 1, list: [1], deep: { p: 1 } } },
      { metadata_namespace: a, allow_overwrite: true, value: { x: 2, list: [2], deep: { q: 2 } } }, { metadata_namespace: a, value: { x: 3 } }`)},
      ${shown('a:x', 'a:list', 'a:deep:p', 'a:deep:q', 'a:none')}]`,
    routes: toOne,
    requests: ['GET / -> 200 one [x-m0: 2] [x-m2: 1] [x-m3: 2] [!x-m4]'],
  },
  {
    name: 'header_to_metadata: of headers that are there, and that are not',
    filters: `[${toMetadata(`{ header: x-user, on_header_present: { metadata_namespace: n, key: user }, on_header_missing: { metadata_namespace: n, key: user, value: nobody }, remove: true },
      { header: x-n, on_header_present: { metadata_namespace: n, key: number, type: NUMBER } },
      { header: x-b, on_header_present: { metadata_namespace: n, key: decoded, encode: BASE64 } },
      { header: x-v, on_header_present: { metadata_namespace: n, key: fixed, value: always } }`)},
      ${shown('n:user', 'n:number', 'n:decoded', 'n:fixed')}]`,
    routes: toOne,
    requests: [
      'GET / -> 200 one [x-m0: nobody] [!x-m1] [!x-m2] [!x-m3]',
      'GET / [x-user: alice] [x-n: 42] [x-b: aGVsbG8=] [x-v: x] -> 200 one [!x-user] [x-m0: alice] [x-m1: 42] [x-m2: hello] [x-m3: always]',
      'GET / [x-user: a] [x-user: b] [x-n: 4x] -> 200 one [x-m0: a,b] [!x-m1]',
    ],
  },
  {
    name: 'header_to_metadata: rewritten by a pattern',
    filters: `[${toMetadata(`{ header: ':path', on_header_present: { metadata_namespace: n, key: v, regex_value_rewrite: { pattern: { regex: '^/([a-z]+)/.*$' }, substitution: '\\1' } } }`)}, ${shown('n:v')}]`,
    routes: toOne,
    requests: ['GET /cluster/x -> 200 one [x-m0: cluster]', 'GET /1/x -> 200 one [x-m0: /1/x]'],
  },
  {
    name: 'header_to_metadata: of cookies',
    filters: `[${toMetadata(`{ cookie: user, on_header_present: { metadata_namespace: n, key: v }, on_header_missing: { metadata_namespace: n, key: v, value: none } }`)}, ${shown('n:v')}]`,
    routes: toOne,
    requests: [
      'GET / [cookie: a=1; user=alice] -> 200 one [x-m0: alice]',
      'GET / [cookie: user="q"] -> 200 one [x-m0: q]',
      'GET / [cookie: users=x] -> 200 one [x-m0: none]',
    ],
  },
  ...[
    ['both header and cookie', '{ header: a, cookie: b, on_header_present: { key: k } }', 'both header and cookie'],
    ['neither', '{ on_header_present: { key: k } }', 'cookie or header'],
    ['nothing to do', '{ header: a }', 'neither'],
    ['a missing value', '{ header: a, on_header_missing: { key: k } }', 'empty value'],
    [
      'a cookie that is to be removed',
      '{ cookie: a, remove: true, on_header_present: { key: k } }',
      'remove for cookie',
    ],
  ].map(
    ([what, rule, reason]): Case => ({
      name: `header_to_metadata: ${what} is refused`,
      filters: `[${toMetadata(rule ?? '')}]`,
      routes: toOne,
      refused: reason ?? '',
      requests: [],
    }),
  ),
];

const SESSION = 'stateful_session.v3.StatefulSession';
const session = (kind: string, config: string, rest = ''): string =>
  filter(
    'envoy.filters.http.stateful_session',
    SESSION,
    `{ session_state: { name: envoy.http.stateful_session.${kind.split('.')[0]}, typed_config: { '@type': type.googleapis.com/envoy.extensions.http.stateful_session.${kind}, ${config} } }${rest} }`,
  );
const toPair = '[{ match: { prefix: / }, route: { cluster: pair } }]';
const elsewhere = Buffer.from('10.255.255.1:1').toString('base64');

const sessions: readonly Case[] = [
  {
    name: 'stateful_session: in a header',
    filters: `[${session('header.v3.HeaderBasedSessionState', 'name: x-session')}]`,
    routes: toOne,
    requests: [
      'GET / -> 200 one',
      `GET / [x-session: ${elsewhere}] -> 200 one`,
      'GET / [x-session: not-base64!] -> 200 one',
    ],
  },
  {
    name: 'stateful_session: strict, on a host that is not there',
    filters: `[${session('header.v3.HeaderBasedSessionState', 'name: x-session', ', strict: true')}]`,
    routes: toOne,
    requests: [`GET / [x-session: ${elsewhere}] -> 503 UH x0`, 'GET / -> 200 one'],
  },
  {
    name: 'stateful_session: in a cookie',
    filters: `[${session('cookie.v3.CookieBasedSessionState', 'cookie: { name: s, path: /a }')}]`,
    routes: toOne,
    requests: [
      'GET /a/b -> 200 one',
      'GET /ab -> 200 one {!set-cookie}',
      'GET /a?x -> 200 one',
      'GET /a [cookie: s=nonsense] -> 200 one',
    ],
  },
  {
    name: 'stateful_session: in an envelope around the server’s own',
    filters: `[${session('envelope.v3.EnvelopeSessionState', 'header: { name: x-session }')}]`,
    routes: toOne,
    requests: [
      { line: 'GET / -> 200 one', answer: { headers: [['x-session', 'abc']] } },
      'GET / -> 200 one {!x-session}',
      `GET / [x-session: ${elsewhere};UV:YWJj] -> 200 one [x-session: abc]`,
      'GET / [x-session: abc] -> 200 one [x-session: abc]',
    ],
  },
  {
    name: 'stateful_session: without a state, and off for a route',
    filters: `[${session('header.v3.HeaderBasedSessionState', 'name: x-session')}]`,
    routes: `
      - match: { prefix: /off }
        route: { cluster: one }
        ${perRoute(`envoy.filters.http.stateful_session: ${typed('stateful_session.v3.StatefulSessionPerRoute', '{ disabled: true }')}`)}
      - match: { prefix: /none }
        route: { cluster: one }
        ${perRoute(`envoy.filters.http.stateful_session: ${typed('stateful_session.v3.StatefulSessionPerRoute', '{ stateful_session: {} }')}`)}`,
    requests: ['GET /off -> 200 one {!x-session}', 'GET /none -> 200 one {!x-session}'],
  },
  {
    name: 'stateful_session: without one the calls are spread',
    filters: `[${session('header.v3.HeaderBasedSessionState', 'name: x-session')}]`,
    routes: toPair,
    requests: [{ line: 'GET / -> 200', times: 200, split: { left: 0.5, right: 0.5 } }],
  },
];

const chains: readonly Case[] = [
  {
    name: 'chain: a disabled filter takes no part until a route enables it',
    filters: `[${filter('envoy.filters.http.fault', FAULT, `{ abort: { http_status: 418, ${always} } }`, 'disabled: true, ')}]`,
    routes: `
      - match: { prefix: /on }
        route: { cluster: one }
        ${perRoute("envoy.filters.http.fault: { '@type': type.googleapis.com/envoy.config.route.v3.FilterConfig, config: {} }")}
      - match: { prefix: /own }
        route: { cluster: one }
        ${perRoute(`envoy.filters.http.fault: ${typed(FAULT, `{ abort: { http_status: 499, ${always} } }`)}`)}
      - { match: { prefix: / }, route: { cluster: one } }`,
    requests: ['GET / -> 200 one', 'GET /on -> 418 FI', 'GET /own -> 499 FI'],
  },
  {
    name: 'chain: a route disables a filter, and one level may take back what another said',
    filters: fault(`{ abort: { http_status: 418, ${always} } }`),
    hosts: `
      - name: h
        domains: ['*']
        ${perRoute("envoy.filters.http.fault: { '@type': type.googleapis.com/envoy.config.route.v3.FilterConfig, disabled: true }")}
        routes:
          - match: { prefix: /back }
            route: { cluster: one }
            ${perRoute("envoy.filters.http.fault: { '@type': type.googleapis.com/envoy.config.route.v3.FilterConfig, config: {} }")}
          - { match: { prefix: / }, route: { cluster: one } }`,
    requests: ['GET / -> 200 one', 'GET /back -> 418 FI', 'GET /back/x -> 418 FI'],
  },
  {
    name: 'chain: an override in a wrapper is the override',
    filters: fault('{}'),
    routes: `
      - match: { prefix: / }
        route: { cluster: one }
        ${perRoute(`envoy.filters.http.fault: { '@type': type.googleapis.com/envoy.config.route.v3.FilterConfig, config: ${typed(FAULT, `{ abort: { http_status: 418, ${always} } }`)} }`)}`,
    requests: ['GET / -> 418 FI'],
  },
  {
    name: 'chain: the most specific override wins',
    filters: fault('{}'),
    config: `
      ${perRoute(`envoy.filters.http.fault: ${typed(FAULT, `{ abort: { http_status: 501, ${always} } }`)}`)}
      virtual_hosts:
        - name: plain
          domains: [plain]
          routes: ${toOne}
        - name: h
          domains: ['*']
          ${perRoute(`envoy.filters.http.fault: ${typed(FAULT, `{ abort: { http_status: 502, ${always} } }`)}`)}
          routes:
            - match: { prefix: /r }
              route: { cluster: one }
              ${perRoute(`envoy.filters.http.fault: ${typed(FAULT, `{ abort: { http_status: 503, ${always} } }`)}`)}
            - match: { prefix: /w }
              route:
                weighted_clusters:
                  clusters:
                    - name: one
                      weight: 1
                      ${perRoute(`envoy.filters.http.fault: ${typed(FAULT, `{ abort: { http_status: 504, ${always} } }`)}`)}
            - { match: { prefix: / }, route: { cluster: one } }`,
    requests: ['GET plain/ -> 501 FI', 'GET /x -> 502 FI', 'GET /r -> 503 FI', 'GET /w -> 504 FI'],
  },
  {
    name: 'chain: an override for a filter that is not there is nobody’s',
    routes: `
      - match: { prefix: / }
        route: { cluster: one }
        ${perRoute(`my.fault: ${typed(FAULT, `{ abort: { http_status: 418, ${always} } }`)}`)}`,
    requests: ['GET / -> 200 one'],
  },
  {
    name: 'chain: runs also where no virtual host matches, as the listener configures it',
    filters: `[${limit(bucket(1))}, ${mutation(`{ response_mutations: [${append('x-a', '1')}] }`)}]`,
    config: `
      ${mutated(`{ response_mutations: [${append('x-a', 'c')}] }`)}
      virtual_hosts: [{ name: h, domains: [other], routes: ${toOne} }]`,
    requests: ['GET shop/ -> 404 NR "" {x-a: 1}', 'GET shop/ -> 429 RL {x-a: 1}', 'GET other/ -> 429 RL {x-a: 1,c}'],
  },
  {
    name: 'chain: runs also where no route of the virtual host matches, as the listener configures it',
    filters: `[${mutation(`{ response_mutations: [${append('x-a', '1')}] }`)}]`,
    hosts: `
      - name: h
        domains: ['*']
        ${mutated(`{ response_mutations: [${append('x-a', 'h')}] }`)}
        routes: [{ match: { prefix: /one }, route: { cluster: one } }]`,
    requests: ['GET / -> 404 NR "" {x-a: 1}', 'GET /one -> 200 one {x-a: 1,h}'],
  },
  {
    name: 'chain: two entries of one type are told apart by their names',
    filters: `[${filter('first', FAULT, '{}')}, ${filter('second', FAULT, '{}')}]`,
    routes: `
      - match: { prefix: /1 }
        route: { cluster: one }
        ${perRoute(`first: ${typed(FAULT, `{ abort: { http_status: 501, ${always} } }`)}`)}
      - match: { prefix: /2 }
        route: { cluster: one }
        ${perRoute(`second: ${typed(FAULT, `{ abort: { http_status: 502, ${always} } }`)}`)}`,
    requests: ['GET /1 -> 501 FI', 'GET /2 -> 502 FI'],
  },
  {
    name: 'chain: what nobody knows may be optional',
    filters: `[{ name: strange, is_optional: true, typed_config: { '@type': type.googleapis.com/xds.type.v3.TypedStruct, type_url: type.googleapis.com/x.Y, value: { a: 1 } } }]`,
    routes: toOne,
    requests: ['GET / -> 200 one'],
  },
  {
    name: 'chain: a wrapper that holds nothing is refused',
    filters: fault('{}'),
    routes: `
      - match: { prefix: / }
        route: { cluster: one }
        ${perRoute("envoy.filters.http.fault: { '@type': type.googleapis.com/envoy.config.route.v3.FilterConfig }")}`,
    refused: 'mpty',
    requests: [],
  },
  {
    name: 'chain: in the order of the feed',
    filters: `[${filter('a', MUTATION, `{ mutations: { request_mutations: [${append('x-o', 'a')}], response_mutations: [${append('x-o', 'a')}] } }`)},
      ${filter('b', MUTATION, `{ mutations: { request_mutations: [${append('x-o', 'b')}], response_mutations: [${append('x-o', 'b')}] } }`)}]`,
    routes: toOne,
    requests: ['GET / -> 200 one [x-o: a,b] {x-o: b,a}'],
  },
];

export const filters: Area = {
  area: 'filters',
  cases: [...faults, ...headerMutations, ...buffers, ...localRateLimits, ...metadata, ...sessions, ...chains],
};
