import fc from 'fast-check';
import { cluster, headerName, headerValue, POINT_HEADER, path, pattern } from './words.ts';

const mutationValue = fc.oneof(
  { weight: 4, arbitrary: headerValue.filter((value) => value !== '') },
  { weight: 1, arbitrary: fc.constantFrom('%REQ(x-a)%', '%REQ(:path)%', '100%%', '%REQ(x-none?x-b):2%', '%PROTOCOL%') },
);

/** envoy.config.core.v3.HeaderValueOption */
const headerToAdd = fc
  .tuple(
    fc.record({ key: headerName, value: mutationValue }),
    fc.constantFrom('APPEND_IF_EXISTS_OR_ADD', 'ADD_IF_ABSENT', 'OVERWRITE_IF_EXISTS_OR_ADD', 'OVERWRITE_IF_EXISTS'),
    fc.boolean(),
  )
  .map(([header, append_action, keep]) => ({ header, append_action, keep_empty_value: keep }));

export const headersToAdd = fc.array(headerToAdd, { minLength: 1, maxLength: 2 });
export const headersToRemove = fc.array(headerName, { minLength: 1, maxLength: 2 });

/** The header mutations that each of the levels has. */
export const mutations = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  {
    weight: 2,
    arbitrary: fc.record(
      {
        request_headers_to_add: headersToAdd,
        request_headers_to_remove: headersToRemove,
        response_headers_to_add: headersToAdd,
        response_headers_to_remove: headersToRemove,
      },
      { requiredKeys: [] },
    ),
  },
);

const pathRewrite = fc.oneof(
  { weight: 4, arbitrary: fc.constant({}) },
  { weight: 2, arbitrary: fc.record({ prefix_rewrite: path }) },
  {
    weight: 1,
    arbitrary: fc.record({
      regex_rewrite: fc.record({
        pattern: fc.record({ regex: pattern }),
        substitution: fc.constantFrom('/x', '/\\0', '/z\\0'),
      }),
    }),
  },
);

const hostRewrite = fc.oneof(
  { weight: 4, arbitrary: fc.constant({}) },
  {
    weight: 1,
    arbitrary: fc.record({
      host_rewrite_literal: fc.constantFrom('other', 'a.example'),
      append_x_forwarded_host: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ host_rewrite_header: headerName }) },
  {
    weight: 1,
    arbitrary: fc.record({
      host_rewrite_path_regex: fc.record({
        pattern: fc.record({ regex: fc.constantFrom('^/(.+)/.+$', '^/([a-z]).*$', '.*') }),
        substitution: fc.constantFrom('\\0', 'host'),
      }),
    }),
  },
);

const timeout = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  fc.constantFrom({ timeout: '0s' }, { timeout: '7s' }),
);

/** A policy that is never at work by the clock, so that both sides make as many attempts. */
const retry = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ retry_policy: { retry_on: 'retriable-4xx', num_retries: 0 } }) },
  {
    weight: 2,
    arbitrary: fc
      .record({
        retry_on: fc.constantFrom(
          '5xx',
          'gateway-error',
          'retriable-4xx',
          'reset',
          'connect-failure',
          'retriable-status-codes',
          '5xx,retriable-4xx',
          'envoy-ratelimited',
        ),
        num_retries: fc.nat({ max: 3 }),
        retriable_status_codes: fc.constantFrom([], [500], [404, 503]),
      })
      .map((policy) => ({
        retry_policy: { ...policy, retry_back_off: { base_interval: '0.001s', max_interval: '0.001s' } },
      })),
  },
);

/** Weights that leave nothing to chance. */
const weighted = fc.tuple(cluster, cluster, mutations, fc.constantFrom(1, 3, 100)).map(([one, two, more, weight]) => ({
  weighted_clusters: {
    clusters: [
      { name: one, weight: 0 },
      { name: two, weight, ...more },
    ],
  },
}));

/** Weights among which a header of the request decides, as the random number would. */
const pointed = fc
  .tuple(
    fc.array(fc.tuple(cluster, fc.constantFrom(0, 1, 2, 7)), { minLength: 1, maxLength: 3 }),
    fc.constantFrom(1, 3),
    cluster,
  )
  .map(([some, weight, last]) => ({
    weighted_clusters: {
      header_name: POINT_HEADER,
      clusters: [...some.map(([name, share]) => ({ name, weight: share })), { name: last, weight }],
    },
  }));

const notFound = fc.constantFrom({}, { cluster_not_found_response_code: 'NOT_FOUND' });

const forward = fc
  .tuple(
    fc.oneof(
      { weight: 5, arbitrary: fc.record({ cluster }) },
      { weight: 1, arbitrary: weighted },
      { weight: 1, arbitrary: pointed },
    ),
    pathRewrite,
    hostRewrite,
    timeout,
    retry,
    notFound,
  )
  .map((parts) => ({ route: Object.assign({}, ...parts) as object }));

const direct = fc.record({
  direct_response: fc
    .tuple(fc.constantFrom(200, 204, 301, 404, 418, 503), fc.constantFrom('', 'text', 'longer text'))
    .map(([status, text]) => ({ status, ...(text === '' ? {} : { body: { inline_string: text } }) })),
});

const redirect = fc.record({
  redirect: fc
    .tuple(
      fc.constantFrom({}, { host_redirect: 'elsewhere' }, { host_redirect: 'elsewhere:81' }),
      fc.constantFrom({}, { https_redirect: true }, { scheme_redirect: 'https' }, { scheme_redirect: 'http' }),
      fc.constantFrom({}, { port_redirect: 8443 }, { port_redirect: 80 }, { port_redirect: 443 }),
      fc.oneof(
        fc.constant({}),
        fc.record({ path_redirect: fc.constantFrom('/new', '/new?n=1') }),
        fc.record({ prefix_rewrite: path }),
      ),
      fc.constantFrom({}, { strip_query: true }),
      fc.constantFrom({}, { response_code: 'FOUND' }, { response_code: 'PERMANENT_REDIRECT' }),
    )
    .map((parts) => Object.assign({}, ...parts) as object),
});

/** What a route does. */
export const action = fc.oneof(
  { weight: 7, arbitrary: forward },
  { weight: 2, arbitrary: direct },
  { weight: 1, arbitrary: redirect },
);
