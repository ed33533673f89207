import fc from 'fast-check';
import { headersToAdd, headersToRemove } from './actions.ts';
import { fraction, parameterName } from './words.ts';

const TYPE = 'type.googleapis.com/envoy.extensions.filters.http';
const FAULT = 'envoy.filters.http.fault';
const MUTATION = 'envoy.filters.http.header_mutation';
const LIMIT = 'envoy.filters.http.local_ratelimit';

/** Filters that do nothing until a route or a virtual host says so: every generated listener has them. */
export const FILTERS: readonly object[] = [
  { name: FAULT, typed_config: { '@type': `${TYPE}.fault.v3.HTTPFault` } },
  { name: MUTATION, typed_config: { '@type': `${TYPE}.header_mutation.v3.HeaderMutation` } },
  { name: LIMIT, typed_config: { '@type': `${TYPE}.local_ratelimit.v3.LocalRateLimit`, stat_prefix: 'limit' } },
];

/** envoy.extensions.filters.http.fault.v3.HTTPFault */
const fault = fc
  .record(
    {
      abort: fc.record({ http_status: fc.constantFrom(418, 503), percentage: fraction }),
      delay: fc.record({ fixed_delay: fc.constant('0.001s'), percentage: fraction }),
    },
    { requiredKeys: [] },
  )
  .map((config) => ({ [FAULT]: { '@type': `${TYPE}.fault.v3.HTTPFault`, ...config } }));

/** envoy.config.common.mutation_rules.v3.HeaderMutation */
const headerMutations = fc.oneof(
  headersToAdd.map((each) => each.map((append) => ({ append }))),
  headersToRemove.map((each) => each.map((remove) => ({ remove }))),
);

const parameterMutations = fc.array(
  fc.oneof(
    parameterName.map((remove) => ({ remove })),
    fc
      .tuple(
        fc.record({ key: parameterName, value: fc.constantFrom('1', 'z') }),
        fc.constantFrom('APPEND_IF_EXISTS_OR_ADD', 'ADD_IF_ABSENT', 'OVERWRITE_IF_EXISTS_OR_ADD'),
      )
      .map(([record, action]) => ({ append: { record, action } })),
  ),
  { minLength: 1, maxLength: 2 },
);

const mutation = fc
  .record(
    {
      request_mutations: headerMutations,
      response_mutations: headerMutations,
      query_parameter_mutations: parameterMutations,
    },
    { requiredKeys: [] },
  )
  .map((mutations) => ({
    [MUTATION]: { '@type': `${TYPE}.header_mutation.v3.HeaderMutationPerRoute`, mutations },
  }));

/** Tokens that nothing fills up again while a case runs. */
const limit = fc
  .tuple(fc.constantFrom(1, 2, 3), fraction, fraction, fc.boolean())
  .map(([max_tokens, enabled, enforced, told]) => ({
    [LIMIT]: {
      '@type': `${TYPE}.local_ratelimit.v3.LocalRateLimit`,
      stat_prefix: 'limit',
      token_bucket: { max_tokens, fill_interval: '86400s' },
      filter_enabled: { default_value: enabled },
      filter_enforced: { default_value: enforced },
      ...(told ? { response_headers_to_add: [{ header: { key: 'x-limited', value: 'yes' } }] } : {}),
    },
  }));

/** What a route or a virtual host asks of the filters, in a few cases. */
export const override = fc.oneof(
  { weight: 8, arbitrary: fc.constant({}) },
  {
    weight: 2,
    arbitrary: fc
      .oneof(fault, mutation, limit)
      .map((entries) => ({ typed_per_filter_config: entries as Readonly<Record<string, object>> })),
  },
);
