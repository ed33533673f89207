import type { Area } from '../case.ts';

const ROUTES = `[{ match: { prefix: / }, route: { cluster: one } }]`;
const ID = 'b4b2c6a0-0000-4000-8000-0123456789ab';
const tracing = (shares: string) => `tracing: { ${shares} }`;

/** What the connection manager does to headers. */
export const manager: Area = {
  area: 'manager',
  cases: [
    {
      name: 'hop-by-hop headers of the caller end here',
      routes: ROUTES,
      requests: [
        'GET / [keep-alive: timeout=5] -> 200 one [!keep-alive]',
        'GET / [proxy-connection: keep-alive] -> 200 one [!proxy-connection]',
        'GET / [te: trailers] -> 200 one [te: trailers]',
        'GET / [te: gzip] -> 200 one [!te]',
        'GET / [te: trailers, deflate;q=0.5] -> 200 one [te: trailers]',
        'GET / [te: trailers;q=0.5] -> 200 one',
        'GET / [connection: x-mine] [x-mine: a] [x-other: b] -> 200 one [!x-mine] [x-other: b]',
        'GET / [connection: keep-alive, X-Mine] [x-mine: a] -> 200 one [!x-mine]',
        'GET / [connection: te] [te: trailers] -> 200 one [te: trailers]',
        'GET / [connection: te] [te: gzip] -> 200 one [!te]',
      ],
    },
    {
      name: 'what a proxy inside the mesh may ask is not asked by a caller',
      routes: ROUTES,
      requests: [
        'GET / [x-envoy-internal: true] -> 200 one [!x-envoy-internal]',
        'GET / [x-envoy-retry-on: 5xx] [x-envoy-max-retries: 3] -> 200 one [!x-envoy-retry-on] [!x-envoy-max-retries]',
        'GET / [x-envoy-upstream-rq-timeout-ms: 5] -> 200 one [!x-envoy-upstream-rq-timeout-ms]',
        'GET / [x-envoy-expected-rq-timeout-ms: 5] -> 200 one [x-envoy-expected-rq-timeout-ms: 15000]',
        'GET / [x-envoy-force-trace: true] -> 200 one [!x-envoy-force-trace]',
        'GET / [x-envoy-ip-tags: a] -> 200 one [!x-envoy-ip-tags]',
        'GET / [x-envoy-decorator-operation: a] -> 200 one',
        'GET / [x-envoy-downstream-service-cluster: a] -> 200 one [x-envoy-downstream-service-cluster: a]',
        'GET / [x-envoy-downstream-service-node: a] -> 200 one',
        'GET / [x-envoy-hedge-on-per-try-timeout: true] -> 200 one',
        'GET / [x-envoy-retriable-status-codes: 500] -> 200 one',
        'GET / [x-envoy-retriable-header-names: a] -> 200 one',
        'GET / [x-envoy-upstream-rq-per-try-timeout-ms: 9] -> 200 one',
        'GET / [x-envoy-upstream-alt-stat-name: 9] -> 200 one',
        'GET / [x-envoy-upstream-rq-timeout-alt-response: 1] -> 200 one',
        'GET / [x-envoy-retry-grpc-on: cancelled] -> 200 one',
        'GET / [x-envoy-original-path: /x] -> 200 one',
        'GET / [x-envoy-original-host: x] -> 200 one',
        'GET / [x-envoy-external-address: 1.2.3.4] -> 200 one',
        'GET / [x-envoy-attempt-count: 3] -> 200 one',
        'GET / [x-envoy-is-timeout-retry: true] -> 200 one',
        'GET / [x-envoy-livez: a] [x-envoy-mine: b] -> 200 one [x-envoy-mine: b]',
        'GET / [x-envoy-peer-metadata: a] [x-envoy-peer-metadata-id: b] -> 200 one [x-envoy-peer-metadata: a]',
      ],
    },
    {
      name: 'x-forwarded-client-cert is the proxy’s to tell',
      routes: ROUTES,
      requests: ['GET / [x-forwarded-client-cert: By=me] -> 200 one [!x-forwarded-client-cert]'],
    },
    {
      name: 'forward_client_cert_details: ALWAYS_FORWARD_ONLY',
      routes: ROUTES,
      manager: 'forward_client_cert_details: ALWAYS_FORWARD_ONLY',
      requests: ['GET / [x-forwarded-client-cert: By=me] -> 200 one [x-forwarded-client-cert: By=me]'],
    },
    {
      name: 'forward_client_cert_details without a certificate',
      routes: ROUTES,
      manager: 'forward_client_cert_details: APPEND_FORWARD',
      requests: ['GET / [x-forwarded-client-cert: By=me] -> 200 one [!x-forwarded-client-cert]'],
    },
    {
      name: 'x-forwarded-for and the headers beside it stay',
      routes: ROUTES,
      requests: [
        'GET / -> 200 one [!x-forwarded-for]',
        'GET / [x-forwarded-for: 10.0.0.1] -> 200 one [x-forwarded-for: 10.0.0.1]',
        'GET / [x-forwarded-for: 10.0.0.1, 1.2.3.4] -> 200 one',
        'GET / [x-forwarded-for: 10.0.0.1] [x-envoy-retry-on: 5xx] -> 200 one',
        'GET / [x-forwarded-host: a] [x-forwarded-port: 1] -> 200 one [x-forwarded-host: a] [x-forwarded-port: 1]',
        'GET / [forwarded: for=a] -> 200 one [forwarded: for=a]',
        'GET / [x-forwarded-proto: ftp] -> 200 one',
        'GET / [x-forwarded-proto: https] -> 200 one [x-forwarded-proto: https]',
      ],
    },
    {
      name: 'use_remote_address',
      routes: ROUTES,
      manager: 'use_remote_address: true',
      requests: [
        'GET / -> 200 one [!x-envoy-internal]',
        `GET / [x-request-id: ${ID}] -> 200 one`,
        'GET / [x-forwarded-for: 1.2.3.4] -> 200 one',
        'GET / [x-envoy-downstream-service-cluster: a] -> 200 one [!x-envoy-downstream-service-cluster]',
        'GET / [x-forwarded-proto: https] -> 200 one [x-forwarded-proto: http]',
        'GET / [x-envoy-decorator-operation: a] [x-envoy-retry-on: 5xx] -> 200 one',
      ],
    },
    {
      name: 'scheme_to_overwrite',
      routes: `
        - { match: { prefix: /, headers: [{ name: ':scheme', string_match: { exact: https } }] }, route: { cluster: one } }
        - { match: { prefix: / }, route: { cluster: two } }`,
      manager: 'scheme_header_transformation: { scheme_to_overwrite: https }',
      requests: ['GET / -> 200 one', 'GET / [x-forwarded-proto: http] -> 200 one'],
    },
    {
      name: 'the scheme is what x-forwarded-proto says',
      routes: `
        - { match: { prefix: /, headers: [{ name: ':scheme', string_match: { exact: https } }] }, route: { cluster: one } }
        - { match: { prefix: / }, route: { cluster: two } }`,
      requests: [
        'GET / -> 200 two',
        'GET / [x-forwarded-proto: https] -> 200 one',
        'GET / [x-forwarded-proto: ws] -> 200 two',
      ],
    },
    {
      name: 'via goes both ways, local replies included',
      config: `
        validate_clusters: false
        virtual_hosts:
          - name: all
            domains: ['*']
            routes:
              - { match: { prefix: /local }, direct_response: { status: 200 } }
              - { match: { prefix: /none }, route: { cluster: absent } }
              - { match: { prefix: / }, route: { cluster: one } }`,
      manager: 'via: mesh',
      requests: [
        'GET / -> 200 one [via: mesh] {via: mesh}',
        'GET / [via: 1.1 a] -> 200 one',
        { line: 'GET / -> 200 one', answer: { headers: [['via', '1.1 b']] } },
        'GET /local -> 200 {via: mesh}',
        'GET /none -> 503 {via: mesh}',
      ],
    },
    {
      name: 'request ids: made where there is none, kept where there is one',
      routes: ROUTES,
      requests: [
        `GET / [x-request-id: ${ID}] -> 200 one [x-request-id: ${ID}] {!x-request-id}`,
        'GET / [x-request-id: mine] -> 200 one [x-request-id: mine]',
        'GET / [x-request-id:] -> 200 one',
        'GET / -> 200 one {!x-request-id}',
      ],
    },
    {
      name: 'generate_request_id: false',
      routes: ROUTES,
      manager: 'generate_request_id: false',
      requests: ['GET / -> 200 one [!x-request-id]', 'GET / [x-request-id: mine] -> 200 one [x-request-id: mine]'],
    },
    {
      name: 'always_set_request_id_in_response',
      config: `
        validate_clusters: false
        virtual_hosts:
          - name: all
            domains: ['*']
            routes:
              - { match: { prefix: /local }, direct_response: { status: 200 } }
              - { match: { prefix: /none }, route: { cluster: absent } }
              - { match: { prefix: / }, route: { cluster: one } }`,
      manager: 'always_set_request_id_in_response: true',
      requests: [
        'GET / [x-request-id: mine] -> 200 one {x-request-id: mine}',
        'GET /local [x-request-id: mine] -> 200 {x-request-id: mine}',
        'GET /none [x-request-id: mine] -> 503 {x-request-id: mine}',
        {
          line: 'GET / [x-request-id: mine] -> 200 one {x-request-id: mine}',
          answer: { headers: [['x-request-id', 'its']] },
        },
        'GET / -> 200 one',
      ],
    },
    {
      name: 'routes see the request id that was made',
      routes: `
        - { match: { prefix: /, headers: [{ name: x-request-id, present_match: true }] }, route: { cluster: one } }
        - { match: { prefix: / }, route: { cluster: two } }`,
      requests: ['GET / -> 200 one'],
    },
    {
      name: 'tracing: everything is sampled',
      routes: ROUTES,
      manager: tracing(''),
      requests: [
        'GET / -> 200 one',
        `GET / [x-request-id: ${ID}] -> 200 one [x-request-id: b4b2c6a0-0000-9000-8000-0123456789ab]`,
        `GET / [x-request-id: ${ID}] [x-client-trace-id: a] -> 200 one [x-request-id: b4b2c6a0-0000-b000-8000-0123456789ab]`,
        'GET / [x-request-id: mine] -> 200 one [x-request-id: mine]',
        'GET / [x-request-id: zzzzzzzz-0000-4000-8000-0123456789ab] -> 200 one',
        'GET / [x-request-id: b4b2c6a0-0000-9000-8000-0123456789ab] -> 200 one',
      ],
    },
    {
      name: 'tracing: nothing is sampled',
      routes: ROUTES,
      manager: tracing('random_sampling: { value: 0 }, client_sampling: { value: 0 }'),
      requests: [
        'GET / -> 200 one',
        `GET / [x-request-id: ${ID}] [x-client-trace-id: a] -> 200 one [x-request-id: ${ID}]`,
        'GET / [x-request-id: b4b2c6a0-0000-a000-8000-0123456789ab] -> 200 one',
      ],
    },
    {
      name: 'tracing: overall_sampling ends all others',
      routes: ROUTES,
      manager: tracing('overall_sampling: { value: 0 }'),
      requests: [
        `GET / [x-request-id: ${ID}] [x-client-trace-id: a] -> 200 one [x-request-id: ${ID}]`,
        'GET / [x-request-id: b4b2c6a0-0000-a000-8000-0123456789ab] -> 200 one',
      ],
    },
    {
      name: 'tracing: the id decides about a share',
      routes: ROUTES,
      manager: tracing('random_sampling: { value: 50 }'),
      requests: [
        'GET / [x-request-id: 00001387-0000-4000-8000-0123456789ab] -> 200 one [x-request-id: 00001387-0000-9000-8000-0123456789ab]',
        'GET / [x-request-id: 00001388-0000-4000-8000-0123456789ab] -> 200 one [x-request-id: 00001388-0000-4000-8000-0123456789ab]',
        'GET / [x-request-id: 00002710-0000-4000-8000-0123456789ab] -> 200 one [x-request-id: 00002710-0000-9000-8000-0123456789ab]',
      ],
    },
    {
      name: 'pack_trace_reason: false',
      routes: ROUTES,
      manager: `
        tracing: {}
        request_id_extension:
          typed_config:
            '@type': type.googleapis.com/envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig
            pack_trace_reason: false`,
      requests: [`GET / [x-request-id: ${ID}] -> 200 one [x-request-id: ${ID}]`],
    },
    {
      name: 'the time that the service took is told, where it answered',
      config: `
        validate_clusters: false
        virtual_hosts:
          - name: all
            domains: ['*']
            routes:
              - { match: { prefix: /local }, direct_response: { status: 200 } }
              - { match: { prefix: /none }, route: { cluster: absent } }
              - match: { prefix: /removed }
                route: { cluster: one }
                response_headers_to_remove: [x-envoy-upstream-service-time]
              - { match: { prefix: / }, route: { cluster: one } }`,
      requests: [
        'GET / -> 200 one',
        { line: 'GET / -> 503 one', answer: { status: 503 } },
        { line: 'GET / -> 200 one', answer: { headers: [['x-envoy-upstream-service-time', '123456']] } },
        'POST / "body" -> 200 one',
        'GET /local -> 200 {!x-envoy-upstream-service-time}',
        'GET /none -> 503 {!x-envoy-upstream-service-time}',
        'GET /removed -> 200 one {!x-envoy-upstream-service-time}',
      ],
    },
    {
      name: 'early header mutations come before routes and all else',
      routes: `
        - { match: { prefix: /, headers: [{ name: x-early, string_match: { exact: v } }] }, route: { cluster: one } }
        - { match: { prefix: / }, route: { cluster: two } }`,
      manager: `
        early_header_mutation_extensions:
          - name: early
            typed_config:
              '@type': type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation
              mutations:
                - append: { header: { key: x-early, value: v }, append_action: OVERWRITE_IF_EXISTS_OR_ADD }
                - remove: x-gone`,
      requests: ['GET / -> 200 one [x-early: v]', 'GET / [x-early: a] [x-gone: b] -> 200 one [x-early: v] [!x-gone]'],
    },
    {
      name: 'use_remote_address: ids from outside are kept where the feed says so',
      routes: ROUTES,
      manager: '{ use_remote_address: true, preserve_external_request_id: true }',
      requests: [`GET / [x-request-id: ${ID}] -> 200 one [x-request-id: ${ID}]`],
    },
    {
      name: 'use_remote_address: new ids for requests from outside',
      routes: `
        - match: { prefix: /, headers: [{ name: x-request-id, string_match: { exact: ${ID} } }] }
          route: { cluster: one }
        - { match: { prefix: / }, route: { cluster: two } }`,
      manager: 'use_remote_address: true',
      requests: [`GET / [x-request-id: ${ID}] -> 200 two`],
    },
    {
      name: 'expect: 100-continue is between the caller and the first proxy',
      routes: ROUTES,
      requests: ['POST / [expect: 100-continue] "body" -> 200 one [!expect]'],
    },
    {
      name: 'interim responses come through',
      routes: ROUTES,
      requests: [{ line: 'GET / -> 200 one', answer: { informational: [103] } }],
    },
  ],
};
