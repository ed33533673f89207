import type { Area, Ask, Pair } from '../case.ts';

const HASHED =
  'weighted_clusters: { use_hash_policy: true, clusters: [{ name: one, weight: 33 }, { name: two, weight: 33 }, { name: three, weight: 34 }] }';

/** The first answer is a redirect. */
function redirected(line: string, status: number, location: string, more: readonly Pair[] = []): Ask {
  return { line, answer: [{ status, headers: [['location', location], ...more] }, {}] };
}

/** Of Envoy's URI templates. */
function template(type: 'MatchConfig' | 'RewriteConfig', fields: string): string {
  const kind = type === 'MatchConfig' ? 'match' : 'rewrite';
  const url = `type.googleapis.com/envoy.extensions.path.${kind}.uri_template.v3.UriTemplate${type}`;
  return `{ name: envoy.path.${kind}.uri_template, typed_config: { '@type': ${url}, ${fields} } }`;
}

/** What a route does to a request before it goes on: rewrites, redirects, headers. */
export const actions: Area = {
  area: 'actions',
  cases: [
    {
      name: 'prefix_rewrite',
      routes: `
        - { match: { prefix: /api/ }, route: { cluster: one, prefix_rewrite: / } }
        - { match: { path: /exact }, route: { cluster: one, prefix_rewrite: /whole } }
        - { match: { path_separated_prefix: /v1 }, route: { cluster: one, prefix_rewrite: /v2 } }
        - { match: { prefix: /Low, case_sensitive: false }, route: { cluster: one, prefix_rewrite: /up } }
        - { match: { safe_regex: { regex: '/re/.*' } }, route: { cluster: one, prefix_rewrite: /regex } }`,
      requests: [
        'GET /api/a/b?q=/api/ -> 200 one /a/b?q=/api/ [x-envoy-original-path: /api/a/b?q=/api/]',
        'GET /api/ -> 200 one /',
        'GET /exact?x -> 200 one /whole?x',
        'GET /v1 -> 200 one /v2',
        'GET /v1/x -> 200 one /v2/x',
        'GET /lOwer -> 200 one /uper',
        'GET /re/a/b?c -> 200 one /regex?c',
        'GET /api/a [x-envoy-original-path: /fake] -> 200 one [x-envoy-original-path: /api/a]',
      ],
    },
    {
      name: 'regex_rewrite',
      routes: `
        - match: { prefix: /service/ }
          route:
            cluster: one
            regex_rewrite: { pattern: { regex: '^/service/([^/]+)(/.*)$' }, substitution: '\\2/instance/\\1' }
        - match: { prefix: /all/ }
          route: { cluster: one, regex_rewrite: { pattern: { regex: 'one' }, substitution: 'two' } }
        - match: { prefix: /none/ }
          route: { cluster: one, regex_rewrite: { pattern: { regex: 'zzz' }, substitution: 'two' } }
        - match: { prefix: /esc/ }
          route: { cluster: one, regex_rewrite: { pattern: { regex: '/esc/(.*)' }, substitution: '/[\\0][\\\\]' } }`,
      requests: [
        'GET /service/foo/v1/api?x=/service/ -> 200 one /v1/api/instance/foo?x=/service/',
        'GET /all/xx/one/yy/one/zz -> 200 one /all/xx/two/yy/two/zz',
        'GET /none/a?b -> 200 one /none/a?b',
        'GET /esc/a -> 200 one',
      ],
    },
    {
      name: 'path_rewrite, a format',
      routes: `[{ match: { prefix: / }, route: { cluster: one, path_rewrite: '/%REQ(x-tenant)%%REQ(:path)%' } }]`,
      requests: ['GET /a [x-tenant: t] -> 200 one', 'GET /a?b=c -> 200 one'],
    },
    {
      name: 'only one rewrite of the path',
      routes: `[{ match: { prefix: / }, route: { cluster: one, prefix_rewrite: /a, path_rewrite: /b } }]`,
      requests: [],
      refused: 'only one of prefix_rewrite',
    },
    {
      name: 'a substitution with an escape that there is none of is taken as far as it goes',
      routes: `[{ match: { prefix: / }, route: { cluster: one, regex_rewrite: { pattern: { regex: a }, substitution: '\\x' } } }]`,
      requests: ['GET /banana -> 200 one'],
    },
    {
      name: 'host rewrites',
      routes: `
        - { match: { prefix: /literal }, route: { cluster: one, host_rewrite_literal: new.example } }
        - { match: { prefix: /header }, route: { cluster: one, host_rewrite_header: x-host } }
        - match: { prefix: /regex }
          route:
            cluster: one
            prefix_rewrite: /rewritten
            host_rewrite_path_regex: { pattern: { regex: '^/regex/(.+)/.*$' }, substitution: '\\1.example' }
        - { match: { prefix: /xfh }, route: { cluster: one, host_rewrite_literal: new.example, append_x_forwarded_host: true } }
        - { match: { prefix: /format }, route: { cluster: one, host_rewrite: '%REQ(x-host)%.svc' } }`,
      requests: [
        'GET /literal -> 200 one host=new.example [x-envoy-original-host: shop]',
        'GET /header [x-host: by.header] -> 200 one host=by.header',
        'GET /header -> 200 one host=shop',
        'GET /regex/name/x?q -> 200 one /rewritten/name/x?q host=name.example',
        { line: 'GET /regex -> 200 one', http1: true },
        'GET /xfh -> 200 one host=new.example [x-forwarded-host: shop]',
        'GET /xfh [x-forwarded-host: a] -> 200 one host=new.example',
        'GET /format [x-host: a] -> 200 one host=a.svc',
      ],
    },
    {
      name: 'auto_host_rewrite takes the host name of the endpoint',
      routes: `
        - { match: { prefix: /named }, route: { cluster: named-auto, auto_host_rewrite: true } }
        - { match: { prefix: / }, route: { cluster: one, auto_host_rewrite: true } }`,
      clusters: { 'named-auto': { endpoints: ['one'] } },
      requests: ['GET / -> 200 one host=shop', 'GET /named -> 200 one'],
    },
    {
      name: 'redirects: host, path, scheme, port, code',
      routes: `
        - { match: { prefix: /host }, redirect: { host_redirect: other.example } }
        - { match: { prefix: /path }, redirect: { path_redirect: /new } }
        - { match: { prefix: /query }, redirect: { path_redirect: '/new?own=1' } }
        - { match: { prefix: /strip }, redirect: { path_redirect: /new, strip_query: true } }
        - { match: { prefix: /only-strip }, redirect: { strip_query: true, host_redirect: h } }
        - { match: { prefix: /https }, redirect: { https_redirect: true } }
        - { match: { prefix: /scheme }, redirect: { scheme_redirect: ftp } }
        - { match: { prefix: /port }, redirect: { port_redirect: 8443 } }
        - { match: { prefix: /both }, redirect: { host_redirect: h, port_redirect: 81 } }
        - { match: { prefix: /302 }, redirect: { path_redirect: /x, response_code: FOUND } }
        - { match: { prefix: /303 }, redirect: { path_redirect: /x, response_code: SEE_OTHER } }
        - { match: { prefix: /307 }, redirect: { path_redirect: /x, response_code: TEMPORARY_REDIRECT } }
        - { match: { prefix: /308 }, redirect: { path_redirect: /x, response_code: PERMANENT_REDIRECT } }
        - { match: { prefix: /rewrite/ }, redirect: { prefix_rewrite: /new/ } }
        - { match: { prefix: /regex/ }, redirect: { regex_rewrite: { pattern: { regex: '/regex/(.*)' }, substitution: '/r/\\1' } } }
        - { match: { prefix: /headers }, redirect: { path_redirect: /x }, response_headers_to_add: [{ header: { key: a, value: b } }] }`,
      requests: [
        'GET /host?a=b -> 301 {location: http://other.example/host?a=b}',
        'GET /path?a=b -> 301 {location: http://shop/new?a=b}',
        'GET /query?a=b -> 301 {location: http://shop/new?own=1}',
        'GET /strip?a=b -> 301 {location: http://shop/new}',
        'GET /only-strip?a=b -> 301 {location: http://h/only-strip}',
        'GET /https -> 301 {location: https://shop/https}',
        'GET shop:80/https -> 301 {location: https://shop/https}',
        'GET shop:8080/https -> 301 {location: https://shop:8080/https}',
        'GET /scheme -> 301 {location: ftp://shop/scheme}',
        'GET shop:8080/port -> 301 {location: http://shop:8443/port}',
        'GET shop:8080/path -> 301 {location: http://shop:8080/new}',
        'GET /both -> 301 {location: http://h:81/both}',
        'GET /302 -> 302',
        'GET /303 -> 303',
        'GET /307 -> 307',
        'POST /308 "body" -> 308',
        'GET /rewrite/a?b -> 301 {location: http://shop/new/a?b}',
        'GET /regex/a?b -> 301 {location: http://shop/r/a?b}',
        'GET /headers -> 301 {a: b}',
        'HEAD /302 -> 302',
      ],
    },
    {
      name: 'header mutations at all levels, the most general last',
      config: `
        request_headers_to_add: [{ header: { key: level, value: config } }]
        response_headers_to_add: [{ header: { key: level, value: config } }]
        virtual_hosts:
          - name: host
            domains: ['*']
            request_headers_to_add: [{ header: { key: level, value: host } }]
            response_headers_to_add: [{ header: { key: level, value: host } }]
            routes:
              - match: { prefix: /direct }
                direct_response: { status: 200, body: { inline_string: yes } }
                response_headers_to_add: [{ header: { key: level, value: route } }]
              - match: { prefix: /empty }
                route: { cluster: empty }
                response_headers_to_add: [{ header: { key: level, value: route } }]
              - match: { prefix: /absent }
                route: { cluster: absent }
                response_headers_to_add: [{ header: { key: level, value: route } }]
              - match: { prefix: / }
                request_headers_to_add: [{ header: { key: level, value: route } }]
                response_headers_to_add: [{ header: { key: level, value: route } }]
                route:
                  weighted_clusters:
                    clusters:
                      - name: one
                        weight: 1
                        request_headers_to_add: [{ header: { key: level, value: share } }]
                        response_headers_to_add: [{ header: { key: level, value: share } }]
        validate_clusters: false`,
      requests: [
        'GET / -> 200 one',
        'GET / [level: caller] -> 200 one',
        'GET /direct -> 200',
        'GET /empty -> 503 UH',
        'GET /absent -> 503 NC',
      ],
    },
    {
      name: 'most_specific_header_mutations_wins',
      config: `
        most_specific_header_mutations_wins: true
        request_headers_to_add: [{ header: { key: level, value: config }, append_action: OVERWRITE_IF_EXISTS_OR_ADD }]
        virtual_hosts:
          - name: host
            domains: ['*']
            request_headers_to_add: [{ header: { key: level, value: host }, append_action: OVERWRITE_IF_EXISTS_OR_ADD }]
            routes:
              - match: { prefix: / }
                request_headers_to_add: [{ header: { key: level, value: route }, append_action: OVERWRITE_IF_EXISTS_OR_ADD }]
                route: { cluster: one }`,
      requests: ['GET / -> 200 one [level: route]'],
    },
    {
      name: 'append actions, removal first, empty values',
      routes: `
        - match: { prefix: / }
          request_headers_to_remove: [gone, user-agent]
          request_headers_to_add:
            - { header: { key: Append, value: new } }
            - { header: { key: absent, value: new }, append_action: ADD_IF_ABSENT }
            - { header: { key: over, value: new }, append_action: OVERWRITE_IF_EXISTS_OR_ADD }
            - { header: { key: exists, value: new }, append_action: OVERWRITE_IF_EXISTS }
            - { header: { key: empty, value: '' } }
            - { header: { key: kept, value: '' }, keep_empty_value: true }
            - { header: { key: gone, value: back } }
            - { header: { key: old-over, value: '%REQ(over)%' } }
          route: { cluster: one }`,
      requests: [
        'GET / [append: old] [absent: old] [over: old] [exists: old] [gone: x] -> 200 one [over: new] [exists: new] [absent: old] [gone: back] [old-over: old]',
        'GET / -> 200 one [absent: new] [over: new]',
      ],
    },
    {
      name: 'format commands in headers',
      routes: `
        - match: { prefix: / }
          name: the-route
          request_headers_to_add:
            - { header: { key: f-method, value: '%REQ(:METHOD)%' } }
            - { header: { key: f-path, value: '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%' } }
            - { header: { key: f-authority, value: '%REQ(:AUTHORITY)%' } }
            - { header: { key: f-alt, value: '[%REQ(x-none?x-some)%]' } }
            - { header: { key: f-cut, value: '%REQ(x-some):2%' } }
            - { header: { key: f-cent, value: '100%%' } }
            - { header: { key: f-absent, value: '%REQ(x-none)%' } }
            - { header: { key: f-path-nq, value: '%PATH(NQ)%' } }
            - { header: { key: f-query, value: '%QUERY_PARAM(a)%' } }
            - { header: { key: f-route, value: '%ROUTE_NAME%' } }
            - { header: { key: f-cluster, value: '%UPSTREAM_CLUSTER%' } }
            - { header: { key: f-host, value: '%UPSTREAM_HOST%' } }
            - { header: { key: f-protocol, value: '%PROTOCOL%' } }
            - { header: { key: f-code, value: '%RESPONSE_CODE%' } }
            - { header: { key: f-meta, value: '%DYNAMIC_METADATA(a:b)%' } }
            - { header: { key: f-year, value: '%START_TIME(%Y)%' } }
          response_headers_to_add:
            - { header: { key: f-code, value: '%RESPONSE_CODE%' } }
            - { header: { key: f-resp, value: '%RESP(x-out)%' } }
            - { header: { key: f-flags, value: '%RESPONSE_FLAGS%' } }
            - { header: { key: f-cluster, value: '%UPSTREAM_CLUSTER%' } }
            - { header: { key: f-route, value: '%ROUTE_NAME%' } }
            - { header: { key: f-req, value: '%REQ(x-some)%' } }
          route: { cluster: one }`,
      requests: [
        'GET /p?a=1&b=2 [x-some: value] -> 200 one [f-alt: [value]] [f-cut: va]',
        { line: 'POST /p "body" -> 404 one', answer: { status: 404, headers: [['x-out', 'yes']] } },
      ],
    },
    {
      name: 'a format that is none',
      routes: `[{ match: { prefix: / }, request_headers_to_add: [{ header: { key: a, value: '%NOTHING%' } }], route: { cluster: one } }]`,
      requests: [],
      refused: 'request_headers_to_add',
    },
    {
      name: 'pseudo headers are not to be changed',
      routes: `[{ match: { prefix: / }, request_headers_to_add: [{ header: { key: ':path', value: a } }], route: { cluster: one } }]`,
      requests: [],
      refused: 'may not be modified',
    },
    {
      name: 'nor is the host to be removed',
      routes: `[{ match: { prefix: / }, request_headers_to_remove: [host], route: { cluster: one } }]`,
      requests: [],
      refused: 'may not be removed',
    },
    {
      name: 'mutations see the path before it is rewritten, and what the router says of time',
      routes: `
        - match: { prefix: /a }
          request_headers_to_add:
            - { header: { key: seen-path, value: '%REQ(:PATH)%' } }
            - { header: { key: seen-time, value: '%REQ(x-envoy-expected-rq-timeout-ms)%' } }
          request_headers_to_remove: [x-envoy-expected-rq-timeout-ms]
          route: { cluster: one, prefix_rewrite: /b, timeout: 30s }`,
      requests: ['GET /a -> 200 one /b [seen-path: /a]'],
    },
    {
      name: 'cluster_header',
      routes: `
        - { match: { prefix: /status }, route: { cluster_header: X-Cluster, cluster_not_found_response_code: NOT_FOUND } }
        - { match: { prefix: / }, route: { cluster_header: X-Cluster } }`,
      requests: [
        'GET / [x-cluster: two] -> 200 two',
        'GET / [X-Cluster: three] -> 200 three',
        'GET / -> 503 NC',
        'GET /status -> 404 NC',
        'GET / [x-cluster: one] [x-cluster: two] -> 200 one',
      ],
    },
    {
      name: 'an optional cluster specifier plugin that nobody has',
      routes: `
        - match: { prefix: / }
          route:
            inline_cluster_specifier_plugin:
              extension: { name: unknown, typed_config: { '@type': type.googleapis.com/google.protobuf.Struct, value: {} } }
              is_optional: true
        - { match: { prefix: /a }, route: { cluster: two } }`,
      requests: ['GET /a -> 200 two', 'GET /b -> 404 NR'],
    },
    {
      name: 'cluster_header among weighted clusters',
      routes: `
        - match: { prefix: / }
          route:
            weighted_clusters:
              clusters:
                - { name: one, weight: 0 }
                - { cluster_header: x-cluster, weight: 1, request_headers_to_add: [{ header: { key: a, value: b } }] }`,
      requests: ['GET / [x-cluster: two] -> 200 two [a: b]', 'GET / -> 503 NC'],
    },
    {
      name: 'weights by a header of the request',
      routes: `
        - match: { prefix: / }
          route:
            weighted_clusters:
              header_name: x-point
              clusters: [{ name: one, weight: 10 }, { name: two, weight: 0 }, { name: three, weight: 20 }]`,
      requests: [
        'GET / [x-point: 0] -> 200 one',
        'GET / [x-point: 9] -> 200 one',
        'GET / [x-point: 10] -> 200 three',
        'GET / [x-point: 29] -> 200 three',
        'GET / [x-point: 30] -> 200 one',
        'GET / [x-point: 18446744073709551615] -> 200 three',
      ],
    },
    {
      name: 'the host of a weighted cluster',
      routes: `
        - match: { prefix: / }
          route:
            host_rewrite_literal: of.the.route
            weighted_clusters: { clusters: [{ name: one, weight: 1, host_rewrite_literal: of.the.share }] }`,
      requests: ['GET / -> 200 one'],
    },
    {
      name: 'a mirror gets a copy of each request, and nobody hears its answer',
      routes: `
        - match: { prefix: /plain }
          route: { cluster: one, request_mirror_policies: [{ cluster: two }] }
        - match: { prefix: /same }
          route: { cluster: one, request_mirror_policies: [{ cluster: two, disable_shadow_host_suffix_append: true }] }
        - match: { prefix: /named }
          route: { cluster: one, request_mirror_policies: [{ cluster_header: x-mirror, host_rewrite_literal: h:81 }] }
        - match: { prefix: /both }
          route: { cluster: one, prefix_rewrite: /new, request_mirror_policies: [{ cluster: two }, { cluster: three }] }
        - match: { prefix: /gone }
          route: { cluster: one, request_mirror_policies: [{ cluster: empty }] }
        - match: { prefix: /never }
          route:
            cluster: one
            request_mirror_policies: [{ cluster: two, runtime_fraction: { default_value: { numerator: 0 } } }]
        - match: { prefix: /changed }
          route:
            cluster: one
            request_mirror_policies:
              - cluster: two
                request_headers_mutations:
                  - append: { header: { key: x-copy, value: '%REQ(:path)%' } }
                  - remove: x-secret`,
      requests: [
        { line: 'GET /plain -> 200 x2 "one"', copies: true },
        { line: 'POST /plain "body" -> 200 x2 "one"', copies: true },
        { line: 'GET shop:81/plain -> 200 x2', copies: true },
        { line: 'GET /same -> 200 x2', copies: true },
        { line: 'GET /named [x-mirror: three] -> 200 x2', copies: true },
        'GET /named -> 200 x1',
        { line: 'GET /both -> 200 x3', copies: true },
        'GET /gone -> 200 x1',
        'GET /never -> 200 x1',
        { line: 'GET /changed [x-secret: s] -> 200 x2', copies: true },
      ],
    },
    {
      name: 'mirrors of the virtual host and of the whole',
      config: `
        request_mirror_policies: [{ cluster: three }]
        virtual_hosts:
          - name: own
            domains: [own]
            request_mirror_policies: [{ cluster: two }]
            routes:
              - { match: { prefix: /route }, route: { cluster: one, request_mirror_policies: [{ cluster: one }] } }
              - { match: { prefix: / }, route: { cluster: one } }
          - { name: other, domains: ['*'], routes: [{ match: { prefix: / }, route: { cluster: one } }] }`,
      requests: [
        { line: 'GET own/ -> 200 x2', copies: true },
        { line: 'GET own/route -> 200 x2', copies: true },
        { line: 'GET other/ -> 200 x2', copies: true },
      ],
    },
    {
      name: 'direct responses with a format',
      routes: `
        - match: { prefix: /text }
          direct_response:
            status: 403
            body: { inline_string: 'no' }
            body_format: { text_format_source: { inline_string: '%LOCAL_REPLY_BODY%:%RESPONSE_CODE%:%REQ(:path)%:%REQ(x-none)%' } }
        - match: { prefix: /omit }
          direct_response:
            status: 200
            body_format: { text_format_source: { inline_string: '[%REQ(x-none)%]' }, omit_empty_values: true }
        - match: { prefix: /typed }
          direct_response:
            status: 200
            body: { inline_string: '<b>' }
            body_format: { text_format_source: { inline_string: '<p>%LOCAL_REPLY_BODY%</p>' }, content_type: text/html }
        - match: { prefix: /json }
          direct_response:
            status: 404
            body: { inline_string: not here }
            body_format:
              json_format:
                status: '%RESPONSE_CODE%'
                message: '%LOCAL_REPLY_BODY%'
                path: 'at %REQ(:path)%'
                none: '%REQ(x-none)%'
                deep: { method: '%REQ(:method)%' }
                list: ['%PROTOCOL%', two]`,
      requests: [
        'GET /text -> 403 "no:0:/text:-"',
        'GET /omit -> 200 "[]"',
        'GET /typed -> 200 "<p><b></p>" {content-type: text/html}',
        'GET /json -> 404 {content-type: application/json}',
        'HEAD /json -> 404',
      ],
    },
    {
      name: 'a direct response that is longer than allowed',
      config: `
        max_direct_response_body_size_bytes: 3
        virtual_hosts:
          - { name: h, domains: ['*'], routes: [{ match: { prefix: / }, direct_response: { status: 200, body: { inline_string: four } } }] }`,
      requests: [],
      refused: 'max_direct_response_body_size_bytes',
    },
    {
      name: 'a direct response from a file that is not there',
      routes: `[{ match: { prefix: / }, direct_response: { status: 200, body: { filename: /nowhere/to/be/found } } }]`,
      requests: [],
      refused: 'body.filename',
    },
    {
      name: 'hash policies, as weighted clusters show them',
      routes: `
        - match: { prefix: /header }
          route: { ${HASHED}, hash_policy: [{ header: { header_name: X-User } }] }
        - match: { prefix: /rewritten }
          route:
            ${HASHED}
            hash_policy: [{ header: { header_name: x-user, regex_rewrite: { pattern: { regex: '^(.).*' }, substitution: '\\1' } } }]
        - match: { prefix: /query }
          route: { ${HASHED}, hash_policy: [{ query_parameter: { name: user } }] }
        - match: { prefix: /cookie }
          route: { ${HASHED}, hash_policy: [{ cookie: { name: user } }] }
        - match: { prefix: /both }
          route: { ${HASHED}, hash_policy: [{ header: { header_name: x-user } }, { query_parameter: { name: user } }] }
        - match: { prefix: /twice }
          route: { ${HASHED}, hash_policy: [{ header: { header_name: x-user } }, { header: { header_name: x-user } }] }
        - match: { prefix: /terminal }
          route:
            ${HASHED}
            hash_policy: [{ header: { header_name: x-user }, terminal: true }, { query_parameter: { name: user } }]`,
      requests: [
        'a',
        'b',
        'c',
        'dave',
        'erin',
        'frank',
        'grace',
        'heidi',
        '0',
        '12345678901234567890123456789012345',
      ].flatMap((user) => [
        `GET /header [x-user: ${user}] -> 200`,
        `GET /rewritten [x-user: ${user}] -> 200`,
        `GET /query?user=${user} -> 200`,
        `GET /cookie [cookie: a=b; user=${user}] -> 200`,
        `GET /both?user=x${user} [x-user: ${user}] -> 200`,
        `GET /twice [x-user: ${user}] -> 200`,
        `GET /terminal?user=x [x-user: ${user}] -> 200`,
        `GET /header [x-user: ${user}] [x-user: z] -> 200`,
      ]),
    },
    {
      name: 'upgrades are allowed by the connection manager, and by the route first',
      manager: 'upgrade_configs: [{ upgrade_type: websocket }, { upgrade_type: off, enabled: false }]',
      routes: `
        - match: { prefix: /route }
          route: { cluster: one, upgrade_configs: [{ upgrade_type: chat }, { upgrade_type: websocket, enabled: false }] }
        - { match: { prefix: /direct }, direct_response: { status: 200 } }
        - { match: { prefix: / }, route: { cluster: one } }`,
      requests: [
        'GET / [connection: Upgrade] [upgrade: chat] -> 403 ""',
        'GET / [connection: Upgrade] [upgrade: off] -> 403 ""',
        'GET /route [connection: Upgrade] [upgrade: websocket] -> 403 ""',
        'GET /direct [connection: Upgrade] [upgrade: chat] -> 403 ""',
      ],
    },
    {
      name: 'an upgrade that is named twice',
      manager: 'upgrade_configs: [{ upgrade_type: websocket }, { upgrade_type: WebSocket }]',
      routes: '[{ match: { prefix: / }, route: { cluster: one } }]',
      requests: [],
      refused: 'upgrade_configs',
    },
    {
      name: 'path_rewrite_policy, by the variables of a URI template',
      routes: `
        - match: { path_match_policy: ${template('MatchConfig', "path_template: '/{lang}/{rest=**}'")} }
          route:
            cluster: one
            path_rewrite_policy: ${template('RewriteConfig', "path_template_rewrite: '/{rest}/in/{lang}'")}`,
      requests: ['GET /en/a/b?c=d -> 200 one /a/b/in/en?c=d', 'GET /en/ -> 200', 'GET /en -> 404'],
    },
    {
      name: 'a URI template that names what is not there',
      routes: `
        - match: { path_match_policy: ${template('MatchConfig', "path_template: '/{lang}'")} }
          route:
            cluster: one
            path_rewrite_policy: ${template('RewriteConfig', "path_template_rewrite: '/{other}'")}`,
      requests: [],
      refused: 'path_rewrite_policy',
    },
    {
      name: 'a URI template rewriter without a template to match',
      routes: `
        - match: { prefix: / }
          route:
            cluster: one
            path_rewrite_policy: ${template('RewriteConfig', "path_template_rewrite: '/a'")}`,
      requests: [],
      refused: 'path_rewrite_policy',
    },
    {
      name: 'internal redirects',
      hosts: `
        - name: other
          domains: [other]
          routes: [{ match: { prefix: / }, route: { cluster: two } }]
        - name: shop
          domains: ['*']
          routes:
            - { match: { prefix: /target }, name: target, route: { cluster: three } }
            - { match: { prefix: /again }, route: { cluster: one, internal_redirect_policy: { max_internal_redirects: 2 } } }
            - match: { prefix: /codes }
              route: { cluster: one, internal_redirect_policy: { redirect_response_codes: [301, 303, 307] } }
            - match: { prefix: /copy }
              route: { cluster: one, internal_redirect_policy: { response_headers_to_copy: [x-token] } }
            - match: { prefix: /listed }
              route:
                cluster: one
                internal_redirect_policy:
                  predicates:
                    - name: allow
                      typed_config:
                        '@type': type.googleapis.com/envoy.extensions.internal_redirect.allow_listed_routes.v3.AllowListedRoutesConfig
                        allowed_route_names: [target]
            - match: { prefix: /cross }
              route: { cluster: one, internal_redirect_policy: { allow_cross_scheme_redirect: true } }
            - { match: { prefix: /none }, route: { cluster: one } }
            - match: { prefix: /add }
              request_headers_to_add: [{ header: { key: level, value: add } }]
              route: { cluster: one, internal_redirect_policy: {} }
            - { match: { prefix: /x }, route: { cluster: one, internal_redirect_policy: {} } }
            - { match: { path: / }, direct_response: { status: 204 } }`,
      requests: [
        redirected('GET /x -> 200 three x2 /target?a=b', 302, 'http://shop/target?a=b'),
        redirected('GET /x -> 200 two x2', 302, 'http://other/'),
        redirected('GET /x -> 301 one x1', 301, 'http://shop/target'),
        redirected('GET /x -> 302 one x1', 302, 'https://shop/target'),
        redirected('GET /x -> 302 one x1', 302, 'ftp://shop/target'),
        redirected('GET /x -> 302 one x1', 302, ''),
        redirected('GET /x -> 204 x1', 302, 'http://shop/'),
        redirected('GET /none -> 302 one x1', 302, 'http://shop/target'),
        redirected('POST /x "body" -> 200 three x2', 302, 'http://shop/target'),
        redirected('POST /codes "body" -> 200 three x2', 303, 'http://shop/target'),
        redirected('POST /codes "body" -> 200 three x2', 307, 'http://shop/target'),
        redirected('GET /codes -> 302 one x1', 302, 'http://shop/target'),
        redirected('GET /copy [x-token: old] -> 200 three x2 [x-token: new]', 302, 'http://shop/target', [
          ['x-token', 'new'],
        ]),
        redirected('GET /listed -> 200 three x2', 302, 'http://shop/target'),
        redirected('GET /cross -> 200 three x2', 302, 'https://shop/target'),
        redirected('GET /add -> 200 three x2', 302, 'http://shop/target'),
        redirected('GET /x -> 302 one x1', 302, '/target/relative'),
      ],
    },
  ],
};
