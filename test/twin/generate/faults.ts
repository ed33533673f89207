import fc from 'fast-check';
import { fraction } from './words.ts';

const NAME = 'envoy.filters.http.fault';
const TYPE = 'type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault';

/** A filter that does nothing until a route says so: every generated listener has it. */
export const FAULT_FILTER = { name: NAME, typed_config: { '@type': TYPE } };

/** What a route asks of it, in a few cases. */
export const fault = fc.oneof(
  { weight: 8, arbitrary: fc.constant({}) },
  {
    weight: 1,
    arbitrary: fc
      .record(
        {
          abort: fc.record({ http_status: fc.constantFrom(418, 503), percentage: fraction }),
          delay: fc.record({ fixed_delay: fc.constant('0.001s'), percentage: fraction }),
        },
        { requiredKeys: [] },
      )
      .map((config) => ({ typed_per_filter_config: { [NAME]: { '@type': TYPE, ...config } } })),
  },
);
