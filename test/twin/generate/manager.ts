import fc from 'fast-check';

/** What the connection manager does to paths, hosts and headers before routes see them, and to responses at last. */
const settings = fc.record(
  {
    normalize_path: fc.boolean(),
    merge_slashes: fc.boolean(),
    path_with_escaped_slashes_action: fc.constantFrom('KEEP_UNCHANGED', 'UNESCAPE_AND_FORWARD'),
    strip_any_host_port: fc.boolean(),
    strip_trailing_host_dot: fc.boolean(),
    scheme_header_transformation: fc.constantFrom({ scheme_to_overwrite: 'http' }, { scheme_to_overwrite: 'https' }),
    via: fc.constant('mesh'),
    generate_request_id: fc.boolean(),
    always_set_request_id_in_response: fc.boolean(),
    common_http_protocol_options: fc.record({
      headers_with_underscores_action: fc.constantFrom('ALLOW', 'DROP_HEADER'),
    }),
    local_reply_config: fc.record({
      mappers: fc.constantFrom(404, 503).map((status) => [
        {
          filter: {
            status_code_filter: { comparison: { op: 'EQ', value: { default_value: status, runtime_key: 'k' } } },
          },
          status_code: 499,
          headers_to_add: [{ header: { key: 'x-mapped', value: '%RESPONSE_CODE%' } }],
        },
      ]),
    }),
  },
  { requiredKeys: [] },
);

/** Fields of the connection manager: in every second case those that Envoy has of itself. */
export const manager: fc.Arbitrary<object> = fc.oneof(
  { weight: 1, arbitrary: fc.constant({}) },
  {
    weight: 1,
    arbitrary: fc.tuple(settings, fc.integer({ min: 0, max: 0x7ff })).map(([all, kept]) => some(all, kept)),
  },
);

/** Few at a time: where all are at work at once, which of them did something nobody can tell. */
function some(all: object, kept: number): object {
  return Object.fromEntries(Object.entries(all).filter((_, index) => (kept & (1 << index)) !== 0));
}
