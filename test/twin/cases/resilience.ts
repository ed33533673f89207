import type { Area } from '../case.ts';

/** A millisecond between attempts: the least there is. */
const BACK_OFF = 'retry_back_off: { base_interval: 0.001s, max_interval: 0.001s }';
const NO_RETRY = 'retry_policy: { retry_on: retriable-4xx }';

const retried = (cluster: string, policy: string, more = '') =>
  `[{ match: { prefix: / }, route: { cluster: ${cluster}, retry_policy: { ${policy}, ${BACK_OFF} } ${more} } }]`;

/** Attempts, limits and times, each on a cluster of its own: what is counted must agree too. */
export const resilience: Area = {
  area: 'resilience',
  cases: [
    {
      name: 'a good answer is counted once',
      clusters: { 'count-good': {} },
      routes: `[{ match: { prefix: / }, route: { cluster: count-good } }]`,
      requests: ['GET / -> 200 count-good', 'POST / "x" -> 200 count-good', 'HEAD / -> 200 count-good'],
    },
    {
      name: 'each class of status is counted',
      clusters: { 'count-classes': {} },
      routes: `[{ match: { prefix: / }, route: { cluster: count-classes } }]`,
      requests: [200, 201, 204, 301, 304, 400, 404, 500, 503].map((status) => ({
        line: `GET / -> ${status} count-classes`,
        answer: { status },
      })),
    },
    {
      name: 'retries that succeed',
      clusters: { 'retry-good': {} },
      routes: retried('retry-good', 'retry_on: 5xx, num_retries: 3'),
      requests: [
        { line: 'GET / -> 200 retry-good x2', answer: [{ status: 503 }, {}] },
        { line: 'GET / -> 200 retry-good x4', answer: [{ status: 500 }, { status: 502 }, { status: 504 }, {}] },
      ],
    },
    {
      name: 'retries that are used up',
      clusters: { 'retry-limit': {} },
      routes: retried('retry-limit', 'retry_on: 5xx, num_retries: 2'),
      requests: [{ line: 'GET / -> 503 retry-limit x3', answer: { status: 503 } }],
    },
    {
      name: 'num_retries is 1 where it is not given',
      clusters: { 'retry-default': {} },
      routes: retried('retry-default', 'retry_on: 5xx'),
      requests: [{ line: 'GET / -> 500 retry-default x2', answer: { status: 500 } }],
    },
    {
      name: 'connections that break, at every attempt',
      clusters: { 'retry-broken': {} },
      routes: retried('retry-broken', 'retry_on: reset, num_retries: 2'),
      requests: [{ line: 'GET / -> 503 URX,UC retry-broken x3', answer: { reset: 'before' } }],
    },
    {
      name: 'connections that break are no 5xx to gateway-error, but to 5xx',
      clusters: { 'retry-kinds': {} },
      routes: `
        - { match: { prefix: /gateway }, route: { cluster: retry-kinds, retry_policy: { retry_on: gateway-error, ${BACK_OFF} } } }
        - { match: { prefix: /5xx }, route: { cluster: retry-kinds, retry_policy: { retry_on: 5xx, ${BACK_OFF} } } }
        - { match: { prefix: /connect }, route: { cluster: retry-kinds, retry_policy: { retry_on: connect-failure, ${BACK_OFF} } } }
        - { match: { prefix: /refused-stream }, route: { cluster: retry-kinds, retry_policy: { retry_on: refused-stream, ${BACK_OFF} } } }`,
      requests: [
        { line: 'GET /gateway -> 200 retry-kinds x2', answer: [{ reset: 'before' }, {}] },
        { line: 'GET /5xx -> 200 retry-kinds x2', answer: [{ reset: 'before' }, {}] },
        { line: 'GET /connect -> 503 UC retry-kinds x1', answer: [{ reset: 'before' }, {}] },
        { line: 'GET /refused-stream -> 503 UC retry-kinds x1', answer: [{ reset: 'before' }, {}] },
      ],
    },
    {
      name: 'a request with a body is sent again whole',
      clusters: { 'retry-body': {} },
      routes: retried('retry-body', 'retry_on: 5xx, num_retries: 2'),
      requests: [
        {
          line: 'POST / -> 200 retry-body x3',
          body: 'x'.repeat(40_000),
          answer: [{ status: 503 }, { status: 503 }, {}],
        },
      ],
    },
    {
      name: 'the policy of the virtual host, and that of the route in its place',
      clusters: { 'retry-levels': {} },
      hosts: `
        - name: all
          domains: ['*']
          retry_policy: { retry_on: 5xx, num_retries: 2, ${BACK_OFF} }
          routes:
            - { match: { prefix: /own }, route: { cluster: retry-levels, retry_policy: { retry_on: retriable-4xx, ${BACK_OFF} } } }
            - { match: { prefix: / }, route: { cluster: retry-levels } }`,
      requests: [
        { line: 'GET / -> 503 retry-levels x3', answer: { status: 503 } },
        { line: 'GET /own -> 503 retry-levels x1', answer: { status: 503 } },
        { line: 'GET /own -> 409 retry-levels x2', answer: { status: 409 } },
      ],
    },
    {
      name: 'the attempt that the service is told',
      clusters: { 'retry-count': {} },
      hosts: `
        - name: all
          domains: ['*']
          include_request_attempt_count: true
          include_attempt_count_in_response: true
          routes: ${retried('retry-count', 'retry_on: 5xx, num_retries: 2')}`,
      requests: [
        {
          line: 'GET / -> 200 retry-count x3 [x-envoy-attempt-count: 3] {x-envoy-attempt-count: 3}',
          answer: [{ status: 503 }, { status: 503 }, {}],
        },
      ],
    },
    {
      name: 'the whole time is over before the attempts are',
      clusters: { 'time-all': {} },
      routes: retried('time-all', 'retry_on: 5xx, num_retries: 5', ', timeout: 1s'),
      requests: [{ line: 'GET / -> 504 UT time-all x2', answer: [{ status: 503 }, { silent: true }] }],
    },
    {
      name: 'a time for each attempt',
      clusters: { 'time-try': {} },
      routes: retried('time-try', 'retry_on: 5xx, num_retries: 1, per_try_timeout: 0.7s'),
      requests: [{ line: 'GET / -> 200 time-try x2', answer: [{ silent: true }, {}] }],
    },
    {
      name: 'the time runs from the end of the request to the end of the response',
      clusters: { 'time-body': {} },
      routes: `[{ match: { prefix: / }, route: { cluster: time-body, timeout: 0.7s, ${NO_RETRY} } }]`,
      requests: [
        { line: 'GET / -> 200 time-body', answer: { delayMs: 10 } },
        { line: 'POST / "x" -> 504 UT time-body', answer: { silent: true } },
      ],
    },
    {
      name: 'no time at all, where timeout is 0',
      clusters: { 'time-none': {} },
      routes: `[{ match: { prefix: / }, route: { cluster: time-none, timeout: 0s } }]`,
      requests: [{ line: 'GET / -> 200 time-none [!x-envoy-expected-rq-timeout-ms]', answer: { delayMs: 50 } }],
    },
    {
      name: 'no requests at all are let through by max_requests: 0',
      clusters: { 'limit-requests': { fields: 'circuit_breakers: { thresholds: [{ max_requests: 0 }] }' } },
      routes: `[{ match: { prefix: / }, route: { cluster: limit-requests, ${NO_RETRY} } }]`,
      requests: ['GET / -> 503 UO x0 {x-envoy-overloaded: true}'],
    },
    {
      name: 'no retries at all are let through by max_retries: 0',
      clusters: { 'limit-retries': { fields: 'circuit_breakers: { thresholds: [{ max_retries: 0 }] }' } },
      routes: retried('limit-retries', 'retry_on: 5xx, num_retries: 3'),
      requests: [{ line: 'GET / -> 503 limit-retries x1', answer: { status: 503 } }],
    },
    {
      name: 'limits of high priority are its own',
      clusters: {
        'limit-high': {
          fields:
            'circuit_breakers: { thresholds: [{ priority: DEFAULT, max_requests: 0 }, { priority: HIGH, max_requests: 5 }] }',
        },
      },
      routes: `
        - { match: { prefix: /high }, route: { cluster: limit-high, priority: HIGH, ${NO_RETRY} } }
        - { match: { prefix: / }, route: { cluster: limit-high, ${NO_RETRY} } }`,
      requests: ['GET /high -> 200 limit-high', 'GET / -> 503 UO x0'],
    },
    {
      name: 'one request for a connection',
      clusters: { 'one-each': { fields: 'max_requests_per_connection: 1' } },
      routes: `[{ match: { prefix: / }, route: { cluster: one-each } }]`,
      requests: ['GET /a -> 200 one-each', 'GET /b -> 200 one-each', 'GET /c -> 200 one-each'],
    },
    {
      name: 'nobody listens: each connection that failed is counted',
      clusters: { 'count-refused': { endpoints: ['refused'] } },
      routes: `[{ match: { prefix: / }, route: { cluster: count-refused, ${NO_RETRY} } }]`,
      requests: ['GET / -> 503 UF x0', 'GET / -> 503 UF x0'],
    },
    {
      name: 'no endpoints are a membership of none',
      clusters: { 'count-empty': { endpoints: [] } },
      routes: `[{ match: { prefix: / }, route: { cluster: count-empty } }]`,
      requests: ['GET / -> 503 UH x0 "no healthy upstream"'],
    },
    {
      name: 'round robin over three gives each its third',
      clusters: { thirds: { endpoints: ['third-1', 'third-2', 'third-3'] } },
      routes: `[{ match: { prefix: / }, route: { cluster: thirds } }]`,
      requests: [{ line: 'GET / -> 200', times: 300, split: { 'third-1': 1 / 3, 'third-2': 1 / 3, 'third-3': 1 / 3 } }],
    },
    {
      name: 'the least loaded of two, where all are idle, is either',
      clusters: { halves: { endpoints: ['half-1', 'half-2'], fields: 'lb_policy: LEAST_REQUEST' } },
      routes: `[{ match: { prefix: / }, route: { cluster: halves } }]`,
      requests: [{ line: 'GET / -> 200', times: 400, split: { 'half-1': 0.5, 'half-2': 0.5 } }],
    },
  ],
};
