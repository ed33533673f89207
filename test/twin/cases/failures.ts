import type { Area } from '../case.ts';

/** A policy that never applies. Without any, inmesh tries again what is safe to try again (differences.md, "Safe retries"). */
const NO_RETRY = 'retry_policy: { retry_on: retriable-4xx }';

/** Half a millisecond between attempts: the least there is. */
const BACK_OFF = 'retry_back_off: { base_interval: 0.001s, max_interval: 0.001s }';

/** What cannot be routed, services that fail, retries and timeouts. */
export const failures: Area = {
  area: 'failures',
  cases: [
    {
      name: 'a cluster that does not exist',
      config: `
        validate_clusters: false
        virtual_hosts:
          - name: all
            domains: ['*']
            routes:
              - { match: { prefix: /404 }, route: { cluster: absent, cluster_not_found_response_code: NOT_FOUND } }
              - { match: { prefix: /500 }, route: { cluster: absent, cluster_not_found_response_code: INTERNAL_SERVER_ERROR } }
              - { match: { prefix: / }, route: { cluster: absent } }`,
      requests: ['GET /404 -> 404 NC ""', 'GET /500 -> 500 NC ""', 'GET / -> 503 NC ""'],
    },
    {
      name: 'a cluster without endpoints',
      routes: `[{ match: { prefix: / }, route: { cluster: empty } }]`,
      requests: ['GET / -> 503 UH "no healthy upstream"'],
    },
    {
      name: 'nobody listens',
      routes: `[{ match: { prefix: / }, route: { cluster: refused, ${NO_RETRY} } }]`,
      requests: ['GET / -> 503 UF x0'],
    },
    {
      name: 'nobody listens, and the feed says nothing of retries',
      routes: `[{ match: { prefix: / }, route: { cluster: refused } }]`,
      requests: ['GET / -> 503 UF x0', 'POST / "body" -> 503 UF x0'],
    },
    {
      name: 'the connection breaks before the response',
      routes: `[{ match: { prefix: / }, route: { cluster: one, ${NO_RETRY} } }]`,
      requests: [{ line: 'GET / -> 503 UC one x1', answer: { reset: 'before' } }],
    },
    {
      name: 'the answer is no HTTP',
      routes: `[{ match: { prefix: / }, route: { cluster: one, ${NO_RETRY} } }]`,
      requests: [{ line: 'GET / -> 502 UPE one x1', answer: { raw: 'no HTTP at all\r\n\r\n' } }],
    },
    {
      name: 'the response breaks off',
      routes: `[{ match: { prefix: / }, route: { cluster: one, ${NO_RETRY} } }]`,
      requests: [
        {
          line: 'GET / -> 200 one x1 "half"',
          answer: { raw: 'HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nhalf' },
        },
        {
          line: 'GET / -> 200 one x1 "half"',
          answer: { raw: 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n' },
        },
        { line: 'GET / -> 200 one x1 "all of it"', answer: { raw: 'HTTP/1.1 200 OK\r\n\r\nall of it' } },
        { line: 'GET / -> 200 one x1', answer: { reset: 'after', body: 'half' } },
      ],
    },
    {
      name: 'the response comes too late',
      routes: `[{ match: { prefix: / }, route: { cluster: one, timeout: 0.7s } }]`,
      requests: [{ line: 'GET / -> 504 UT one x1 "upstream request timeout"', answer: { silent: true } }],
    },
    {
      name: 'each attempt comes too late',
      routes: `
        - match: { prefix: / }
          route:
            cluster: one
            timeout: 10s
            retry_policy: { retry_on: reset, num_retries: 1, per_try_timeout: 0.7s, ${BACK_OFF} }`,
      requests: [{ line: 'GET / -> 504 one x2', answer: { silent: true } }],
    },
    {
      name: 'a status that is retried, until it is none',
      routes: `
        - match: { prefix: / }
          route: { cluster: one, retry_policy: { retry_on: 5xx, num_retries: 3, ${BACK_OFF} } }`,
      requests: [
        { line: 'GET / -> 200 one x3 "good"', answer: [{ status: 503 }, { status: 500 }, { body: 'good' }] },
        { line: 'GET / -> 503 one x4', answer: { status: 503 } },
        { line: 'GET / -> 404 one x1', answer: { status: 404 } },
        { line: 'POST / "twice" -> 200 one x2 "good"', answer: [{ status: 502 }, { body: 'good' }] },
      ],
    },
    {
      name: 'num_retries: 0 is a limit that is exceeded',
      routes: `
        - match: { prefix: /refused }
          route: { cluster: refused, retry_policy: { retry_on: connect-failure, num_retries: 0 } }
        - { match: { prefix: / }, route: { cluster: one, retry_policy: { retry_on: 5xx, num_retries: 0 } } }`,
      requests: ['GET /refused -> 503 URX,UF x0', { line: 'GET / -> 503 one x1', answer: { status: 503 } }],
    },
    {
      name: 'a further attempt is told what is left of the time',
      routes: `
        - match: { prefix: / }
          route:
            cluster: one
            timeout: 5s
            retry_policy: { retry_on: 5xx, retry_back_off: { base_interval: 0.05s, max_interval: 0.1s } }`,
      requests: [{ line: 'GET / -> 200 one x2', answer: [{ status: 503 }, {}] }],
    },
    {
      name: 'what each condition retries',
      routes: `
        - { match: { prefix: /gateway }, route: { cluster: one, retry_policy: { retry_on: gateway-error, ${BACK_OFF} } } }
        - { match: { prefix: /4xx }, route: { cluster: one, retry_policy: { retry_on: retriable-4xx, ${BACK_OFF} } } }
        - { match: { prefix: /reset }, route: { cluster: one, retry_policy: { retry_on: reset, ${BACK_OFF} } } }
        - match: { prefix: /codes }
          route:
            cluster: one
            retry_policy: { retry_on: retriable-status-codes, retriable_status_codes: [418], ${BACK_OFF} }`,
      requests: [
        { line: 'GET /gateway -> 200 one x2', answer: [{ status: 504 }, {}] },
        { line: 'GET /gateway -> 500 one x1', answer: [{ status: 500 }, {}] },
        { line: 'GET /4xx -> 200 one x2', answer: [{ status: 409 }, {}] },
        { line: 'GET /4xx -> 404 one x1', answer: [{ status: 404 }, {}] },
        { line: 'GET /reset -> 200 one x2', answer: [{ reset: 'before' }, {}] },
        { line: 'GET /reset -> 503 one x1', answer: [{ status: 503 }, {}] },
        { line: 'GET /codes -> 200 one x2', answer: [{ status: 418 }, {}] },
        { line: 'GET /codes -> 503 one x1', answer: [{ status: 503 }, {}] },
      ],
    },
    {
      name: 'another host is tried after a refused connection',
      clusters: { 'half-there': { endpoints: ['refused', 'half-there'] } },
      routes: `
        - match: { prefix: / }
          route:
            cluster: half-there
            retry_policy:
              retry_on: connect-failure
              num_retries: 5
              host_selection_retry_max_attempts: 5
              retry_host_predicate:
                - name: previous_hosts
                  typed_config: { '@type': type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate }
              ${BACK_OFF}`,
      requests: ['GET / -> 200 half-there x1', 'GET / -> 200 half-there x1', 'GET / -> 200 half-there x1'],
    },
    {
      name: 'drop_overloads refuse a share of the calls',
      clusters: {
        'dropping-all': {
          assignment: 'policy: { drop_overloads: [{ category: all, drop_percentage: { numerator: 100 } }] }',
        },
        'dropping-named': {
          assignment: 'policy: { drop_overloads: [{ category: drop_overload, drop_percentage: { numerator: 100 } }] }',
        },
        'dropping-most': {
          assignment:
            'policy: { drop_overloads: [{ category: all, drop_percentage: { numerator: 999999, denominator: MILLION } }] }',
        },
        'dropping-none': {
          assignment: 'policy: { drop_overloads: [{ category: no, drop_percentage: { numerator: 0 } }] }',
        },
        'dropping-half': {
          assignment:
            'policy: { drop_overloads: [{ category: lb, drop_percentage: { numerator: 5000, denominator: TEN_THOUSAND } }] }',
        },
      },
      routes: `
        - match: { prefix: /all }
          route: { cluster: dropping-all, retry_policy: { retry_on: 5xx } }
          response_headers_to_add: [{ header: { key: a, value: b } }]
        - { match: { prefix: /named }, route: { cluster: dropping-named } }
        - { match: { prefix: /most }, route: { cluster: dropping-most } }
        - { match: { prefix: /none }, route: { cluster: dropping-none } }
        - { match: { prefix: /half }, route: { cluster: dropping-half } }`,
      requests: [
        'GET /all -> 503 UDO {a: b}',
        'GET /named -> 503 UDO',
        'GET /most -> 503',
        'GET /none -> 200 dropping-none',
        { line: 'GET /half -> 200', times: 400, split: { 'dropping-half': 0.5, '503': 0.5 } },
      ],
    },
  ],
};
