import type { Area, Case } from '../case.ts';

const TYPE = 'type.googleapis.com/envoy.extensions.filters.http';
const toOne = '[{ match: { prefix: / }, route: { cluster: one } }]';

/** An entry of `http_filters`, with what it says as flow YAML. */
const filter = (name: string, type: string, config = '{}', entry = ''): string =>
  `{ name: ${name}, ${entry}typed_config: ${typed(type, config)} }`;

const typed = (type: string, config = '{}'): string => {
  const fields = config.trim().slice(1, -1).trim();
  return `{ '@type': ${TYPE}.${type}${fields === '' ? '' : `, ${fields}`} }`;
};

const FAULT = 'fault.v3.HTTPFault';
const fault = (config: string): string => `[${filter('envoy.filters.http.fault', FAULT, config)}]`;
const always = 'percentage: { numerator: 100 }';
const never = 'percentage: { numerator: 0 }';
const perRoute = (entries: string): string => `typed_per_filter_config: { ${entries} }`;

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

export const filters: Area = { area: 'filters', cases: [...faults] };
