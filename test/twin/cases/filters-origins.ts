import type { Area, Case } from '../case.ts';
import { all, append, filter, mutation, perRoute, toOne, typed } from './filter-yaml.ts';

const CSRF = 'csrf.v3.CsrfPolicy';
const csrf = (config = `{ filter_enabled: { ${all} } }`): string =>
  `[${filter('envoy.filters.http.csrf', CSRF, config)}]`;
const none = 'default_value: { numerator: 0 }';

const changes: readonly Case[] = [
  {
    name: 'csrf: what changes something must come from the authority itself',
    filters: csrf(),
    routes: toOne,
    requests: [
      'POST / [origin: http://shop] -> 200 one',
      'POST / [origin: https://shop/] -> 200 one',
      'POST / [origin: http://other] -> 403 "Invalid origin"',
      'POST shop:80/ [origin: http://shop] -> 403',
      'POST shop:80/ [origin: http://shop:80] -> 200 one',
      'PUT / [origin: http://other] -> 403 x0',
      'DELETE / [origin: http://other] -> 403 x0',
      'PATCH / [origin: http://other] -> 403 x0',
      'GET / [origin: http://other] -> 200 one',
      'HEAD / [origin: http://other] -> 200 one',
      'OPTIONS / [origin: http://other] -> 200 one',
    ],
  },
  {
    name: 'csrf: the origin, or else the referer',
    filters: csrf(),
    routes: toOne,
    requests: [
      'POST / -> 403 x0',
      'POST / [referer: http://shop/page?x] -> 200 one',
      'POST / [referer: http://other/page] -> 403',
      'POST / [origin: http://other] [referer: http://shop/] -> 403',
      'POST / [origin: "null"] [referer: http://shop/] -> 403',
      'POST / [origin: shop] -> 200 one',
      'POST / [origin: http://SHOP] -> 403',
    ],
  },
  {
    name: 'csrf: other origins',
    filters: csrf(
      `{ filter_enabled: { ${all} }, additional_origins: [{ exact: other }, { suffix: .example }, { safe_regex: { regex: 'a+' } }] }`,
    ),
    routes: toOne,
    requests: [
      'POST / [origin: http://other] -> 200 one',
      'POST / [origin: https://a.example/x] -> 200 one',
      'POST / [origin: http://aaa] -> 200 one',
      'POST / [origin: http://aab] -> 403',
      'POST / -> 403',
    ],
  },
  {
    name: 'csrf: off, and in the shadow',
    filters: csrf(`{ filter_enabled: { ${none} } }`),
    routes: `
      - match: { prefix: /shadow }
        route: { cluster: one }
        ${perRoute(`envoy.filters.http.csrf: ${typed(CSRF, `{ filter_enabled: { ${none} }, shadow_enabled: { ${all} } }`)}`)}
      - match: { prefix: /on }
        route: { cluster: one }
        ${perRoute(`envoy.filters.http.csrf: ${typed(CSRF, `{ filter_enabled: { ${all} } }`)}`)}
      - { match: { prefix: / }, route: { cluster: one } }`,
    requests: [
      'POST / [origin: http://other] -> 200 one',
      'POST /shadow [origin: http://other] -> 200 one',
      'POST /on [origin: http://other] -> 403',
    ],
  },
  {
    name: 'csrf: a share of the calls',
    filters: csrf('{ filter_enabled: { default_value: { numerator: 300000, denominator: MILLION } } }'),
    routes: '[{ match: { prefix: / }, route: { cluster: pair } }]',
    // What a filter answers counts under the cluster.
    requests: [
      { line: 'POST / [origin: http://other] -> 200', times: 400, split: { left: 0.35, right: 0.35, pair: 0.3 } },
    ],
  },
  {
    name: 'csrf: gRPC is answered in its way',
    filters: csrf(),
    routes: toOne,
    requests: [
      'POST / [content-type: application/grpc] [origin: http://other] -> 200 {grpc-status: 7} {grpc-message: Invalid origin}',
    ],
  },
  {
    name: 'csrf: a policy that does not say whether it is enabled is refused',
    filters: csrf('{}'),
    routes: toOne,
    refused: 'filter_enabled',
    requests: [],
  },
];

const CORS = 'cors.v3.Cors';
const cors = `[${filter('envoy.filters.http.cors', CORS)}]`;
const policy = (config: string): string => perRoute(`envoy.filters.http.cors: ${typed('cors.v3.CorsPolicy', config)}`);
const route = (config: string, path = '/'): string => `
      - match: { prefix: ${path} }
        route: { cluster: one }
        ${policy(config)}`;
const page = 'allow_origin_string_match: [{ exact: http://page }]';
const preflight = (origin: string, more = ''): string =>
  `OPTIONS / [origin: ${origin}] [access-control-request-method: PUT]${more}`;

const pages: readonly Case[] = [
  {
    name: 'cors: answers a preflight',
    filters: cors,
    routes: route(
      `{ ${page}, allow_methods: 'GET,PUT', allow_headers: x-a, expose_headers: x-b, max_age: '60', allow_credentials: true }`,
    ),
    requests: [
      `${preflight('http://page')} -> 200 x0 {access-control-allow-origin: http://page} {access-control-allow-methods: GET,PUT} {access-control-max-age: 60} {access-control-allow-credentials: true}`,
      `${preflight('http://other')} -> 200 one {!access-control-allow-origin}`,
      'OPTIONS / [origin: http://page] -> 200 one {access-control-allow-origin: http://page}',
      'OPTIONS / [access-control-request-method: PUT] -> 200 one',
    ],
  },
  {
    name: 'cors: tells the page that it may see a response',
    filters: cors,
    routes: route(`{ ${page}, expose_headers: 'x-b,x-c', allow_credentials: true }`),
    requests: [
      'GET / [origin: http://page] -> 200 one {access-control-allow-origin: http://page} {access-control-expose-headers: x-b,x-c} {access-control-allow-credentials: true}',
      'GET / [origin: http://other] -> 200 one {!access-control-allow-origin}',
      'GET / -> 200 one {!access-control-allow-origin}',
      {
        line: 'GET / [origin: http://page] -> 200 one {access-control-allow-origin: http://page}',
        answer: { headers: [['access-control-allow-origin', '*']] },
      },
    ],
  },
  {
    name: 'cors: whatever is asked for',
    filters: cors,
    routes: route(`{ allow_origin_string_match: [{ exact: '*' }], allow_methods: '*', allow_headers: '*' }`),
    requests: [
      `${preflight('http://any', ' [access-control-request-headers: x-1, x-2]')} -> 200 x0 {access-control-allow-methods: PUT} {access-control-allow-headers: x-1, x-2}`,
      `${preflight('http://any')} -> 200 x0 {access-control-allow-headers: }`,
    ],
  },
  {
    name: 'cors: a preflight of another origin is answered where it is not to go on',
    filters: cors,
    routes: route(`{ ${page}, allow_methods: GET, forward_not_matching_preflights: false }`),
    requests: [
      `${preflight('http://other')} -> 200 x0 {!access-control-allow-origin} {access-control-allow-methods: GET}`,
    ],
  },
  {
    name: 'cors: private networks',
    filters: cors,
    routes: route(`{ ${page}, allow_private_network_access: true }`),
    requests: [
      `${preflight('http://page', ' [access-control-request-private-network: true]')} -> 200 x0 {access-control-allow-private-network: true}`,
      `${preflight('http://page')} -> 200 x0 {!access-control-allow-private-network}`,
    ],
  },
  {
    name: 'cors: patterns of origins',
    filters: cors,
    routes: route(`{ allow_origin_string_match: [{ suffix: .example }, { safe_regex: { regex: 'http://p[0-9]' } }] }`),
    requests: [
      'GET / [origin: http://a.example] -> 200 one {access-control-allow-origin: http://a.example}',
      'GET / [origin: http://p7] -> 200 one {access-control-allow-origin: http://p7}',
      'GET / [origin: http://p77] -> 200 one {!access-control-allow-origin}',
    ],
  },
  {
    name: 'cors: what a level does not say a more general one does',
    filters: cors,
    hosts: `
      - name: h
        domains: ['*']
        ${policy(`{ ${page}, allow_methods: POST, max_age: '1', allow_credentials: true }`)}
        routes:
          - match: { prefix: / }
            route: { cluster: one }
            ${policy(`{ allow_methods: PUT, allow_credentials: false }`)}`,
    requests: [
      `${preflight('http://page')} -> 200 x0 {access-control-allow-methods: PUT} {access-control-max-age: 1} {!access-control-allow-credentials}`,
    ],
  },
  {
    name: 'cors: off, and in the shadow',
    filters: cors,
    routes: `${route(`{ ${page}, filter_enabled: { ${none} } }`, '/off')}${route(`{ ${page}, filter_enabled: { ${none} }, shadow_enabled: { ${all} } }`, '/shadow')}`,
    requests: [
      'GET /off [origin: http://page] -> 200 one {!access-control-allow-origin}',
      'GET /shadow [origin: http://page] -> 200 one {!access-control-allow-origin}',
    ],
  },
  {
    name: 'cors: without a policy, on an answer of the route, and where there is none',
    filters: cors,
    routes: `
      - { match: { prefix: /none }, route: { cluster: one } }
      - match: { prefix: /direct }
        direct_response: { status: 201 }
        ${policy(`{ ${page} }`)}`,
    requests: [
      'GET /none [origin: http://page] -> 200 one {!access-control-allow-origin}',
      'GET /direct [origin: http://page] -> 201 {!access-control-allow-origin}',
      'GET / [origin: http://page] -> 404 NR {!access-control-allow-origin}',
    ],
  },
  {
    name: 'cors: also on answers of the mesh, and seen by filters before it',
    filters: `[${mutation(`{ response_mutations: [${append('x-saw', '%RESP(access-control-allow-origin)%')}] }`)}, ${filter('envoy.filters.http.cors', CORS)}]`,
    routes: `
      - match: { prefix: /empty }
        route: { cluster: empty }
        ${policy(`{ ${page} }`)}${route(`{ ${page} }`)}`,
    requests: [
      'GET /empty [origin: http://page] -> 503 UH {access-control-allow-origin: http://page} {x-saw: http://page}',
      `${preflight('http://page')} -> 200 x0 {x-saw: http://page}`,
    ],
  },
  {
    name: 'cors: policies in the fields of the routes',
    filters: cors,
    hosts: `
      - name: h
        domains: ['*']
        cors: { ${page}, allow_methods: POST, filter_enabled: { ${all} } }
        routes:
          - { match: { prefix: /own }, route: { cluster: one, cors: { allow_methods: PUT, max_age: '1' } } }
          - match: { prefix: /typed }
            route: { cluster: one }
            ${policy('{ allow_origin_string_match: [{ exact: http://other }] }')}
          - { match: { prefix: / }, route: { cluster: one } }`,
    requests: [
      `${preflight('http://page')} -> 200 x0 {access-control-allow-methods: POST}`,
      `${preflight('http://page').replace('/ ', '/own ')} -> 200 x0 {access-control-allow-methods: PUT} {access-control-max-age: 1}`,
      'GET /typed [origin: http://page] -> 200 one {!access-control-allow-origin}',
      'GET /typed [origin: http://other] -> 200 one {access-control-allow-origin: http://other}',
    ],
  },
  {
    name: 'cors: policies in the fields of the routes mean nothing without the filter',
    routes: `[{ match: { prefix: / }, route: { cluster: one, cors: { ${page} } } }]`,
    requests: [
      'GET / [origin: http://page] -> 200 one {!access-control-allow-origin}',
      `${preflight('http://page')} -> 200 one`,
    ],
  },
];

export const filtersOrigins: Area = { area: 'filters: origins', cases: [...changes, ...pages] };
