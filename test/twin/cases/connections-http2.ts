import type { Area, ResetCode } from '../case.ts';
import { HTTP1, HTTP2, NO_RETRY as NEVER, protocol, to } from './tls-yaml.ts';

const H2 = `{ ${protocol(HTTP2)} }`;
const BACK_OFF = 'retry_back_off: { base_interval: 0.001s, max_interval: 0.001s }';

const CODES: readonly ResetCode[] = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
  'HTTP_1_1_REQUIRED',
];

/** What each condition repeats. */
const RETRIED = {
  'refused-stream': ['REFUSED_STREAM'],
  reset: ['REFUSED_STREAM', 'CANCEL', 'INTERNAL_ERROR', 'PROTOCOL_ERROR'],
  '5xx': ['REFUSED_STREAM', 'CANCEL', 'INTERNAL_ERROR', 'PROTOCOL_ERROR'],
  'gateway-error': ['REFUSED_STREAM', 'CANCEL', 'INTERNAL_ERROR', 'PROTOCOL_ERROR'],
  'connect-failure': [],
  'reset-before-request': [],
} as const satisfies Readonly<Record<string, readonly ResetCode[]>>;

/** How streams and connections of HTTP/2 end before their time. */
export const connectionsHttp2: Area = {
  area: 'connections: HTTP/2',
  ownUpstreams: true,
  cases: [
    ...CODES.map((code) => ({
      name: `a stream that is reset: ${code}`,
      clusters: { [`reset-${code}`]: { listens: 'h2' as const, fields: H2 } },
      routes: to(`reset-${code}`),
      requests: [
        {
          line: `GET / -> ${code === 'PROTOCOL_ERROR' ? '502 UPE' : '503 UR'} x1`,
          answer: { reset: 'before' as const, code },
        },
        { line: 'POST / "x" -> 200', answer: { reset: 'after' as const, code, body: 'half' } },
        'GET / -> 200',
      ],
    })),
    ...(Object.keys(RETRIED) as (keyof typeof RETRIED)[]).map((condition) => ({
      name: `what is retried on ${condition}`,
      clusters: { [`retry-on-${condition}`]: { listens: 'h2' as const, fields: H2 } },
      routes: to(`retry-on-${condition}`, `retry_policy: { retry_on: ${condition}, num_retries: 2, ${BACK_OFF} }`),
      requests: [
        ...(['REFUSED_STREAM', 'CANCEL', 'INTERNAL_ERROR', 'PROTOCOL_ERROR'] as const).map((code) => ({
          line: `GET / -> ${(RETRIED[condition] as readonly ResetCode[]).includes(code) ? 200 : code === 'PROTOCOL_ERROR' ? 502 : 503}`,
          answer: [{ reset: 'before' as const, code }, {}],
        })),
        { line: 'POST / "x" -> 503', answer: { reset: 'before' as const, code: 'REFUSED_STREAM' as const } },
      ],
    })),
    {
      name: 'GOAWAY behind the call: it is answered, and the next one finds another connection',
      clusters: { 'goaway-at': { listens: 'h2', fields: H2 } },
      routes: to('goaway-at'),
      requests: [{ line: 'GET / -> 200', answer: { goAway: 'at' } }, 'GET / -> 200', 'GET / -> 200'],
    },
    {
      name: 'GOAWAY with an error behind the call',
      clusters: { 'goaway-error': { listens: 'h2', fields: H2 } },
      routes: to('goaway-error'),
      requests: [{ line: 'GET / -> 200', answer: { goAway: 'at', code: 'ENHANCE_YOUR_CALM' } }, 'GET / -> 200'],
    },
    {
      name: 'GOAWAY before the call, where refused streams are retried',
      clusters: {
        'goaway-retried': { listens: 'h2', fields: H2, uncounted: ['upstream_rq_retry', 'upstream_rq_retry_success'] },
      },
      routes: to('goaway-retried', `retry_policy: { retry_on: refused-stream, ${BACK_OFF} }`),
      requests: ['GET / -> 200', { line: 'GET / -> 200', answer: [{ goAway: 'below' }, {}] }, 'GET / -> 200'],
    },
    {
      name: 'no answer in time, over HTTP/2',
      clusters: { 'h2-late': { listens: 'h2', fields: H2 } },
      routes: to('h2-late', 'timeout: 0.3s'),
      requests: [{ line: 'GET / -> 504 UT x1', answer: { silent: true } }, 'GET / -> 200'],
    },
    {
      name: 'trailers, both ways',
      manager: 'http_protocol_options: { enable_trailers: true }',
      clusters: { 'h2-trailers': { listens: 'h2', fields: H2 } },
      routes: to('h2-trailers'),
      requests: [
        { line: 'GET / -> 200', answer: { trailers: [['x-end', 'of all']] } },
        { line: 'GET / -> 200', answer: { body: '', trailers: [['x-end', 'of all']] } },
        {
          line: 'POST / "x" -> 200',
          answer: {
            trailers: [
              ['x-a', '1'],
              ['x-a', '2'],
              ['x-b', ''],
            ],
          },
        },
      ],
    },
    {
      name: 'interim responses, over HTTP/2',
      manager: 'proxy_100_continue: true',
      clusters: { 'h2-interim': { listens: 'h2', fields: H2 } },
      routes: to('h2-interim'),
      requests: [
        { line: 'GET / -> 200', answer: { informational: [103] } },
        { line: 'GET / -> 200', answer: { informational: [102] } },
        { line: 'POST / "x" -> 200', answer: { informational: [100] } },
      ],
    },
    {
      name: 'answers without a body, over HTTP/2',
      clusters: { 'h2-bodiless': { listens: 'h2', fields: H2 } },
      routes: to('h2-bodiless'),
      requests: [
        'HEAD / -> 200',
        { line: 'GET / -> 204', answer: { status: 204 } },
        { line: 'GET / -> 304', answer: { status: 304, headers: [['etag', '"x"']] } },
        { line: 'HEAD / -> 404', answer: { status: 404, headers: [['content-length', '17']], body: '' } },
        { line: 'GET / -> 200 ""', answer: { body: '' } },
        { line: 'GET / -> 205', answer: { status: 205, body: '' } },
      ],
    },
    {
      name: 'headers of the response that are too many',
      clusters: {
        'h2-big-headers': { listens: 'h2', fields: H2 },
        'h1-big-headers': { listens: 'h1' },
        'h2-some-headers': {
          listens: 'h2',
          fields: `{ ${protocol(HTTP2, 'common_http_protocol_options: { max_response_headers_kb: 10 }')} }`,
        },
        'h1-some-headers': {
          listens: 'h1',
          fields: `{ ${protocol(HTTP1, 'common_http_protocol_options: { max_response_headers_kb: 10 }')} }`,
        },
        'h2-headers-count': {
          listens: 'h2',
          fields: `{ ${protocol(HTTP2, 'common_http_protocol_options: { max_headers_count: 20 }')} }`,
        },
        'h1-headers-count': {
          listens: 'h1',
          fields: `{ ${protocol(HTTP1, 'common_http_protocol_options: { max_headers_count: 20 }')} }`,
        },
      },
      routes: `
        - { match: { prefix: /h1/count }, route: { cluster: h1-headers-count, ${NEVER} } }
        - { match: { prefix: /h1/some }, route: { cluster: h1-some-headers, ${NEVER} } }
        - { match: { prefix: /h1 }, route: { cluster: h1-big-headers, ${NEVER} } }
        - { match: { prefix: /some }, route: { cluster: h2-some-headers, ${NEVER} } }
        - { match: { prefix: /count }, route: { cluster: h2-headers-count, ${NEVER} } }
        - { match: { prefix: / }, route: { cluster: h2-big-headers, ${NEVER} } }`,
      requests: [
        { line: 'GET / -> 200', answer: { headers: [['x-big', 'x'.repeat(50_000)]] } },
        { line: 'GET / -> 503', answer: { headers: [['x-big', 'x'.repeat(70_000)]] } },
        { line: 'GET /some -> 200', answer: { headers: [['x-big', 'x'.repeat(9_000)]] } },
        { line: 'GET /some -> 503', answer: { headers: [['x-big', 'x'.repeat(12_000)]] } },
        { line: 'GET /h1 -> 200', answer: { headers: [['x-big', 'x'.repeat(50_000)]] } },
        { line: 'GET /h1 -> 200', answer: { headers: [['x-big', 'x'.repeat(70_000)]] } },
        { line: 'GET /h1 -> 502', answer: { headers: [['x-big', 'x'.repeat(90_000)]] } },
        { line: 'GET /h1/some -> 200', answer: { headers: [['x-big', 'x'.repeat(9_000)]] } },
        { line: 'GET /h1/some -> 502', answer: { headers: [['x-big', 'x'.repeat(12_000)]] } },
        ...[15, 18, 19, 20, 30].flatMap((count) =>
          ['/count', '/h1/count'].map((path) => ({
            line: `GET ${path} -> ${count < (path === '/count' ? 19 : 20) ? 200 : path === '/count' ? 503 : 502}`,
            answer: { headers: Array.from({ length: count }, (_, index) => [`x-${index}`, '1'] as const) },
          })),
        ),
      ],
    },
  ],
};
