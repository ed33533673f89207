import type { Area } from '../case.ts';
import { to } from './tls-yaml.ts';

const BACK_OFF = 'retry_back_off: { base_interval: 0.001s, max_interval: 0.001s }';

/** How connections of HTTP/1.1 end before their time. */
export const connectionsHttp1: Area = {
  area: 'connections: HTTP/1.1',
  ownUpstreams: true,
  cases: [
    {
      name: 'a connection that is reset before the answer',
      clusters: { 'h1-reset-before': { listens: 'h1' } },
      routes: to('h1-reset-before'),
      requests: [{ line: 'GET / -> 503 UC x1', answer: { reset: 'before' } }, 'GET / -> 200'],
    },
    {
      name: 'a connection that is reset within the answer',
      clusters: { 'h1-reset-after': { listens: 'h1' } },
      routes: to('h1-reset-after'),
      requests: [{ line: 'GET / -> 200 x1', answer: { reset: 'after', body: 'half' } }, 'GET / -> 200'],
    },
    {
      name: 'an answer that breaks off',
      clusters: { 'h1-half': { listens: 'h1' } },
      routes: to('h1-half'),
      requests: [
        { line: 'GET / -> 200 x1', answer: { raw: 'HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nhalf' } },
        { line: 'GET / -> 502 x1', answer: { raw: 'HTTP/1.1 200 OK\r\nx-a: ' } },
        { line: 'GET / -> 503 x1', answer: { raw: '' } },
      ],
    },
    {
      name: 'an answer that is no HTTP',
      clusters: { 'h1-broken': { listens: 'h1' } },
      routes: to('h1-broken'),
      requests: [
        { line: 'GET / -> 502 UPE x1', answer: { raw: 'no HTTP at all\r\n\r\n' } },
        { line: 'GET / -> 502 UPE x1', answer: { raw: 'HTTP/1.1 200 OK\r\nno header\r\n\r\n' } },
      ],
    },
    {
      name: 'an answer that ends with its connection',
      clusters: { 'h1-until-end': { listens: 'h1', uncounted: ['upstream_cx_close_notify'] } },
      routes: to('h1-until-end'),
      requests: [
        { line: 'GET / -> 200 x1 "all"', answer: { raw: 'HTTP/1.1 200 OK\r\n\r\nall' } },
        { line: 'GET / -> 200 x1 "all"', answer: { raw: 'HTTP/1.0 200 OK\r\n\r\nall' } },
        'GET / -> 200',
      ],
    },
    {
      name: 'no answer in time',
      clusters: { 'h1-late': { listens: 'h1' } },
      routes: to('h1-late', 'timeout: 0.3s'),
      requests: [{ line: 'GET / -> 504 UT x1', answer: { silent: true } }, 'GET / -> 200'],
    },
    {
      name: 'no attempt is answered in time',
      clusters: { 'h1-late-tries': { listens: 'h1' } },
      routes: to(
        'h1-late-tries',
        `timeout: 10s, retry_policy: { retry_on: reset, num_retries: 1, per_try_timeout: 0.3s, ${BACK_OFF} }`,
      ),
      requests: [{ line: 'GET / -> 504 x2', answer: { silent: true } }],
    },
    {
      name: 'trailers',
      manager: 'http_protocol_options: { enable_trailers: true }',
      clusters: { 'h1-trailers': { listens: 'h1' } },
      routes: to('h1-trailers'),
      requests: [{ line: 'GET / -> 200', answer: { trailers: [['x-end', 'of all']] } }],
    },
    {
      name: 'answers without a body',
      clusters: { 'h1-bodiless': { listens: 'h1' } },
      routes: to('h1-bodiless'),
      requests: [
        { line: 'HEAD / -> 200', answer: { headers: [['connection', 'keep-alive']] } },
        { line: 'GET / -> 204', answer: { status: 204 } },
        { line: 'GET / -> 304', answer: { status: 304, headers: [['etag', '"x"']] } },
        {
          line: 'HEAD / -> 404',
          answer: {
            status: 404,
            headers: [
              ['connection', 'keep-alive'],
              ['content-length', '17'],
            ],
            body: '',
          },
        },
        { line: 'GET / -> 200 ""', answer: { body: '' } },
        'GET / -> 200',
      ],
    },
  ],
};
